/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/flow/domain-source.h"

#include <stdlib.h>
#include <string.h>

#include "launcher/base/message.h"
#include "launcher/emulated/emulated-host.h"
#include "launcher/host/virt.h"
#include "launcher/inspect/domain-lint.h"

typedef struct {
    const LaunchOwner *owner;
    const char *name;
    const char *uuid;
} Question;

#define ANSWER_SIZE (DOMAIN_LINT_MAX_SIZE + 1)

/* The child. */

static virConnectPtr
open_emulated (const LaunchOwner *owner, GError **error)
{
    gboolean created = FALSE;
    g_autoptr (EmulatedHost) host =
        emulated_host_ensure (owner->emulated_path, NULL, &created, NULL, error);

    if (host == NULL || !emulated_host_start_libvirt (host, NULL, error))
        return NULL;
    if (created)
        message_info ("made a new EMULATED host in '%s'", emulated_host_get_path (host));
    return virt_open (emulated_host_get_uri (host), error);
}

/* With what libvirt shows to nobody else, or the copy would lack it. */
static gboolean
take_xml (virDomainPtr domain, guint8 *out, GError **error)
{
    char *text =
        virDomainGetXMLDesc (domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);

    if (text == NULL) {
        virt_set_error (error, LAUNCHER_ERROR_LIBVIRT, "the domain's XML");
        return FALSE;
    }
    const gboolean fits = g_strlcpy ((char *) out, text, ANSWER_SIZE) < ANSWER_SIZE;
    free (text);
    if (!fits)
        g_set_error_literal (error, LAUNCHER_ERROR, LAUNCHER_ERROR_CONFIG,
                             "domain XML: it is too large");
    return fits;
}

static gboolean
answer (gpointer data, guint8 *out, GError **error)
{
    const Question *question = data;
    const LaunchOwner *owner = question->owner;
    g_autoptr (virDomain) domain = NULL;

    if (!virt_init (error))
        return FALSE;
    g_autoptr (virConnect) connection = owner->place == LAUNCH_PLACE_EMULATED
                                            ? open_emulated (owner, error)
                                            : virt_open (owner->uri, error);
    if (connection == NULL ||
        !virt_find_startable (connection, question->name, question->uuid, &domain, error))
        return FALSE;
    if (question->uuid != NULL)
        return TRUE;
    if (domain != NULL)
        return take_xml (domain, out, error);
    g_set_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_DOMAIN_STATE,
                 "there is no domain '%s' (a file of domain XML has a '/' in its name, or "
                 "ends in .xml)",
                 question->name);
    return FALSE;
}

/* The parent. */

char *
domain_source_ask (const LaunchOwner *owner,
                   const char *name,
                   const char *uuid,
                   GError **error)
{
    Question question = { owner, name, uuid };
    g_autofree guint8 *out = g_malloc0 (ANSWER_SIZE);

    /* The directory is the emulated host's user's to make things in. */
    if (owner->run_as != NULL &&
        !emulated_host_prepare_parent (owner->emulated_path, owner->run_as->uid,
                                       owner->run_as->gid, error))
        return NULL;
    if (!run_as_call_apart (owner->run_as, answer, &question, out, ANSWER_SIZE, error))
        return NULL;
    out[ANSWER_SIZE - 1] = '\0';
    return g_strdup ((const char *) out);
}
