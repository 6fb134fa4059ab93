/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/host/argv-private.h"

#include <string.h>

void
argv_item_free (gpointer data)
{
    ArgvItem *item = data;

    g_free (item->option);
    g_free (item->value);
    g_free (item);
}

static Argv *
argv_new (void)
{
    Argv *argv = g_new0 (Argv, 1);

    argv->items = g_ptr_array_new_with_free_func (argv_item_free);
    argv->monitor_fd = -1;
    argv->sev.policy = 1;
    argv->vcpus = 1;
    return argv;
}

void
argv_free (Argv *argv)
{
    g_ptr_array_unref (argv->items);
    g_free (argv->guest_name);
    g_free (argv->monitor_path);
    g_free (argv->sev.id);
    g_free (argv->sev.dh_cert_file);
    g_free (argv->sev.session_file);
    g_free (argv->firmware);
    g_free (argv->kernel);
    g_free (argv->initrd);
    g_free (argv->append);
    g_free (argv->cpu);
    g_free (argv);
}

ArgvItem *
argv_add (Argv *argv, ArgvRole role, const char *option, const char *value)
{
    ArgvItem *item = g_new0 (ArgvItem, 1);

    item->role = role;
    item->option = g_strdup (option);
    item->value = g_strdup (value);
    g_ptr_array_add (argv->items, item);
    return item;
}

/* Splits the command line into options and their values; an option that the table does not
 * know keeps no value, which is right for a plain command line put together again. */
static void
split (const char *const *args, Argv *argv)
{
    for (gsize i = 0; args[i] != NULL; i++) {
        const OptionRow *row = NULL;
        ArgvItem *item = argv_add (argv, ARGV_ROLE_AS_IS, args[i], NULL);

        if (args[i][0] == '-')
            row = option_table_find (args[i] + (args[i][1] == '-' ? 2 : 1));
        item->row = row;
        if (row != NULL && row->has_value && args[i + 1] != NULL)
            item->value = g_strdup (args[++i]);
    }
}

gboolean
argv_item_is (const ArgvItem *item, const char *name)
{
    return item->row != NULL && strcmp (item->row->name, name) == 0 &&
           (!item->row->has_value || item->value != NULL);
}

/* Whether an -object is a confidential guest of AMD's; the stock QEMU would take it for
 * the machine's, and abort without KVM. */
static gboolean
is_sev_object (const ArgvItem *item)
{
    gboolean is_json;

    if (!argv_item_is (item, "object"))
        return FALSE;
    g_autoptr (JsonObject) object =
        qemu_opts_to_object (item->value, "qom-type", &is_json, NULL);
    /* What cannot be read, but may be one, is refused by argv_check_sev(). */
    if (object == NULL)
        return strstr (item->value, "sev-") != NULL;
    g_autofree char *type = qemu_opts_member_text (object, "qom-type");
    return g_strcmp0 (type, "sev-guest") == 0 || g_strcmp0 (type, "sev-snp-guest") == 0;
}

static gboolean
is_machine_none (const ArgvItem *item)
{
    if (!argv_item_is (item, "machine"))
        return FALSE;
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "type");
    return g_strcmp0 (qemu_opts_get (opts, "type"), "none") == 0;
}

/* -qmp unix:PATH,server=on,wait=off: libvirt's way to ask an idle QEMU. */
static char *
probe_path (const ArgvItem *item)
{
    if (!argv_item_is (item, "qmp") || !g_str_has_prefix (item->value, "unix:"))
        return NULL;
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value + strlen ("unix:"), "path");
    const char *server = qemu_opts_get (opts, "server");
    if (server == NULL || g_strcmp0 (server, "off") == 0)
        return NULL;
    return g_strdup (qemu_opts_get (opts, "path"));
}

static ArgvKind
find_kind (const Argv *argv)
{
    gboolean none = FALSE;
    gboolean qmp = FALSE;

    for (guint i = 0; i < argv->items->len; i++) {
        const ArgvItem *item = g_ptr_array_index (argv->items, i);

        if (is_sev_object (item))
            return ARGV_SEV;
        none = none || is_machine_none (item);
        g_autofree char *path = probe_path (item);
        qmp = qmp || path != NULL;
    }
    return none && qmp ? ARGV_PROBE : ARGV_PLAIN;
}

static void
mark_probe (Argv *argv)
{
    for (guint i = 0; i < argv->items->len; i++) {
        ArgvItem *item = g_ptr_array_index (argv->items, i);
        g_autofree char *path = probe_path (item);

        if (argv_item_is (item, "machine"))
            item->role = ARGV_ROLE_PROBE_MACHINE;
        if (path == NULL || argv->monitor_path != NULL)
            continue;
        item->role = ARGV_ROLE_PROBE_QMP;
        argv->monitor_path = g_steal_pointer (&path);
    }
}

