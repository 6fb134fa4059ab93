/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QEMU's options (7.2 to 10.0) and what a SEV guest may do with each.  What is not in here
 * is refused at start.
 */

#include "psp/host/option-table.h"

#include <string.h>

#define RAM "guest memory is one block that the secure processor can reach"
#define DEBUG "it shows guest memory or instructions"
#define MONITOR "it opens a monitor past the relay"
#define BOOT "it is not measured"
#define SOURCE "it takes options from elsewhere"
#define STATE "saved state and migration need the secure processor"
#define PROCESS "the process is libvirt's"

#define FLAG(name, rule, why)                                                              \
    {                                                                                      \
        name, FALSE, rule, why                                                             \
    }
#define VALUE(name, rule, why)                                                             \
    {                                                                                      \
        name, TRUE, rule, why                                                              \
    }

/* Sorted by strcmp(). */
static const OptionRow options[] = {
    VALUE ("D", OPTION_REFUSE, DEBUG),
    VALUE ("L", OPTION_REFUSE, BOOT),
    FLAG ("S", OPTION_HANDLED, NULL),
    VALUE ("accel", OPTION_HANDLED, NULL),
    VALUE ("acpitable", OPTION_PASS, NULL),
    VALUE ("action", OPTION_PASS, NULL),
    VALUE ("add-fd", OPTION_PASS, NULL),
    VALUE ("append", OPTION_HANDLED, NULL),
    FLAG ("async-teardown", OPTION_PASS, NULL),
    VALUE ("audio", OPTION_PASS, NULL),
    VALUE ("audiodev", OPTION_PASS, NULL),
    VALUE ("bios", OPTION_HANDLED, NULL),
    VALUE ("blockdev", OPTION_HANDLED, NULL),
    VALUE ("boot", OPTION_PASS, NULL),
    VALUE ("cdrom", OPTION_PASS, NULL),
    VALUE ("chardev", OPTION_HANDLED, NULL),
    VALUE ("chroot", OPTION_REFUSE, PROCESS),
    VALUE ("compat", OPTION_PASS, NULL),
    VALUE ("cpu", OPTION_HANDLED, NULL),
    VALUE ("d", OPTION_REFUSE, DEBUG),
    FLAG ("daemonize", OPTION_REFUSE, PROCESS),
    VALUE ("debugcon", OPTION_NO_MONITOR, NULL),
    VALUE ("device", OPTION_HANDLED, NULL),
    VALUE ("dfilter", OPTION_REFUSE, DEBUG),
    VALUE ("display", OPTION_PASS, NULL),
    VALUE ("drive", OPTION_HANDLED, NULL),
    VALUE ("dtb", OPTION_REFUSE, BOOT),
    VALUE ("dump-vmstate", OPTION_REFUSE, STATE),
    VALUE ("echr", OPTION_PASS, NULL),
    FLAG ("enable-kvm", OPTION_HANDLED, NULL),
    FLAG ("enable-sync-profile", OPTION_REFUSE, DEBUG),
    VALUE ("fda", OPTION_PASS, NULL),
    VALUE ("fdb", OPTION_PASS, NULL),
    VALUE ("fsdev", OPTION_PASS, NULL),
    FLAG ("full-screen", OPTION_PASS, NULL),
    VALUE ("fw_cfg", OPTION_PASS, NULL),
    VALUE ("gdb", OPTION_REFUSE, DEBUG),
    VALUE ("global", OPTION_PASS, NULL),
    VALUE ("hda", OPTION_PASS, NULL),
    VALUE ("hdb", OPTION_PASS, NULL),
    VALUE ("hdc", OPTION_PASS, NULL),
    VALUE ("hdd", OPTION_PASS, NULL),
    VALUE ("icount", OPTION_REFUSE, STATE),
    VALUE ("incoming", OPTION_REFUSE, STATE),
    VALUE ("initrd", OPTION_HANDLED, NULL),
    VALUE ("iscsi", OPTION_PASS, NULL),
    VALUE ("k", OPTION_PASS, NULL),
    VALUE ("kernel", OPTION_HANDLED, NULL),
    VALUE ("loadvm", OPTION_REFUSE, STATE),
    VALUE ("m", OPTION_HANDLED, NULL),
    VALUE ("machine", OPTION_HANDLED, NULL),
    VALUE ("mem-path", OPTION_REFUSE, RAM),
    FLAG ("mem-prealloc", OPTION_REFUSE, RAM),
    VALUE ("mon", OPTION_HANDLED, NULL),
    VALUE ("monitor", OPTION_NONE_ONLY, NULL),
    VALUE ("msg", OPTION_PASS, NULL),
    VALUE ("mtdblock", OPTION_REFUSE, BOOT),
    VALUE ("name", OPTION_HANDLED, NULL),
    VALUE ("net", OPTION_HANDLED, NULL),
    VALUE ("netdev", OPTION_HANDLED, NULL),
    VALUE ("nic", OPTION_HANDLED, NULL),
    FLAG ("no-acpi", OPTION_PASS, NULL),
    FLAG ("no-fd-bootchk", OPTION_PASS, NULL),
    FLAG ("no-hpet", OPTION_PASS, NULL),
    FLAG ("no-reboot", OPTION_PASS, NULL),
    FLAG ("no-shutdown", OPTION_PASS, NULL),
    FLAG ("no-user-config", OPTION_HANDLED, NULL),
    FLAG ("nodefaults", OPTION_HANDLED, NULL),
    FLAG ("nographic", OPTION_PASS, NULL),
    VALUE ("numa", OPTION_REFUSE, RAM),
    VALUE ("object", OPTION_HANDLED, NULL),
    FLAG ("only-migratable", OPTION_PASS, NULL),
    VALUE ("option-rom", OPTION_PASS, NULL),
    VALUE ("overcommit", OPTION_PASS, NULL),
    VALUE ("parallel", OPTION_NO_MONITOR, NULL),
    VALUE ("pflash", OPTION_REFUSE, "say it with -blockdev, -drive or -bios"),
    VALUE ("pidfile", OPTION_PASS, NULL),
    VALUE ("plugin", OPTION_REFUSE, DEBUG),
    FLAG ("portrait", OPTION_PASS, NULL),
    FLAG ("preconfig", OPTION_REFUSE, SOURCE),
    VALUE ("qmp", OPTION_NONE_ONLY, NULL),
    VALUE ("qmp-pretty", OPTION_NONE_ONLY, NULL),
    VALUE ("readconfig", OPTION_REFUSE, SOURCE),
    VALUE ("rotate", OPTION_PASS, NULL),
    VALUE ("rtc", OPTION_PASS, NULL),
    VALUE ("run-with", OPTION_REFUSE, PROCESS),
    VALUE ("runas", OPTION_REFUSE, PROCESS),
    FLAG ("s", OPTION_REFUSE, DEBUG),
    VALUE ("sandbox", OPTION_PASS, NULL),
    VALUE ("sd", OPTION_PASS, NULL),
    VALUE ("seed", OPTION_PASS, NULL),
    VALUE ("serial", OPTION_NO_MONITOR, NULL),
    VALUE ("set", OPTION_REFUSE, SOURCE),
    VALUE ("shim", OPTION_REFUSE, BOOT),
    FLAG ("singlestep", OPTION_PASS, NULL),
    VALUE ("smbios", OPTION_PASS, NULL),
    VALUE ("smp", OPTION_HANDLED, NULL),
    FLAG ("snapshot", OPTION_PASS, NULL),
    VALUE ("spice", OPTION_PASS, NULL),
    VALUE ("tpmdev", OPTION_PASS, NULL),
    VALUE ("trace", OPTION_REFUSE, DEBUG),
    FLAG ("usb", OPTION_PASS, NULL),
    VALUE ("usbdevice", OPTION_PASS, NULL),
    VALUE ("uuid", OPTION_PASS, NULL),
    VALUE ("vga", OPTION_NONE_ONLY, NULL),
    VALUE ("virtfs", OPTION_PASS, NULL),
    VALUE ("vnc", OPTION_PASS, NULL),
    VALUE ("watchdog-action", OPTION_PASS, NULL),
    FLAG ("win2k-hack", OPTION_PASS, NULL),
    FLAG ("xen-attach", OPTION_REFUSE, PROCESS),
    VALUE ("xen-domid", OPTION_REFUSE, PROCESS),
    FLAG ("xen-domid-restrict", OPTION_REFUSE, PROCESS),
};

