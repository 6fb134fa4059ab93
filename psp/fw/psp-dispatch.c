/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mailbox.  Every command passes the same checks in the same order:
 *
 *   a. id: in the table, and there in this firmware's API    INVALID_COMMAND
 *   b. size of the command buffer                            INVALID_LENGTH
 *   c. platform state                                        INVALID_PLATFORM_STATE
 *   d. guest handle: names a guest                           INVALID_GUEST
 *   e. guest state                                           INVALID_GUEST_STATE
 *   f. the command itself: parameters, work, commit
 *
 * Design choices, for which no public source decides: the order c, d, e; SNP commands (81h
 * to ceh) are unknown commands, as to a firmware from before SNP, and so is RING_BUFFER
 * (0fh), which no driver for SEV uses; INIT_EX and ACTIVATE_EX are there in every API, as
 * no source says since when; b exists only because the caller says how long his buffer is,
 * hardware has no such check.  README.md lists the choices of all commands.
 *
 * A new command is one file psp-cmd-NAME.c, its line in psp-private.h and its row here.
 */

#include "psp/fw/psp-private.h"

#include <string.h>

#define PLATFORM(state) (1u << SEV_PLATFORM_##state)
#define GUEST(state) (1u << SEV_GUEST_##state)

#define PLATFORM_ANY (PLATFORM (UNINIT) | PLATFORM (INIT) | PLATFORM (WORKING))
#define PLATFORM_UP (PLATFORM (INIT) | PLATFORM (WORKING))

/* Every state that a guest with a handle can be in. */
#define GUEST_ANY                                                                          \
    (GUEST (LAUNCH_UPDATE) | GUEST (LAUNCH_SECRET) | GUEST (RUNNING) |                     \
     GUEST (SEND_UPDATE) | GUEST (RECEIVE_UPDATE) | GUEST (SENT))

typedef struct {
    guint32 id;
    const char *name;
    guint8 size;       /* of the command buffer */
    guint8 api_minor;  /* first 0.x firmware that has it */
    guint16 platforms; /* mask of PLATFORM() */
    guint16 guests;    /* mask of GUEST(); 0: no guest is named */
    PspHandler handler;
} Command;

/* Sizes and states: AMD's sev-tool (src/sevapi.h); API levels: Linux
 * (include/linux/psp-sev.h).
 */
