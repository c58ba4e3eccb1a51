/*
 * SPDX-License-Identifier: Apache-2.0
 */

#include <config.h>

#include "utilities/vsctl-stock.h"

#include <string.h>

#include "db-ctl-base.h"
#include "openvswitch/shash.h"
#include "util.h"
#include "utilities/vsctl-error.h"
#include "utilities/vsctl-port.h"
#include "utilities/vsctl-show.h"

/* What a stock command does more: after its own prerequisites, and before or
 * after its own run(), which 'run' calls. */
static struct extension {
    const char *verb;
    void (*prerequisites)(struct ctl_context *);
    void (*run)(struct ctl_context *, void (*stock)(struct ctl_context *));

    /* Set when the command is first parsed. */
    const struct ctl_command_syntax *stock;
    struct ctl_command_syntax syntax;
} extensions[] = {
#define EXTENSION(VERB, PREREQUISITES, RUN) \
    { .verb = VERB, .prerequisites = PREREQUISITES, .run = RUN }
    EXTENSION("show", vsctl_show_prerequisites, vsctl_show_run),
    EXTENSION("create", vsctl_error_prerequisites, vsctl_error_run_create),
    EXTENSION("set", vsctl_error_prerequisites, vsctl_error_run_set),
    EXTENSION("add", vsctl_error_prerequisites, vsctl_error_run_set),
    EXTENSION("remove", vsctl_error_prerequisites, vsctl_error_run_set),
    EXTENSION("clear", vsctl_error_prerequisites, vsctl_error_run_set),
    EXTENSION("add-port", vsctl_port_pre_add_stock, vsctl_port_run_add_stock),
    EXTENSION("add-bond", vsctl_port_pre_add_stock, vsctl_port_run_add_stock),
    EXTENSION("add-bond-iface", vsctl_port_pre_add_stock,
              vsctl_port_run_add_stock),
#undef EXTENSION
};

static struct extension *
find_extension(const char *verb)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (!strcmp(extensions[i].verb, verb)) {
            return &extensions[i];
        }
    }
    return NULL;
}

static void
extended_prerequisites(struct ctl_context *ctx)
{
    const struct extension *e = find_extension(ctx->argv[0]);

    e->stock->prerequisites(ctx);
    if (!ctx->error) {
        e->prerequisites(ctx);
    }
}

static void
extended_run(struct ctl_context *ctx)
{
    const struct extension *e = find_extension(ctx->argv[0]);

    e->run(ctx, e->stock->run);
}

void
vsctl_stock_extend(struct ctl_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct extension *e = find_extension(commands[i].syntax->name);

        if (e) {
            if (!e->stock) {
                e->stock = commands[i].syntax;
                e->syntax = *e->stock;
                e->syntax.prerequisites = extended_prerequisites;
                e->syntax.run = extended_run;
            }
            commands[i].syntax = &e->syntax;
        }
    }
}

/* Returns the stock syntax, without extension: that is for commands that the
 * user gave. */
static const struct ctl_command_syntax *
find_syntax(const char *verb, int argc, char *argv[])
{
    char **line = xmemdup(argv, argc * sizeof *argv);
    struct shash options = SHASH_INITIALIZER(&options);
    const struct ctl_command_syntax *syntax;
    struct ctl_command *commands;
    size_t n;
    char *error;

    line[0] = CONST_CAST(char *, verb);
    error = ctl_parse_commands(argc, line, &options, &commands, &n);
    if (error) {
        ctl_fatal("%s", error);
    }
    syntax = commands[0].syntax;
    if (find_extension(verb)) {
        syntax = find_extension(verb)->stock;
    }
    shash_destroy(&commands[0].options);
    shash_destroy(&options);
    free(commands);
    free(line);
    return syntax;
}

static void
call(void (*function)(struct ctl_context *), struct ctl_context *ctx,
     int argc, char *argv[])
{
    int saved_argc = ctx->argc;
    char **saved_argv = ctx->argv;

    ctx->argc = argc;
    ctx->argv = argv;
    function(ctx);
    ctx->argc = saved_argc;
    ctx->argv = saved_argv;
}

void
vsctl_stock_prerequisites(struct ctl_context *ctx, const char *verb,
                          int argc, char *argv[])
{
    call(find_syntax(verb, argc, argv)->prerequisites, ctx, argc, argv);
}

void
vsctl_stock_run(struct ctl_context *ctx, const char *verb,
                int argc, char *argv[])
{
    call(find_syntax(verb, argc, argv)->run, ctx, argc, argv);
}
