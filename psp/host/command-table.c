/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every QMP command of QEMU 7.2 (the tests compare with a running one), and those that
 * libvirt 11 uses of QEMU 10.
 */

#include "psp/host/command-table.h"

#include <string.h>

#define MEMORY "it reads or writes guest memory past the firmware"
#define COPY                                                                               \
    "a copy of a SEV guest must be encrypted for whom it is for, which this host cannot "  \
    "do yet"
#define PLUG "devices, back ends and disks of a SEV guest are fixed at its launch"
#define JOBS "block jobs of a SEV guest are not relayed"
#define DEBUG "it shows what the guest executes"
#define OTHER "it has no use for a SEV guest"

static const char *
check_capabilities (JsonObject *arguments)
{
    static const char *const why =
        "a SEV guest cannot be migrated: only 'events' is allowed";
    JsonNode *node =
        arguments != NULL ? json_object_get_member (arguments, "capabilities") : NULL;

    if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
        return why;
    JsonArray *list = json_node_get_array (node);
    for (guint i = 0; i < json_array_get_length (list); i++) {
        JsonNode *item = json_array_get_element (list, i);
        if (!JSON_NODE_HOLDS_OBJECT (item))
            return why;
        JsonNode *name = json_object_get_member (json_node_get_object (item), "capability");
        if (name == NULL || !JSON_NODE_HOLDS_VALUE (name) ||
            g_strcmp0 (json_node_get_string (name), "events") != 0)
            return why;
    }
    return NULL;
}

/* A guest was measured once; starting it anew would run it unmeasured. */
static const char *
check_action (JsonObject *arguments)
{
    if (arguments != NULL && json_object_has_member (arguments, "reboot"))
        json_object_set_string_member (arguments, "reboot", "shutdown");
    return NULL;
}

/* libvirt sets how often the balloon reports. */
static const char *
check_property (JsonObject *arguments)
{
    JsonNode *node =
        arguments != NULL ? json_object_get_member (arguments, "property") : NULL;

    if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) ||
        g_strcmp0 (json_node_get_string (node), "guest-stats-polling-interval") != 0)
        return "properties of a SEV guest are fixed at its launch";
    return NULL;
}

/* The page tables are ciphertext too. */
static const char *
check_dump (JsonObject *arguments)
{
    JsonNode *node =
        arguments != NULL ? json_object_get_member (arguments, "paging") : NULL;

    if (node == NULL || (JSON_NODE_HOLDS_VALUE (node) &&
                         json_node_get_value_type (node) == G_TYPE_BOOLEAN &&
                         !json_node_get_boolean (node)))
        return NULL;
    return "with 'paging' it follows page tables, which are encrypted";
}

