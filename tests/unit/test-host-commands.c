/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What may be asked of a SEV guest's QEMU.  The expectation is written from what a real SEV
 * host's libvirt needs, and from what must never get past the secure processor.
 */

#include <string.h>

#include "psp/host/command-table.h"

typedef enum {
    MAY,   /* handed on */
    ASKED, /* handed on if the arguments are harmless */
    OURS,  /* answered by the platform */
    FIRST, /* after LAUNCH_FINISH, with pages decrypted */
    ENDS,  /* pages are encrypted before its answer is passed on */
    HELD,  /* only while the guest does not run: shows ciphertext */
    STOPS, /* the guest is stopped for it, if it runs: shows ciphertext */
    LINE,  /* a line of the human monitor */
    NEVER, /* not in this form: refused, or to be wrapped */
} Fate;

typedef struct {
    const char *name;
    Fate fate;
} Expectation;

static const Expectation commands[] = {
    /* domlaunchsecinfo, nodesevinfo, domsetlaunchsecstate, virt-qemu-sev-validate */
    { "query-sev", OURS },
    { "query-sev-capabilities", OURS },
    { "query-sev-launch-measure", OURS },
    { "query-sev-attestation-report", OURS },
    { "sev-inject-launch-secret", OURS },
    /* start, resume, suspend, shutdown, reboot, destroy */
    { "qmp_capabilities", MAY },
    { "cont", FIRST },
    { "stop", ENDS },
    { "system_powerdown", MAY },
    { "system_reset", MAY },
    { "system_wakeup", MAY },
    { "quit", MAY },
    { "set-action", ASKED },
    /* what libvirt asks when it starts a domain or looks at one */
    { "query-status", MAY },
    { "query-cpus-fast", MAY },
    { "query-hotpluggable-cpus", MAY },
    { "query-named-block-nodes", MAY },
    { "query-block", MAY },
    { "query-blockstats", MAY },
    { "query-chardev", MAY },
    { "query-balloon", MAY },
    { "query-migrate", MAY },
    { "query-migrate-capabilities", MAY },
    { "query-qmp-schema", MAY },
    { "query-version", MAY },
    { "qom-list", MAY },
    { "qom-get", MAY },
    { "qom-list-types", MAY },
    { "device-list-properties", MAY },
    { "getfd", MAY },
    { "closefd", MAY },
    { "add-fd", MAY },
    { "remove-fd", MAY },
    { "balloon", MAY },
    { "send-key", MAY },
    { "inject-nmi", MAY },
    { "set_link", MAY },
    { "block_resize", MAY },
    { "block_set_io_throttle", MAY },
    { "qom-set", ASKED },
    { "migrate-set-capabilities", ASKED },
    { "human-monitor-command", LINE },
    /* memory as it lies in the machine */
    { "memsave", HELD },
    { "pmemsave", STOPS },
    { "dump-guest-memory", STOPS },
    { "query-dump", MAY },
    /* memory in plain, past the firmware */
    { "dump-skeys", NEVER },
    { "calc-dirty-rate", NEVER },
    { "migrate", NEVER },
    { "migrate-incoming", NEVER },
    { "migrate-set-parameters", NEVER },
    { "migrate-recover", NEVER },
    { "migrate-start-postcopy", NEVER },
    { "snapshot-save", NEVER },
    { "snapshot-load", NEVER },
    { "x-colo-lost-heartbeat", NEVER },
    { "x-query-virtio-queue-element", NEVER },
    { "xen-save-devices-state", NEVER },
    { "xen-load-devices-state", NEVER },
    /* another way in */
    { "chardev-add", NEVER },
    { "chardev-change", NEVER },
    { "add_client", NEVER },
    { "device_add", NEVER },
    { "device_del", NEVER },
    { "object-add", NEVER },
    { "object-del", NEVER },
    { "netdev_add", NEVER },
    { "blockdev-add", NEVER },
    { "blockdev-change-medium", NEVER },
    { "block-export-add", NEVER },
    { "nbd-server-start", NEVER },
    { "transaction", NEVER },
    { "trace-event-set-state", NEVER },
    { "replay-seek", NEVER },
    { "screendump", NEVER },
    { "x-exit-preconfig", NEVER },
    { "yank", NEVER },
    /* what nobody knows */
    { "no-such-command", NEVER },
    { "", NEVER },
    { "*", NEVER },
    { "query", NEVER },
    { "CONT", NEVER },
    { "cont ", NEVER },
    { "sev-inject-launch-secret2", NEVER },
};

static Fate
fate_of (CommandClass class)
{
    switch (class) {
    case COMMAND_OURS:
        return OURS;
    case COMMAND_PASS:
        return MAY;
    case COMMAND_CHECK:
        return ASKED;
    case COMMAND_CONT:
        return FIRST;
    case COMMAND_STOP:
        return ENDS;
    case COMMAND_PAUSED:
        return HELD;
    case COMMAND_WRAPPED:
        return STOPS;
    case COMMAND_HMP:
        return LINE;
    case COMMAND_REFUSED:
        return NEVER;
    }
    g_assert_not_reached ();
}

