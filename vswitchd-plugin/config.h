/*
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef VNIC_CONFIG_H
#define VNIC_CONFIG_H 1

/* Configuration
 * =============
 *
 * What: the rows of our tables as plain, checked structs with all defaults
 * filled in.  Nothing behind this header looks at the database to learn what
 * is wanted.
 *
 * Data flow, once per reconfiguration:
 *
 *     VNIC_Link rows --config_create()--> struct config --apply_links()-->
 *         datapath-ext: links are open, or have an error
 *     all other rows --config_complete()--> struct config
 *         --apply_vns()--> ofproto-ext: packets from a ring get its VNS id
 *         --apply_vnics()--> datapath-ext: VNICs wait for their ports
 *     the bridges add and remove ports, which attach to their VNICs
 *     struct config --apply_refresh()--> 'runtime' --status_write()--> columns
 *
 * A row that is wrong gets 'state' ROW_ERROR and a 'reason' that names the
 * column, the other row if there is one, and the remedy.  It stays out of
 * what is applied; no other row is touched.  As everything is built anew each
 * time, a mended row needs nothing but the reconfiguration that mending it
 * causes.
 *
 * Units: those of the columns, see ovs-vswitchd.conf.db(5).
 *
 * Ownership: a struct config owns everything it points to, except what stands
 * under "While rows are read": rows and strings of the IDL, valid only until
 * the IDL runs again.  What comes later finds rows by name or UUID.
 *
 * Thread-safety: main thread only.
 *
 * Errors: in the rows. */

#include <stdbool.h>

#include "datapath-ext/datapath-ext.h"
#include "ofproto-ext/ofproto-ext.h"
#include "openvswitch/hmap.h"
#include "openvswitch/shash.h"
#include "openvswitch/uuid.h"
#include "smap.h"

struct ovsdb_idl;
struct ovsrec_bridge;
struct ovsrec_interface;
struct ovsrec_port;
struct ovsrec_vnic;
struct ovsrec_vnic_classifier;
struct ovsrec_vnic_link;
struct ovsrec_vnic_ring;

enum row_state { ROW_ACTIVE, ROW_INACTIVE, ROW_ERROR };

struct row_status {
    enum row_state state;
    char *reason;               /* NULL if there is nothing to say. */
};

/* The active rules of an owner in the table VNIC_Classifier, by name. */
struct rule_list {
    struct rule_config *rules;
    size_t n_rules, allocated;

    /* While rows are read. */
    struct rules_checker *checker; /* NULL before the first rule. */
};

/* A VNIC_Link, or a VNIC of kind etherstub. */
struct link_row {
    char *name;
    bool is_etherstub;
    bool is_port;               /* Its device is a port of a bridge too. */
    struct smap capabilities;
    struct rule_list classifier; /* For all of its frames. */
    struct row_status status;   /* What the row says, and if it is open. */
    struct row_status runtime;  /* What became of it since, if 'status' is
                                 * good. */

    /* While rows are read. */
    const struct ovsrec_vnic_link *rec; /* NULL for an etherstub. */
    struct link_config config;
};

enum mac_mode { MAC_STATIC, MAC_AUTO, MAC_FACTORY, MAC_RANDOM };

/* A VNIC, or an Interface of type vnic or vnic-link without one. */
struct vnic_row {
    char *name;
    char *link;
    enum mac_mode mac_mode;
    bool has_row;
    bool has_iface;
    bool is_etherstub;          /* Also a struct link_row. */
    bool is_holder;             /* Has its MAC address, perhaps only until it
                                 * is in use again and nobody else took it. */
    struct vnic_config config;
    struct ring_config *rings;  /* Those of 'config'... */
    struct in6_addr *addresses; /* ...and so these, of which... */
    size_t n_configured;        /* ...so many are from the row. */
    char *front, *front_type;   /* Those of 'config', too. */
    const char *netns;          /* Of the guest, or NULL; while rows are
                                 * read. */
    struct rule_list classifier; /* For frames that it claims. */

    /* The VNS_Instance that its packets belong to, in the same struct config:
     * of rings without their own, and of the default ring. */
    struct vns_row *vns;
    struct vns_row *default_vns;
    bool is_closed;             /* A ring must have one that isn't there. */
    bool is_held;               /* A ring has one, but its flow isn't there. */

    struct row_status status;   /* What the rows say. */
    struct row_status runtime;  /* What became of them, if 'status' is good. */

    /* While rows are read. */
    const struct ovsrec_vnic *rec;          /* NULL without 'has_row'. */
    const struct ovsrec_interface *iface;   /* NULL without 'has_iface'. */
};

/* How strong a row's claim is to what one row only can have, such as an
 * address: the highest goes first, so that a new row never pushes out one that
 * is in use. */
enum precedence { NEWCOMER, HOLDER, HOLDER_IN_USE, N_PRECEDENCES };

struct ring_row {
    struct hmap_node node;      /* In struct config's 'rings', by 'uuid'. */
    struct uuid uuid;
    struct vnic_row *vnic;      /* In the same struct config. */
    struct ring_config config;
    char *port;                 /* Name of its port. */
    bool has_iface;             /* Is there an Interface of that name? */
    bool is_served;             /* Is it usable?  Else the default ring is. */
    bool is_holder;             /* Are its id and its role its own? */
    struct vns_row *vns;        /* The VNIC's, or its own if it has one. */
    struct row_status status;
    struct row_status runtime;
};

