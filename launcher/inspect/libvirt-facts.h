/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** LibvirtFacts: what libvirt and its QEMU say, as far as they answer */
typedef struct {
    char *uri;
    char *problem;          /* (nullable): why libvirt does not answer */
    gulong libvirt_version; /* 9000000 is 9.0.0 */
    gulong qemu_version;    /* 7002022 is 7.2.22; 0: not known; of libvirt, or of the
                               program itself (qemu_version_ask()) */
    gboolean told;          /* domain capabilities were read */
    gboolean sev;           /* and list SEV */
    guint c_bit;
    guint reduced;
    guint max_guests;    /* of the processor, without SEV-ES; 0: not said */
    guint max_es_guests; /* 0: not said */
} LibvirtFacts;

/**
 * libvirt_facts_parse:
 * @text: (array length=len): XML of virConnectGetDomainCapabilities()
 * @facts: (inout): told and what follows
 * Source: libvirt, "Domain capabilities XML format", SEV capabilities.
 * Errors: %LAUNCHER_ERROR_CONFIG.
 */
gboolean libvirt_facts_parse (const char *text,
                              gsize len,
                              LibvirtFacts *facts,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * libvirt_facts_read:
 * @uri: of a libvirt on this machine
 * Blocks.  Returns: (transfer full): never %NULL
 */
LibvirtFacts *libvirt_facts_read (const char *uri);

void libvirt_facts_free (LibvirtFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LibvirtFacts, libvirt_facts_free)

G_END_DECLS
