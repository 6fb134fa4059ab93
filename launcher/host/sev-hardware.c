/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "launcher/host/sev-hardware.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CPUINFO_LINE_MAX 8192

/* The flags of the first processor. */
static gboolean
cpu_has_flag (const char *root, const char *flag)
{
    g_autofree char *path = g_strconcat (root, "/proc/cpuinfo", NULL);
    char line[CPUINFO_LINE_MAX];
    gboolean found = FALSE;
    FILE *file = fopen (path, "re");

    while (file != NULL && fgets (line, sizeof line, file) != NULL) {
        if (!g_str_has_prefix (line, "flags"))
            continue;
        g_auto (GStrv) words = g_strsplit_set (line, " \t\n", -1);
        found = g_strv_contains ((const char *const *) words, flag);
        break;
    }
    if (file != NULL)
        fclose (file);
    return found;
}

static gboolean
parameter_is_on (const char *root, const char *name)
{
    g_autofree char *path =
        g_strconcat (root, "/sys/module/kvm_amd/parameters/", name, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents (path, &text, NULL, NULL) &&
           (*text == 'Y' || *text == 'y' || *text == '1');
}

SevHardware
sev_hardware_probe (const char *root, char **why)
{
    g_autofree char *device = g_strconcat (root, "/dev/sev", NULL);
    g_autofree char *kvm = g_strconcat (root, "/dev/kvm", NULL);

    *why = NULL;
    /* Without the flag there may still be a device, behind an old kernel; but not that of
     * an emulated host that this program runs in. */
    if (!cpu_has_flag (root, "sev") &&
        (g_getenv ("SEVLAUNCH_SEV_DEVICE") != NULL || access (device, F_OK) != 0))
        return SEV_HARDWARE_NONE;
    if (!parameter_is_on (root, "sev"))
        *why = g_strdup ("the kernel module kvm_amd has SEV switched off or is not loaded "
                         "(load it with sev=1; the firmware setup must have SMEE on)");
    else if (access (device, F_OK) != 0)
        *why = g_strdup ("/dev/sev is missing (load the kernel module ccp)");
    else if (access (kvm, F_OK) != 0)
        *why = g_strdup ("/dev/kvm is missing (load the kernel module kvm_amd)");
    return *why != NULL ? SEV_HARDWARE_UNUSABLE : SEV_HARDWARE_USABLE;
}

gboolean
sev_hardware_has_es (const char *root)
{
    return parameter_is_on (root, "sev_es");
}
