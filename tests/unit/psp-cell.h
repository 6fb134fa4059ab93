/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/unit/psp-fake-host.h"

/* A cell of a table of states: a platform in one, with a guest in one. */

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint32 handle; /* of the guest; of nobody if there is none */
} Cell;

/* Where the good buffers have their data. */
#define CELL_OUT FAKE_AT (0x1000)
#define CELL_OUT2 FAKE_AT (0x4000)
#define CELL_DATA FAKE_AT (0x10000)
#define CELL_HEADER FAKE_AT (0x20000)
#define CELL_TRANS FAKE_AT (0x21000)

#define CELL_BUFFER_SIZE 128u
#define CELL_NO_GUEST 0u

/* @active: the guest has an ASID, of the kind that its policy needs */
void cell_open (Cell *cell,
                SevPlatformState platform,
                guint guest_state,
                guint32 policy,
                gboolean active);
void cell_close (Cell *cell);
/* Frees the identity that all cells share. */
void cell_finish (void);

/* A command buffer that succeeds wherever the command is legal, if the guest is as the
 * next two say.
 */
void cell_good_buffer (Cell *cell, guint32 id, guint8 *buffer);
gboolean cell_wants_active (guint32 id);
guint32 cell_wanted_policy (guint32 id);

void cell_put_secret (Cell *cell, guint8 *buffer);
