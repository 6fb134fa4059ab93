/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom SEND_START sends a guest to: each check alone refuses, and so does each input. */

#include <string.h>

#include "tests/unit/psp-mover.h"

typedef struct {
    FakeHost *host;
    PspDevice *psp;
    guint32 handle;
    MoverTarget *target; /* firmware 1.55 of the same manufacturer */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    f->host = fake_host_new ();
    f->psp = fake_device_new (f->host, NULL);
    fake_init (f->psp, TRUE);
    f->handle = fake_launch (f->psp, GPOINTER_TO_UINT (data));

    PspGuest *guest = psp_guests_find (f->psp->guests, f->handle);
    psp_guest_wipe_launch (guest);
    guest->state = SEV_GUEST_RUNNING;
    f->target = mover_make (1, 55);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    mover_free (f->target);
    psp_device_free (f->psp);
    fake_host_free (f->host);
}

static SevStatus
send_start (Fixture *f)
{
    PspSendStartCmd cmd;

    mover_put (f->target, f->host, f->handle, &cmd);
    return fake_command (f->psp, PSP_CMD_SEND_START, &cmd, sizeof cmd);
}

static void
send_cancel (Fixture *f)
{
    PspHandleCmd cmd = { GUINT32_TO_LE (f->handle) };

    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_CANCEL, &cmd, sizeof cmd), ==, 0);
}

static void
accept (Fixture *f)
{
    g_assert_cmphex (send_start (f), ==, SEV_STATUS_SUCCESS);
    send_cancel (f);
}

/* Nothing changes, neither in the device nor in memory. */
static void
refuse (Fixture *f, SevStatus expect)
{
    PspSendStartCmd cmd;

    mover_put (f->target, f->host, f->handle, &cmd);
    g_autofree char *was = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_START, &cmd, sizeof cmd), ==,
                     expect);
    g_assert_cmphex (cmd.policy_le, ==, 0);
    g_autofree char *is = fake_snapshot (f->psp, f->host, TRUE);
    g_assert_cmpstr (is, ==, was);
}

/* Bytes that nothing else looks at, changed, used and put back. */
static void
refuse_flip (Fixture *f, guint8 *byte, SevStatus expect)
{
    *byte ^= 1;
    refuse (f, expect);
    *byte ^= 1;
    accept (f);
}

/* Whatever the policy: the platform's own certificates must fit together. */
static void
test_always (Fixture *f, gconstpointer data)
{
    MoverTarget *t = f->target;

    accept (f);
    refuse_flip (f, &t->pdh[0x00], SEV_STATUS_INVALID_CERTIFICATE); /* version */
    refuse_flip (f, &t->pdh[0x08], SEV_STATUS_INVALID_CERTIFICATE); /* usage */
    refuse_flip (f, &t->pdh[0x0c], SEV_STATUS_INVALID_CERTIFICATE); /* algorithm */
    refuse_flip (f, &t->pdh[0x20], SEV_STATUS_INVALID_CERTIFICATE); /* the point */
    refuse_flip (f, &t->pdh[0x04], SEV_STATUS_BAD_SIGNATURE);       /* signed */
    refuse_flip (f, &t->pdh[0x41c], SEV_STATUS_BAD_SIGNATURE);      /* r */
    refuse_flip (f, &MOVER_PEK (t)[0x08], SEV_STATUS_INVALID_CERTIFICATE);
    refuse_flip (f, &MOVER_PEK (t)[0x05], SEV_STATUS_BAD_SIGNATURE);
    refuse_flip (f, &MOVER_PEK (t)[0x41c], SEV_STATUS_BAD_SIGNATURE); /* by OCA */
    refuse_flip (f, &MOVER_PEK (t)[0x414], SEV_STATUS_BAD_SIGNATURE); /* by whom */
    refuse_flip (f, &MOVER_OCA (t)[0x08], SEV_STATUS_INVALID_CERTIFICATE);
    refuse_flip (f, &MOVER_OCA (t)[0x41c], SEV_STATUS_BAD_SIGNATURE);

    /* Signed well, but by others: a PDH by the OCA, a PEK by itself. */
    g_autofree MoverTarget *good = g_memdup2 (t, sizeof *t);
    mover_sign (t->pdh, 0, SEV_USAGE_PEK, t->oca_key);
    refuse (f, SEV_STATUS_BAD_SIGNATURE);
    memcpy (t, good, sizeof *t);
    mover_sign (MOVER_PEK (t), 0, SEV_USAGE_OCA, t->pek_key);
    refuse (f, SEV_STATUS_BAD_SIGNATURE);
    memcpy (t, good, sizeof *t);
    accept (f);

    /* In the other slot it is as good. */
    mover_sign (t->pdh, 1, SEV_USAGE_PEK, t->pek_key);
    accept (f);
}

