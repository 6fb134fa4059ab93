/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/psp-cell.h"

#include <string.h>

#include "tests/lib/firmware-maker.h"
#include "tests/unit/psp-mover.h"
#include "tests/unit/psp-owner.h"

/* The identity that all cells share.  They are put into the state that INIT leaves, because
 * loading keys some hundred times is slow; INIT itself is a row of the table.
 */
static PspKeys *shared_keys;

static void
make_initialised (PspDevice *psp)
{
    if (shared_keys == NULL)
        shared_keys = psp_keys_generate (fake_chip (), 1, 55, NULL);
    psp->keys = g_memdup2 (shared_keys, sizeof *shared_keys);
    sev_ec_key_ref (psp->keys->pek_key);
    sev_ec_key_ref (psp->keys->pdh_key);
    psp->guests = psp_guests_new (psp->config.max_asid);
    psp_guests_flush (psp->guests);
    psp->es_enabled = TRUE;
    psp->state = SEV_PLATFORM_INIT;
}

void
cell_open (Cell *cell,
           SevPlatformState platform,
           guint guest_state,
           guint32 policy,
           gboolean active)
{
    cell->host = fake_host_new ();
    cell->psp = fake_device_new (cell->host, NULL);
    cell->handle = 77; /* nobody's */
    if (platform == SEV_PLATFORM_UNINIT)
        return;
    make_initialised (cell->psp);
    if (platform == SEV_PLATFORM_INIT)
        return;
    const guint32 handle = fake_launch (cell->psp, policy);
    if (guest_state == CELL_NO_GUEST)
        return;
    cell->handle = handle;
    if (active)
        fake_activate (cell->psp, handle, (policy & SEV_POLICY_ES) != 0 ? 50 : 100);

    /* Some states only come with later commands, so the context is put there. */
    PspGuest *guest = psp_guests_find (cell->psp->guests, handle);
    guest->state = (SevGuestState) guest_state;
    if (guest_state != SEV_GUEST_LAUNCH_UPDATE)
        g_clear_pointer (&guest->digest, sev_digest_free);
    if (guest_state == SEV_GUEST_RUNNING || guest_state == SEV_GUEST_SENT)
        psp_guest_wipe_launch (guest);
}

void
cell_close (Cell *cell)
{
    psp_device_free (cell->psp);
    fake_host_free (cell->host);
}

static void
put (guint8 *buffer, const void *cmd, gsize len)
{
    memset (buffer, 0xee, CELL_BUFFER_SIZE);
    if (len > 0)
        memcpy (buffer, cmd, len);
}

void
cell_put_secret (Cell *cell, guint8 *buffer)
{
    static const guint8 plain[32] = "a secret of just thirty-one byt";
    const PspGuest *guest = cell->psp->guests != NULL
                                ? psp_guests_find (cell->psp->guests, cell->handle)
                                : NULL;
    const PspLaunchSecretCmd cmd = {
        .handle_le = GUINT32_TO_LE (cell->handle),
        .hdr_paddr_le = GUINT64_TO_LE (CELL_HEADER),
        .hdr_len_le = GUINT32_TO_LE (52),
        .guest_paddr_le = GUINT64_TO_LE (CELL_DATA),
        .guest_len_le = GUINT32_TO_LE (sizeof plain),
        .trans_paddr_le = GUINT64_TO_LE (CELL_TRANS),
        .trans_len_le = GUINT32_TO_LE (sizeof plain),
    };

    if (guest != NULL && guest->tik != NULL)
        fake_packet (cell->host, guest, CELL_HEADER, CELL_TRANS, plain, sizeof plain);
    put (buffer, &cmd, sizeof cmd);
}

static void
put_import (Cell *cell, guint8 *buffer)
{
    const PspPekCertImportCmd cmd = { .pek_paddr_le = GUINT64_TO_LE (CELL_DATA),
                                      .pek_len_le = GUINT32_TO_LE (2084),
                                      .oca_paddr_le = GUINT64_TO_LE (CELL_TRANS),
                                      .oca_len_le = GUINT32_TO_LE (2084) };

    if (cell->psp->keys != NULL) {
        guint8 *pek = fake_host_at (cell->host, CELL_DATA, OWNER_CERT_SIZE);

        sev_cert_encode (&cell->psp->keys->pek, pek);
        owner_sign (pek, 0);
    }
    owner_get_cert (fake_host_at (cell->host, CELL_TRANS, OWNER_CERT_SIZE));
    put (buffer, &cmd, sizeof cmd);
}

static void
put_image (Cell *cell, guint8 *buffer)
{
    const FirmwareSpec spec = { .api_major = 1, .api_minor = 56, .build = 1 };
    g_autoptr (GBytes) image = firmware_maker_image (fake_chip (), &spec);
    const gsize len = g_bytes_get_size (image);
    const PspDownloadFirmwareCmd cmd = { GUINT64_TO_LE (CELL_DATA),
                                         GUINT32_TO_LE ((guint32) len) };

    memcpy (fake_host_at (cell->host, CELL_DATA, len), g_bytes_get_data (image, NULL), len);
    put (buffer, &cmd, sizeof cmd);
}

