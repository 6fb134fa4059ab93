/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For LD_PRELOAD: a KVM with SEV for unmodified QEMU and libvirt, to rehearse a real host.
 * KVM's own commands go to the kernel; those of SEV to the service that REHEARSAL_SOCKET
 * names, which has an emulated secure processor.  /dev/sev is not answered here
 * (psp/host/sev-shim.c does).  Guest memory stays as it is, so such a guest cannot run.
 *
 * libvirt takes the processor model "EPYC" only where KVM offers its features, so KVM is
 * made to offer them.
 *
 * With SEV-ES the kernel sends the firmware a save area for each processor; here it is made
 * of the registers that QEMU gave to KVM, as Linux does (arch/x86/kvm/svm/sev.c,
 * sev_es_sync_vmsa(), before 6.5; layout: AMD64 manual volume 2, table B-4).
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rehearsal-wire.h"

#define ENCRYPT_OP 0xc008aeba /* KVM_MEMORY_ENCRYPT_OP */
#define REG_REGION 0x8010aebb
#define UNREG_REGION 0x8010aebc
#define SUPPORTED_CPUID 0xc008ae05 /* KVM_GET_SUPPORTED_CPUID */
#define SET_CPUID2 0x4008ae90
#define CREATE_VCPU 0xae41
#define MSR_PAT 0x277
#define VMSA_SIZE 4096u
#define VCPUS_MAX 64u

static int service = -1;
static int vcpus[VCPUS_MAX];
static uint32_t n_vcpus;

