/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/host/launch.h"
#include "qmp/qmp-message.h"

G_BEGIN_DECLS

/**
 * SECTION: sev-qmp
 * @short_description: the SEV commands of QMP, answered by the emulated platform
 *
 * Members, error classes and texts are QEMU's (7.2 qapi/misc-target.json; 10.0 has
 * "sev-type" in addition).
 */

typedef struct {
    const HostDir *host;
    Platform *platform; /* (nullable): the guest's, as it was when that began */
    Launch *launch;     /* (nullable): the guest, if there is one */
    gboolean
        query_sev_type; /* whether this QEMU's query-sev has "sev-type": 9.1 and later */
} SevQmp;

/** sev_qmp_answer: @command: a command of class %COMMAND_OURS.
 * Returns: (transfer full): the reply */
GBytes *sev_qmp_answer (SevQmp *sev, const QmpMessage *command);

/** sev_qmp_info: Returns: (transfer full): the reply to the human monitor's "info sev" */
GBytes *sev_qmp_info (SevQmp *sev, JsonNode *id);

/**
 * sev_qmp_add_blocker:
 * @reply: of QEMU's to "query-migrate"
 *
 * Once the launch has ended, QEMU's sev.c blocks migration, and libvirt then does not try
 * to save or migrate.
 * Returns: (transfer full) (nullable): the reply with the reason; %NULL: as it is
 */
GBytes *sev_qmp_add_blocker (SevQmp *sev, const QmpMessage *reply);

G_END_DECLS
