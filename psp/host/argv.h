/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SECTION: argv
 * @short_description: libvirt's QEMU command line, read and rewritten
 *
 * Pure: strings in, strings out; no file is opened.  A command line without a sev-guest is
 * handed on as it is.  For a SEV guest the table of option-table.c decides: what it does
 * not know is refused by name, because an option that adds memory, a monitor or a boot path
 * would go past the secure processor.
 */

/**
 * ArgvKind:
 * @ARGV_PLAIN: no SEV guest: QEMU gets the command line as it is
 * @ARGV_PROBE: libvirt asks for QEMU's capabilities (-machine none and -qmp unix:…)
 * @ARGV_SEV: a guest with confidential-guest-support of type sev-guest
 */
typedef enum {
    ARGV_PLAIN,
    ARGV_PROBE,
    ARGV_SEV,
} ArgvKind;

/* RAM that a SEV guest may have: keeps clear of the hole below 1 TiB that moves RAM. */
#define ARGV_RAM_MAX (G_GUINT64_CONSTANT (512) << 30)

/* More than QEMU's q35 takes. */
#define ARGV_VCPUS_MAX 4096u

/** ArgvSev: the properties of -object sev-guest, with QEMU's defaults */
typedef struct {
    char *id;
    guint32 policy; /* 1 if not given */
    guint32 handle; /* 0 if not given */
    guint32 cbitpos;
    guint32 reduced_phys_bits;
    gboolean kernel_hashes;
    gboolean init2;     /* legacy-vm-type=off: the newer KVM_SEV_INIT2 */
    char *dh_cert_file; /* (nullable): base64 inside */
    char *session_file; /* (nullable): base64 inside */
} ArgvSev;

typedef struct _ArgvItem ArgvItem;

typedef struct {
    ArgvKind kind;
    GPtrArray *items;      /* ArgvItem: the command line without program name */
    char *guest_name;      /* (nullable) */
    char *monitor_path;    /* (nullable): monitor to listen on, if @monitor_fd is -1 */
    int monitor_fd;        /* libvirt's listening socket, or -1 */
    gboolean start_paused; /* -S */
    /* The rest for %ARGV_SEV only. */
    ArgvSev sev;
    guint64 ram_size; /* bytes */
    char *firmware;   /* file behind pflash unit 0 or -bios */
    char *kernel;     /* (nullable) */
    char *initrd;     /* (nullable) */
    char *append;     /* (nullable) */
    guint vcpus;      /* that are there at the start */
    char *cpu;        /* (nullable): value of -cpu */
    gboolean kvm;     /* as far as the command line says it */
} Argv;

/**
 * argv_parse:
 * @args: (array zero-terminated=1): without the program's name
 *
 * Errors: %HOST_ERROR_ARGV: what a SEV guest may not have.
 * Returns: (transfer full)
 */
Argv *argv_parse (const char *const *args, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void argv_free (Argv *argv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Argv, argv_free)

/** ArgvFds: descriptors that QEMU inherits; -1 where there is none */
typedef struct {
    int monitor;  /* listening socket */
    int control;  /* listening socket of a second monitor, for the relay itself */
    int ram;      /* shared memory file of @ram_size bytes */
    int firmware; /* sealed */
    int kernel;   /* sealed */
    int initrd;   /* sealed */
} ArgvFds;

/**
 * argv_build:
 * @argv: of any kind
 * @fds: (nullable): not needed for %ARGV_PLAIN
 * @serve_kernel_file: add the fw_cfg item "etc/boot/kernel", which QEMU before 10 lacks
 * @kvm_usable: whether this process may open /dev/kvm; if not, a probe uses TCG
 *
 * Returns: (transfer full): QEMU's command line without the program's name
 */
char **argv_build (const Argv *argv,
                   const ArgvFds *fds,
                   gboolean serve_kernel_file,
                   gboolean kvm_usable);

G_END_DECLS
