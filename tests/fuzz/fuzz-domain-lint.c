/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML: findings with printable words, or a refusal. */

#include <stdint.h>
#include <string.h>

#include "launcher/inspect/domain-lint.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (DomainLint) lint = domain_lint ((const char *) data, size, &error);

    g_assert_true ((lint == NULL) == (error != NULL));
    if (lint == NULL)
        return 0;
    for (guint i = 0; i < lint->findings->len; i++) {
        const Finding *finding = g_ptr_array_index (lint->findings, i);

        g_assert_true (g_utf8_validate (finding->text, -1, NULL));
        g_assert_null (strchr (finding->text, '\n'));
        g_assert_null (strchr (finding->text, '\033'));
        /* Once each, but the policy's bits, which are few. */
        g_assert_true (finding_get (lint->findings, finding->id) == finding);
    }
    return 0;
}
