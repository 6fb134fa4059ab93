/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * LUKS2 headers from their parts ("LUKS2 On-Disk Format Specification" 1.1, section 2.1),
 * so that a test can change any field and still have sound checksums.
 */

#define LUKS_MAKER_HDR_SIZE 16384u /* of one of the two headers */
#define LUKS_MAKER_UUID "6f3e2a10-91cb-4f0e-8d55-0c2b7a3d4e5f"

/**
 * luks_maker_fill:
 * @area: (array length=2*LUKS_MAKER_HDR_SIZE): the first bytes of a partition
 * @json: metadata; what does not fit is cut off
 *
 * Both headers, with checksums.
 */
void luks_maker_fill (guint8 *area, const void *json, gsize json_len);

/** luks_maker_seal: computes the checksum of the header at @header anew */
void luks_maker_seal (guint8 *header);
