/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For LD_PRELOAD: KVM and /dev/sev as QEMU's sev.c needs them, without any SEV.  Every
 * command succeeds, unless the file that FAKE_SEV_ERRORS names holds its number and a
 * status: "5 11" lets KVM_SEV_LAUNCH_SECRET fail as the firmware would with
 * BAD_MEASUREMENT. Nothing is computed: only what QEMU makes of the answers is of interest.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENCRYPT_OP 0xc008aeba /* KVM_MEMORY_ENCRYPT_OP */
#define REG_REGION 0x8010aebb
#define UNREG_REGION 0x8010aebc
#define ISSUE_CMD 0xc0105300 /* SEV_ISSUE_CMD */

static uint32_t
error_of (uint32_t id)
{
    const char *path = getenv ("FAKE_SEV_ERRORS");
    FILE *file = path != NULL ? fopen (path, "re") : NULL;
    uint32_t found = 0;
    unsigned which, status;

    while (file != NULL && fscanf (file, "%u %u", &which, &status) == 2)
        if (which == id)
            found = status;
    if (file != NULL)
        fclose (file);
    return found;
}

/* A buffer that is too small fails with the length that it needs. */
static int
give (uint64_t address, uint32_t *len, uint32_t needed, uint32_t *error)
{
    if (*len < needed || address == 0) {
        *len = needed;
        *error = SEV_RET_INVALID_LEN;
        return -1;
    }
    memset ((void *) (uintptr_t) address, 0x5a, needed);
    *len = needed;
    return 0;
}

static int
answer_kvm (struct kvm_sev_cmd *cmd)
{
    void *data;

    if (cmd == NULL)
        return 0;
    data = (void *) (uintptr_t) cmd->data;
    cmd->error = error_of (cmd->id);
    if (cmd->error != 0)
        return -1;
    if (cmd->id == KVM_SEV_LAUNCH_START)
        ((struct kvm_sev_launch_start *) data)->handle = 1;
    if (cmd->id == KVM_SEV_LAUNCH_MEASURE) {
        struct kvm_sev_launch_measure *m = data;
        return give (m->uaddr, &m->len, 48, &cmd->error);
    }
    if (cmd->id == KVM_SEV_GET_ATTESTATION_REPORT) {
        struct kvm_sev_attestation_report *r = data;
        return give (r->uaddr, &r->len, 208, &cmd->error);
    }
    return 0;
}

static int
answer_sev (struct sev_issue_cmd *cmd)
{
    void *data = (void *) (uintptr_t) cmd->data;

    cmd->error = 0;
    if (cmd->cmd == SEV_PLATFORM_STATUS) {
        struct sev_user_data_status status = { .api_major = 1,
                                               .api_minor = 55,
                                               .build = 21 };
        status.flags = 1u << 8; /* SEV-ES */
        memcpy (data, &status, sizeof status);
    }
    if (cmd->cmd == SEV_PDH_CERT_EXPORT) {
        struct sev_user_data_pdh_cert_export e;
        uint32_t pdh, chain, error = 0;
        memcpy (&e, data, sizeof e);
        pdh = e.pdh_cert_len;
        chain = e.cert_chain_len;
        const int a = give (e.pdh_cert_address, &pdh, 2084, &error);
        const int b = give (e.cert_chain_address, &chain, 6252, &error);
        e.pdh_cert_len = pdh;
        e.cert_chain_len = chain;
        memcpy (data, &e, sizeof e);
        cmd->error = error;
        return a | b;
    }
    if (cmd->cmd == SEV_GET_ID2) {
        struct sev_user_data_get_id2 id;
        uint32_t len, error = 0;
        memcpy (&id, data, sizeof id);
        len = id.length;
        const int a = give (id.address, &len, 64, &error);
        id.length = len;
        memcpy (data, &id, sizeof id);
        cmd->error = error;
        return a;
    }
    return 0;
}

int
ioctl (int fd, unsigned long request, ...)
{
    static int (*real) (int, unsigned long, ...);
    va_list args;
    void *arg;
    int ret;

    va_start (args, request);
    arg = va_arg (args, void *);
    va_end (args);
    if (real == NULL)
        real = (int (*) (int, unsigned long, ...)) dlsym (RTLD_NEXT, "ioctl");
    const uint32_t number = (uint32_t) request; /* QEMU hands on an int */
    if (number == REG_REGION || number == UNREG_REGION)
        return 0;
    if (number != ENCRYPT_OP && number != ISSUE_CMD)
        return real (fd, request, arg);
    ret = number == ENCRYPT_OP ? answer_kvm (arg) : answer_sev (arg);
    if (ret != 0)
        errno = EIO;
    return ret;
}

static int
open_real (const char *name, const char *path, int flags, int mode)
{
    int (*real) (const char *, int, ...) =
        (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, name);

    return real (strcmp (path, "/dev/sev") == 0 ? "/dev/null" : path, flags, mode);
}

#define OPEN(name)                                                                         \
    int name (const char *path, int flags, ...)                                            \
    {                                                                                      \
        va_list args;                                                                      \
        int mode;                                                                          \
        va_start (args, flags);                                                            \
        mode = va_arg (args, int);                                                         \
        va_end (args);                                                                     \
        return open_real (#name, path, flags, mode);                                       \
    }

OPEN (open)
OPEN (open64)
OPEN (__open_2)
OPEN (__open64_2)
