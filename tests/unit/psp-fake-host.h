/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "psp/fw/psp-private.h"

/*
 * A host for tests of the emulated firmware: a little memory, persistent state in a
 * variable, random numbers that are a known sequence, and any one call of an operation made
 * to fail.
 */

#define FAKE_BASE 0x100000u
#define FAKE_SIZE 0x40000u
#define FAKE_TMR 0x300000u /* a range that is allowed, and never touched */
#define FAKE_AT(offset) (FAKE_BASE + (guint64) (offset))
#define FAKE_END (FAKE_BASE + FAKE_SIZE)

typedef struct {
    guint8 memory[FAKE_SIZE];
    SevSecret *nv;
    guint8 random[64]; /* handed out first, then a counter */
    gsize random_len;
    guint8 random_next;
    guint calls;     /* of operations that may fail, so far */
    guint fail_at;   /* which of them fails; 0: none */
    gboolean silent; /* it fails without an error, as it must not */
    guint stores;    /* of persistent state */
    guint privates;  /* writes of private memory */
    guint private_reads;
    PspGuestKey key; /* of the last one; @vek is not owned */
} FakeHost;

FakeHost *fake_host_new (void);
void fake_host_free (FakeHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeHost, fake_host_free)

/* All operations but write_private and read_private. */
extern const PspHostOps fake_host_ops;
/* With an "engine" that inverts every bit. */
extern const PspHostOps fake_host_engine_ops;

guint8 *fake_host_at (FakeHost *host, guint64 paddr, gsize len);

/* A Naples chip as version 1 of the format has it, psp-chip-v1.b64: making RSA keys is
 * slow, and what was written once must load for ever.
 */
PspChip *fake_chip (void);

PspDevice *fake_device_new (FakeHost *host, const PspConfig *config);

/* Runs a command that must be answered; returns the status. */
SevStatus fake_command (PspDevice *psp, guint32 id, void *buffer, gsize len);
/* INIT, with SEV-ES if @es, and DF_FLUSH. */
void fake_init (PspDevice *psp, gboolean es);
/* LAUNCH_START without a session; returns the handle. */
guint32 fake_launch (PspDevice *psp, guint32 policy);
void fake_activate (PspDevice *psp, guint32 handle, guint32 asid);

/* Everything in the device and its persistent state that a refused command must leave as it
 * is, and with @memory the host's memory.
 */
char *fake_snapshot (PspDevice *psp, FakeHost *host, gboolean memory);

/* Puts a secret packet for @guest into memory; virt-qemu-sev-validate's formula. */
void fake_packet (FakeHost *host,
                  const PspGuest *guest,
                  guint64 header_paddr,
                  guint64 trans_paddr,
                  const guint8 *plain,
                  guint32 len);