static void
test_command (gconstpointer data)
{
    const Expectation *expected = data;
    const CommandRow *row = command_table_find (expected->name);

    g_assert_cmpint (row != NULL ? fate_of (row->class) : NEVER, ==, expected->fate);
    if (row == NULL)
        return;
    if (expected->fate != STOPS)
        g_assert_true ((row->check != NULL) == (expected->fate == ASKED));
    g_assert_true ((row->why != NULL) == (expected->fate == NEVER));
}

static const Expectation lines[] = {
    { "info status", MAY },
    { "info   status", MAY },
    { " info status ", MAY },
    { "info version", MAY },
    { "info block", MAY },
    { "info cpus", MAY },
    { "info sev", OURS },
    { "cont", FIRST },
    { "c", FIRST },
    { "stop", ENDS },
    { "s", ENDS },
    { "system_reset", MAY },
    { "system_powerdown", MAY },
    { "quit", MAY },
    { "help", MAY },
    { "qom-get /machine/unattached/device[0] realized", MAY },
    { "sendkey ctrl-alt-delete", MAY },
    /* memory as it lies in the machine */
    { "x/8xb 0", HELD },
    { "x 0", HELD },
    { "x /8i 0x1000", HELD },
    { "xp/4xw 0x1000", HELD },
    { "xp /4xw 0x1000", HELD },
    { "  xp/4xw   0x1000", HELD },
    { "memsave 0 4096 /tmp/x", HELD },
    { "gdbserver", HELD },
    { "gdbserver tcp::1234", HELD },
    { "pmemsave 0 4096 /tmp/x", STOPS },
    { "dump-guest-memory /tmp/x", STOPS },
    { "dump-guest-memory -d /tmp/x", STOPS },
    { "pmemsave 0 4096 \"/tmp/x\"", STOPS },
    { "memsave 0 4096 \"/tmp/x\"", HELD },
    { "pmemsave 0 4096 \"/tmp/x", NEVER },
    { "pmemsave 0 4096 \"/tmp/x y\"", NEVER },
    { "pmemsave 0 4096 \"/tmp/\\nx\"", NEVER },
    { "pmemsave 0 \"4096\" /tmp/x", NEVER },
    { "pmemsave 0 4096 \"/tmp/x\"\"", NEVER },
    { "\"pmemsave\"", NEVER },
    { "qom-get \"/\"", NEVER },
    { "dump-guest-memory -p /tmp/x", NEVER },
    { "dump-guest-memory -d -p /tmp/x", NEVER },
    { "dump-guest-memory -w /tmp/x", NEVER },
    { "x/8xb $rsp", NEVER },
    { "x/8xb/4 0", NEVER },
    { "x/8xb\t0", NEVER },
    { "x/ 0", HELD },
    { "xp/8*b 0", NEVER },
    { "stop/8xb 0", NEVER },
    { "info/x status", NEVER },
    { "/x 0", NEVER },
    /* memory in plain, registers, the page tables */
    { "p $rip", NEVER },
    { "print $rax", NEVER },
    { "sum 0 4096", NEVER },
    { "gpa2hva 0", NEVER },
    { "gpa2hpa 0", NEVER },
    { "gva2gpa 0", NEVER },
    { "info registers", NEVER },
    { "info registers -a", NEVER },
    { "info mem", NEVER },
    { "info tlb", NEVER },
    { "info lapic", NEVER },
    { "i 0x60", NEVER },
    { "o 0x60 1", NEVER },
    /* copies of the guest */
    { "migrate \"exec:cat >/tmp/x\"", NEVER },
    { "migrate -d exec:cat", NEVER },
    { "migrate tcp:127.0.0.1:1", NEVER },
    { "migrate_set_capability x on", NEVER },
    { "savevm a", NEVER },
    { "loadvm a", NEVER },
    { "delvm a", NEVER },
    { "snapshot_blkdev a b", NEVER },
    /* another way in */
    { "device_add VGA", NEVER },
    { "object_add memory-backend-file,id=x,size=1M,mem-path=/x", NEVER },
    { "drive_add 0 file=/x", NEVER },
    { "chardev-add socket,id=x,path=/x,server=on", NEVER },
    { "netdev_add user,id=x", NEVER },
    { "qom-set / a b", NEVER },
    { "logfile /x", NEVER },
    { "log exec", NEVER },
    { "trace-event x on", NEVER },
    { "screendump /x", NEVER },
    { "change vnc x", NEVER },
    { "mce 0 0 0 0 0 0", NEVER },
    /* more than one reading */
    { "", NEVER },
    { "   ", NEVER },
    { "info", NEVER },
    { "info nothing", NEVER },
    { "information", NEVER },
    { "stop;x 0", NEVER },
    { "stop\nx 0", NEVER },
    { "stop\tx", NEVER },
    { "info \"registers\"", NEVER },
    { "info status\\", NEVER },
    { "'stop'", NEVER },
    { "stop/x", NEVER },
    { "INFO status", NEVER },
    { "qom-get / \"a b\"", NEVER },
    { "help \xc3\xa4", NEVER },
};

