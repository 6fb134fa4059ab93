/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/inspect/domain-lint.h"
#include "launcher/domain/xml-read.h"

/** lint_devices: everything below <devices> */
void lint_devices (const xmlNode *domain, GPtrArray *out);
