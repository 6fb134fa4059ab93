/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: qmp-error
 * @short_description: two error domains that never mix
 *
 * %QMP_ERROR is what went wrong on our side of the socket.  %QMP_PEER_ERROR is
 * what the peer answered, with the peer's own class and words.  A cancelled
 * call ends with %G_IO_ERROR_CANCELLED, as everywhere in GIO.
 */

/**
 * QmpError:
 * @QMP_ERROR_PROTOCOL: the peer sent what QMP does not allow: not JSON, not a
 *   QMP message, an unexpected member, a value of wrong type, size or range
 * @QMP_ERROR_TOO_BIG: a message is longer or more deeply nested than allowed
 * @QMP_ERROR_CLOSED: the connection is gone (or was closed by us)
 * @QMP_ERROR_TIMEOUT: no answer within the time allowed
 * @QMP_ERROR_CONNECT: the connection could not be made
 * @QMP_ERROR_TRANSPORT: what carries the commands (libvirt) refused or failed
 * @QMP_ERROR_ARGUMENT: a command cannot be built from what the caller gave
 */
typedef enum {
    QMP_ERROR_PROTOCOL,
    QMP_ERROR_TOO_BIG,
    QMP_ERROR_CLOSED,
    QMP_ERROR_TIMEOUT,
    QMP_ERROR_CONNECT,
    QMP_ERROR_TRANSPORT,
    QMP_ERROR_ARGUMENT,
} QmpError;

#define QMP_ERROR (qmp_error_quark ())
GQuark qmp_error_quark (void);

/**
 * QmpPeerError:
 * @QMP_PEER_ERROR_GENERIC: class "GenericError"
 * @QMP_PEER_ERROR_COMMAND_NOT_FOUND: class "CommandNotFound"
 * @QMP_PEER_ERROR_DEVICE_NOT_ACTIVE: class "DeviceNotActive"
 * @QMP_PEER_ERROR_DEVICE_NOT_FOUND: class "DeviceNotFound"
 * @QMP_PEER_ERROR_KVM_MISSING_CAP: class "KVMMissingCap"
 * @QMP_PEER_ERROR_OTHER: any other class
 *
 * The classes of QEMU qapi/error.json (QapiErrorClass).
 */
typedef enum {
    QMP_PEER_ERROR_GENERIC,
    QMP_PEER_ERROR_COMMAND_NOT_FOUND,
    QMP_PEER_ERROR_DEVICE_NOT_ACTIVE,
    QMP_PEER_ERROR_DEVICE_NOT_FOUND,
    QMP_PEER_ERROR_KVM_MISSING_CAP,
    QMP_PEER_ERROR_OTHER,
} QmpPeerError;

#define QMP_PEER_ERROR (qmp_peer_error_quark ())
GQuark qmp_peer_error_quark (void);

/**
 * qmp_peer_error_new:
 * @command: (nullable): the command that was answered, prefixed to the message
 * @klass: the peer's error class
 * @desc: the peer's description
 *
 * Returns: (transfer full): an error of domain %QMP_PEER_ERROR; its message is
 *   printable, see qmp_error_printable()
 */
GError *qmp_peer_error_new (const char *command, const char *klass, const char *desc);

/**
 * qmp_peer_error_get_class:
 * @error: an error of domain %QMP_PEER_ERROR
 *
 * Returns: (transfer none): the class word as the peer sent it
 */
const char *qmp_peer_error_get_class (const GError *error);

/**
 * qmp_peer_error_get_desc:
 * @error: an error of domain %QMP_PEER_ERROR
 *
 * Returns: (transfer none): the description as the peer sent it, valid UTF-8,
 *   not fit for a terminal without escaping
 */
const char *qmp_peer_error_get_desc (const GError *error);

/**
 * qmp_error_printable:
 * @text: (nullable): text that came from outside
 *
 * Returns: (transfer full): @text fit for a message: control characters and what
 *   is not UTF-8 replaced by '?', cut after 512 characters
 */
char *qmp_error_printable (const char *text);

G_END_DECLS
