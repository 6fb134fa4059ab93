/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ovmf-hooks/ovmf-error.h"

G_DEFINE_QUARK (ovmf - error - quark, ovmf_error)
