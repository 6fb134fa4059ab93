/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The command line of a SEV guest, option after option.
 */

#include "psp/host/argv-private.h"

#include <string.h>

#include "psp/host/host-error.h"

gboolean
argv_refuse (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_autofree char *text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, HOST_ERROR, HOST_ERROR_ARGV, "refused for a SEV guest: %s", text);
    return FALSE;
}

/* What was seen so far, besides the results in Argv. */
typedef struct {
    char *cgs;     /* confidential-guest-support */
    char *backend; /* memory-backend */
    char *pflash0;
    char *ram_id;
    gboolean machine;
    gboolean mon;
    gboolean smp;
    gboolean nodefaults;
} Seen;

static void
seen_clear (Seen *seen)
{
    g_free (seen->cgs);
    g_free (seen->backend);
    g_free (seen->pflash0);
    g_free (seen->ram_id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Seen, seen_clear)

static gboolean
check_machine (Argv *argv, ArgvItem *item, Seen *seen, GError **error)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "type");

    if (seen->machine)
        return argv_refuse (error, "-machine given twice");
    seen->machine = TRUE;

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);
        const char *value = opt->value != NULL ? opt->value : "on";

        if (strcmp (opt->name, "type") == 0) {
            if (strcmp (value, "q35") != 0 && !g_str_has_prefix (value, "pc-q35-"))
                return argv_refuse (error, "machine '%s' (must be q35)", value);
        } else if (strcmp (opt->name, "confidential-guest-support") == 0 ||
                   strcmp (opt->name, "memory-encryption") == 0) {
            g_free (seen->cgs);
            seen->cgs = g_strdup (value);
        } else if (strcmp (opt->name, "memory-backend") == 0) {
            g_free (seen->backend);
            seen->backend = g_strdup (value);
        } else if (strcmp (opt->name, "pflash0") == 0) {
            g_free (seen->pflash0);
            seen->pflash0 = g_strdup (value);
        } else if (strcmp (opt->name, "pflash1") == 0 ||
                   strcmp (opt->name, "dump-guest-core") == 0) {
            continue;
        } else if (strcmp (opt->name, "nvdimm") == 0 || strcmp (opt->name, "hmat") == 0 ||
                   strcmp (opt->name, "cxl") == 0) {
            if (strcmp (value, "off") != 0)
                return argv_refuse (error, "-machine %s=%s (memory device)", opt->name,
                                    value);
        } else if (strcmp (opt->name, "accel") == 0) {
            argv->kvm = argv->kvm || g_str_has_prefix (value, "kvm");
        } else if (!option_machine_allowed (opt->name)) {
            return argv_refuse (error, "-machine property '%s'", opt->name);
        }
    }
    qemu_opts_remove (opts, "confidential-guest-support");
    qemu_opts_remove (opts, "memory-encryption");
    qemu_opts_set (opts, "dump-guest-core", "off");
    g_free (item->value);
    item->value = qemu_opts_format (opts, "type");
    return TRUE;
}

/* QEMU, property "legacy-vm-type": an OnOffAuto, and auto means on (10.0). */
static gboolean
read_vm_type (JsonObject *object, ArgvSev *sev, GError **error)
{
    static const char *const known[] = { "auto", "off", "on", NULL };
    g_autofree char *text = qemu_opts_member_text (object, "legacy-vm-type");

    if (!json_object_has_member (object, "legacy-vm-type"))
        return TRUE;
    if (text == NULL || !g_strv_contains (known, text))
        return argv_refuse (error, "sev-guest legacy-vm-type='%s'",
                            text != NULL ? text : "");
    sev->init2 = strcmp (text, "off") == 0;
    return TRUE;
}

static gboolean
read_u32 (JsonObject *object,
          const char *name,
          gboolean needed,
          guint32 *out,
          GError **error)
{
    g_autofree char *text = qemu_opts_member_text (object, name);
    guint64 value;

    if (text == NULL && !needed && !json_object_has_member (object, name))
        return TRUE;
    if (text == NULL)
        return argv_refuse (error, "sev-guest without '%s'", name);
    const gboolean hex = g_str_has_prefix (text, "0x");
    if (!g_ascii_string_to_unsigned (hex ? text + 2 : text, hex ? 16 : 10, 0, G_MAXUINT32,
                                     &value, NULL))
        return argv_refuse (error, "sev-guest %s='%s'", name, text);
    *out = (guint32) value;
    return TRUE;
}