static const CommandRow commands[] = {
    /* The secure processor's. */
    { "query-sev", COMMAND_OURS, NULL, NULL },
    { "query-sev-attestation-report", COMMAND_OURS, NULL, NULL },
    { "query-sev-capabilities", COMMAND_OURS, NULL, NULL },
    { "query-sev-launch-measure", COMMAND_OURS, NULL, NULL },
    { "sev-inject-launch-secret", COMMAND_OURS, NULL, NULL },

    { "cont", COMMAND_CONT, NULL, NULL },
    { "dump-guest-memory", COMMAND_WRAPPED, check_dump, NULL },
    { "human-monitor-command", COMMAND_HMP, NULL, NULL },
    { "memsave", COMMAND_PAUSED, NULL, NULL },
    { "migrate-set-capabilities", COMMAND_CHECK, check_capabilities, NULL },
    { "pmemsave", COMMAND_WRAPPED, NULL, NULL },
    { "qom-set", COMMAND_CHECK, check_property, NULL },
    { "set-action", COMMAND_CHECK, check_action, NULL },
    { "stop", COMMAND_STOP, NULL, NULL },

    { "add-fd", COMMAND_PASS, NULL, NULL },
    { "announce-self", COMMAND_PASS, NULL, NULL },
    { "balloon", COMMAND_PASS, NULL, NULL },
    { "block-latency-histogram-set", COMMAND_PASS, NULL, NULL },
    { "block-set-write-threshold", COMMAND_PASS, NULL, NULL },
    { "block_resize", COMMAND_PASS, NULL, NULL },
    { "block_set_io_throttle", COMMAND_PASS, NULL, NULL },
    { "change-vnc-password", COMMAND_PASS, NULL, NULL },
    { "chardev-send-break", COMMAND_PASS, NULL, NULL },
    { "closefd", COMMAND_PASS, NULL, NULL },
    { "device-list-properties", COMMAND_PASS, NULL, NULL },
    { "expire_password", COMMAND_PASS, NULL, NULL },
    { "getfd", COMMAND_PASS, NULL, NULL },
    { "inject-nmi", COMMAND_PASS, NULL, NULL },
    { "input-send-event", COMMAND_PASS, NULL, NULL },
    { "qmp_capabilities", COMMAND_PASS, NULL, NULL },
    { "qom-get", COMMAND_PASS, NULL, NULL },
    { "qom-list", COMMAND_PASS, NULL, NULL },
    { "qom-list-get", COMMAND_PASS, NULL, NULL },
    { "qom-list-properties", COMMAND_PASS, NULL, NULL },
    { "qom-list-types", COMMAND_PASS, NULL, NULL },
    { "query-*", COMMAND_PASS, NULL, NULL },
    { "quit", COMMAND_PASS, NULL, NULL },
    { "remove-fd", COMMAND_PASS, NULL, NULL },
    { "rtc-reset-reinjection", COMMAND_PASS, NULL, NULL },
    { "send-key", COMMAND_PASS, NULL, NULL },
    { "set_link", COMMAND_PASS, NULL, NULL },
    { "set_password", COMMAND_PASS, NULL, NULL },
    { "system_powerdown", COMMAND_PASS, NULL, NULL },
    { "system_reset", COMMAND_PASS, NULL, NULL },
    { "system_wakeup", COMMAND_PASS, NULL, NULL },
    { "watchdog-set-action", COMMAND_PASS, NULL, NULL },

    { "migrate", COMMAND_REFUSED, NULL, COPY },
    { "migrate-continue", COMMAND_REFUSED, NULL, COPY },
    { "migrate-incoming", COMMAND_REFUSED, NULL, COPY },
    { "migrate-pause", COMMAND_REFUSED, NULL, COPY },
    { "migrate-recover", COMMAND_REFUSED, NULL, COPY },
    { "migrate-set-parameters", COMMAND_REFUSED, NULL, COPY },
    { "migrate-start-postcopy", COMMAND_REFUSED, NULL, COPY },
    { "migrate_cancel", COMMAND_REFUSED, NULL, COPY },
    { "snapshot-delete", COMMAND_REFUSED, NULL, COPY },
    { "snapshot-load", COMMAND_REFUSED, NULL, COPY },
    { "snapshot-save", COMMAND_REFUSED, NULL, COPY },

    { "add_client", COMMAND_REFUSED, NULL, PLUG },
    { "block-commit", COMMAND_REFUSED, NULL, JOBS },
    { "block-dirty-bitmap-*", COMMAND_REFUSED, NULL, JOBS },
    { "block-export-*", COMMAND_REFUSED, NULL, PLUG },
    { "block-job-*", COMMAND_REFUSED, NULL, JOBS },
    { "block-stream", COMMAND_REFUSED, NULL, JOBS },
    { "blockdev-*", COMMAND_REFUSED, NULL, PLUG },
    { "calc-dirty-rate", COMMAND_REFUSED, NULL, MEMORY },
    { "cancel-vcpu-dirty-limit", COMMAND_REFUSED, NULL, OTHER },
    { "change-backing-file", COMMAND_REFUSED, NULL, PLUG },
    { "chardev-add", COMMAND_REFUSED, NULL, PLUG },
    { "chardev-change", COMMAND_REFUSED, NULL, PLUG },
    { "chardev-remove", COMMAND_REFUSED, NULL, PLUG },
    { "client_migrate_info", COMMAND_REFUSED, NULL, COPY },
    { "device_add", COMMAND_REFUSED, NULL, PLUG },
    { "device_del", COMMAND_REFUSED, NULL, PLUG },
    { "display-reload", COMMAND_REFUSED, NULL, OTHER },
    { "display-update", COMMAND_REFUSED, NULL, OTHER },
    { "drive-backup", COMMAND_REFUSED, NULL, JOBS },
    { "drive-mirror", COMMAND_REFUSED, NULL, JOBS },
    { "dumpdtb", COMMAND_REFUSED, NULL, OTHER },
    { "eject", COMMAND_REFUSED, NULL, PLUG },
    { "job-*", COMMAND_REFUSED, NULL, JOBS },
    { "nbd-server-*", COMMAND_REFUSED, NULL, PLUG },
    { "netdev_add", COMMAND_REFUSED, NULL, PLUG },
    { "netdev_del", COMMAND_REFUSED, NULL, PLUG },
    { "object-add", COMMAND_REFUSED, NULL, PLUG },
    { "object-del", COMMAND_REFUSED, NULL, PLUG },
    { "replay-*", COMMAND_REFUSED, NULL, OTHER },
    { "ringbuf-read", COMMAND_REFUSED, NULL, OTHER },
    { "ringbuf-write", COMMAND_REFUSED, NULL, OTHER },
    { "screendump", COMMAND_REFUSED, NULL, "a SEV guest has no video" },
    { "set-numa-node", COMMAND_REFUSED, NULL, OTHER },
    { "set-vcpu-dirty-limit", COMMAND_REFUSED, NULL, OTHER },
    { "trace-event-get-state", COMMAND_REFUSED, NULL, DEBUG },
    { "trace-event-set-state", COMMAND_REFUSED, NULL, DEBUG },
    { "transaction", COMMAND_REFUSED, NULL, JOBS },
    { "x-*", COMMAND_REFUSED, NULL, DEBUG },
    { "xen-*", COMMAND_REFUSED, NULL, OTHER },
    { "yank", COMMAND_REFUSED, NULL, OTHER },
};