static int
transfer (void *data, size_t len, int out)
{
    uint8_t *at = data;

    while (len > 0) {
        const ssize_t n =
            out ? send (service, at, len, MSG_NOSIGNAL) : recv (service, at, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        len -= (size_t) n;
    }
    return 0;
}

/* The connection is the guest: the service forgets it when QEMU ends. */
static int
connect_service (void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = getenv (REHEARSAL_SOCKET);

    if (service >= 0)
        return 0;
    if (path == NULL || strlen (path) >= sizeof address.sun_path)
        return -1;
    strcpy (address.sun_path, path);
    service = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (service < 0)
        return -1;
    return connect (service, (struct sockaddr *) &address, sizeof address);
}

/* @out takes what comes back, exactly @room bytes of it unless the firmware says no. */
static int
ask (RehearsalRequest *request,
     void *first,
     void *second,
     RehearsalReply *reply,
     void *out,
     size_t room)
{
    memset (reply, 0, sizeof *reply);
    if (connect_service () != 0 || transfer (request, sizeof *request, 1) != 0 ||
        transfer (first, request->len[0], 1) != 0 ||
        transfer (second, request->len[1], 1) != 0 ||
        transfer (reply, sizeof *reply, 0) != 0)
        return -1;
    if (reply->len != (reply->status == 0 ? room : 0))
        return -1;
    return transfer (out, reply->len, 0);
}

static void *
pointer (uint64_t address)
{
    return (void *) (uintptr_t) address;
}

static int
start (struct kvm_sev_launch_start *s, RehearsalReply *reply)
{
    RehearsalRequest request = { .id = KVM_SEV_LAUNCH_START,
                                 .value = s->policy,
                                 .len = { s->dh_len, s->session_len } };
    const int ret =
        ask (&request, pointer (s->dh_uaddr), pointer (s->session_uaddr), reply, NULL, 0);

    if (ret == 0 && reply->status == 0)
        s->handle = reply->value;
    return ret;
}

static int
measure (struct kvm_sev_launch_measure *m, RehearsalReply *reply)
{
    RehearsalRequest request = { .id = KVM_SEV_LAUNCH_MEASURE };

    if (m->len < 48 || m->uaddr == 0) {
        m->len = 48;
        reply->status = SEV_RET_INVALID_LEN;
        return 0;
    }
    m->len = 48;
    return ask (&request, NULL, NULL, reply, pointer (m->uaddr), 48);
}

static int
secret (struct kvm_sev_launch_secret *s, RehearsalReply *reply)
{
    RehearsalRequest request = { .id = KVM_SEV_LAUNCH_SECRET,
                                 .value = s->guest_len,
                                 .len = { s->hdr_len, s->trans_len } };

    return ask (&request, pointer (s->hdr_uaddr), pointer (s->trans_uaddr), reply,
                pointer (s->guest_uaddr), s->guest_len);
}

static int
status (struct kvm_sev_guest_status *s, RehearsalReply *reply)
{
    RehearsalRequest request = { .id = KVM_SEV_GUEST_STATUS };
    const int ret = ask (&request, NULL, NULL, reply, NULL, 0);

    s->state = reply->value;
    s->policy = reply->policy;
    return ret;
}

/* Processors. */

static int
real_ioctl (int fd, unsigned long request, void *arg)
{
    static int (*real) (int, unsigned long, ...);

    if (real == NULL)
        real = (int (*) (int, unsigned long, ...)) dlsym (RTLD_NEXT, "ioctl");
    return real (fd, request, arg);
}

static void
put (uint8_t *vmsa, size_t at, uint64_t value, size_t len)
{
    memcpy (vmsa + at, &value, len); /* little-endian, as the machine */
}

static void
put_segment (uint8_t *vmsa, size_t at, const struct kvm_segment *s)
{
    const uint32_t attributes = s->type | (uint32_t) s->s << 4 | (uint32_t) s->dpl << 5 |
                                (uint32_t) s->present << 7 | (uint32_t) s->avl << 8 |
                                (uint32_t) s->l << 9 | (uint32_t) s->db << 10 |
                                (uint32_t) s->g << 11;

    put (vmsa, at, s->selector, 2);
    put (vmsa, at + 2, attributes, 2);
    put (vmsa, at + 4, s->limit, 4);
    put (vmsa, at + 8, s->base, 8);
}

static void
put_segments (uint8_t *vmsa, const struct kvm_sregs *s)
{
    const struct kvm_segment *const order[] = { &s->es, &s->cs, &s->ss,
                                                &s->ds, &s->fs, &s->gs };
    const struct kvm_segment gdt = { .base = s->gdt.base, .limit = s->gdt.limit };
    const struct kvm_segment idt = { .base = s->idt.base, .limit = s->idt.limit };

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        put_segment (vmsa, i * 16, order[i]);
    put_segment (vmsa, 0x60, &gdt);
    put_segment (vmsa, 0x70, &s->ldt);
    put_segment (vmsa, 0x80, &idt);
    put_segment (vmsa, 0x90, &s->tr);
}

static void
put_registers (uint8_t *vmsa, const struct kvm_regs *r)
{
    const uint64_t upper[] = {
        r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15
    };

    put (vmsa, 0x170, r->rflags, 8);
    put (vmsa, 0x178, r->rip, 8);
    put (vmsa, 0x1d8, r->rsp, 8);
    put (vmsa, 0x1f8, r->rax, 8);
    put (vmsa, 0x308, r->rcx, 8);
    put (vmsa, 0x310, r->rdx, 8);
    put (vmsa, 0x318, r->rbx, 8);
    put (vmsa, 0x328, r->rbp, 8);
    put (vmsa, 0x330, r->rsi, 8);
    put (vmsa, 0x338, r->rdi, 8);
    for (size_t i = 0; i < sizeof upper / sizeof upper[0]; i++)
        put (vmsa, 0x340 + 8 * i, upper[i], 8);
}

static int
save_area (int fd, uint8_t *vmsa)
{
    struct kvm_sregs s;
    struct kvm_regs r;
    struct kvm_debugregs d;
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } pat = { .head.nmsrs = 1, .entry.index = MSR_PAT };

    if (real_ioctl (fd, KVM_GET_SREGS, &s) != 0 || real_ioctl (fd, KVM_GET_REGS, &r) != 0 ||
        real_ioctl (fd, KVM_GET_DEBUGREGS, &d) != 0 ||
        real_ioctl (fd, KVM_GET_MSRS, &pat) != 1)
        return -1;
    memset (vmsa, 0, VMSA_SIZE);
    put_segments (vmsa, &s);
    put_registers (vmsa, &r);
    put (vmsa, 0xd0, s.efer | 1u << 12, 8); /* SVME */
    put (vmsa, 0x148, s.cr4 | 1u << 6, 8);  /* MCE, the host's */
    put (vmsa, 0x150, s.cr3, 8);
    put (vmsa, 0x158, s.cr0 & ~(UINT64_C (3) << 29), 8); /* no CD, no NW */
    put (vmsa, 0x160, d.dr7, 8);
    put (vmsa, 0x168, d.dr6, 8);
    put (vmsa, 0x268, pat.entry.data, 8);
    put (vmsa, 0x3e8, 1, 8); /* XCR0: x87 only, as after a reset */
    return 0;
}

static int
update_vcpus (RehearsalReply *reply)
{
    static uint8_t vmsa[VMSA_SIZE];
    RehearsalRequest request = { .id = KVM_SEV_LAUNCH_UPDATE_VMSA, .len = { VMSA_SIZE } };

    for (uint32_t i = 0; i < n_vcpus; i++)
        if (save_area (vcpus[i], vmsa) != 0 ||
            ask (&request, vmsa, NULL, reply, NULL, 0) != 0 || reply->status != 0)
            return -1;
    return 0;
}