static const Command commands[] = {
    { PSP_CMD_INIT, "INIT", 20, 0, PLATFORM (UNINIT), 0, psp_cmd_init },
    { PSP_CMD_SHUTDOWN, "SHUTDOWN", 0, 0, PLATFORM_UP, 0, psp_cmd_shutdown },
    { PSP_CMD_PLATFORM_RESET, "PLATFORM_RESET", 0, 0, PLATFORM (UNINIT), 0,
      psp_cmd_platform_reset },
    { PSP_CMD_PLATFORM_STATUS, "PLATFORM_STATUS", 12, 0, PLATFORM_ANY, 0,
      psp_cmd_platform_status },
    { PSP_CMD_PEK_GEN, "PEK_GEN", 0, 0, PLATFORM (INIT), 0, psp_cmd_pek_gen },
    { PSP_CMD_PEK_CSR, "PEK_CSR", 12, 0, PLATFORM (INIT), 0, psp_cmd_pek_csr },
    { PSP_CMD_PEK_CERT_IMPORT, "PEK_CERT_IMPORT", 28, 0, PLATFORM (INIT), 0,
      psp_cmd_pek_cert_import },
    { PSP_CMD_PDH_CERT_EXPORT, "PDH_CERT_EXPORT", 28, 0, PLATFORM_UP, 0,
      psp_cmd_pdh_cert_export },
    { PSP_CMD_PDH_GEN, "PDH_GEN", 0, 0, PLATFORM_UP, 0, psp_cmd_pdh_gen },
    { PSP_CMD_DF_FLUSH, "DF_FLUSH", 0, 0, PLATFORM_UP, 0, psp_cmd_df_flush },
    { PSP_CMD_DOWNLOAD_FIRMWARE, "DOWNLOAD_FIRMWARE", 12, 15, PLATFORM (UNINIT), 0,
      psp_cmd_download_firmware },
    { PSP_CMD_GET_ID, "GET_ID", 12, 16, PLATFORM_ANY, 0, psp_cmd_get_id },
    { PSP_CMD_INIT_EX, "INIT_EX", 36, 0, PLATFORM (UNINIT), 0, psp_cmd_init_ex },
    { PSP_CMD_NOP, "NOP", 0, 0, PLATFORM_ANY, 0, psp_cmd_nop },
    { PSP_CMD_DECOMMISSION, "DECOMMISSION", 4, 0, PLATFORM_UP, GUEST_ANY,
      psp_cmd_decommission },
    { PSP_CMD_ACTIVATE, "ACTIVATE", 8, 0, PLATFORM_UP, GUEST_ANY & ~GUEST (SENT),
      psp_cmd_activate },
    { PSP_CMD_ACTIVATE_EX, "ACTIVATE_EX", 24, 0, PLATFORM_UP, GUEST_ANY & ~GUEST (SENT),
      psp_cmd_activate_ex },
    { PSP_CMD_DEACTIVATE, "DEACTIVATE", 4, 0, PLATFORM_UP, GUEST_ANY, psp_cmd_deactivate },
    { PSP_CMD_GUEST_STATUS, "GUEST_STATUS", 13, 0, PLATFORM_UP, GUEST_ANY,
      psp_cmd_guest_status },
    { PSP_CMD_COPY, "COPY", 24, 0, PLATFORM_UP, GUEST (RUNNING), psp_cmd_copy },
    { PSP_CMD_LAUNCH_START, "LAUNCH_START", 36, 0, PLATFORM_UP, 0, psp_cmd_launch_start },
    { PSP_CMD_LAUNCH_UPDATE_DATA, "LAUNCH_UPDATE_DATA", 20, 0, PLATFORM_UP,
      GUEST (LAUNCH_UPDATE), psp_cmd_launch_update_data },
    { PSP_CMD_LAUNCH_UPDATE_VMSA, "LAUNCH_UPDATE_VMSA", 20, 0, PLATFORM_UP,
      GUEST (LAUNCH_UPDATE), psp_cmd_launch_update_vmsa },
    { PSP_CMD_LAUNCH_MEASURE, "LAUNCH_MEASURE", 20, 0, PLATFORM_UP, GUEST (LAUNCH_UPDATE),
      psp_cmd_launch_measure },
    { PSP_CMD_LAUNCH_SECRET, "LAUNCH_SECRET", 52, 0, PLATFORM_UP, GUEST (LAUNCH_SECRET),
      psp_cmd_launch_secret },
    { PSP_CMD_LAUNCH_FINISH, "LAUNCH_FINISH", 4, 0, PLATFORM_UP, GUEST (LAUNCH_SECRET),
      psp_cmd_launch_finish },
    { PSP_CMD_ATTESTATION, "ATTESTATION", 36, 0, PLATFORM_UP,
      GUEST (LAUNCH_SECRET) | GUEST (RUNNING), psp_cmd_attestation },
    { PSP_CMD_SEND_START, "SEND_START", 68, 0, PLATFORM_UP, GUEST (RUNNING),
      psp_cmd_send_start },
    { PSP_CMD_SEND_UPDATE_DATA, "SEND_UPDATE_DATA", 52, 0, PLATFORM_UP, GUEST (SEND_UPDATE),
      psp_cmd_send_update_data },
    { PSP_CMD_SEND_UPDATE_VMSA, "SEND_UPDATE_VMSA", 52, 0, PLATFORM_UP, GUEST (SEND_UPDATE),
      psp_cmd_send_update_vmsa },
    { PSP_CMD_SEND_FINISH, "SEND_FINISH", 4, 0, PLATFORM_UP, GUEST (SEND_UPDATE),
      psp_cmd_send_finish },
    { PSP_CMD_SEND_CANCEL, "SEND_CANCEL", 4, 0, PLATFORM_UP, GUEST (SEND_UPDATE),
      psp_cmd_send_cancel },
    { PSP_CMD_RECEIVE_START, "RECEIVE_START", 36, 0, PLATFORM_UP, 0,
      psp_cmd_receive_start },
    { PSP_CMD_RECEIVE_UPDATE_DATA, "RECEIVE_UPDATE_DATA", 52, 0, PLATFORM_UP,
      GUEST (RECEIVE_UPDATE), psp_cmd_receive_update_data },
    { PSP_CMD_RECEIVE_UPDATE_VMSA, "RECEIVE_UPDATE_VMSA", 52, 0, PLATFORM_UP,
      GUEST (RECEIVE_UPDATE), psp_cmd_receive_update_vmsa },
    { PSP_CMD_RECEIVE_FINISH, "RECEIVE_FINISH", 4, 0, PLATFORM_UP, GUEST (RECEIVE_UPDATE),
      psp_cmd_receive_finish },
    { PSP_CMD_DBG_DECRYPT, "DBG_DECRYPT", 28, 0, PLATFORM_UP, GUEST (RUNNING),
      psp_cmd_dbg_decrypt },
    { PSP_CMD_DBG_ENCRYPT, "DBG_ENCRYPT", 28, 0, PLATFORM_UP, GUEST (RUNNING),
      psp_cmd_dbg_encrypt },
    { PSP_CMD_SWAP_OUT, "SWAP_OUT", 40, 0, PLATFORM_UP, GUEST (RUNNING), psp_cmd_swap_out },
    { PSP_CMD_SWAP_IN, "SWAP_IN", 32, 0, PLATFORM_UP, GUEST (RUNNING), psp_cmd_swap_in },
};