static gboolean
check_sev_guest (Argv *argv, ArgvItem *item, JsonObject *object, GError **error)
{
    static const char *const known[] = { "cbitpos",    "dh-cert-file",  "handle",
                                         "id",         "kernel-hashes", "legacy-vm-type",
                                         "policy",     "qom-type",      "reduced-phys-bits",
                                         "sev-device", "session-file",  NULL };
    ArgvSev *sev = &argv->sev;
    JsonObjectIter iter;
    const char *name;

    if (sev->id != NULL)
        return argv_refuse (error, "more than one sev-guest");
    json_object_iter_init (&iter, object);
    while (json_object_iter_next (&iter, &name, NULL))
        if (!g_strv_contains (known, name))
            return argv_refuse (error, "sev-guest property '%s'", name);

    sev->id = qemu_opts_member_text (object, "id");
    sev->dh_cert_file = qemu_opts_member_text (object, "dh-cert-file");
    sev->session_file = qemu_opts_member_text (object, "session-file");
    g_autofree char *hashes = qemu_opts_member_text (object, "kernel-hashes");
    sev->kernel_hashes = g_strcmp0 (hashes, "on") == 0;
    if (hashes != NULL && strcmp (hashes, "on") != 0 && strcmp (hashes, "off") != 0)
        return argv_refuse (error, "sev-guest kernel-hashes='%s'", hashes);
    item->role = ARGV_ROLE_DROP;
    return read_vm_type (object, sev, error) &&
           read_u32 (object, "policy", FALSE, &sev->policy, error) &&
           read_u32 (object, "handle", FALSE, &sev->handle, error) &&
           read_u32 (object, "cbitpos", TRUE, &sev->cbitpos, error) &&
           read_u32 (object, "reduced-phys-bits", TRUE, &sev->reduced_phys_bits, error);
}

/* The block of RAM: any private memory of QEMU's becomes our shared file. */
static gboolean
check_backend (Argv *argv,
               ArgvItem *item,
               JsonObject *object,
               const char *type,
               Seen *seen,
               GError **error)
{
    static const char *const kept[] = { "dump",
                                        "host-nodes",
                                        "id",
                                        "merge",
                                        "policy",
                                        "prealloc",
                                        "prealloc-threads",
                                        "reserve",
                                        "size",
                                        "x-use-canonical-path-for-ramblock-id",
                                        NULL };
    static const char *const dropped[] = { "hugetlb", "qom-type", "seal", "share", NULL };
    g_autoptr (JsonObject) out = json_object_new ();
    g_autofree char *id = qemu_opts_member_text (object, "id");
    g_autofree char *size = qemu_opts_member_text (object, "size");
    g_autofree char *hugetlb = qemu_opts_member_text (object, "hugetlb");
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;

    if (id == NULL || seen->ram_id != NULL ||
        (strcmp (type, "memory-backend-ram") != 0 &&
         strcmp (type, "memory-backend-memfd") != 0))
        return argv_refuse (error,
                            "RAM backend '%s' (%s): guest memory is one block of "
                            "memory-backend-ram or memory-backend-memfd",
                            id != NULL ? id : "", type);
    if (g_strcmp0 (hugetlb, "on") == 0)
        return argv_refuse (error, "RAM backend '%s' of huge pages", id);
    if (size == NULL || !qemu_opts_parse_size (size, 1, &argv->ram_size) ||
        argv->ram_size == 0 || argv->ram_size % 4096 != 0 || argv->ram_size > ARGV_RAM_MAX)
        return argv_refuse (error, "RAM backend '%s' of size '%s'", id,
                            size != NULL ? size : "");

    json_object_set_string_member (out, "qom-type", "memory-backend-file");
    json_object_iter_init (&iter, object);
    while (json_object_iter_next (&iter, &name, &node)) {
        if (g_strv_contains (kept, name))
            json_object_set_member (out, name, json_node_copy (node));
        else if (!g_strv_contains (dropped, name))
            return argv_refuse (error, "RAM backend '%s' with option '%s'", id, name);
    }
    json_object_set_int_member (out, "size", (gint64) argv->ram_size);
    json_object_set_boolean_member (out, "share", TRUE);
    g_free (item->value);
    item->value = qemu_opts_object_to_json (out);
    item->role = ARGV_ROLE_RAM;
    seen->ram_id = g_steal_pointer (&id);
    return TRUE;
}

