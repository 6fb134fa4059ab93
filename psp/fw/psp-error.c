/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "psp/fw/psp-error.h"

G_DEFINE_QUARK (psp - error - quark, psp_error)
