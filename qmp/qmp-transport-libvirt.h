/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "qmp/qmp-transport.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-transport-libvirt
 * @short_description: QMP through libvirt's monitor passthrough
 *
 * virDomainQemuMonitorCommand() blocks and returns one reply, so each command
 * runs on a worker thread, one at a time.  A cancelled command goes on in
 * libvirt; its reply is dropped.  libvirt marks the domain as tainted
 * ("custom-monitor") and must allow writing (not a read-only connection).
 */

#define QMP_TYPE_TRANSPORT_LIBVIRT (qmp_transport_libvirt_get_type ())
G_DECLARE_FINAL_TYPE (QmpTransportLibvirt,
                      qmp_transport_libvirt,
                      QMP,
                      TRANSPORT_LIBVIRT,
                      GObject)

/**
 * qmp_transport_libvirt_new:
 * @domain: a running domain; a reference of its own is taken
 *
 * Signals "event" and "closed" (when the domain stops) come only if the program
 * runs a libvirt event loop that it registered before it opened the connection;
 * without one, a stopped domain shows as %QMP_ERROR_CLOSED of the next command.
 *
 * Returns: (transfer full): a transport
 */
QmpTransport *qmp_transport_libvirt_new (virDomainPtr domain);

/**
 * qmp_libvirt_is_closed:
 * @error: (nullable): of a call about a domain that ran
 *
 * Returns: whether it says that the domain or its monitor is gone
 */
gboolean qmp_libvirt_is_closed (const virError *error);

G_END_DECLS