const OptionRow *
option_table_find (const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
        if (strcmp (options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

#define MEMORY "memory devices are not part of the guest's encrypted memory"
#define VIDEO "video memory is not part of the guest's encrypted memory"
#define SHARED "it hands guest memory to another process"
#define AWAKE "it uses guest memory while the guest is stopped, when it is ciphertext"

typedef struct {
    const char *pattern; /* g_pattern_match_simple() */
    const char *why;
} DeviceRow;

static const DeviceRow refused_devices[] = {
    { "*dimm*", MEMORY },
    { "virtio-mem*", MEMORY },
    { "*pmem*", MEMORY },
    { "*ivshmem*", MEMORY },
    { "sgx-*", MEMORY },
    { "cxl-*", MEMORY },
    { "hv-balloon", MEMORY },
    { "*vga*", VIDEO },
    { "*VGA*", VIDEO },
    { "*gpu*", VIDEO },
    { "qxl*", VIDEO },
    { "ramfb*", VIDEO },
    { "*display*", VIDEO },
    { "sm501", VIDEO },
    { "vhost-*", SHARED },
    { "vfio-*", SHARED },
    { "*-vfio*", SHARED },
    { "x-*", SHARED },
    /* Input of a character device, of an input device or of another thread goes into the
     * guest's rings without a look at whether it runs (QEMU hw/char/virtio-serial-bus.c,
     * hw/usb/hcd-xhci.c, hw/9pfs/9p.c, hw/input/virtio-input-host.c). */
    { "virtserialport", AWAKE },
    { "virtconsole", AWAKE },
    { "virtio-9p*", AWAKE },
    { "virtio-input-host*", AWAKE },
    { "usb-host", AWAKE },
    { "usb-redir", AWAKE },
    { "usb-serial", AWAKE },
    { "usb-braille", AWAKE },
    { "ccid-card-passthru*", AWAKE },
    { "loader", "it writes into guest memory unmeasured" },
    { "guest-loader", "it writes into guest memory unmeasured" },
    { "generic-sdhci", "it is not a device of this machine" },
    { "vmcoreinfo", "it describes guest memory to the host" },
};

const char *
option_device_refusal (const char *driver)
{
    for (gsize i = 0; i < G_N_ELEMENTS (refused_devices); i++)
        if (g_pattern_match_simple (refused_devices[i].pattern, driver))
            return refused_devices[i].why;
    return NULL;
}

static const char *const allowed_objects[] = {
    "authz-list",
    "authz-list-file",
    "authz-pam",
    "authz-simple",
    "iothread",
    "main-loop",
    "rng-builtin",
    "rng-egd",
    "rng-random",
    "secret",
    "secret_keyring",
    "throttle-group",
    "tls-cipher-suites",
    "tls-creds-anon",
    "tls-creds-psk",
    "tls-creds-x509",
    NULL,
};

gboolean
option_object_allowed (const char *qom_type)
{
    return g_strv_contains (allowed_objects, qom_type);
}

static const char *const allowed_machine[] = {
    "accel",
    "acpi",
    "default-bus-bypass-iommu",
    "fd-bootchk",
    "graphics",
    "hpet",
    "i8042",
    "kernel-irqchip",
    "kernel_irqchip",
    "mem-merge",
    "pcspk-audiodev",
    "pic",
    "pit",
    "rtc",
    "sata",
    "smbios-entry-point-type",
    "smbus",
    "smm",
    "usb",
    "vmport",
    NULL,
};

gboolean
option_machine_allowed (const char *property)
{
    return g_strv_contains (allowed_machine, property);
}