static gboolean
check_object (Argv *argv, ArgvItem *item, Seen *seen, GError **error)
{
    gboolean is_json;
    g_autoptr (JsonObject) object =
        qemu_opts_to_object (item->value, "qom-type", &is_json, error);

    if (object == NULL)
        return FALSE;
    g_autofree char *type = qemu_opts_member_text (object, "qom-type");
    if (type == NULL)
        return argv_refuse (error, "-object without type");
    if (strcmp (type, "sev-guest") == 0)
        return check_sev_guest (argv, item, object, error);
    if (strcmp (type, "sev-snp-guest") == 0)
        return argv_refuse (error,
                            "sev-snp-guest: this platform's firmware has no SEV-SNP");
    if (g_str_has_prefix (type, "memory-backend-"))
        return check_backend (argv, item, object, type, seen, error);
    if (!option_object_allowed (type))
        return argv_refuse (error, "-object of type '%s'", type);
    return TRUE;
}

static gboolean
check_device (const ArgvItem *item, GError **error)
{
    gboolean is_json;
    g_autoptr (JsonObject) object =
        qemu_opts_to_object (item->value, "driver", &is_json, error);

    if (object == NULL)
        return FALSE;
    g_autofree char *driver = qemu_opts_member_text (object, "driver");
    if (driver == NULL)
        return argv_refuse (error, "-device without driver");
    const char *why = option_device_refusal (driver);
    if (why != NULL)
        return argv_refuse (error, "device '%s': %s", driver, why);
    if (json_object_has_member (object, "memdev"))
        return argv_refuse (error, "device '%s': it brings memory of its own", driver);
    return TRUE;
}

static gboolean
check_network (const ArgvItem *item, GError **error)
{
    gboolean is_json;
    g_autoptr (JsonObject) object =
        qemu_opts_to_object (item->value, "type", &is_json, error);

    if (object == NULL)
        return FALSE;
    g_autofree char *type = qemu_opts_member_text (object, "type");
    if (type != NULL && g_str_has_prefix (type, "vhost-"))
        return argv_refuse (error, "network '%s': it hands guest memory to another process",
                            type);
    return TRUE;
}

static gboolean
check_memory (const ArgvItem *item, GError **error)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "size");

    for (guint i = 0; i < opts->items->len; i++) {
        const QemuOpt *opt = g_ptr_array_index (opts->items, i);
        if (strcmp (opt->name, "size") != 0)
            return argv_refuse (error, "-m with option '%s' (memory hotplug)", opt->name);
    }
    return TRUE;
}

static gboolean
take_count (const QemuOpts *opts, const char *name, guint *out, GError **error)
{
    const char *text = qemu_opts_get (opts, name);
    guint64 value;

    if (text == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned (text, 10, 1, ARGV_VCPUS_MAX, &value, NULL))
        return argv_refuse (error, "-smp %s='%s'", name, text);
    *out = (guint) value;
    return TRUE;
}

/* QEMU, machine_parse_smp_config(): what is left out of "cpus" follows from "maxcpus" or
 * else from the topology. */
