/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-seam.h"

#include <stdio.h>
#include <stdlib.h>

#include "db-ctl-base.h"
#include "openvswitch/shash.h"
#include "ovsdb-cs.h"
#include "ovsdb-idl.h"
#include "util.h"
#include "utilities/vsctl-error.h"
#include "utilities/vsctl-link.h"
#include "utilities/vsctl-ring.h"
#include "utilities/vsctl-rule.h"
#include "utilities/vsctl-stock.h"
#include "utilities/vsctl-tables.h"
#include "utilities/vsctl-value.h"
#include "utilities/vsctl-vnic.h"
#include "utilities/vsctl-vns.h"

/* Declares both sides of a contact. */
#define SEAM(RETURN, SYMBOL, ...)         \
    RETURN __real_##SYMBOL(__VA_ARGS__);  \
    RETURN __wrap_##SYMBOL(__VA_ARGS__)

SEAM(void, ctl_init__, const struct ovsdb_idl_class *,
     const struct ctl_table_class *, const struct cmd_show_table *,
     void (*)(int));
SEAM(char *, ctl_parse_commands, int, char *[], struct shash *,
     struct ctl_command **, size_t *);
SEAM(const char *, ctl_get_db_cmd_usage, void);
SEAM(void, ovs_print_version, uint8_t, uint8_t);
SEAM(struct shash *, ovsdb_cs_parse_schema, const struct json *);
SEAM(enum ovsdb_idl_txn_status, ovsdb_idl_txn_commit_block,
     struct ovsdb_idl_txn *);
SEAM(const char *, ovsdb_idl_txn_get_error, const struct ovsdb_idl_txn *);
SEAM(void, ovsdb_idl_enable_reconnect, struct ovsdb_idl *);
SEAM(void, ovsdb_idl_txn_destroy, struct ovsdb_idl_txn *);

#undef SEAM

void
__wrap_ctl_init__(const struct ovsdb_idl_class *idl_class,
                  const struct ctl_table_class *tables,
                  const struct cmd_show_table *cmd_show_tables,
                  void (*exit_func)(int status))
{
    __real_ctl_init__(idl_class, vsctl_tables_add_names(tables),
                      cmd_show_tables, exit_func);
    vsctl_link_register();
    vsctl_vnic_register();
    vsctl_ring_register();
    vsctl_rule_register();
    vsctl_vns_register();
}

char *
__wrap_ctl_parse_commands(int argc, char *argv[], struct shash *local_options,
                          struct ctl_command **commands, size_t *n_commands)
{
    char *error = __real_ctl_parse_commands(argc, argv, local_options,
                                            commands, n_commands);

    if (!error) {
        vsctl_stock_extend(*commands, *n_commands);
    }
    return error;
}

const char *
__wrap_ctl_get_db_cmd_usage(void)
{
    static char *usage;

    free(usage);
    usage = xasprintf("VNIC commands:\n%s%s%s%s%s\n%s",
                      vsctl_link_usage(), vsctl_vnic_usage(),
                      vsctl_ring_usage(), vsctl_rule_usage(),
                      vsctl_vns_usage(), __real_ctl_get_db_cmd_usage());
    return usage;
}

static void
print_vnic_version(void)
{
    puts("ovs-vnic "VNIC_VERSION);
}

/* The stock lines stay as they are, for scripts read them, and ovs-vsctl
 * prints another one after this call, then exits. */
void
__wrap_ovs_print_version(uint8_t min_ofp, uint8_t max_ofp)
{
    __real_ovs_print_version(min_ofp, max_ofp);
    atexit(print_vnic_version);
}

struct shash *
__wrap_ovsdb_cs_parse_schema(const struct json *json)
{
    struct shash *schema = __real_ovsdb_cs_parse_schema(json);

    vsctl_tables_check_schema(schema);
    vsctl_value_learn(json);
    return schema;
}

enum ovsdb_idl_txn_status
__wrap_ovsdb_idl_txn_commit_block(struct ovsdb_idl_txn *txn)
{
    enum ovsdb_idl_txn_status status;

    vsctl_error_before_commit(txn);
    status = __real_ovsdb_idl_txn_commit_block(txn);
    vsctl_error_after_commit();
    return status;
}

const char *
__wrap_ovsdb_idl_txn_get_error(const struct ovsdb_idl_txn *txn)
{
    const char *error = __real_ovsdb_idl_txn_get_error(txn);

    vsctl_error_explain(error);
    return error;
}

void
__wrap_ovsdb_idl_enable_reconnect(struct ovsdb_idl *idl)
{
    vsctl_error_wait_for_reload();
    __real_ovsdb_idl_enable_reconnect(idl);
}

void
__wrap_ovsdb_idl_txn_destroy(struct ovsdb_idl_txn *txn)
{
    vsctl_error_txn_done(txn);
    __real_ovsdb_idl_txn_destroy(txn);
}