static gboolean
matches (const char *pattern, const char *name)
{
    const gsize len = strlen (pattern);

    if (pattern[len - 1] == '*')
        return strncmp (pattern, name, len - 1) == 0;
    return strcmp (pattern, name) == 0;
}

const CommandRow *
command_table_find (const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
        if (matches (commands[i].name, name))
            return &commands[i];
    return NULL;
}

typedef struct {
    const char *name;
    CommandClass class;
    const char *why;
} HmpRow;

/* Also under their short names. */
static const HmpRow hmp_commands[] = {
    { "announce_self", COMMAND_PASS, NULL },
    { "balloon", COMMAND_PASS, NULL },
    { "c", COMMAND_CONT, NULL },
    { "cont", COMMAND_CONT, NULL },
    { "dump-guest-memory", COMMAND_WRAPPED, NULL },
    { "gdbserver", COMMAND_PAUSED, NULL },
    { "help", COMMAND_PASS, NULL },
    { "memsave", COMMAND_PAUSED, NULL },
    { "nmi", COMMAND_PASS, NULL },
    { "pmemsave", COMMAND_WRAPPED, NULL },
    { "q", COMMAND_PASS, NULL },
    { "qom-get", COMMAND_PASS, NULL },
    { "qom-list", COMMAND_PASS, NULL },
    { "quit", COMMAND_PASS, NULL },
    { "s", COMMAND_STOP, NULL },
    { "sendkey", COMMAND_PASS, NULL },
    { "set_link", COMMAND_PASS, NULL },
    { "stop", COMMAND_STOP, NULL },
    { "system_powerdown", COMMAND_PASS, NULL },
    { "system_reset", COMMAND_PASS, NULL },
    { "system_wakeup", COMMAND_PASS, NULL },
    { "watchdog_action", COMMAND_PASS, NULL },
    { "x", COMMAND_PAUSED, NULL },
    { "xp", COMMAND_PAUSED, NULL },

    { "delvm", COMMAND_REFUSED, COPY },
    { "device_add", COMMAND_REFUSED, PLUG },
    { "drive_add", COMMAND_REFUSED, PLUG },
    { "gpa2hva", COMMAND_REFUSED, MEMORY },
    { "gva2gpa", COMMAND_REFUSED, MEMORY },
    { "loadvm", COMMAND_REFUSED, COPY },
    { "migrate", COMMAND_REFUSED, COPY },
    { "object_add", COMMAND_REFUSED, PLUG },
    { "print", COMMAND_REFUSED, MEMORY },
    { "savevm", COMMAND_REFUSED, COPY },
    { "sum", COMMAND_REFUSED, MEMORY },
};

