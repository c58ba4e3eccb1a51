/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/netns-names.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <unistd.h>

#include "openvswitch/poll-loop.h"
#include "util.h"
#include "vswitchd-plugin/netns.h"

void
netns_names_init(struct netns_names *names)
{
    names->fd = names->wd = -1;
}

void
netns_names_watch(struct netns_names *names)
{
    if (names->fd < 0) {
        names->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    }
    if (names->fd >= 0 && names->wd < 0) {
        names->wd = inotify_add_watch(
            names->fd, NETNS_DIR,
            IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO
            | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    }
}

void
netns_names_unwatch(struct netns_names *names)
{
    if (names->fd >= 0) {
        close(names->fd);
    }
    netns_names_init(names);
}

bool
netns_names_is_watching(const struct netns_names *names)
{
    return names->wd >= 0;
}

/* Does the directory itself go, in one of the 'n' bytes of events? */
static bool
is_gone(const char *events, ssize_t n)
{
    for (ssize_t ofs = 0; ofs < n; ) {
        const struct inotify_event *event
            = ALIGNED_CAST(const struct inotify_event *, events + ofs);

        if (event->mask & (IN_IGNORED | IN_MOVE_SELF)) {
            return true;
        }
        ofs += sizeof *event + event->len;
    }
    return false;
}

bool
netns_names_changed(struct netns_names *names)
{
    union {
        struct inotify_event event;     /* For its alignment. */
        char bytes[4096];
    } events;
    bool changed = false;
    ssize_t n;

    while (names->fd >= 0
           && (n = read(names->fd, &events, sizeof events)) > 0) {
        if (is_gone(events.bytes, n)) {
            netns_names_unwatch(names);
        }
        changed = true;
    }
    return changed;
}

void
netns_names_wait(const struct netns_names *names)
{
    if (names->fd >= 0) {
        poll_fd_wait(names->fd, POLLIN);
    }
}
