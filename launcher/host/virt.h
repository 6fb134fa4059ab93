/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <libvirt/libvirt.h>

#include "launcher/base/launcher-error.h"

G_BEGIN_DECLS

/**
 * SECTION: virt
 * @short_description: libvirt's calls with GErrors
 *
 * All calls block; run them on a worker thread.  Messages of libvirt and QEMU are made
 * printable.
 */

static inline void
virt_connect_close (virConnectPtr connection)
{
    virConnectClose (connection);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virConnect, virt_connect_close)

static inline void
virt_domain_free (virDomainPtr domain)
{
    virDomainFree (domain);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (virDomain, virt_domain_free)

/**
 * virt_init:
 *
 * Makes libvirt's events come on the default main context and keeps its messages off
 * stderr.  Before the first connection.
 * Errors: %LAUNCHER_ERROR_LIBVIRT.
 */
gboolean virt_init (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** virt_uri_is_remote: whether the URI names another machine */
gboolean virt_uri_is_remote (const char *uri);
/** virt_uri_leads_back: whether it names another machine's libvirt, and by its words this
 * machine is that one: localhost, a loopback address, the own name */
gboolean virt_uri_leads_back (const char *uri);

/**
 * VirtIdentity: by what a machine is told from others
 * @name: (nullable): its host name, with or without a domain
 * @uuids: (nullable) (array zero-terminated=1): 36 characters each, in lower case
 */
typedef struct {
    char *name;
    char **uuids;
} VirtIdentity;
void virt_identity_clear (VirtIdentity *identity);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VirtIdentity, virt_identity_clear)

/** virt_identity_read_own: this machine's; UUIDs of SMBIOS (for root) and of machine-id(5)
 */
void virt_identity_read_own (VirtIdentity *out);
/**
 * virt_identity_matches:
 * @name: (nullable): what a host calls itself
 * @capabilities: (nullable): its libvirt's, untrusted XML, which names the host's UUID
 *
 * Whether it may be the machine @own: by name or by UUID, or because it gives no name.  A
 * name without a domain matches that name with any.
 */
gboolean virt_identity_matches (const VirtIdentity *own,
                                const char *name,
                                const char *capabilities);
/**
 * virt_is_this_machine:
 * Whether a host that a URI calls another machine says that it is this one.  Catches an
 * alias, an address or a tunnel that leads back here; a host that lies about itself is not
 * caught, and another machine of the same name counts as this one.
 */
gboolean virt_is_this_machine (virConnectPtr connection);

/**
 * virt_open:
 * Errors: %LAUNCHER_ERROR_LIBVIRT_UNREACHABLE, %LAUNCHER_ERROR_USAGE (an alias that hides
 *   another machine).
 */
virConnectPtr virt_open (const char *uri, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * virt_open_anywhere: the same, also of another machine, for what nobody trusts anyway
 * Errors: %LAUNCHER_ERROR_LIBVIRT_UNREACHABLE.
 */
virConnectPtr virt_open_anywhere (const char *uri,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** virt_has_kvm: whether libvirt has an emulator that uses KVM */
gboolean virt_has_kvm (virConnectPtr connection);

/** VirtPlatform: what the host says of its platform; untrusted bytes */
typedef struct {
    GBytes *pdh;        /* 2084 bytes */
    GBytes *cert_chain; /* PEK || OCA || CEK */
    char *cpu0_id;      /* (nullable): hexadecimal; names what to fetch, proves nothing */
} VirtPlatform;

/**
 * virt_read_platform:
 * @out: (out caller-allocates)
 *
 * virNodeGetSEVInfo(); strict base64, at most 64 KiB each.  An id that this machine's
 * libvirt does not say is asked of /dev/sev, where that may be read.
 * Errors: %LAUNCHER_ERROR_NO_SEV (libvirt says there is none),
 * %LAUNCHER_ERROR_REPLY_ALTERED, %LAUNCHER_ERROR_LIBVIRT.
 */
gboolean virt_read_platform (virConnectPtr connection,
                             VirtPlatform *out,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
void virt_platform_clear (VirtPlatform *platform);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VirtPlatform, virt_platform_clear)

/** virt_check_name_free: Errors: %LAUNCHER_ERROR_DOMAIN_EXISTS, %LAUNCHER_ERROR_LIBVIRT. */
gboolean virt_check_name_free (virConnectPtr connection,
                               const char *name,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * virt_find_startable:
 * @uuid: (nullable): that a domain of this name must have
 * @out: (out) (transfer full) (nullable): %NULL if there is no domain of this name
 *
 * A domain that is defined and can be started anew.
 * Errors: %LAUNCHER_ERROR_DOMAIN_EXISTS (it runs, or is another one by its UUID),
 *   %LAUNCHER_ERROR_DOMAIN_STATE (its memory is saved), %LAUNCHER_ERROR_LIBVIRT.
 */
gboolean virt_find_startable (virConnectPtr connection,
                              const char *name,
                              const char *uuid,
                              virDomainPtr *out,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * virt_create_paused:
 *
 * Starts a transient domain that does not run yet.
 * Errors: %LAUNCHER_ERROR_PSP_REFUSED (the platform's firmware refused the owner's session,
 *   certificate or policy), %LAUNCHER_ERROR_PSP (it answered with another error),
 *   %LAUNCHER_ERROR_DOMAIN_EXISTS, %LAUNCHER_ERROR_QEMU_DIED, %LAUNCHER_ERROR_LIBVIRT.
 */
virDomainPtr virt_create_paused (virConnectPtr connection,
                                 const char *xml,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * virt_classify_qemu_output:
 * @text: of a QEMU that ended during its start
 * Returns: %LAUNCHER_ERROR_PSP_REFUSED, %LAUNCHER_ERROR_PSP or %LAUNCHER_ERROR_QEMU_DIED,
 * by QEMU's "fw_error=N"
 */
LauncherError virt_classify_qemu_output (const char *text);

/** virt_packet_hint: what else to say where @text is QEMU's refusal of a secret packet:
 * what a wrong MAC means for who carried it; or "" */
const char *virt_packet_hint (const char *text);

/** virt_resume: Errors: %LAUNCHER_ERROR_QEMU_DIED, %LAUNCHER_ERROR_LIBVIRT. */
gboolean virt_resume (virDomainPtr domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * virt_destroy:
 *
 * Ends the guest that @domain was when it was looked up or made; one that is gone already
 * is no error.  A domain that was started again since is left alone.
 * Errors: %LAUNCHER_ERROR_LIBVIRT.
 */
gboolean virt_destroy (virDomainPtr domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** virt_set_error: sets @code with "@what: " and libvirt's last message */
void virt_set_error (GError **error, LauncherError code, const char *what);

G_END_DECLS
