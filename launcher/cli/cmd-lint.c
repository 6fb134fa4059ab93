/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sevlaunch lint -- what stands in the way of a verified launch of a domain. */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/cli/command.h"
#include "launcher/host/virt.h"
#include "launcher/inspect/bounded-file.h"
#include "launcher/inspect/domain-lint.h"
#include "launcher/inspect/firmware-list.h"

#define SYSTEM_URI "qemu:///system"

static GBytes *
read_domain (const char *uri, const char *name, GError **error)
{
    if (!virt_init (error))
        return NULL;
    g_autoptr (virConnect) connection = virt_open (uri, error);
    if (connection == NULL)
        return NULL;
    g_autoptr (virDomain) domain = virDomainLookupByName (connection, name);
    char *text =
        domain != NULL ? virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_INACTIVE) : NULL;
    if (text == NULL) {
        g_autofree char *what = g_strdup_printf ("domain '%s'", name);
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, what);
        return NULL;
    }
    return g_bytes_new_with_free_func (text, strlen (text), free, text);
}

/* A name of libvirt's has no slash; a file in this directory is XML by its name. */
static GBytes *
read_text (const char *uri, const char *word, GError **error)
{
    const gboolean file =
        uri == NULL && (strchr (word, '/') != NULL || g_str_has_suffix (word, ".xml"));

    return file ? bounded_file_read (word, DOMAIN_LINT_MAX_SIZE, error)
                : read_domain (uri != NULL ? uri : SYSTEM_URI, word, error);
}

/* The image that the domain names, where it can be read from here; a path of another
 * machine's is no path here. */
static void
look_at_loader (const DomainLint *lint, const char *uri)
{
    char *const paths[] = { lint->loader, NULL };
    const gboolean here = uri == NULL || !virt_uri_is_remote (uri);
    g_autoptr (GPtrArray) list =
        here && lint->loader != NULL && g_path_is_absolute (lint->loader)
            ? firmware_list_named (paths, PKGDATADIR, NULL)
            : NULL;

    if (list == NULL) {
        if (lint->loader != NULL)
            finding_add (lint->findings, "loader-unread", FINDING_UNKNOWN, NULL,
                         "'%s' cannot be read here", lint->loader);
        return;
    }
    const FirmwareEntry *entry = g_ptr_array_index (list, 0);
    const GPtrArray *found = entry->info->findings;
    for (guint i = 0; i < found->len; i++) {
        const Finding *one = g_ptr_array_index (found, i);
        finding_add (lint->findings, one->id, one->level, one->fix, "'%s': %s",
                     lint->loader, one->text);
    }
}

static int
say (const CommandCommon *common, const DomainLint *lint)
{
    const FindingLevel worst = finding_worst (lint->findings);
    gboolean insecure = FALSE;

    for (guint i = 0; i < lint->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (lint->findings, i);
        insecure |= finding->level == FINDING_INSECURE;
    }
    const int code = insecure                ? LAUNCHER_EXIT_INSECURE
                     : worst == FINDING_FAIL ? LAUNCHER_EXIT_INPUT
                                             : LAUNCHER_EXIT_OK;
    g_autofree char *name = message_printable (lint->name != NULL ? lint->name : "?");

    if (!common->json) {
        command_print_findings (lint->findings, "");
        printf ("domain '%s': %s\n", name,
                code == LAUNCHER_EXIT_OK         ? "a verified launch is possible"
                : code == LAUNCHER_EXIT_INSECURE ? "no secrets for it like this"
                                                 : "no SEV guest with secrets like this");
        return code;
    }
    g_autoptr (JsonObject) object = json_object_new ();
    json_object_set_string_member (object, "schema", "sevlaunch.lint/1");
    json_object_set_string_member (object, "domain", name);
    json_object_set_array_member (object, "findings",
                                  finding_list_to_json (lint->findings));
    json_object_set_int_member (object, "exit_code", code);
    command_print_json (object);
    return code;
}

int
cmd_lint (int argc, char **argv)
{
    g_autofree char *uri = NULL;
    const GOptionEntry entries[] = {
        { "connect", 'c', 0, G_OPTION_ARG_STRING, &uri,
          "The libvirt that has the domain (default: qemu:///system)", "URI" },
        G_OPTION_ENTRY_NULL,
    };
    CommandCommon common = { 0 };
    g_autoptr (GError) error = NULL;
    gsize len = 0;

    if (!command_parse (
            "lint", "FILE",
            "Says what stands in the way of a verified launch with secrets: of "
            "the domain XML\nin a file, or of a domain that libvirt has, by its "
            "name.",
            entries, &common, &argc, &argv, &error))
        return command_fail (&common, error);
    if (argc != 2) {
        g_set_error_literal (&error, LAUNCHER_ERROR, LAUNCHER_ERROR_USAGE,
                             "lint takes one file of domain XML, or the name of a domain");
        return command_fail (&common, error);
    }
    g_autoptr (GBytes) bytes = read_text (uri, argv[1], &error);
    if (bytes == NULL)
        return command_fail (&common, error);
    const char *text = g_bytes_get_data (bytes, &len);
    g_autoptr (DomainLint) lint = domain_lint (text, len, &error);
    if (lint == NULL)
        return command_fail (&common, error);
    look_at_loader (lint, uri);
    return say (&common, lint);
}