static const Command *
find_command (guint32 id)
{
    for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
        if (commands[i].id == id)
            return &commands[i];
    return NULL;
}

const char *
psp_command_name (guint32 id)
{
    const Command *command = find_command (id);

    return command != NULL ? command->name : "unknown";
}

/* A guest command's buffer starts with the handle, but for one. */
static gsize
handle_offset (const Command *command)
{
    return command->id == PSP_CMD_ACTIVATE_EX ? offsetof (PspActivateExCmd, handle_le) : 0;
}

/* Steps d and e. */
static SevStatus
find_guest (const PspDevice *psp,
            const Command *command,
            const guint8 *buffer,
            PspGuest **guest)
{
    guint32 handle_le;

    *guest = NULL;
    if (command->guests == 0)
        return SEV_STATUS_SUCCESS;

    memcpy (&handle_le, buffer + handle_offset (command), sizeof handle_le);
    *guest = psp_guests_find (psp->guests, GUINT32_FROM_LE (handle_le));
    if (*guest == NULL)
        return SEV_STATUS_INVALID_GUEST;
    if ((command->guests & (1u << (*guest)->state)) == 0)
        return SEV_STATUS_INVALID_GUEST_STATE;
    return SEV_STATUS_SUCCESS;
}

/* Works on a copy: the caller's buffer is not touched unless the firmware answers. */
static gboolean
run (PspDevice *psp,
     const Command *command,
     void *caller,
     SevStatus *status,
     GError **error)
{
    guint8 buffer[PSP_CMD_MAX_SIZE];
    PspGuest *guest;

    if (command->size > 0)
        memcpy (buffer, caller, command->size);
    *status = find_guest (psp, command, buffer, &guest);
    if (*status != SEV_STATUS_SUCCESS)
        return TRUE;
    if (!command->handler (psp, guest, buffer, status, error)) {
        g_prefix_error (error, "%s: ", command->name);
        return FALSE;
    }
    if (command->size > 0)
        memcpy (caller, buffer, command->size);
    return TRUE;
}

gboolean
psp_device_command (PspDevice *psp,
                    guint32 id,
                    void *buffer,
                    gsize len,
                    SevStatus *status,
                    GError **error)
{
    const Command *command = find_command (id);
    g_autoptr (GError) local = NULL;

    g_return_val_if_fail (buffer != NULL || len == 0, FALSE);
    g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

    if (command == NULL || !psp_api_at_least (psp, 0, command->api_minor))
        *status = SEV_STATUS_INVALID_COMMAND;
    else if (len < command->size)
        *status = SEV_STATUS_INVALID_LENGTH;
    else if ((command->platforms & (1u << psp_device_platform_state (psp))) == 0)
        *status = SEV_STATUS_INVALID_PLATFORM_STATE;
    else if (!run (psp, command, buffer, status, &local)) {
        g_debug ("firmware: %s: host fault: %s", command->name, local->message);
        *status = PSP_STATUS_NONE;
        g_propagate_error (error, g_steal_pointer (&local));
        return FALSE;
    }

    g_debug ("firmware: %s (%02xh): %s", psp_command_name (id), id,
             sev_status_name (*status));
    return TRUE;
}
