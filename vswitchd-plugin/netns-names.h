/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_NETNS_NAMES_H
#define VNIC_NETNS_NAMES_H 1

/* Names of network namespaces
 * ===========================
 *
 * What: notices, with inotify(7), that ip-netns(8) adds or deletes a name.
 *
 * Data flow: netns_names_watch() until netns_names_is_watching(), then
 * netns_names_changed() and netns_names_wait() in the main loop.
 *
 * Units: none.
 *
 * Ownership: embedded in its owner; netns_names_unwatch() frees what it has.
 *
 * Thread-safety: main thread only.
 *
 * Errors: while the directory doesn't exist, or inotify has no room, it is not
 * watching.  It can't tell when a name changes its meaning: a namespace is
 * mounted a moment after its name appears. */

#include <stdbool.h>

struct netns_names {
    int fd;                     /* -1 if there is none. */
    int wd;                     /* -1 if it isn't watching. */
};

void netns_names_init(struct netns_names *);

/* Does nothing if it is watching. */
void netns_names_watch(struct netns_names *);
void netns_names_unwatch(struct netns_names *);
bool netns_names_is_watching(const struct netns_names *);

/* Has a name come or gone since the last call? */
bool netns_names_changed(struct netns_names *);
void netns_names_wait(const struct netns_names *);

#endif /* vswitchd-plugin/netns-names.h */
