/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/sev-error.h"

G_DEFINE_QUARK (sev - error - quark, sev_error)