static void
test_line (gconstpointer data)
{
    const Expectation *expected = data;
    g_auto (HmpLine) line = { 0 };

    hmp_line_parse (expected->name, &line);
    g_assert_cmpint (fate_of (line.class), ==, expected->fate);
    g_assert_true ((line.why != NULL) == (expected->fate == NEVER));
    g_assert_true ((line.canonical == NULL) == (expected->fate == NEVER));
    g_assert_true (line.canonical == NULL || strstr (line.canonical, "  ") == NULL);
}

/* Arguments of the commands that are looked into. */
static const struct {
    const char *command;
    const char *arguments; /* (nullable) */
    gboolean ok;
} arguments[] = {
    { "migrate-set-capabilities",
      "{\"capabilities\":[{\"capability\":\"events\",\"state\":true}]}", TRUE },
    { "migrate-set-capabilities", "{\"capabilities\":[]}", TRUE },
    { "migrate-set-capabilities",
      "{\"capabilities\":[{\"capability\":\"events\",\"state\":true},"
      "{\"capability\":\"x-ignore-shared\",\"state\":true}]}",
      FALSE },
    { "migrate-set-capabilities",
      "{\"capabilities\":[{\"capability\":\"xbzrle\",\"state\":false}]}", FALSE },
    { "migrate-set-capabilities", "{\"capabilities\":[1]}", FALSE },
    { "migrate-set-capabilities", "{\"capabilities\":[{\"capability\":1}]}", FALSE },
    { "migrate-set-capabilities", "{\"capabilities\":[{\"capability\":null}]}", FALSE },
    { "migrate-set-capabilities", "{\"capabilities\":{}}", FALSE },
    { "migrate-set-capabilities", "{}", FALSE },
    { "migrate-set-capabilities", NULL, FALSE },
    { "qom-set",
      "{\"path\":\"/m/"
      "balloon0\",\"property\":\"guest-stats-polling-interval\",\"value\":5}",
      TRUE },
    { "qom-set", "{\"path\":\"/objects/pc.ram\",\"property\":\"share\",\"value\":false}",
      FALSE },
    { "qom-set", "{\"path\":\"/m\",\"property\":[\"guest-stats-polling-interval\"]}",
      FALSE },
    { "qom-set", "{}", FALSE },
    { "qom-set", NULL, FALSE },
    { "dump-guest-memory", "{\"paging\":false,\"protocol\":\"file:/x\"}", TRUE },
    { "dump-guest-memory", "{\"protocol\":\"file:/x\"}", TRUE },
    { "dump-guest-memory", "{\"paging\":true,\"protocol\":\"file:/x\"}", FALSE },
    { "dump-guest-memory", "{\"paging\":1}", FALSE },
    { "dump-guest-memory", "{\"paging\":\"no\"}", FALSE },
    { "set-action", "{\"panic\":\"pause\"}", TRUE },
    { "set-action", NULL, TRUE },
};

static void
test_arguments (void)
{
    for (gsize i = 0; i < G_N_ELEMENTS (arguments); i++) {
        const CommandRow *row = command_table_find (arguments[i].command);
        g_autoptr (JsonNode) node = arguments[i].arguments != NULL
                                        ? json_from_string (arguments[i].arguments, NULL)
                                        : NULL;
        const char *why = row->check (node != NULL ? json_node_get_object (node) : NULL);
        if ((why == NULL) != arguments[i].ok)
            g_error ("%s %s: %s", arguments[i].command, arguments[i].arguments, why);
    }
}

/* libvirt's <on_reboot>restart</on_reboot>: a launch is measured once. */
static void
test_reboot (void)
{
    const CommandRow *row = command_table_find ("set-action");
    g_autoptr (JsonNode) node =
        json_from_string ("{\"reboot\":\"reset\",\"panic\":\"pause\"}", NULL);
    JsonObject *object = json_node_get_object (node);

    g_assert_null (row->check (object));
    g_assert_cmpstr (json_object_get_string_member (object, "reboot"), ==, "shutdown");
    g_assert_cmpstr (json_object_get_string_member (object, "panic"), ==, "pause");
}

static void
add_rows (const char *prefix, const Expectation *rows, gsize n, GTestDataFunc function)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *word = g_strcanon (
            g_strdup (rows[i].name),
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", '.');
        g_autofree char *path =
            g_strdup_printf ("%s/%" G_GSIZE_FORMAT "-%s", prefix, i, word);
        g_test_add_data_func (path, &rows[i], function);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);

    add_rows ("/host/commands/qmp", commands, G_N_ELEMENTS (commands), test_command);
    add_rows ("/host/commands/hmp", lines, G_N_ELEMENTS (lines), test_line);
    g_test_add_func ("/host/commands/arguments", test_arguments);
    g_test_add_func ("/host/commands/reboot", test_reboot);
    return g_test_run ();
}
