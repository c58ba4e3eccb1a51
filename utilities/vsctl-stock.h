/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VSCTL_STOCK_H
#define VSCTL_STOCK_H 1

/* Stock commands
 * ==============
 *
 * What: stock commands of ovs-vsctl that run as a part of one of ours, so that
 * their checks, messages, cache and later reports hold for ours too, and stock
 * commands that do something more.
 *
 * Data flow: the commands' functions are static in OVS.  What is parsed from a
 * command line refers to them: vsctl_stock_run() has a line parsed for that,
 * vsctl_stock_extend() replaces the reference with a copy that calls us too.
 *
 * Ownership: the caller keeps the arguments and the context, in which nothing
 * but the arguments differs while a stock command runs.
 *
 * Thread-safety: the program has one thread.
 *
 * Errors: a stock command sets 'error' in the context or ends the program, as
 * it does by itself. */

#include <stddef.h>

struct ctl_command;
struct ctl_context;

/* Runs a function of the stock command 'verb' with arguments 'argv', where
 * argv[0] is what messages call the command, in 'ctx', whose options the stock
 * command must have.  It does no more than the stock one. */
void vsctl_stock_prerequisites(struct ctl_context *ctx, const char *verb,
                               int argc, char *argv[]);
void vsctl_stock_run(struct ctl_context *ctx, const char *verb,
                     int argc, char *argv[]);

/* For the seam: puts the extensions into what was parsed. */
void vsctl_stock_extend(struct ctl_command *, size_t n);

#endif /* utilities/vsctl-stock.h */