static gboolean
check_smp (Argv *argv, const ArgvItem *item, Seen *seen, GError **error)
{
    static const char *const levels[] = { "drawers",  "books",   "sockets", "dies",
                                          "clusters", "modules", "cores",   "threads" };
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "cpus");
    guint cpus = 0, max = 0;
    guint64 product = 1;

    /* QEMU would merge them. */
    if (seen->smp)
        return argv_refuse (error, "-smp given twice");
    seen->smp = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS (levels); i++) {
        guint n = 1;
        if (!take_count (opts, levels[i], &n, error))
            return FALSE;
        product *= n;
        if (product > ARGV_VCPUS_MAX)
            return argv_refuse (error, "-smp '%s': too many processors", item->value);
    }
    if (!take_count (opts, "cpus", &cpus, error) ||
        !take_count (opts, "maxcpus", &max, error))
        return FALSE;
    argv->vcpus = cpus > 0 ? cpus : max > 0 ? max : (guint) product;
    return TRUE;
}

static gboolean
check_chardev (Argv *argv, ArgvItem *item, GError **error)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "backend");
    const char *fd = qemu_opts_get (opts, "fd");
    const char *path = qemu_opts_get (opts, "path");
    const char *server = qemu_opts_get (opts, "server");
    guint64 number;

    if (g_strcmp0 (qemu_opts_get (opts, "id"), "charmonitor") != 0)
        return TRUE;
    if (argv->monitor_fd != -1 || argv->monitor_path != NULL)
        return argv_refuse (error, "chardev 'charmonitor' given twice");
    if (g_strcmp0 (qemu_opts_get (opts, "backend"), "socket") != 0 || server == NULL ||
        strcmp (server, "off") == 0)
        return argv_refuse (error,
                            "chardev 'charmonitor' that does not listen on a socket");
    if (fd != NULL) {
        if (!g_ascii_string_to_unsigned (fd, 10, 3, 65535, &number, NULL))
            return argv_refuse (error, "chardev 'charmonitor' with fd='%s'", fd);
        argv->monitor_fd = (int) number;
    } else if (path != NULL) {
        argv->monitor_path = g_strdup (path);
    } else {
        return argv_refuse (error, "chardev 'charmonitor' without fd or path");
    }
    item->role = ARGV_ROLE_MONITOR;
    return TRUE;
}

static gboolean
check_mon (const ArgvItem *item, Seen *seen, GError **error)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "chardev");

    if (seen->mon || g_strcmp0 (qemu_opts_get (opts, "chardev"), "charmonitor") != 0 ||
        g_strcmp0 (qemu_opts_get (opts, "mode"), "control") != 0)
        return argv_refuse (error,
                            "-mon '%s': the only monitor is libvirt's, "
                            "chardev=charmonitor,mode=control",
                            item->value);
    seen->mon = TRUE;
    return TRUE;
}

static void
take_text (char **place, const ArgvItem *item)
{
    g_free (*place);
    *place = g_strdup (item->value);
}

/* As QEMU: -name guest=NAME or -name NAME. */
static void
take_name (Argv *argv, const ArgvItem *item)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "guest");

    g_free (argv->guest_name);
    argv->guest_name = g_strdup (qemu_opts_get (opts, "guest"));
}

static gboolean
check_once (char *const *place, const ArgvItem *item, GError **error)
{
    if (*place != NULL)
        return argv_refuse (error, "%s given twice", item->option);
    return TRUE;
}

