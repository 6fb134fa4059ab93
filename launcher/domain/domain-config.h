/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * DomainNetwork:
 * @DOMAIN_NETWORK_NONE: no network device
 * @DOMAIN_NETWORK_USER: user-mode network, needs no privileges
 * @DOMAIN_NETWORK_NETWORK: a network that libvirt manages, by name
 * @DOMAIN_NETWORK_BRIDGE: a bridge of the host, by name
 */
typedef enum {
    DOMAIN_NETWORK_NONE,
    DOMAIN_NETWORK_USER,
    DOMAIN_NETWORK_NETWORK,
    DOMAIN_NETWORK_BRIDGE,
} DomainNetwork;

/** DomainDiskLayer: a file of the image's backing chain */
typedef struct {
    const char *path;   /* absolute */
    const char *format; /* "qcow2" or "raw" */
} DomainDiskLayer;

/** DomainConfig: everything that the domain XML is made of; borrowed strings */
typedef struct {
    const char *name;
    const char *uuid;            /* (nullable): libvirt makes one without it */
    gboolean kvm;                /* else QEMU's TCG */
    const char *emulator;        /* (nullable): path; libvirt's choice without it */
    guint memory_mib;            /* at least 1 */
    guint vcpus;                 /* at least 1 */
    const char *cpu_model;       /* fixed model, "EPYC" */
    const char *firmware;        /* path of the image, mapped read-only as pflash unit 0 */
    const char *kernel;          /* (nullable): path of kernel or UKI */
    const char *initrd;          /* (nullable): path */
    const char *cmdline;         /* (nullable): NULL and "" are the same */
    const DomainDiskLayer *disk; /* (nullable) (array length=n_disk): image, then its
                                    backing file, and so on; raw only last */
    guint n_disk;
    DomainNetwork network;
    const char *network_name; /* (nullable): for NETWORK and BRIDGE */
    guint32 policy;           /* guest policy */
    const char *dh_cert;      /* base64 */
    const char *session;      /* base64 */
    gboolean kernel_hashes;
    gboolean locked_memory; /* <memoryBacking><locked/>: real hosts, system mode */
    gulong libvirt_version; /* of the daemon, as virConnectGetLibVersion() says */
} DomainConfig;

/**
 * domain_xml_build:
 * @config: complete
 *
 * Returns: (transfer full): domain XML, indented, that virDomainCreateXML() takes
 * Errors: %LAUNCHER_ERROR_CONFIG for values that XML or libvirt cannot carry (control
 *   characters, a path that is not absolute, a name that domain_name_is_valid() refuses,
 *   kernel hashes before libvirt 8.0.0), %LAUNCHER_ERROR_INTERNAL for an incomplete
 * @config.
 */
char *domain_xml_build (const DomainConfig *config,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * domain_name_from_image:
 * @image: path of an image
 *
 * Returns: (transfer full): a valid domain name made of the image's base name without its
 *   last suffix; characters that a name cannot have become '-' or go at the start, a number
 *   or UUID gets "vm-" before it, and nothing at all becomes "vm"
 */
char *domain_name_from_image (const char *image);

/** domain_name_is_valid: ASCII letters, digits and "._+-", not starting with a dot or dash,
 * 1 to 64 characters, neither all digits (libvirt's clients read an id) nor a UUID */
gboolean domain_name_is_valid (const char *name);

/**
 * domain_network_parse:
 * @text: "none", "user", "network=NAME" or "bridge=NAME"
 * @name: (out) (transfer full) (nullable): %NULL for "none" and "user"
 * Errors: %LAUNCHER_ERROR_USAGE.
 */
gboolean domain_network_parse (const char *text,
                               DomainNetwork *network,
                               char **name,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