/* SEND_START to itself. */
static void
put_send (Cell *cell, guint8 *buffer)
{
    PspSendStartCmd cmd = { .handle_le = GUINT32_TO_LE (cell->handle) };

    if (cell->psp->keys != NULL) {
        g_autoptr (MoverTarget) target = mover_own (cell->psp);

        mover_put (target, cell->host, cell->handle, &cmd);
    }
    put (buffer, &cmd, sizeof cmd);
}

static void
put_receive (Cell *cell, guint8 *buffer)
{
    PspLaunchStartCmd cmd = { 0 };

    if (cell->psp->keys != NULL)
        mover_put_session (cell->psp, cell->host, 0, &cmd);
    put (buffer, &cmd, sizeof cmd);
}

/* A whole page, as a save area needs. */
static void
put_update (Cell *cell, guint8 context, guint8 *buffer)
{
    static const guint8 plain[4096] = "a page";
    const PspGuest *guest = cell->psp->guests != NULL
                                ? psp_guests_find (cell->psp->guests, cell->handle)
                                : NULL;
    const PspLaunchSecretCmd cmd = {
        .handle_le = GUINT32_TO_LE (cell->handle),
        .hdr_paddr_le = GUINT64_TO_LE (CELL_HEADER),
        .hdr_len_le = GUINT32_TO_LE (52),
        .guest_paddr_le = GUINT64_TO_LE (CELL_DATA),
        .guest_len_le = GUINT32_TO_LE (sizeof plain),
        .trans_paddr_le = GUINT64_TO_LE (CELL_TRANS),
        .trans_len_le = GUINT32_TO_LE (sizeof plain),
    };

    if (guest != NULL && guest->tik != NULL)
        mover_put_packet (cell->host, sev_secret_data (guest->tek),
                          sev_secret_data (guest->tik), context, CELL_HEADER, CELL_TRANS,
                          plain, sizeof plain);
    put (buffer, &cmd, sizeof cmd);
}

/* A page that is out, where the guest can have one out. */
static void
put_swap (Cell *cell, guint32 id, guint8 *buffer)
{
    const guint32 handle_le = GUINT32_TO_LE (cell->handle);
    const PspSwapInCmd in = { .handle_le = handle_le,
                              .src_paddr_le = GUINT64_TO_LE (CELL_TRANS),
                              .dst_paddr_le = GUINT64_TO_LE (CELL_DATA),
                              .mdata_paddr_le = GUINT64_TO_LE (CELL_HEADER) };
    PspSwapOutCmd out = { .handle_le = handle_le,
                          .src_paddr_le = GUINT64_TO_LE (CELL_DATA),
                          .dst_paddr_le = GUINT64_TO_LE (CELL_TRANS),
                          .mdata_paddr_le = GUINT64_TO_LE (CELL_HEADER) };

    if (id == PSP_CMD_SWAP_OUT) {
        put (buffer, &out, sizeof out);
        return;
    }
    if (cell->psp->guests != NULL)
        (void) fake_command (cell->psp, PSP_CMD_SWAP_OUT, &out, sizeof out);
    put (buffer, &in, sizeof in);
}

/* The rest of cell_good_buffer(): what has only a handle, or moves a guest. */
static void
good_buffer_more (Cell *cell, guint32 id, guint8 *buffer)
{
    const guint32 handle_le = GUINT32_TO_LE (cell->handle);

    switch (id) {
    case PSP_CMD_SEND_START:
        put_send (cell, buffer);
        break;
    case PSP_CMD_RECEIVE_START:
        put_receive (cell, buffer);
        break;
    case PSP_CMD_SEND_UPDATE_DATA:
    case PSP_CMD_RECEIVE_UPDATE_DATA:
        put_update (cell, 2, buffer);
        break;
    case PSP_CMD_SEND_UPDATE_VMSA:
    case PSP_CMD_RECEIVE_UPDATE_VMSA:
        put_update (cell, 3, buffer);
        break;
    case PSP_CMD_SWAP_OUT:
    case PSP_CMD_SWAP_IN:
        put_swap (cell, id, buffer);
        break;
    default:
        put (buffer, &handle_le, sizeof handle_le);
        break;
    }
}

