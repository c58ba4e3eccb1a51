/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "tests/naive-rules.h"

#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "util.h"

/* Random rules and frames.  Both draw from the same few values, so that
 * matches are frequent. */

static bool
one_in(int n)
{
    return !random_range(n);
}

static void
put16(uint8_t *p, unsigned int value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void
draw_mac(uint8_t mac[6])
{
    memset(mac, 0, 6);
    mac[0] = one_in(8) ? 0x33 : 2;
    mac[5] = random_range(4);
}

/* 10.0.0.0/8 in small and in large. */
static void
draw_ip4(uint8_t ip[4])
{
    ip[0] = one_in(8) ? random_uint32() : 10;
    ip[1] = one_in(4) ? 128 : 0;
    ip[2] = 0;
    ip[3] = random_range(4);
}

static void
draw_ip6(uint8_t ip[16])
{
    memset(ip, 0, 16);
    ip[0] = one_in(8) ? 0xfe : 0x20;
    ip[1] = 1;
    ip[7] = random_range(2) << 7;
    ip[15] = random_range(4);
}

static unsigned int
draw_tci(void)
{
    static const uint16_t vids[] = { 0, 1, 5, 6, 0xfff };

    return vids[random_range(ARRAY_SIZE(vids))] | random_range(8) << 13
           | one_in(8) << 12;
}

static unsigned int
draw_port(void)
{
    static const uint16_t ports[] = { 0, 22, 80, 81, 443, 4789, 65535 };

    return ports[random_range(ARRAY_SIZE(ports))];
}

static unsigned int
draw_tos(void)
{
    static const uint8_t dscps[] = { 0, 8, 40, 46 };

    return dscps[random_range(ARRAY_SIZE(dscps))] << 2 | random_range(4);
}

static unsigned int
draw_proto(bool is_ip6)
{
    static const uint8_t protos[] = { 6, 6, 17, 17, 132, 2, 47, 0 };
    size_t i = random_range(ARRAY_SIZE(protos) + 1);

    return i < ARRAY_SIZE(protos) ? protos[i] : is_ip6 ? 58 : 1;
}

/* Rules. */

static void
mask_prefix(uint8_t *value, uint8_t *mask, size_t n_bits)
{
    for (size_t i = 0; i < n_bits; i++) {
        mask[i / 8] |= 0x80 >> i % 8;
    }
    for (size_t i = 0; i < DIV_ROUND_UP(n_bits, 8); i++) {
        value[i] &= mask[i];
    }
}

static void
random_prefix(uint8_t *value, uint8_t *mask, size_t n)
{
    static const uint8_t eighths[] = { 8, 8, 8, 4, 2, 1, 1 };
    size_t n_bits = n * eighths[random_range(ARRAY_SIZE(eighths))];

    memset(mask, 0, n);
    mask_prefix(value, mask, one_in(6) ? n_bits - 1 : n_bits);
    for (size_t i = 0; i < n; i++) {
        value[i] &= mask[i];
    }
}

static void
random_l4_match(struct naive_rule *rule)
{
    struct naive_key *v = &rule->value;
    struct naive_key *m = &rule->mask;
    bool is_icmp = v->proto[0] == 1 || v->proto[0] == 58;

    if (v->proto[0] != 6 && v->proto[0] != 17 && v->proto[0] != 132
        && !is_icmp) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t *value = i ? v->l4_dst : v->l4_src;
        uint8_t *mask = i ? m->l4_dst : m->l4_src;

        if (!one_in(3)) {
            put16(value, is_icmp ? random_range(3) : draw_port());
            put16(mask, is_icmp || one_in(2) ? 0xffff
                        : one_in(2) ? 0xfff0 : 0x0001);
            value[0] &= mask[0];
            value[1] &= mask[1];
        }
    }
}

static void
random_ip_match(struct naive_rule *rule)
{
    struct naive_key *v = &rule->value;
    struct naive_key *m = &rule->mask;
    bool is_ip6 = one_in(2);

    put16(v->eth_type, is_ip6 ? 0x86dd : 0x800);
    for (int i = 0; i < 2; i++) {
        if (one_in(3)) {
            continue;
        }
        if (is_ip6) {
            draw_ip6(i ? v->ip6_dst : v->ip6_src);
            random_prefix(i ? v->ip6_dst : v->ip6_src,
                          i ? m->ip6_dst : m->ip6_src, 16);
        } else {
            draw_ip4(i ? v->ip4_dst : v->ip4_src);
            random_prefix(i ? v->ip4_dst : v->ip4_src,
                          i ? m->ip4_dst : m->ip4_src, 4);
        }
    }
    if (one_in(5)) {
        v->tos[0] = draw_tos() & 0xfc;
        m->tos[0] = 0xfc;
    }
    if (!one_in(4)) {
        v->proto[0] = one_in(12) ? 44 : draw_proto(is_ip6);
        m->proto[0] = 0xff;
        random_l4_match(rule);
    }
}

