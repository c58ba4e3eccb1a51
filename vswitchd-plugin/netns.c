/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "vswitchd-plugin/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-thread.h"
#include "packets.h"
#include "util.h"

struct netns {
    char *path;
    dev_t dev;                  /* Identify the namespace. */
    ino_t ino;
    struct nl_sock *events;     /* In the groups of links and addresses. */
    struct nl_sock *dumps;      /* In none. */
};

bool
netns_name_is_valid(const char *name)
{
    return (*name && strcmp(name, ".") && strcmp(name, "..")
            && !strchr(name, '/'));
}

static int
create_sockets(struct netns *ns)
{
    static const unsigned int groups[] = {
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
    };
    int error = nl_sock_create(NETLINK_ROUTE, &ns->dumps);

    if (!error) {
        error = nl_sock_create(NETLINK_ROUTE, &ns->events);
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups) && !error; i++) {
        error = nl_sock_join_mcgroup(ns->events, groups[i]);
    }
    return error;
}

/* What the thread is to do. */
struct opening {
    struct netns *ns;
    int fd;
    int error;
};

static void *
open_in_thread(void *opening_)
{
    struct opening *opening = opening_;

    opening->error = (setns(opening->fd, CLONE_NEWNET)
                      ? errno : create_sockets(opening->ns));
    return NULL;
}

static int
open_sockets(struct netns *ns)
{
    struct opening opening = { .ns = ns };
    struct stat s;

    opening.fd = open(ns->path, O_RDONLY | O_CLOEXEC);
    if (opening.fd < 0) {
        return errno;
    }
    if (fstat(opening.fd, &s)) {
        opening.error = errno;
    } else {
        ns->dev = s.st_dev;
        ns->ino = s.st_ino;
        xpthread_join(ovs_thread_create("netns", open_in_thread, &opening),
                      NULL);
    }
    close(opening.fd);
    return opening.error;
}

int
netns_open(const char *name, struct netns **nsp)
{
    struct netns *ns = xzalloc(sizeof *ns);
    int error;

    ovs_assert(netns_name_is_valid(name));
    ns->path = xasprintf(NETNS_DIR"/%s", name);
    error = open_sockets(ns);
    if (error) {
        netns_close(ns);
        ns = NULL;
    }
    *nsp = ns;
    return error;
}

void
netns_close(struct netns *ns)
{
    if (ns) {
        nl_sock_destroy(ns->events);
        nl_sock_destroy(ns->dumps);
        free(ns->path);
        free(ns);
    }
}

bool
netns_is_current(const struct netns *ns)
{
    struct stat s;

    return (!stat(ns->path, &s) && s.st_dev == ns->dev
            && s.st_ino == ns->ino);
}

bool
netns_changed(struct netns *ns)
{
    uint64_t stub[4096 / 8];
    struct ofpbuf buf;
    int error;

    ofpbuf_use_stub(&buf, stub, sizeof stub);
    error = nl_sock_recv(ns->events, &buf, NULL, false);
    ofpbuf_uninit(&buf);
    if (error == EAGAIN) {
        return false;
    }
    /* What it was doesn't matter, and ENOBUFS says that there was more. */
    nl_sock_drain(ns->events);
    return true;
}

void
netns_wait(const struct netns *ns)
{
    nl_sock_wait(ns->events, POLLIN);
}

/* Passes the messages of one datagram to 'cb'.  Returns EOF after the last
 * one of the dump. */
static int
parse_replies(struct ofpbuf *buf, uint32_t seq, bool *is_torn,
              netns_dump_cb *cb, void *aux)
{
    struct nlmsghdr *hdr;
    struct ofpbuf msg;

    while ((hdr = nl_msg_next(buf, &msg))) {
        int error;

        if (hdr->nlmsg_seq != seq) {
            continue;           /* Of a dump that was given up. */
        }
        if (hdr->nlmsg_flags & NLM_F_DUMP_INTR) {
            *is_torn = true;
        }
        if (nl_msg_nlmsgerr(&msg, &error, NULL)) {
            return error ? error : EPROTO;
        }
        if (hdr->nlmsg_type == NLMSG_DONE) {
            return EOF;
        }
        cb(&msg, aux);
    }
    return 0;
}

int
netns_dump(struct netns *ns, uint16_t type, netns_dump_cb *cb, void *aux)
{
    /* The kernel's dump handlers want the header of the type's messages. */
    union {
        struct ifinfomsg link;
        struct ifaddrmsg addr;
    } header = { { .ifi_family = AF_UNSPEC } };
    struct ofpbuf buf;
    uint32_t seq;
    bool is_torn = false;
    int error;

    ofpbuf_init(&buf, 16384);
    nl_msg_put_nlmsghdr(&buf, sizeof header, type,
                        NLM_F_REQUEST | NLM_F_DUMP);
    nl_msg_put(&buf, &header, (type == RTM_GETLINK ? sizeof header.link
                               : sizeof header.addr));
    error = nl_sock_send(ns->dumps, &buf, false);
    seq = nl_msg_nlmsghdr(&buf)->nlmsg_seq;

    /* Replies are there when the request is sent or the one before them is
     * received, so that there is nothing to wait for. */
    while (!error) {
        error = nl_sock_recv(ns->dumps, &buf, NULL, false);
        if (!error) {
            error = parse_replies(&buf, seq, &is_torn, cb, aux);
        }
    }
    ofpbuf_uninit(&buf);
    return error != EOF ? error : is_torn ? EAGAIN : 0;
}

/* The kernel refuses IPv6 addresses that no host can have, but not all such
 * IPv4 addresses. */
bool
netns_parse_address(const struct ofpbuf *msg, int *ifindex,
                    struct in6_addr *addr)
{
    static const struct nl_policy policy[] = {
        [IFA_ADDRESS] = { .type = NL_A_UNSPEC, .optional = true },
        [IFA_LOCAL] = { .type = NL_A_UNSPEC, .optional = true },
        [IFA_FLAGS] = { .type = NL_A_U32, .optional = true },
    };
    const struct ifaddrmsg *header
        = ofpbuf_at(msg, NLMSG_HDRLEN, sizeof *header);
    struct nlattr *attrs[ARRAY_SIZE(policy)];

    if (!header
        || !nl_policy_parse(msg, NLMSG_HDRLEN + sizeof *header, policy, attrs,
                            ARRAY_SIZE(policy))) {
        return false;
    }

    uint32_t flags = (attrs[IFA_FLAGS] ? nl_attr_get_u32(attrs[IFA_FLAGS])
                      : header->ifa_flags);
    /* With a peer, IFA_ADDRESS is the peer's. */
    const struct nlattr *attr = (attrs[IFA_LOCAL] ? attrs[IFA_LOCAL]
                                 : attrs[IFA_ADDRESS]);

    *ifindex = header->ifa_index;
    if (!attr || flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) {
        return false;
    }
    if (header->ifa_family == AF_INET
        && nl_attr_get_size(attr) == sizeof(ovs_be32)) {
        ovs_be32 ip = nl_attr_get_be32(attr);

        in6_addr_set_mapped_ipv4(addr, ip);
        return ip && !ip_is_multicast(ip) && ip != OVS_BE32_MAX;
    }
    if (header->ifa_family == AF_INET6
        && nl_attr_get_size(attr) == sizeof *addr) {
        *addr = nl_attr_get_in6_addr(attr);
        return true;
    }
    return false;
}
