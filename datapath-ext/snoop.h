/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_SNOOP_H
#define VNIC_SNOOP_H 1

/* Address snooping
 * ================
 *
 * What: learns a VNIC's own IP addresses from what its guest says about itself
 * in ARP and IPv6 Neighbor Discovery.
 *
 *     ARP          the sender's address of a request, reply or announcement
 *     IPv6 NA      the target, if the target link-layer address is the
 *                  VNIC's, or if there is none and the source is the target
 *     IPv6 NS      the source
 *
 * Probes (ARP from 0.0.0.0, NS from ::) say that an address is wanted, not
 * that it is had, and don't count.  Nor does an address in other traffic: a
 * guest that routes sends packets from the addresses of others.
 *
 * What counts is strictly formed: untagged (a VNIC's VLAN tag is the link's
 * business), with the VNIC's MAC address as Ethernet source and inside; ND
 * with hop limit 255, code 0, a correct checksum, well-formed options, and no
 * extension header (RFC 4861 section 7.1, RFC 6980).
 *
 * Data flow: frames that a VNIC sends, on their way to link_send().
 *
 * Units: none.
 *
 * Ownership: the packet remains the caller's, and is not changed.
 *
 * Thread-safety: any thread.
 *
 * Errors: a guest may claim what it likes.  The caller decides what an address
 * is good for, and must bound how many it remembers. */

#include <stdbool.h>

struct dp_packet;
struct eth_addr;
struct in6_addr;

/* If 'packet' tells an address that the VNIC with the MAC address 'mac' has,
 * stores it in '*addr', IPv4 as IPv4-mapped, and returns true. */
bool snoop_address(const struct dp_packet *packet, const struct eth_addr *mac,
                   struct in6_addr *addr);

#endif /* datapath-ext/snoop.h */
