/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/** test_crc32: Returns: CRC-32 of ISO 3309, computed with a table; 0xcbf43926 for
 * "123456789" */
guint32 test_crc32 (const void *data, gsize len);
