/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launcher/cli/command.h"

G_BEGIN_DECLS

int cmd_firmware_trust (int argc, char **argv);

G_END_DECLS
