/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "launcher/inspect/host-report.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "launcher/inspect/firmware-list.h"

/* A slash of a path, also as URIs write it. */
#define SLASH "(?:/|%2[Ff])"

static char *
replace_all (char *text, const char *pattern, const char *with)
{
    g_autoptr (GRegex) regex = g_regex_new (pattern, 0, 0, NULL);
    char *next =
        regex != NULL ? g_regex_replace_literal (regex, text, -1, 0, with, 0, NULL) : NULL;

    if (next == NULL)
        return text;
    g_free (text);
    return next;
}

char *
host_report_redact (const char *text, const char *const *words)
{
    char *out = g_utf8_make_valid (text, -1);

    if (words == NULL)
        return out;
    for (; words[0] != NULL; words += 2) {
        g_autofree char *escaped = g_regex_escape_string (words[0], -1);
        g_autofree char *pattern =
            g_strdup_printf ("(?:(?<![\\w-])|(?<=%%2[Ff]))%s(?![\\w-])", escaped);

        out = replace_all (out, pattern, words[1]);
    }
    return replace_all (out, "(?<![\\w-])" SLASH "home" SLASH "[^/%\\s'\"?&]+",
                        "/home/<user>");
}

/* The longest first: a home directory may have the name of its user in it. */
static gint
by_length (gconstpointer a, gconstpointer b)
{
    const gsize left = strlen (*(char *const *) a);
    const gsize right = strlen (*(char *const *) b);

    return left < right ? 1 : left > right ? -1 : 0;
}

static void
take_user (const struct passwd *user, GPtrArray *homes, GPtrArray *names)
{
    if (user == NULL)
        return;
    if (strlen (user->pw_dir) > 1)
        g_ptr_array_add (homes, g_strdup (user->pw_dir));
    if (user->pw_uid != 0)
        g_ptr_array_add (names, g_strdup (user->pw_name));
}

/* An environment may say anything; what is no user is a name all the same. */
static void
take_variables (GPtrArray *homes, GPtrArray *names)
{
    static const char *const variables[] = { "SUDO_USER", "DOAS_USER", "LOGNAME", "USER" };
    const char *uid = g_getenv ("PKEXEC_UID");
    guint64 number;

    if (uid != NULL && g_ascii_string_to_unsigned (uid, 10, 0, G_MAXINT32, &number, NULL))
        take_user (getpwuid ((uid_t) number), homes, names);
    for (gsize i = 0; i < G_N_ELEMENTS (variables); i++) {
        const char *name = g_getenv (variables[i]);

        if (name == NULL || *name == '\0' || strcmp (name, "root") == 0)
            continue;
        take_user (getpwnam (name), homes, names);
        g_ptr_array_add (names, g_utf8_make_valid (name, -1));
    }
}

static void
add_pairs (GPtrArray *out, GPtrArray *words, const char *with)
{
    g_ptr_array_sort (words, by_length);
    for (guint i = 0; i < words->len; i++) {
        g_ptr_array_add (out, g_utf8_make_valid (g_ptr_array_index (words, i), -1));
        g_ptr_array_add (out, g_strdup (with));
    }
}

char **
host_report_private_words (void)
{
    g_autoptr (GPtrArray) homes = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func (g_free);
    GPtrArray *out = g_ptr_array_new ();

    if (strlen (g_get_home_dir ()) > 1)
        g_ptr_array_add (homes, g_strdup (g_get_home_dir ()));
    take_user (getpwuid (getuid ()), homes, names);
    take_variables (homes, names);
    g_ptr_array_add (hosts, g_strdup (g_get_host_name ()));
    add_pairs (out, homes, "~");
    add_pairs (out, hosts, "<host>");
    add_pairs (out, names, "<user>");
    g_ptr_array_add (out, NULL);
    return (char **) g_ptr_array_free (out, FALSE);
}

static void
set_text (JsonObject *object, const char *name, const char *text, const char *const *words)
{
    if (text == NULL) {
        json_object_set_null_member (object, name);
        return;
    }
    g_autofree char *clean = host_report_redact (text, words);
    json_object_set_string_member (object, name, clean);
}

static void
set_known (JsonObject *object, const char *name, gint64 value)
{
    if (value >= 0)
        json_object_set_int_member (object, name, value);
    else
        json_object_set_null_member (object, name);
}

static JsonObject *
cpu_object (const HostFacts *facts)
{
    JsonObject *object = json_object_new ();
    JsonObject *leaf = json_object_new ();

    set_text (object, "vendor", facts->cpu_vendor, NULL);
    set_text (object, "name", facts->cpu_model, NULL);
    json_object_set_int_member (object, "family", facts->cpu_number[0]);
    json_object_set_int_member (object, "model", facts->cpu_number[1]);
    json_object_set_int_member (object, "stepping", facts->cpu_number[2]);
    json_object_set_boolean_member (object, "virtual_machine", facts->in_guest);
    json_object_set_boolean_member (leaf, "known", facts->cpuid.known);
    json_object_set_boolean_member (leaf, "sev", facts->cpuid.sev);
    json_object_set_boolean_member (leaf, "es", facts->cpuid.es);
    json_object_set_boolean_member (leaf, "snp", facts->cpuid.snp);
    json_object_set_int_member (leaf, "c_bit", facts->cpuid.c_bit);
    json_object_set_int_member (leaf, "reduced_bits", facts->cpuid.reduced);
    json_object_set_int_member (leaf, "asids", facts->cpuid.asids);
    json_object_set_int_member (leaf, "min_sev_asid", facts->cpuid.min_asid);
    json_object_set_object_member (object, "cpuid_8000001f", leaf);
    return object;
}

