/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/guest-policy.h"

G_BEGIN_DECLS

#define POLICY_MIN_API "min-api="

/* A bit of the policy by its name. */
typedef struct {
    guint32 bit;
    const char *name;
} PolicyGuestWord;

/** policy_guest_words: in the order of the bits; static storage */
const PolicyGuestWord *policy_guest_words (gsize *n);

G_END_DECLS