enum placement { PLACEMENT_AUTO, PLACEMENT_HW, PLACEMENT_SW };

struct classifier_row {
    char *name;
    struct rule_config rule;    /* Good if 'owner' is nonnull. */
    enum placement placement;
    struct rule_list *owner;    /* That of a link or a VNIC in the same struct
                                 * config, or NULL. */
    const char *link, *vnic;    /* Name of that link, or of that VNIC. */
    const char *required_by;    /* Link that requires hardware, or NULL. */
    struct row_status status;   /* What the row says. */
    struct row_status runtime;  /* What became of it, if 'status' is good. */
    const char *installed;      /* "hw", "sw" or NULL. */
    enum precedence precedence; /* Over rules that it can't be with. */
    bool is_holder;             /* Has it, or keeps it, its place? */
};

/* Where an Interface is. */
struct iface_port {
    const struct ovsrec_port *port;
    const struct ovsrec_bridge *bridge;
};

struct vns_row {
    uint16_t vns_id;
    unsigned int n_rings;       /* Ports whose packets get 'vns_id'. */
    struct row_status status;
};

/* A port whose packets get an id, or are dropped because it has none. */
struct vns_port {
    struct vnic_row *vnic;      /* In the same struct config. */
    struct ring_flow flow;      /* Owns its strings. */
};

struct config {
    struct {
        bool on;
        size_t size;            /* Entries. */
    } cache;                    /* The pipeline cache. */
    struct shash links;         /* Contains "struct link_row"s. */
    struct shash vnics;         /* Contains "struct vnic_row"s. */
    struct shash defaults;      /* "struct vnic_row"s of type vnic-link. */
    struct shash classifiers;   /* Contains "struct classifier_row"s. */
    struct hmap rings;          /* Contains "struct ring_row"s. */
    struct shash ring_ports;    /* "struct ring_row"s by port, except those
                                 * of default rings. */
    struct shash vns;           /* Contains "struct vns_row"s. */
    struct shash vns_ports;     /* Contains "struct vns_port"s. */

    /* While rows are read: Interfaces of any type, by name. */
    struct shash ifaces;        /* Contains "struct ovsrec_interface"s. */
    struct shash iface_ports;   /* Contains "struct iface_port"s. */
};

/* Asks for columns that the bridge module does without. */
void config_add_columns(struct ovsdb_idl *);
/* The pipeline cache; 'prev' may be NULL. */
void config_read_cache(struct config *, const struct ovsdb_idl *,
                       const struct config *prev);

/* Reads the links. */
struct config *config_create(const struct ovsdb_idl *);
/* Reads the rest, when the links are open: a VNIC may take its MAC address
 * from its link.  Of rows that can't be in use together, such as VNICs with
 * the same address, the one that was in 'prev' stays; 'prev' is NULL the first
 * time. */
void config_complete(struct config *, const struct ovsdb_idl *,
                     const struct config *prev);
void config_destroy(struct config *);

/* For config-*.c, apply.c: say that something is wrong with a row.  The first
 * error stands; a note on an active row or the reason of an inactive one
 * gives way to it. */
void row_error(struct row_status *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void row_inactive(struct row_status *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
void row_note(struct row_status *, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);
/* "local" and so on. */
const char *ring_role_name(enum ring_role);

/* The one of the two that counts. */
const struct row_status *row_effective(const struct row_status *status,
                                       const struct row_status *runtime);
/* Finds the VNS_Instance that the column vns of the row with 'status' names.
 * Returns NULL, and says so in 'status', if it is not there or not in use. */
struct vns_row *config_find_vns(const struct config *, const char *name,
                                struct row_status *status);
/* Back to active without a reason. */
void row_status_clear(struct row_status *);

struct ring_row *config_find_ring(const struct config *,
                                  const struct ovsrec_vnic_ring *);
void rule_list_destroy(struct rule_list *);

/* For config-vnic.c, config-port.c: what rows and options have in common. */
struct vnic_row *vnic_row_create(struct shash *rows, const char *name);
void vnic_row_set_link(struct vnic_row *, const struct config *,
                       const char *name);
void vnic_row_set_mac(struct vnic_row *, const char *mac);

/* Called in this order. */
void config_read_links(struct config *, const struct ovsdb_idl *);
void config_read_vns(struct config *, const struct ovsdb_idl *);
void config_read_vnics(struct config *, const struct ovsdb_idl *);
void config_read_rings(struct config *, const struct config *prev);
void config_read_ports(struct config *);
void config_read_fronts(struct config *);
void config_place_vns(struct config *, const struct ovsdb_idl *);
void config_read_classifiers(struct config *, const struct ovsdb_idl *,
                             const struct config *prev);
void config_assign_macs(struct config *, const struct config *prev);

/* An unset optional column. */
static inline bool
optional_bool(const bool *value, size_t n, bool default_value)
{
    return n ? *value : default_value;
}

static inline int64_t
optional_int(const int64_t *value, size_t n, int64_t default_value)
{
    return n ? *value : default_value;
}

#endif /* vswitchd-plugin/config.h */