static int
answer (struct kvm_sev_cmd *cmd)
{
    RehearsalReply reply = { 0 };
    RehearsalRequest request = { 0 };
    struct kvm_sev_launch_update_data *update;
    int ret;

    if (cmd == NULL) /* "is there SEV?" */
        return 0;
    request.id = cmd->id;
    switch (cmd->id) {
    case KVM_SEV_LAUNCH_START:
        ret = start (pointer (cmd->data), &reply);
        break;
    case KVM_SEV_LAUNCH_UPDATE_DATA:
        update = pointer (cmd->data);
        request.len[0] = update->len;
        ret = ask (&request, pointer (update->uaddr), NULL, &reply, NULL, 0);
        break;
    case KVM_SEV_LAUNCH_MEASURE:
        ret = measure (pointer (cmd->data), &reply);
        break;
    case KVM_SEV_LAUNCH_SECRET:
        ret = secret (pointer (cmd->data), &reply);
        break;
    case KVM_SEV_GUEST_STATUS:
        ret = status (pointer (cmd->data), &reply);
        break;
    case KVM_SEV_LAUNCH_UPDATE_VMSA:
        ret = update_vcpus (&reply);
        break;
    case KVM_SEV_INIT:
    case KVM_SEV_ES_INIT:
    case KVM_SEV_LAUNCH_FINISH:
        ret = ask (&request, NULL, NULL, &reply, NULL, 0);
        break;
    default:
        ret = -1;
        break;
    }
    cmd->error = reply.status;
    return ret == 0 && reply.status == 0 ? 0 : -1;
}

/* What libvirt's cpu_map/x86_EPYC.xml lists, by leaf, sub-leaf and register. */
static const struct {
    uint32_t leaf, index, ax, bx, cx, dx;
} epyc[] = {
    { 0x1, 0, 0, 0, 0x76d8320b, 0x078bfbff },
    { 0x6, 0, 1u << 2, 0, 0, 0 },
    { 0x7, 0, 0, 0x209c01a9, 0, 0 },
    { 0xd, 0, 0x7, 0, 0, 0 },
    { 0xd, 1, 0xf, 0, 0, 0 },
    { 0x80000001, 0, 0, 0, 0x004003f5, 0x2e500800 },
};

/* One entry more where the kernel has none and there is room for it. */
static struct kvm_cpuid_entry2 *
find_entry (struct kvm_cpuid2 *cpuid, uint32_t room, uint32_t leaf, uint32_t index)
{
    struct kvm_cpuid_entry2 *entry;

    for (uint32_t i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == index)
            return &cpuid->entries[i];
    if (cpuid->nent == room)
        return NULL;
    entry = &cpuid->entries[cpuid->nent++];
    memset (entry, 0, sizeof *entry);
    entry->function = leaf;
    entry->index = index;
    entry->flags = leaf == 0xd || leaf == 0x7 ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
    return entry;
}

static int
add_features (struct kvm_cpuid2 *cpuid, uint32_t room)
{
    for (size_t i = 0; i < sizeof epyc / sizeof epyc[0]; i++) {
        struct kvm_cpuid_entry2 *entry =
            find_entry (cpuid, room, epyc[i].leaf, epyc[i].index);

        if (entry == NULL) {
            errno = E2BIG;
            return -1;
        }
        entry->eax |= epyc[i].ax;
        entry->ebx |= epyc[i].bx;
        entry->ecx |= epyc[i].cx;
        entry->edx |= epyc[i].dx;
    }
    return 0;
}

/* In the order of their numbers, which is that of the save areas. */
static int
create_vcpu (int fd, void *arg)
{
    const int vcpu = real_ioctl (fd, CREATE_VCPU, arg);

    if (vcpu >= 0 && n_vcpus < VCPUS_MAX)
        vcpus[n_vcpus++] = vcpu;
    return vcpu;
}

static int
offer (int fd, struct kvm_cpuid2 *cpuid)
{
    const uint32_t room = cpuid->nent;
    const int ret = real_ioctl (fd, SUPPORTED_CPUID, cpuid);

    return ret == 0 ? add_features (cpuid, room) : ret;
}

int
ioctl (int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start (args, request);
    arg = va_arg (args, void *);
    va_end (args);
    switch ((uint32_t) request) { /* QEMU hands on an int */
    case REG_REGION:
    case UNREG_REGION:
    case SET_CPUID2:
        return 0;
    case CREATE_VCPU:
        return create_vcpu (fd, arg);
    case SUPPORTED_CPUID:
        return offer (fd, arg);
    case ENCRYPT_OP:
        if (answer (arg) == 0)
            return 0;
        errno = EIO;
        return -1;
    default:
        return real_ioctl (fd, request, arg);
    }
}

static const char *
device (const char *path)
{
    const char *other = getenv (REHEARSAL_KVM);

    return other != NULL && path != NULL && strcmp (path, "/dev/kvm") == 0 ? other : path;
}

/* libvirt's question whether KVM can be used. */
int
access (const char *path, int mode)
{
    int (*real) (const char *, int) =
        (int (*) (const char *, int)) dlsym (RTLD_NEXT, "access");

    return real (device (path), mode);
}

static int
open_real (const char *name, const char *path, int flags, int mode)
{
    int (*real) (const char *, int, ...) =
        (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, name);

    return real (device (path), flags, mode);
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