Argv *
argv_parse (const char *const *args, GError **error)
{
    g_autoptr (Argv) argv = argv_new ();

    g_return_val_if_fail (args != NULL, NULL);

    split (args, argv);
    argv->kind = find_kind (argv);
    if (argv->kind == ARGV_PROBE)
        mark_probe (argv);
    if (argv->kind == ARGV_SEV && !argv_check_sev (argv, error))
        return NULL;
    return g_steal_pointer (&argv);
}

static char *
fd_path (int fd)
{
    return g_strdup_printf ("/proc/self/fd/%d", fd);
}

static void push (GPtrArray *out, const char *option, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
push (GPtrArray *out, const char *option, const char *format, ...)
{
    va_list args;

    g_ptr_array_add (out, g_strdup (option));
    va_start (args, format);
    g_ptr_array_add (out, g_strdup_vprintf (format, args));
    va_end (args);
}

static void
push_monitor (GPtrArray *out, const char *id, int fd)
{
    push (out, "-chardev", "socket,id=%s,fd=%d,server=on,wait=off", id, fd);
}

/* @value is the JSON of a memory backend or a block node without its file. */
static void
push_with_file (GPtrArray *out, const ArgvItem *item, const char *member, int fd)
{
    gboolean is_json;
    g_autoptr (JsonObject) object =
        qemu_opts_to_object (item->value, "driver", &is_json, NULL);
    g_autofree char *path = fd_path (fd);

    g_assert (object != NULL && is_json);
    json_object_set_string_member (object, member, path);
    g_autofree char *json = qemu_opts_object_to_json (object);
    push (out, item->option, "%s", json);
}

static void
push_probe_machine (GPtrArray *out, const ArgvItem *item, gboolean kvm_usable)
{
    g_autoptr (QemuOpts) opts = qemu_opts_parse (item->value, "type");

    if (!kvm_usable && qemu_opts_get (opts, "accel") != NULL)
        qemu_opts_set (opts, "accel", "tcg");
    g_autofree char *value = qemu_opts_format (opts, "type");
    push (out, item->option, "%s", value);
}

static void
push_item (GPtrArray *out, const ArgvItem *item, const ArgvFds *fds, gboolean kvm_usable)
{
    switch (item->role) {
    case ARGV_ROLE_AS_IS:
        g_ptr_array_add (out, g_strdup (item->option));
        if (item->value != NULL)
            g_ptr_array_add (out, g_strdup (item->value));
        return;
    case ARGV_ROLE_DROP:
        return;
    case ARGV_ROLE_MONITOR:
        push_monitor (out, "charmonitor", fds->monitor);
        return;
    case ARGV_ROLE_PROBE_QMP:
        push_monitor (out, "charmonitor", fds->monitor);
        push (out, "-mon", "chardev=charmonitor,mode=control");
        return;
    case ARGV_ROLE_PROBE_MACHINE:
        push_probe_machine (out, item, kvm_usable);
        return;
    case ARGV_ROLE_RAM:
        push_with_file (out, item, "mem-path", fds->ram);
        return;
    case ARGV_ROLE_FIRMWARE_NODE:
        push_with_file (out, item, "filename", fds->firmware);
        return;
    case ARGV_ROLE_FIRMWARE_DRIVE:
        push (out, item->option, "file=/proc/self/fd/%d,%s", fds->firmware, item->value);
        return;
    case ARGV_ROLE_BIOS:
        push (out, item->option, "/proc/self/fd/%d", fds->firmware);
        return;
    case ARGV_ROLE_KERNEL:
        push (out, item->option, "/proc/self/fd/%d", fds->kernel);
        return;
    case ARGV_ROLE_INITRD:
        push (out, item->option, "/proc/self/fd/%d", fds->initrd);
        return;
    }
}

char **
argv_build (const Argv *argv,
            const ArgvFds *fds,
            gboolean serve_kernel_file,
            gboolean kvm_usable)
{
    GPtrArray *out = g_ptr_array_new ();

    g_return_val_if_fail (argv->kind == ARGV_PLAIN || fds != NULL, NULL);

    for (guint i = 0; i < argv->items->len; i++)
        push_item (out, g_ptr_array_index (argv->items, i), fds, kvm_usable);
    if (argv->kind == ARGV_SEV) {
        if (argv->kernel != NULL && serve_kernel_file)
            push (out, "-fw_cfg", "name=etc/boot/kernel,file=/proc/self/fd/%d",
                  fds->kernel);
        push_monitor (out, "charsevrelay", fds->control);
        push (out, "-mon", "chardev=charsevrelay,mode=control");
        /* A launch is measured once: there is no second start of the same guest. */
        push (out, "-action", "reboot=shutdown");
    }
    g_ptr_array_add (out, NULL);
    return (char **) g_ptr_array_free (out, FALSE);
}