/* Without SEV nobody asks for the manufacturer. */
static void
test_no_sev (Fixture *f, gconstpointer data)
{
    PspSendStartCmd cmd;

    memset (MOVER_CEK (f->target), 0xee, SEV_CERT_SIZE);
    memset (f->target->amd, 0xee, sizeof f->target->amd);
    mover_sign (MOVER_PEK (f->target), 0, SEV_USAGE_OCA, f->target->oca_key);
    mover_put (f->target, f->host, f->handle, &cmd);
    cmd.amd_paddr_le = 0;
    cmd.amd_len_le = GUINT32_TO_LE (5);
    g_assert_cmphex (fake_command (f->psp, PSP_CMD_SEND_START, &cmd, sizeof cmd), ==,
                     SEV_STATUS_SUCCESS);
}

static void
test_sev (Fixture *f, gconstpointer data)
{
    MoverTarget *t = f->target;
    guint8 *ask = t->amd, *ark = t->amd + t->amd_len / 2;

    accept (f);
    refuse_flip (f, &MOVER_PEK (t)[0x624], SEV_STATUS_BAD_SIGNATURE); /* by CEK */
    refuse_flip (f, &MOVER_CEK (t)[0x08], SEV_STATUS_INVALID_CERTIFICATE);
    refuse_flip (f, &MOVER_CEK (t)[0x05], SEV_STATUS_BAD_SIGNATURE);
    refuse_flip (f, &MOVER_CEK (t)[0x41c], SEV_STATUS_BAD_SIGNATURE); /* by ASK */
    refuse_flip (f, &MOVER_CEK (t)[0x414], SEV_STATUS_BAD_SIGNATURE);
    refuse_flip (f, &ask[0x00], SEV_STATUS_INVALID_CERTIFICATE);      /* version */
    refuse_flip (f, &ask[0x04], SEV_STATUS_BAD_SIGNATURE);            /* key id */
    refuse_flip (f, &ask[0x14], SEV_STATUS_INVALID_CERTIFICATE);      /* certified by */
    refuse_flip (f, &ask[0x24], SEV_STATUS_INVALID_CERTIFICATE);      /* usage */
    refuse_flip (f, &ask[0x28], SEV_STATUS_BAD_SIGNATURE);            /* reserved */
    refuse_flip (f, &ask[0x140 + 0x120], SEV_STATUS_BAD_SIGNATURE);   /* signature */
    refuse_flip (f, &ark[0x04], SEV_STATUS_INVALID_CERTIFICATE);      /* its two ids */
    refuse_flip (f, &ark[0x140 + 9], SEV_STATUS_INVALID_CERTIFICATE); /* modulus */
    refuse_flip (f, &ark[0x28], SEV_STATUS_BAD_SIGNATURE);
    refuse_flip (f, &ark[0x240 + 9], SEV_STATUS_BAD_SIGNATURE);

    /* The CEK as PDH_CERT_EXPORT gives it, without the manufacturer's signature. */
    memset (MOVER_CEK (t) + 0x414, 0, 0x824 - 0x414);
    refuse (f, SEV_STATUS_BAD_SIGNATURE);
}

