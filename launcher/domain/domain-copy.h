/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "launcher/domain/domain-config.h"

G_BEGIN_DECLS

/**
 * SECTION: domain-copy
 * @short_description: a domain that somebody else defined, and the copy of it that is
 *   launched with SEV
 *
 * The XML is the host's: what is read here chooses files and numbers, and proves nothing.
 * Source: libvirt, "Domain XML format" and "Launch security with AMD SEV".
 */

/**
 * DomainFacts: what the XML says; strings are fit for a terminal
 * @vcpus: at the guest's start
 * @vcpus_vary: more may be added later
 * @loader: (nullable): path of the firmware, absolute
 * @kernel: (nullable): absolute, as @initrd is
 * @disk: (nullable): the disk that boots, if it is a qcow2 or raw file: its path
 * @format: (nullable): of @disk, "qcow2" or "raw"; libvirt takes raw where none is stated
 * @cpu_model: (nullable): a fixed model; NULL where the host chooses
 * @has_policy: <launchSecurity> has a guest policy
 * @console: the first console is one that can be read, or there is none and
 *   domain_copy_build() adds one
 */
typedef struct {
    char *name;
    char *uuid; /* (nullable) */
    guint memory_mib;
    guint vcpus;
    gboolean vcpus_vary;
    char *loader;
    char *kernel;
    char *initrd;  /* (nullable) */
    char *cmdline; /* (nullable) */
    char *disk;
    char *format;
    char *cpu_model;
    gboolean has_policy;
    guint32 policy;
    gboolean console;
} DomainFacts;

typedef struct _DomainCopy DomainCopy;

/**
 * domain_copy_read:
 * @text: (array length=len): domain XML, untrusted
 * Errors: %LAUNCHER_ERROR_CONFIG: xml_read()'s, an element twice that libvirt takes once,
 *   numbers and paths that cannot be.
 */
DomainCopy *domain_copy_read (const char *text,
                              gsize len,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
void domain_copy_free (DomainCopy *copy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DomainCopy, domain_copy_free)

const DomainFacts *domain_copy_get_facts (const DomainCopy *copy);

/**
 * DomainEdit: what the copy has of its own; borrowed strings
 * @uuid: for XML that has none
 * @type: (nullable): "kvm" or "qemu", @emulator: (nullable): path: of an emulated host;
 * else the domain's own stay
 * @kernel: (nullable): of what boots, where the XML has no <kernel>; with it @initrd and
 *   @cmdline
 * @disk: (nullable) (array length=n_disk): the chain of the disk that boots
 * @locked_memory: <memoryBacking><locked/>, if nothing else says how much may be locked
 */
typedef struct {
    const char *uuid;
    const char *type;
    const char *emulator;
    const char *kernel;
    const char *initrd;
    const char *cmdline;
    const DomainDiskLayer *disk;
    guint n_disk;
    gboolean locked_memory;
    guint32 policy;
    const char *dh_cert; /* base64 */
    const char *session; /* base64 */
    gboolean kernel_hashes;
    gulong libvirt_version;
} DomainEdit;

/**
 * domain_copy_build:
 *
 * Name, UUID, devices and their addresses stay.  What becomes another: <launchSecurity>;
 * the firmware is mapped read-only and without variables; virtio devices use the DMA
 * interface; no option ROM, no balloon, no VMware port; every end of the guest ends the
 * domain; a serial console where there is none.
 * Returns: (transfer full): XML that virDomainCreateXML() takes
 * Errors: %LAUNCHER_ERROR_CONFIG.
 */
char *domain_copy_build (const DomainCopy *copy,
                         const DomainEdit *edit,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