/* "info …": nothing that shows registers, page tables or memory. */
static const HmpRow hmp_info[] = {
    { "balloon", COMMAND_PASS, NULL },
    { "block", COMMAND_PASS, NULL },
    { "block-jobs", COMMAND_PASS, NULL },
    { "blockstats", COMMAND_PASS, NULL },
    { "chardev", COMMAND_PASS, NULL },
    { "cpus", COMMAND_PASS, NULL },
    { "hotpluggable-cpus", COMMAND_PASS, NULL },
    { "iothreads", COMMAND_PASS, NULL },
    { "irq", COMMAND_PASS, NULL },
    { "kvm", COMMAND_PASS, NULL },
    { "memdev", COMMAND_PASS, NULL },
    { "memory-devices", COMMAND_PASS, NULL },
    { "memory_size_summary", COMMAND_PASS, NULL },
    { "mice", COMMAND_PASS, NULL },
    { "migrate", COMMAND_PASS, NULL },
    { "migrate_capabilities", COMMAND_PASS, NULL },
    { "migrate_parameters", COMMAND_PASS, NULL },
    { "mtree", COMMAND_PASS, NULL },
    { "name", COMMAND_PASS, NULL },
    { "network", COMMAND_PASS, NULL },
    { "numa", COMMAND_PASS, NULL },
    { "pci", COMMAND_PASS, NULL },
    { "qdm", COMMAND_PASS, NULL },
    { "qom-tree", COMMAND_PASS, NULL },
    { "qtree", COMMAND_PASS, NULL },
    { "roms", COMMAND_PASS, NULL },
    { "sev", COMMAND_OURS, NULL },
    { "snapshots", COMMAND_PASS, NULL },
    { "status", COMMAND_PASS, NULL },
    { "tpm", COMMAND_PASS, NULL },
    { "usb", COMMAND_PASS, NULL },
    { "usernet", COMMAND_PASS, NULL },
    { "uuid", COMMAND_PASS, NULL },
    { "version", COMMAND_PASS, NULL },
    { "vm-generation-id", COMMAND_PASS, NULL },
    { "vnc", COMMAND_PASS, NULL },

    { "lapic", COMMAND_REFUSED, MEMORY },
    { "mem", COMMAND_REFUSED, MEMORY },
    { "registers", COMMAND_REFUSED, MEMORY },
    { "tlb", COMMAND_REFUSED, MEMORY },
};