static gboolean
check_handled (Argv *argv, ArgvItem *item, Seen *seen, GError **error)
{
    if (argv_item_is (item, "machine"))
        return check_machine (argv, item, seen, error);
    if (argv_item_is (item, "object"))
        return check_object (argv, item, seen, error);
    if (argv_item_is (item, "device"))
        return check_device (item, error);
    if (argv_item_is (item, "netdev") || argv_item_is (item, "nic") ||
        argv_item_is (item, "net"))
        return check_network (item, error);
    if (argv_item_is (item, "m"))
        return check_memory (item, error);
    if (argv_item_is (item, "smp"))
        return check_smp (argv, item, seen, error);
    if (argv_item_is (item, "enable-kvm") ||
        (argv_item_is (item, "accel") && g_str_has_prefix (item->value, "kvm")))
        argv->kvm = TRUE;
    if (argv_item_is (item, "cpu"))
        take_text (&argv->cpu, item);
    if (argv_item_is (item, "chardev"))
        return check_chardev (argv, item, error);
    if (argv_item_is (item, "mon"))
        return check_mon (item, seen, error);
    if (argv_item_is (item, "name"))
        take_name (argv, item);
    if (argv_item_is (item, "S"))
        argv->start_paused = TRUE;
    if (argv_item_is (item, "nodefaults"))
        seen->nodefaults = TRUE;
    if (argv_item_is (item, "kernel")) {
        if (!check_once (&argv->kernel, item, error))
            return FALSE;
        take_text (&argv->kernel, item);
        item->role = ARGV_ROLE_KERNEL;
    }
    if (argv_item_is (item, "initrd")) {
        if (!check_once (&argv->initrd, item, error))
            return FALSE;
        take_text (&argv->initrd, item);
        item->role = ARGV_ROLE_INITRD;
    }
    if (argv_item_is (item, "append")) {
        if (!check_once (&argv->append, item, error))
            return FALSE;
        take_text (&argv->append, item);
    }
    return TRUE;
}

/* The files that QEMU inherits are reached through these names and no other way. */
static gboolean
names_descriptor (const ArgvItem *item)
{
    return item->value != NULL && !argv_item_is (item, "append") &&
           (strstr (item->value, "/proc/") != NULL ||
            strstr (item->value, "/dev/fd/") != NULL);
}

static gboolean
check_item (Argv *argv, ArgvItem *item, Seen *seen, GError **error)
{
    if (item->row == NULL)
        return argv_refuse (error, "unknown option '%s'", item->option);
    if (item->row->has_value && item->value == NULL)
        return argv_refuse (error, "option '%s' without its value", item->option);
    if (names_descriptor (item))
        return argv_refuse (error, "%s '%s' names a descriptor of QEMU's", item->option,
                            item->value);

    switch (item->row->rule) {
    case OPTION_PASS:
        return TRUE;
    case OPTION_REFUSE:
        return argv_refuse (error, "option '%s': %s", item->option, item->row->why);
    case OPTION_NONE_ONLY:
        if (strcmp (item->value, "none") != 0)
            return argv_refuse (error, "option '%s %s' (only none)", item->option,
                                item->value);
        return TRUE;
    case OPTION_NO_MONITOR:
        if (g_str_has_prefix (item->value, "mon:"))
            return argv_refuse (error, "option '%s %s' (a monitor)", item->option,
                                item->value);
        return TRUE;
    case OPTION_HANDLED:
        return check_handled (argv, item, seen, error);
    }
    return FALSE;
}

static gboolean
check_whole (const Argv *argv, const Seen *seen, GError **error)
{
    if (!seen->machine)
        return argv_refuse (error, "no -machine");
    if (!seen->nodefaults)
        return argv_refuse (error, "no -nodefaults: QEMU would add devices of its own");
    if (argv->sev.id == NULL || g_strcmp0 (argv->sev.id, seen->cgs) != 0)
        return argv_refuse (error,
                            "sev-guest '%s' is not the machine's "
                            "confidential-guest-support",
                            argv->sev.id != NULL ? argv->sev.id : "");
    if (seen->ram_id == NULL || g_strcmp0 (seen->ram_id, seen->backend) != 0)
        return argv_refuse (error, "no RAM backend that is the machine's memory-backend");
    if (argv->monitor_fd == -1 && argv->monitor_path == NULL)
        return argv_refuse (error, "no chardev 'charmonitor' to relay");
    if (!seen->mon)
        return argv_refuse (error, "no -mon for chardev 'charmonitor'");
    if (argv->kernel == NULL && argv->initrd != NULL)
        return argv_refuse (error, "-initrd without -kernel");
    return TRUE;
}

gboolean
argv_check_sev (Argv *argv, GError **error)
{
    g_auto (Seen) seen = { 0 };

    for (guint i = 0; i < argv->items->len; i++)
        if (!check_item (argv, g_ptr_array_index (argv->items, i), &seen, error))
            return FALSE;
    return check_whole (argv, &seen, error) &&
           argv_find_firmware (argv, seen.pflash0, error);
}
