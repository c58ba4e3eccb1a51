/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "tests/naive-rules.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

/* Reading.
 *
 * What flow_extract() makes of frames that can be read in more than one way
 * is said where the parser does the same. */

struct view {
    const uint8_t *p;
    size_t left;
};

static unsigned int
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static bool
skip(struct view *v, size_t n)
{
    if (v->left < n) {
        return false;
    }
    v->p += n;
    v->left -= n;
    return true;
}

static bool
is_tag(unsigned int type)
{
    return type == 0x8100 || type == 0x88a8;
}

/* What is behind the addresses.  The tag that counts is the outer one; an
 * 802.1ad tag counts as an 802.1Q tag does.  A tag that is cut, so that no
 * type follows, is no tag, and the type is the tag's own. */
static void
parse_tags(struct view *v, int max_tags, struct naive_key *key)
{
    for (int i = 0; i < max_tags && is_tag(get16(v->p)) && v->left >= 6; i++) {
        if (i == 0) {
            key->tci[0] = v->p[2] | 0x10;
            key->tci[1] = v->p[3];
        }
        skip(v, 4);
    }
}

/* An 802.3 length stands for the type 0x05ff, unless a SNAP header has a type;
 * the length itself does not matter. */
static unsigned int
parse_type(struct view *v)
{
    unsigned int type = get16(v->p);

    skip(v, 2);
    if (type >= 0x600) {
        return type;
    }
    if (v->left >= 8 && !memcmp(v->p, "\xaa\xaa\x03\0\0\0", 6)
        && get16(v->p + 6) >= 0x600) {
        type = get16(v->p + 6);
        skip(v, 8);
        return type;
    }
    return 0x5ff;
}

/* Ports of a header that is cut read as 0, as does all else that isn't there:
 * there is no "absent" for a match to ask for. */
static void
parse_l4(const struct view *v, int version, struct naive_key *key)
{
    switch (key->proto[0]) {
    case 6:
        /* With all of its options, and no shorter than it must be. */
        if (v->left < 20 || v->p[12] >> 4 < 5
            || v->left < (v->p[12] >> 4) * 4) {
            return;
        }
        break;
    case 17:
        if (v->left < 8) {
            return;
        }
        break;
    case 132:
        if (v->left < 12) {
            return;
        }
        break;
    case 1:
    case 58:
        if (v->left >= 8 && (key->proto[0] == 1) == (version == 4)) {
            key->l4_src[1] = v->p[0];
            key->l4_dst[1] = v->p[1];
        }
        return;
    default:
        return;
    }
    memcpy(key->l4_src, v->p, 2);
    memcpy(key->l4_dst, v->p + 2, 2);
}

/* A header whose lengths contradict each other or the frame has no fields,
 * but the frame's type stays IPv4.  The version in it doesn't matter. */
static void
parse_ip4(struct view v, struct naive_key *key)
{
    size_t header, total;

    if (v.left < 20) {
        return;
    }
    header = (v.p[0] & 15) * 4;
    total = get16(v.p + 2);
    if (header < 20 || header > v.left || total > v.left || header > total) {
        return;
    }
    memcpy(key->ip4_src, v.p + 12, 4);
    memcpy(key->ip4_dst, v.p + 16, 4);
    key->proto[0] = v.p[9];
    key->tos[0] = v.p[1];
    if (!(get16(v.p + 6) & 0x1fff)) {
        v.left = total;
        skip(&v, header);
        parse_l4(&v, 4, key);
    }
}

/* Skips extension headers.  Returns false if one is cut, 44 in '*proto' for a
 * later fragment. */
static bool
parse_ip6_extensions(struct view *v, uint8_t *proto)
{
    while (*proto == 0 || *proto == 43 || *proto == 60 || *proto == 51
           || *proto == 44) {
        const uint8_t *p = v->p;

        if (v->left < 8
            || !skip(v, *proto == 44 ? 8
                     : *proto == 51 ? (p[1] + 2) * 4
                     : (p[1] + 1) * 8)) {
            return false;
        }
        if (*proto == 44 && get16(p + 2) & 0xfff8) {
            return true;
        }
        *proto = p[0];
    }
    return true;
}

/* As for IPv4; an extension header that is cut leaves the addresses only. */
static void
parse_ip6(struct view v, struct naive_key *key)
{
    uint8_t proto, tos;

    if (v.left < 40 || get16(v.p + 4) > v.left - 40) {
        return;
    }
    memcpy(key->ip6_src, v.p + 8, 16);
    memcpy(key->ip6_dst, v.p + 24, 16);
    proto = v.p[6];
    tos = v.p[0] << 4 | v.p[1] >> 4;
    v.left = 40 + get16(v.p + 4);
    skip(&v, 40);
    if (parse_ip6_extensions(&v, &proto)) {
        key->proto[0] = proto;
        key->tos[0] = tos;
        parse_l4(&v, 6, key);
    }
}

void
naive_parse(const uint8_t *frame, size_t size, int max_tags,
            struct naive_key *key)
{
    struct view v = { frame, size };
    unsigned int type;

    memset(key, 0, sizeof *key);
    if (size < 14) {
        return;
    }
    memcpy(key->eth_dst, frame, 6);
    memcpy(key->eth_src, frame + 6, 6);
    skip(&v, 12);
    parse_tags(&v, max_tags, key);
    type = parse_type(&v);
    key->eth_type[0] = type >> 8;
    key->eth_type[1] = type;
    if (type == 0x800) {
        parse_ip4(v, key);
    } else if (type == 0x86dd) {
        parse_ip6(v, key);
    }
}

int
naive_vlan(const uint8_t *frame, size_t size)
{
    if (size < 14) {
        return -1;
    }
    if (get16(frame + 12) == 0x88a8) {
        return 0xffff;
    }
    if (get16(frame + 12) != 0x8100) {
        return 0;
    }
    if (size < 18 || (get16(frame + 14) & 0xfff) == 0xfff) {
        return 0xffff;
    }
    return get16(frame + 14) & 0xfff;
}

/* Search. */

static bool
matches(const struct naive_rule *rule, const struct naive_key *key)
{
    const uint8_t *v = (const uint8_t *) &rule->value;
    const uint8_t *m = (const uint8_t *) &rule->mask;
    const uint8_t *k = (const uint8_t *) key;

    for (size_t i = 0; i < sizeof *key; i++) {
        if ((k[i] ^ v[i]) & m[i]) {
            return false;
        }
    }
    return true;
}

const struct naive_rule *
naive_lookup(const struct naive_rule *rules, size_t n,
             const struct naive_key *key)
{
    const struct naive_rule *best = NULL;

    for (size_t i = 0; i < n; i++) {
        if ((!best || rules[i].priority > best->priority)
            && matches(&rules[i], key)) {
            best = &rules[i];
        }
    }
    return best;
}

bool
naive_overlap(const struct naive_rule *a, const struct naive_rule *b)
{
    const uint8_t *av = (const uint8_t *) &a->value;
    const uint8_t *am = (const uint8_t *) &a->mask;
    const uint8_t *bv = (const uint8_t *) &b->value;
    const uint8_t *bm = (const uint8_t *) &b->mask;

    for (size_t i = 0; i < sizeof a->value; i++) {
        if ((av[i] ^ bv[i]) & am[i] & bm[i]) {
            return false;
        }
    }
    return a->priority == b->priority;
}