static const HmpRow *
find_hmp (const HmpRow *rows, gsize n_rows, const char *name)
{
    for (gsize i = 0; i < n_rows; i++)
        if (strcmp (rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

void
hmp_line_clear (HmpLine *line)
{
    g_clear_pointer (&line->name, g_free);
    g_clear_pointer (&line->canonical, g_free);
}

/* Words that QEMU's monitor and anybody else read in the same way. */
static gboolean
is_plain (const char *line)
{
    static const char marks[] = " _-.:,+=[]";

    for (const char *p = line; *p != '\0'; p++)
        if (!g_ascii_isalnum (*p) && strchr (marks, *p) == NULL &&
            /* A path of qom-get begins a word; "x/8i" has its mark within one. */
            !(*p == '/' && strchr (line, ' ') != NULL && p > strchr (line, ' ')))
            return FALSE;
    return TRUE;
}

static char **
split_words (const char *line)
{
    g_auto (GStrv) parts = g_strsplit (line, " ", -1);
    GPtrArray *words = g_ptr_array_new ();

    for (gsize i = 0; parts[i] != NULL; i++)
        if (parts[i][0] != '\0')
            g_ptr_array_add (words, g_strdup (parts[i]));
    g_ptr_array_add (words, NULL);
    return (char **) g_ptr_array_free (words, FALSE);
}

/* "x/8xb" as "x", and where its format begins.  Returns: (nullable): no format */
static char *
cut_format (char *word)
{
    char *format = strchr (word, '/');

    if (format == NULL || format == word)
        return NULL;
    for (const char *p = format + 1; *p != '\0'; p++)
        if (!g_ascii_isalnum (*p))
            return NULL;
    *format = '\0';
    if (strcmp (word, "x") == 0 || strcmp (word, "xp") == 0)
        return format;
    *format = '/';
    return NULL;
}

/* "-p" is paging (check_dump()); what has no effect on which bytes are read may be said. */
static gboolean
dump_words_ok (char **words)
{
    for (gsize i = 1; words[i] != NULL; i++)
        if (words[i][0] == '-' && strcmp (words[i], "-d") != 0 &&
            strcmp (words[i], "-z") != 0 && strcmp (words[i], "-l") != 0 &&
            strcmp (words[i], "-s") != 0)
            return FALSE;
    return TRUE;
}

/* A file's name after a number needs quotes: QEMU takes its '/' for a division.  Returns:
 * (transfer full): the line without those around its last word */
static char *
without_quotes (char **words)
{
    const guint n = g_strv_length (words);
    const char *last = words[n - 1];
    const gsize len = strlen (last);

    if (n < 2 || len < 3 || last[0] != '"' || last[len - 1] != '"')
        return g_strjoinv (" ", words);
    char *kept = words[n - 1];
    words[n - 1] = g_strndup (last + 1, len - 2);
    char *line = g_strjoinv (" ", words);
    g_free (words[n - 1]);
    words[n - 1] = kept;
    return line;
}

static const HmpRow *
find_row (char **words, HmpLine *out)
{
    out->name = g_strdup (words[0] != NULL ? words[0] : "");
    if (words[0] == NULL)
        return NULL;
    if (strcmp (words[0], "info") == 0 && words[1] != NULL) {
        g_free (out->name);
        out->name = g_strdup_printf ("info %s", words[1]);
        return find_hmp (hmp_info, G_N_ELEMENTS (hmp_info), words[1]);
    }
    return find_hmp (hmp_commands, G_N_ELEMENTS (hmp_commands), words[0]);
}

static void
refuse (HmpLine *out, const char *why)
{
    out->class = COMMAND_REFUSED;
    out->why = why;
}

void
hmp_line_parse (const char *line, HmpLine *out)
{
    g_auto (GStrv) words = split_words (line);
    char *format = words[0] != NULL ? cut_format (words[0]) : NULL;

    *out = (HmpLine){ .class = COMMAND_REFUSED, .why = "it is not in the relay's table" };
    const HmpRow *row = find_row (words, out);
    if (format != NULL)
        *format = '/';
    if (row == NULL)
        return;
    out->class = row->class;
    out->why = row->why;
    const gboolean reads = row->class == COMMAND_PAUSED || row->class == COMMAND_WRAPPED;
    g_autofree char *rest = reads ? without_quotes (words) : g_strjoinv (" ", words);
    if (row->class != COMMAND_REFUSED &&
        !is_plain (format != NULL ? rest + strlen (out->name) + 1 : rest))
        refuse (out, "it has quotes, escapes or formats");
    if (row->class == COMMAND_WRAPPED && !dump_words_ok (words))
        refuse (out, "it has an option that is not in the relay's table");
    if (out->class != COMMAND_REFUSED)
        out->canonical = g_strjoinv (" ", words);
}
