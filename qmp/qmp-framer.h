/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "qmp/qmp-error.h"

G_BEGIN_DECLS

/**
 * SECTION: qmp-framer
 * @short_description: a byte stream, one JSON object at a time
 *
 * Pure: bytes in, frames out; no file descriptor, no main loop, no JSON tree.
 * QEMU ends each message with "\r\n", libvirt with "\r\n" or "\n", and QEMU's
 * own reader needs no line ends at all; so a frame here is one JSON *object*,
 * from its '{' to the matching '}', with any white space before, within and
 * after.  Two objects on one line are two frames, an object over several lines
 * is one: no reader behind the framer can see another division than it did.
 *
 * Refused: anything but white space between objects, more nesting than
 * %QMP_FRAMER_MAX_DEPTH, a frame larger than the limit, mismatched brackets,
 * control bytes in strings, and what QEMU's or json-glib's readers take beyond
 * JSON (single quotes, comments, interpolation, assignments).  After the first
 * error a framer stays broken: there is no way to find the next boundary.
 */

#define QMP_FRAMER_MAX_DEPTH 128u        /* brackets open at one time */
#define QMP_FRAMER_CLIENT_MAX (8u << 20) /* bytes: replies read by a client */
#define QMP_FRAMER_SERVER_MAX (1u << 20) /* bytes: commands read by a server */

typedef struct _QmpFramer QmpFramer;

/**
 * qmp_framer_new:
 * @max_size: the longest frame accepted, in bytes, at least 2
 *
 * Memory used is bounded by @max_size plus what one push() adds.
 *
 * Returns: (transfer full): a framer
 */
QmpFramer *qmp_framer_new (gsize max_size);

void qmp_framer_free (QmpFramer *framer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QmpFramer, qmp_framer_free)

/**
 * qmp_framer_push:
 * @framer: a framer
 * @data: (array length=len): bytes as they came from the stream
 * @len: how many; 0 is allowed
 *
 * Takes a copy of @data.  Call qmp_framer_next() until it gives no frame before
 * reading more: what is not taken out is kept in memory.
 */
void qmp_framer_push (QmpFramer *framer, const void *data, gsize len);

/**
 * qmp_framer_next:
 * @framer: a framer
 * @frame: (out) (nullable) (transfer full): the next whole object, from '{' to
 *   '}', without surrounding white space; %NULL when more bytes are needed
 * @error: return location for a #GError, or %NULL
 *
 * Errors: %QMP_ERROR_PROTOCOL, %QMP_ERROR_TOO_BIG; the same one at each later
 * call.
 *
 * Returns: %FALSE if the stream is broken
 */
gboolean qmp_framer_next (QmpFramer *framer,
                          GBytes **frame,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * qmp_framer_get_offset:
 * @framer: a framer
 *
 * For pairing frames with descriptors that came beside the bytes: which frame
 * held the byte that a descriptor arrived with.
 *
 * Returns: bytes of the stream up to and with the last frame returned
 */
guint64 qmp_framer_get_offset (const QmpFramer *framer);

/**
 * qmp_framer_finish:
 * @framer: a framer
 * @error: return location for a #GError, or %NULL
 *
 * To be called at the end of the stream, after the last qmp_framer_next().
 *
 * Errors: %QMP_ERROR_PROTOCOL when the stream ends inside a frame.
 *
 * Returns: %TRUE if nothing but white space is left
 */
gboolean qmp_framer_finish (QmpFramer *framer, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