static void
random_l2_match(struct naive_rule *rule)
{
    struct naive_key *v = &rule->value;
    struct naive_key *m = &rule->mask;

    for (int i = 0; i < 2; i++) {
        uint8_t *value = i ? v->eth_dst : v->eth_src;
        uint8_t *mask = i ? m->eth_dst : m->eth_src;

        if (one_in(5)) {
            draw_mac(value);
            memset(mask, one_in(3) ? 0 : 0xff, 6);
            mask[0] |= 1;
            for (int j = 0; j < 6; j++) {
                value[j] &= mask[j];
            }
        }
    }
    if (one_in(4)) {
        static const uint16_t masks[] = {
            0x1fff, 0xffff, 0x1000, 0x0fff, 0xf000,
        };
        uint16_t mask = masks[random_range(ARRAY_SIZE(masks))];

        put16(v->tci, one_in(4) ? 0 : (draw_tci() | 0x1000) & mask);
        put16(m->tci, mask);
    }
}

void
naive_random_rule(struct naive_rule *rule)
{
    memset(&rule->value, 0, sizeof rule->value);
    memset(&rule->mask, 0, sizeof rule->mask);
    rule->priority = random_range(one_in(4) ? 65536 : 16);

    /* Few rules match whole classes of frames, lest all else is hidden. */
    if (one_in(2)) {
        random_l2_match(rule);
    }
    if (!rule->mask.eth_dst[5] || !one_in(4)) {
        put16(rule->mask.eth_type, 0xffff);
        if (one_in(8)) {
            put16(rule->value.eth_type, one_in(2) ? 0x806 : 0x8100);
        } else {
            random_ip_match(rule);
        }
    }
}

static void
format_bytes(struct ds *s, const char *name, const char *format,
             const char *between, int step, const uint8_t *value,
             const uint8_t *mask, size_t n)
{
    bool has_mask = false;

    for (size_t i = 0; i < n; i++) {
        has_mask = has_mask || mask[i];
    }
    if (!has_mask) {
        return;
    }
    ds_put_format(s, "%s=", name);
    for (int i = 0; i < 2; i++) {
        const uint8_t *p = i ? mask : value;

        for (size_t j = 0; j < n; j++) {
            ds_put_cstr(s, j && j % step == 0 ? between : "");
            ds_put_format(s, format, p[j]);
        }
        ds_put_cstr(s, i ? "," : "/");
    }
}

static void
format_16(struct ds *s, const char *name, const uint8_t *value,
          const uint8_t *mask)
{
    unsigned int v = value[0] << 8 | value[1];
    unsigned int m = mask[0] << 8 | mask[1];

    if (m == 0xffff) {
        ds_put_format(s, "%s=%u,", name, v);
    } else if (m) {
        ds_put_format(s, "%s=%#x/%#x,", name, v, m);
    }
}

char *
naive_format(const struct naive_rule *rule)
{
    const struct naive_key *v = &rule->value;
    const struct naive_key *m = &rule->mask;
    bool is_icmp = m->proto[0] && (v->proto[0] == 1 || v->proto[0] == 58);
    struct ds s = DS_EMPTY_INITIALIZER;

    format_bytes(&s, "dl_dst", "%02x", ":", 1, v->eth_dst, m->eth_dst, 6);
    format_bytes(&s, "dl_src", "%02x", ":", 1, v->eth_src, m->eth_src, 6);
    format_16(&s, "vlan_tci", v->tci, m->tci);
    format_16(&s, "dl_type", v->eth_type, m->eth_type);
    format_bytes(&s, "nw_src", "%d", ".", 1, v->ip4_src, m->ip4_src, 4);
    format_bytes(&s, "nw_dst", "%d", ".", 1, v->ip4_dst, m->ip4_dst, 4);
    format_bytes(&s, "ipv6_src", "%02x", ":", 2, v->ip6_src, m->ip6_src, 16);
    format_bytes(&s, "ipv6_dst", "%02x", ":", 2, v->ip6_dst, m->ip6_dst, 16);
    if (m->proto[0]) {
        ds_put_format(&s, "nw_proto=%d,", v->proto[0]);
    }
    if (m->tos[0]) {
        ds_put_format(&s, "nw_tos=%d,", v->tos[0]);
    }
    format_16(&s, is_icmp ? "icmp_type" : "tp_src", v->l4_src, m->l4_src);
    format_16(&s, is_icmp ? "icmp_code" : "tp_dst", v->l4_dst, m->l4_dst);
    return ds_steal_cstr(&s);
}

