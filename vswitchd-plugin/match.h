/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_MATCH_H
#define VNIC_MATCH_H 1

/* The match language
 * ==================
 *
 * What: the text of a match, as in the column match of the table
 * VNIC_Classifier, becomes a struct match.  It is Open vSwitch's flow syntax
 * over the fields that a frame carries on a link, before it has entered a
 * bridge.  Whatever asks an operator for a match uses this language.
 *
 * Data flow: text --match_parse()--> struct match --> rules.h, or the flow
 * rules of a NIC; back to text with Open vSwitch's match_to_string().
 *
 * It is stricter than ovs-ofctl, which drops what it can't use: here a field
 * that lacks what it stands on (tp_dst without a protocol), has no value or
 * contradicts another one is an error, as is an IP mask that is no prefix.
 * Nothing but fields is a part of it: no priority, no table, no actions.
 *
 * A match never has a mask on packet_type: on a link everything is Ethernet.
 *
 * Units: none.
 *
 * Ownership: the caller frees the returned error.
 *
 * Thread-safety: any thread.
 *
 * Errors: match_parse() returns NULL, or a sentence with the remedy. */

struct match;

char *match_parse(const char *, struct match *);

#endif /* vswitchd-plugin/match.h */