/* A chain that is right in itself, of another manufacturer. */
static void
test_foreign_root (Fixture *f, gconstpointer data)
{
    g_autoptr (PspChip) other = psp_chip_manufacture (PSP_GENERATION_NAPLES, NULL, NULL);
    g_autoptr (PspKeys) keys = psp_keys_generate (other, 1, 55, NULL);
    g_autoptr (GBytes) ark = NULL;
    g_autoptr (GBytes) ask = NULL;
    g_autoptr (GBytes) cek = NULL;
    MoverTarget *t = f->target;

    psp_chip_get_amd_certs (other, &ark, &ask, &cek);
    sev_cert_encode (&keys->pdh, t->pdh);
    sev_cert_encode (&keys->pek, MOVER_PEK (t));
    sev_cert_encode (&keys->oca, MOVER_OCA (t));
    memcpy (MOVER_CEK (t), g_bytes_get_data (cek, NULL), SEV_CERT_SIZE);
    memcpy (t->amd, g_bytes_get_data (ask, NULL), 832);
    memcpy (t->amd + 832, g_bytes_get_data (ark, NULL), 832);
    refuse (f, SEV_STATUS_INVALID_CERTIFICATE);

    /* The very same one is good where it is the chip's own. */
    PspChip *own = f->psp->chip;
    f->psp->chip = other;
    g_assert_cmphex (send_start (f), ==, SEV_STATUS_SUCCESS);
    f->psp->chip = own;
}

static void
test_domain (Fixture *f, gconstpointer data)
{
    refuse (f, SEV_STATUS_POLICY_FAILURE);

    /* Another platform of the same owner. */
    SevCert oca;
    g_assert_true (sev_cert_decode (MOVER_OCA (f->target), SEV_CERT_SIZE, &oca, NULL));
    f->psp->keys->oca = oca;
    accept (f);

    /* The same key in another certificate of his. */
    SevCert again = oca;
    again.api_major = 0;
    again.api_minor = 0;
    sev_cert_encode (&again, MOVER_OCA (f->target));
    mover_sign (MOVER_OCA (f->target), 0, SEV_USAGE_OCA, f->target->oca_key);
    accept (f);
}

/* POLICY.API of 1.55 (37h); the target's PEK says what it is. */
static void
test_api (Fixture *f, gconstpointer data)
{
    accept (f);
    mover_free (f->target);
    f->target = mover_make (1, 54);
    refuse (f, SEV_STATUS_POLICY_FAILURE);
    mover_free (f->target);
    f->target = mover_make (0, 255);
    refuse (f, SEV_STATUS_POLICY_FAILURE);
    mover_free (f->target);
    f->target = mover_make (2, 0);
    accept (f);
}

static void
test_nosend (Fixture *f, gconstpointer data)
{
    PspGuest *guest = psp_guests_find (f->psp->guests, f->handle);

    refuse (f, SEV_STATUS_POLICY_FAILURE);
    guest->policy = 0;
    accept (f);
}

/* A snapshot goes to the platform itself, also under the strictest policy. */
static void
test_self (Fixture *f, gconstpointer data)
{
    mover_free (f->target);
    f->target = mover_own (f->psp);
    accept (f);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, policy, func)                                                            \
    g_test_add ("/psp-target/" path, Fixture, GUINT_TO_POINTER (policy), set_up, func,     \
                tear_down)
    ADD ("always", 0, test_always);
    ADD ("no-sev", 0, test_no_sev);
    ADD ("sev", SEV_POLICY_SEV, test_sev);
    ADD ("foreign-root", SEV_POLICY_SEV, test_foreign_root);
    ADD ("domain", SEV_POLICY_DOMAIN, test_domain);
    ADD ("api", 0x37010000, test_api);
    ADD ("nosend", SEV_POLICY_NOSEND, test_nosend);
    ADD ("self", SEV_POLICY_SEV | SEV_POLICY_DOMAIN | 0x37010000, test_self);
#undef ADD
    return g_test_run ();
}
