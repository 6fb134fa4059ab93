/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/image/esp.h"
#include "launcher/image/image-info.h"
#include "launcher/image/luks.h"

G_BEGIN_DECLS

/**
 * SECTION: image-answer
 * @short_description: what the process that reads the image says, as bytes
 *
 * A GVariant of type "(yv)": %IMAGE_ANSWER_YES and what was asked for, or
 * %IMAGE_ANSWER_NO and an error.  Who reads it trusts none of it: the process has looked at
 * a hostile image.  Numbers are in the order of this machine.
 *
 * Taking apart what is not a proper answer gives %LAUNCHER_ERROR_INTERNAL; one that says no
 * gives the error that it names, its text printable.
 */

#define IMAGE_ANSWER_MAX (512u << 10) /* bytes */

#define IMAGE_ANSWER_YES 'y'
#define IMAGE_ANSWER_NO 'n'

/** image_answer_error: @error: of any domain; one that is neither %IMAGE_ERROR nor
 * %LAUNCHER_ERROR becomes %LAUNCHER_ERROR_INTERNAL */
GBytes *image_answer_error (const GError *error);

GBytes *image_answer_info (const ImageInfo *info);
/** image_answer_take_info: Returns: (transfer full): closed, see image_info_new_closed() */
ImageInfo *image_answer_take_info (GBytes *answer,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_answer_uuid: @uuid: (nullable) */
GBytes *image_answer_uuid (const char *uuid);
/** image_answer_take_uuid: @uuid: (out) (transfer full) (nullable): 36 characters */
gboolean image_answer_take_uuid (GBytes *answer,
                                 char **uuid,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_answer_uki: without its descriptor, which goes beside it */
GBytes *image_answer_uki (const EspUki *uki);
/**
 * image_answer_take_uki:
 * @fd: (transfer full): the descriptor, -1: none came
 *
 * The descriptor must be a sealed memory file of the size that the answer says.
 */
EspUki *image_answer_take_uki (GBytes *answer,
                               int fd,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/** image_answer_fd: @fd: number of a descriptor of the process that answers */
GBytes *image_answer_fd (int fd);
/** image_answer_take_fd: Returns: -1 on error */
int image_answer_take_fd (GBytes *answer, GError **error) G_GNUC_WARN_UNUSED_RESULT;

GBytes *image_answer_luks (const LuksHeader *header);
LuksHeader *image_answer_take_luks (GBytes *answer,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