static JsonObject *
device_object (const HostDevice *device)
{
    JsonObject *object = json_object_new ();
    g_autofree char *mode = g_strdup_printf ("%04o", device->mode);

    json_object_set_boolean_member (object, "there", device->exists);
    if (device->exists) {
        json_object_set_string_member (object, "mode", mode);
        json_object_set_string_member (object, "group", device->group);
    }
    return object;
}

static JsonObject *
kernel_object (const HostFacts *facts)
{
    JsonObject *object = json_object_new ();

    set_text (object, "release", facts->kernel, NULL);
    json_object_set_boolean_member (object, "kvm_amd", facts->kvm_amd_loaded);
    json_object_set_boolean_member (object, "ccp", facts->ccp_loaded);
    set_text (object, "kvm_amd_sev", facts->kvm_sev, NULL);
    set_text (object, "kvm_amd_sev_es", facts->kvm_es, NULL);
    set_text (object, "kvm_amd_sev_snp", facts->kvm_snp, NULL);
    set_known (object, "sev_asids", facts->asids.capacity);
    set_known (object, "sev_asids_used", facts->asids.used);
    set_known (object, "sev_es_asids", facts->es_asids.capacity);
    set_known (object, "sev_es_asids_used", facts->es_asids.used);
    set_known (object, "memlock", facts->memlock == G_MAXINT64 ? -1 : facts->memlock);
    json_object_set_boolean_member (object, "apparmor", facts->apparmor);
    json_object_set_boolean_member (object, "apparmor_libvirt", facts->apparmor_libvirt);
    json_object_set_boolean_member (object, "apparmor_sev", facts->apparmor_sev);
    json_object_set_object_member (object, "dev_sev", device_object (&facts->sev));
    json_object_set_object_member (object, "dev_kvm", device_object (&facts->kvm));
    return object;
}

static JsonObject *
libvirt_object (const LibvirtFacts *libvirt)
{
    JsonObject *object = json_object_new ();

    json_object_set_boolean_member (object, "answers", libvirt->problem == NULL);
    json_object_set_int_member (object, "libvirt_version",
                                (gint64) libvirt->libvirt_version);
    json_object_set_int_member (object, "qemu_version", (gint64) libvirt->qemu_version);
    json_object_set_boolean_member (object, "sev", libvirt->sev);
    json_object_set_int_member (object, "c_bit", libvirt->c_bit);
    json_object_set_int_member (object, "reduced_bits", libvirt->reduced);
    json_object_set_int_member (object, "max_guests", libvirt->max_guests);
    json_object_set_int_member (object, "max_es_guests", libvirt->max_es_guests);
    return object;
}

static JsonObject *
psp_object (const HostPsp *psp)
{
    JsonObject *object = json_object_new ();

    json_object_set_int_member (object, "api_major", psp->api_major);
    json_object_set_int_member (object, "api_minor", psp->api_minor);
    json_object_set_int_member (object, "build", psp->build);
    json_object_set_string_member (object, "state", psp->state);
    return object;
}

static JsonArray *
check_array (const HostReport *report)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < report->checks->len; i++) {
        const Finding *finding = g_ptr_array_index (report->checks, i);
        JsonObject *object = json_object_new ();

        json_object_set_string_member (object, "id", finding->id);
        json_object_set_string_member (object, "level",
                                       finding_level_name (finding->level));
        set_text (object, "text", finding->text, report->private_words);
        json_array_add_object_element (array, object);
    }
    return array;
}

static JsonArray *
firmware_array (const HostReport *report)
{
    JsonArray *array = json_array_new ();

    for (guint i = 0; i < report->firmware->len; i++) {
        const FirmwareEntry *entry = g_ptr_array_index (report->firmware, i);
        g_autofree const char **can = firmware_info_can (entry->info);
        g_autofree char *joined = g_strjoinv (" ", (char **) can);
        JsonObject *object = json_object_new ();

        set_text (object, "path", entry->info->path, report->private_words);
        set_text (object, "sha256", entry->info->sha256, NULL);
        json_object_set_boolean_member (object, "own_build", entry->info->own_build);
        json_object_set_string_member (object, "can", joined);
        json_array_add_object_element (array, object);
    }
    return array;
}

JsonObject *
host_report_build (const HostReport *report)
{
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "schema", "sevlaunch.doctor-report/1");
    json_object_set_string_member (object, "version", PACKAGE_VERSION);
    json_object_set_array_member (object, "checks", check_array (report));
    json_object_set_object_member (object, "cpu", cpu_object (report->facts));
    json_object_set_object_member (object, "kernel", kernel_object (report->facts));
    if (report->libvirt != NULL)
        json_object_set_object_member (object, "libvirt", libvirt_object (report->libvirt));
    if (report->psp != NULL && report->psp->known)
        json_object_set_object_member (object, "psp", psp_object (report->psp));
    json_object_set_array_member (object, "firmware", firmware_array (report));
    return object;
}