void
cell_good_buffer (Cell *cell, guint32 id, guint8 *buffer)
{
    const guint32 handle_le = GUINT32_TO_LE (cell->handle);
    const PspInitCmd init = { 0 };
    const PspPdhCertExportCmd export = { .pdh_paddr_le = GUINT64_TO_LE (CELL_OUT),
                                         .pdh_len_le = GUINT32_TO_LE (2084),
                                         .certs_paddr_le = GUINT64_TO_LE (CELL_OUT2),
                                         .certs_len_le = GUINT32_TO_LE (6252) };
    const PspInitExCmd init_ex = { .len_le = GUINT32_TO_LE (36),
                                   .nv_paddr_le = GUINT64_TO_LE (CELL_DATA),
                                   .nv_len_le = GUINT32_TO_LE (0x8000) };
    const PspPekCsrCmd csr = { GUINT64_TO_LE (CELL_OUT), GUINT32_TO_LE (2084) };
    const PspGetIdCmd id_cmd = { GUINT64_TO_LE (CELL_OUT), GUINT32_TO_LE (64) };
    const PspActivateCmd activate = { handle_le, GUINT32_TO_LE (101) };
    const PspActivateExCmd activate_ex = { GUINT32_TO_LE (24), handle_le,
                                           GUINT32_TO_LE (101), GUINT32_TO_LE (4),
                                           GUINT64_TO_LE (CELL_DATA) };
    const PspCopyCmd copy = { handle_le, GUINT32_TO_LE (32), GUINT64_TO_LE (CELL_DATA),
                              GUINT64_TO_LE (CELL_OUT) };
    const PspAttestationCmd attest = { .handle_le = handle_le,
                                       .paddr_le = GUINT64_TO_LE (CELL_OUT),
                                       .len_le = GUINT32_TO_LE (208) };
    const PspDbgCmd dbg = { .handle_le = handle_le,
                            .src_paddr_le = GUINT64_TO_LE (CELL_DATA),
                            .dst_paddr_le = GUINT64_TO_LE (CELL_OUT),
                            .len_le = GUINT32_TO_LE (32) };
    const PspLaunchStartCmd start = { .policy_le = GUINT32_TO_LE (1) };
    const PspLaunchDataCmd data = { .handle_le = handle_le,
                                    .paddr_le = GUINT64_TO_LE (CELL_DATA),
                                    .len_le = GUINT32_TO_LE (4096) };

    switch (id) {
    case PSP_CMD_INIT:
        put (buffer, &init, sizeof init);
        break;
    case PSP_CMD_PDH_CERT_EXPORT:
        put (buffer, &export, sizeof export);
        break;
    case PSP_CMD_DOWNLOAD_FIRMWARE:
        put_image (cell, buffer);
        break;
    case PSP_CMD_INIT_EX:
        memset (fake_host_at (cell->host, CELL_DATA, 0x8000), 0xff, 0x8000);
        put (buffer, &init_ex, sizeof init_ex);
        break;
    case PSP_CMD_PEK_CSR:
        put (buffer, &csr, sizeof csr);
        break;
    case PSP_CMD_PEK_CERT_IMPORT:
        put_import (cell, buffer);
        break;
    case PSP_CMD_GET_ID:
        put (buffer, &id_cmd, sizeof id_cmd);
        break;
    case PSP_CMD_ACTIVATE:
        put (buffer, &activate, sizeof activate);
        break;
    case PSP_CMD_ACTIVATE_EX:
        put (buffer, &activate_ex, sizeof activate_ex);
        break;
    case PSP_CMD_COPY:
        put (buffer, &copy, sizeof copy);
        break;
    case PSP_CMD_ATTESTATION:
        put (buffer, &attest, sizeof attest);
        break;
    case PSP_CMD_DBG_DECRYPT:
    case PSP_CMD_DBG_ENCRYPT:
        put (buffer, &dbg, sizeof dbg);
        break;
    case PSP_CMD_LAUNCH_START:
        put (buffer, &start, sizeof start);
        break;
    case PSP_CMD_LAUNCH_UPDATE_DATA:
    case PSP_CMD_LAUNCH_UPDATE_VMSA:
    case PSP_CMD_LAUNCH_MEASURE:
        put (buffer, &data, sizeof data);
        break;
    case PSP_CMD_LAUNCH_SECRET:
        cell_put_secret (cell, buffer);
        break;
    default:
        good_buffer_more (cell, id, buffer);
        break;
    }
}

gboolean
cell_wants_active (guint32 id)
{
    static const guint8 ids[] = {
        PSP_CMD_DEACTIVATE,
        PSP_CMD_LAUNCH_UPDATE_DATA,
        PSP_CMD_LAUNCH_UPDATE_VMSA,
        PSP_CMD_LAUNCH_SECRET,
        PSP_CMD_COPY,
        PSP_CMD_DBG_DECRYPT,
        PSP_CMD_DBG_ENCRYPT,
        PSP_CMD_SWAP_OUT,
        PSP_CMD_SWAP_IN,
        PSP_CMD_SEND_UPDATE_DATA,
        PSP_CMD_SEND_UPDATE_VMSA,
        PSP_CMD_RECEIVE_UPDATE_DATA,
        PSP_CMD_RECEIVE_UPDATE_VMSA,
    };

    return memchr (ids, (int) id, sizeof ids) != NULL;
}

guint32
cell_wanted_policy (guint32 id)
{
    const gboolean es = id == PSP_CMD_LAUNCH_UPDATE_VMSA ||
                        id == PSP_CMD_SEND_UPDATE_VMSA || id == PSP_CMD_RECEIVE_UPDATE_VMSA;

    return es ? SEV_POLICY_ES : 0;
}

void
cell_finish (void)
{
    g_clear_pointer (&shared_keys, psp_keys_free);
}