/* Frames. */

struct writer {
    uint8_t *frame;
    size_t size;
};

static uint8_t *
append(struct writer *w, size_t n)
{
    uint8_t *p = w->frame + w->size;

    ovs_assert(w->size + n <= NAIVE_MAX_FRAME);
    memset(p, 0, n);
    w->size += n;
    return p;
}

static void
append_l4(struct writer *w, unsigned int proto)
{
    uint8_t *p;

    switch (proto) {
    case 6:
        p = append(w, one_in(4) ? 24 : 20);
        p[12] = (w->frame + w->size - p) / 4 << 4;
        break;
    case 17:
        p = append(w, 8);
        break;
    case 132:
        p = append(w, 12);
        break;
    default:
        p = append(w, 8);
        p[0] = random_range(3);
        p[1] = random_range(3);
        if (proto == 58 && one_in(3)) {
            p[0] = one_in(2) ? 135 : 136;
        }
        return;
    }
    put16(p, draw_port());
    put16(p + 2, draw_port());
}

static void
append_ip4(struct writer *w)
{
    size_t start = w->size;
    size_t options = one_in(4) ? 4 * random_range(4) : 0;
    uint8_t *p = append(w, 20 + options);

    p[0] = 0x45 + options / 4;
    p[1] = draw_tos();
    p[8] = 64;
    p[9] = draw_proto(false);
    draw_ip4(p + 12);
    draw_ip4(p + 16);
    if (one_in(4)) {
        put16(p + 6, one_in(3) ? 0x2000 : one_in(2) ? 0x4000 : 0x2064);
    }
    append_l4(w, p[9]);
    put16(p + 2, w->size - start);
}

static void
append_ip6(struct writer *w)
{
    static const uint8_t extensions[] = { 0, 43, 60, 51, 44 };
    uint8_t *p = append(w, 40);
    uint8_t *next = p + 6;
    size_t start = w->size;
    unsigned int tos = draw_tos();

    p[0] = 0x60 | tos >> 4;
    p[1] = tos << 4;
    draw_ip6(p + 8);
    draw_ip6(p + 24);
    while (one_in(3) && w->size < 100) {
        uint8_t *extension;

        *next = extensions[random_range(ARRAY_SIZE(extensions))];
        extension = append(w, 8);
        if (*next == 44) {
            put16(extension + 2, one_in(3) ? 0 : one_in(2) ? 1 : 0x65);
        }
        next = extension;
    }
    *next = draw_proto(true);
    append_l4(w, *next);
    put16(p + 4, w->size - start);
}

static void
append_type(struct writer *w, unsigned int type)
{
    if (one_in(16)) {
        uint8_t *p = append(w, 10);

        put16(p, 100);
        memcpy(p + 2, "\xaa\xaa\x03\0\0\0", 6);
        put16(p + 8, type);
    } else {
        put16(append(w, 2), type);
    }
}

/* A frame that lies about itself, or is cut. */
static void
damage(struct writer *w)
{
    for (int n = random_range(3); n >= 0; n--) {
        switch (random_range(3)) {
        case 0:
            w->size = random_range(w->size + 1);
            break;
        case 1:
            if (w->size > 12) {
                w->frame[12 + random_range(w->size - 12)] = random_uint32();
            }
            break;
        case 2:
            /* Mostly in the first header behind the type, where lengths
             * are. */
            if (w->size > 20) {
                w->frame[14 + random_range(6)] = random_uint32();
            }
            break;
        }
    }
}

size_t
naive_random_frame(uint8_t frame[NAIVE_MAX_FRAME])
{
    struct writer w = { frame, 0 };

    draw_mac(append(&w, 6));
    draw_mac(append(&w, 6));
    for (int n = one_in(3) ? random_range(3) : 0; n > 0; n--) {
        put16(append(&w, 2), one_in(3) ? 0x88a8 : 0x8100);
        put16(append(&w, 2), draw_tci());
    }
    if (one_in(12)) {
        append_type(&w, one_in(2) ? 0x806 : one_in(2) ? 0x8847 : 0x1234);
        random_bytes(append(&w, 28), 28);
    } else if (one_in(2)) {
        append_type(&w, 0x800);
        append_ip4(&w);
    } else {
        append_type(&w, 0x86dd);
        append_ip6(&w);
    }
    if (one_in(2)) {
        random_bytes(append(&w, 8), 8); /* Padding, or payload. */
    }
    if (one_in(5)) {
        damage(&w);
    }
    return w.size;
}
