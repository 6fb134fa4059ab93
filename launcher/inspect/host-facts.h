/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SECTION: host-facts
 * @short_description: what a machine says of its SEV, gathered in one place
 *
 * Only looks.  Everything may be missing; what is not known is %NULL or -1.
 */

/** HostCpuid: leaf 8000001F, AMD64 manual volume 3, appendix E.4.17 */
typedef struct {
    gboolean known;   /* leaf 80000000 says that there is such a leaf */
    gboolean sev;     /* EAX bit 1 */
    gboolean es;      /* EAX bit 3 */
    gboolean snp;     /* EAX bit 4 */
    guint c_bit;      /* EBX 5:0 */
    guint reduced;    /* EBX 11:6: physical address bits that are lost */
    guint32 asids;    /* ECX: encrypted guests at one time */
    guint32 min_asid; /* EDX: lowest one for guests without SEV-ES */
} HostCpuid;

/** HostDevice: a file below /dev, as this process may use it */
typedef struct {
    gboolean exists;
    guint mode;  /* permission bits */
    char *group; /* name or number */
    gboolean readable;
    gboolean writable;
} HostDevice;

/** HostAsids: from the misc cgroup; -1: not known */
typedef struct {
    gint64 capacity;
    gint64 used;
} HostAsids;

typedef struct {
    char *cpu_vendor;
    char *cpu_model;     /* its name */
    guint cpu_number[3]; /* family, model, stepping */
    gboolean in_guest;   /* the machine is a virtual one */
    gboolean flag_sev;   /* the kernel found SEV */
    gboolean flag_es;
    HostCpuid cpuid;
    char *kernel; /* release */
    gboolean kvm_amd_loaded;
    gboolean ccp_loaded;
    char *kvm_sev; /* "Y", "N", "1", "0" */
    char *kvm_es;
    char *kvm_snp;
    HostDevice sev;
    HostDevice kvm;
    HostAsids asids;
    HostAsids es_asids;
    gint64 memlock; /* bytes; G_MAXINT64: no limit */
    gboolean privileged;
    gboolean apparmor;
    gboolean apparmor_libvirt; /* libvirt's rules for guests are installed */
    gboolean apparmor_sev;     /* one of them names /dev/sev */
    char **missing_tools;      /* programs of others that are not in PATH */
} HostFacts;

/**
 * host_facts_read:
 * @root: "" for this machine; else a directory with proc, sys, dev, usr/bin, and in place
 *   of the processor a file cpuid: highest extended leaf, then EAX to EDX of 8000001F,
 *   hexadecimal
 * Returns: (transfer full)
 */
HostFacts *host_facts_read (const char *root);

void host_facts_free (HostFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HostFacts, host_facts_free)

/** host_facts_has_hardware: whether processor or kernel have SEV, usable or not */
gboolean host_facts_has_hardware (const HostFacts *facts);

G_END_DECLS
