/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the launcher reads from a host that it does not trust. */

#include <errno.h>
#include <string.h>

#include "launcher/host/console-text.h"
#include "launcher/host/sev-device.h"
#include "launcher/host/sev-hardware.h"
#include "launcher/host/virt.h"
#include "sev/wire/sev-status.h"
#include "tests/lib/test-dir.h"

/* Console.  The lines are written out here: they are a contract with guests that exist. */

static ConsoleText *
text_of (const char *bytes)
{
    ConsoleText *text = console_text_new ();

    console_text_push (text, bytes, strlen (bytes));
    return text;
}

static void
assert_said (const char *bytes, ConsoleSaid said, const char *id)
{
    g_autoptr (ConsoleText) text = text_of (bytes);

    g_assert_cmpint ((int) console_text_get_said (text), ==, (int) said);
    g_assert_cmpstr (console_text_get_id (text), ==, id);
}

static void
test_console_lines (void)
{
    assert_said ("boot\r\nsevlaunch-guest: disk unlocked\r\n", CONSOLE_UNLOCKED, NULL);
    assert_said ("\nsevlaunch-guest: refused: header-mismatch: not the pinned one\n",
                 CONSOLE_GUEST_REFUSED, "header-mismatch");
    assert_said ("\033[2J\033[01;01Hsevlaunch-firmware: refused: no-hash-table: none\r\n",
                 CONSOLE_FIRMWARE_REFUSED, "no-hash-table");
}

static void
test_console_other_lines (void)
{
    static const char *const others[] = {
        "",
        "sevlaunch-guest: disk unlocked", /* no end yet */
        "login: sevlaunch-guest: disk unlocked\n",
        "sevlaunch-guest: disk unlocked?\n",
        "sevlaunch-guest: refused: \n",
        "sevlaunch-guest: refused: Header: capital\n",
        "sevlaunch-guest: refused: header-mismatch\n", /* no colon */
        "sevlaunch-firmware: refuse: x: y\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
        assert_said (others[i], CONSOLE_NOTHING, NULL);
}

static void
test_console_first_counts (void)
{
    assert_said ("sevlaunch-guest: refused: no-key: gone\nsevlaunch-guest: disk unlocked\n",
                 CONSOLE_GUEST_REFUSED, "no-key");
}

static void
test_console_pieces (void)
{
    const char *whole = "x\nsevlaunch-guest: disk unlocked\nyz\n";

    for (gsize cut = 0; cut <= strlen (whole); cut++) {
        g_autoptr (ConsoleText) text = console_text_new ();

        console_text_push (text, whole, cut);
        console_text_push (text, whole + cut, strlen (whole) - cut);
        g_assert_cmpint ((int) console_text_get_said (text), ==, CONSOLE_UNLOCKED);
    }
}

static void
test_console_bounded (void)
{
    g_autoptr (ConsoleText) text = console_text_new ();
    g_autofree char *line = g_strnfill (100000, 'a');

    for (guint i = 0; i < 50; i++) {
        console_text_push (text, line, 100000);
        console_text_push (text, "\n", 1);
    }
    g_autofree char *last = console_text_dup_last (text);
    g_assert_cmpuint (strlen (last), ==, CONSOLE_TEXT_KEEP * (CONSOLE_TEXT_LINE_MAX + 1));
}

static void
test_console_printable (void)
{
    g_autoptr (ConsoleText) text = text_of ("a\tb\a\x01\xff\033]0;title\n");
    g_autofree char *last = console_text_dup_last (text);

    for (const char *i = last; *i != '\0'; i++)
        g_assert_true (*i == '\n' || g_ascii_isprint (*i));
    g_assert_true (g_str_has_suffix (last, "\n"));
}

/* Hardware. */

static void
machine (const TestDir *dir, const char *flags, const char *sev, const char *const *devices)
{
    g_autofree char *cpuinfo = g_strdup_printf ("processor\t: 0\nflags\t\t: %s\n", flags);

    test_dir_make (dir, "proc", 0755);
    test_dir_make (dir, "dev", 0755);
    test_dir_write (dir, "proc/cpuinfo", cpuinfo, 0644);
    if (sev != NULL) {
        g_autofree char *path = test_dir_path (dir, "sys/module/kvm_amd/parameters");
        g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
        test_dir_write (dir, "sys/module/kvm_amd/parameters/sev", sev, 0644);
    }
    for (; *devices != NULL; devices++)
        test_dir_write (dir, *devices, "", 0600);
}

typedef struct {
    const char *flags;
    const char *sev;
    const char *devices[3];
    SevHardware is;
    const char *why;
} Machine;

static void
test_hardware (void)
{
    static const Machine machines[] = {
        { "fpu sev sev_es", "Y\n", { "dev/sev", "dev/kvm" }, SEV_HARDWARE_USABLE, NULL },
        { "fpu sev", "1\n", { "dev/sev", "dev/kvm" }, SEV_HARDWARE_USABLE, NULL },
        { "fpu svm", NULL, { NULL }, SEV_HARDWARE_NONE, NULL },
        { "fpu sev_es seven", NULL, { "dev/kvm" }, SEV_HARDWARE_NONE, NULL },
        { "fpu sev", NULL, { "dev/sev", "dev/kvm" }, SEV_HARDWARE_UNUSABLE, "kvm_amd" },
        { "fpu sev", "N\n", { "dev/sev", "dev/kvm" }, SEV_HARDWARE_UNUSABLE, "kvm_amd" },
        { "fpu sev", "Y\n", { "dev/kvm" }, SEV_HARDWARE_UNUSABLE, "/dev/sev" },
        { "fpu sev", "Y\n", { "dev/sev" }, SEV_HARDWARE_UNUSABLE, "/dev/kvm" },
        { "fpu", "N\n", { "dev/sev" }, SEV_HARDWARE_UNUSABLE, "kvm_amd" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (machines); i++) {
        const Machine *m = &machines[i];
        g_auto (TestDir) dir = { 0 };
        g_autofree char *why = NULL;

        test_dir_init (&dir);
        machine (&dir, m->flags, m->sev, m->devices);
        g_assert_cmpint ((int) sev_hardware_probe (dir.path, &why), ==, (int) m->is);
        g_assert_cmpint (why != NULL, ==, m->why != NULL);
        if (m->why != NULL)
            g_assert_nonnull (strstr (why, m->why));
    }
}

/* The module's word counts, not the processor's. */
static void
test_hardware_es (void)
{
    static const char *const devices[] = { "dev/sev", "dev/kvm", NULL };
    static const struct {
        const char *parameter; /* (nullable) */
        gboolean has;
    } cases[] = {
        { "Y\n", TRUE },  { "1\n", TRUE }, { "N\n", FALSE },
        { "0\n", FALSE }, { NULL, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_auto (TestDir) dir = { 0 };

        test_dir_init (&dir);
        machine (&dir, "fpu sev sev_es", "Y\n", devices);
        if (cases[i].parameter != NULL)
            test_dir_write (&dir, "sys/module/kvm_amd/parameters/sev_es",
                            cases[i].parameter, 0644);
        g_assert_cmpint (sev_hardware_has_es (dir.path), ==, cases[i].has);
    }
}

static void
test_hardware_nothing_readable (void)
{
    g_auto (TestDir) dir = { 0 };
    g_autofree char *why = NULL;

    test_dir_init (&dir);
    g_assert_cmpint ((int) sev_hardware_probe (dir.path, &why), ==, SEV_HARDWARE_NONE);
}

/* libvirt. */

/* Lines of QEMU 7.2's target/i386/sev.c. */
static void
test_qemu_output (void)
{
    static const struct {
        const char *text;
        LauncherError code;
    } lines[] = {
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=7 'Guest policy violation'",
          LAUNCHER_ERROR_PSP_REFUSED },
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=11 'Bad measurement'",
          LAUNCHER_ERROR_PSP_REFUSED },
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=6 'Certificate is invalid'",
          LAUNCHER_ERROR_PSP_REFUSED },
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=10 'Bad signature'",
          LAUNCHER_ERROR_PSP_REFUSED },
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=23 'Resource limit'",
          LAUNCHER_ERROR_PSP },
        { "sev_launch_start: LAUNCH_START ret=1 fw_error=", LAUNCHER_ERROR_PSP },
        { "process exited while connecting to monitor", LAUNCHER_ERROR_QEMU_DIED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
        g_assert_cmpint ((int) virt_classify_qemu_output (lines[i].text), ==,
                         (int) lines[i].code);
}

static void
test_packet_hint (void)
{
    /* AMD 55766, status codes: BAD_MEASUREMENT is 0Bh. */
    g_assert_nonnull (strstr (
        virt_packet_hint ("sev_inject_launch_secret: fw_error=11 'Bad measurement'"),
        "changed, or is for another launch"));
    g_assert_cmpstr (virt_packet_hint ("x: fw_error=1 'Platform state is invalid'"), ==,
                     "");
    g_assert_cmpstr (virt_packet_hint ("x: fw_error=111"), ==, "");
    g_assert_cmpstr (virt_packet_hint ("no number"), ==, "");
}

static void
test_uris (void)
{
    g_assert_false (virt_uri_is_remote ("qemu:///system"));
    g_assert_false (virt_uri_is_remote ("qemu+unix:///session?socket=/a/b"));
    g_assert_true (virt_uri_is_remote ("qemu+ssh://host/system"));
    g_assert_true (virt_uri_is_remote ("qemu+ssh://user@host:22/system"));
    g_assert_true (virt_uri_is_remote ("qemu://10.0.0.1/system"));
    g_assert_true (virt_uri_is_remote ("qemu+ext:///system?command=x"));
    g_assert_true (virt_uri_is_remote ("qemu+ssh:///system"));
    /* A verdict is not made elsewhere because the way to the same host is longer. */
    g_autofree char *own = g_strdup_printf ("qemu+ssh://%s/system", g_get_host_name ());
    g_assert_true (virt_uri_leads_back (own));
    g_assert_true (virt_uri_leads_back ("qemu+ssh://localhost/system"));
    g_assert_true (virt_uri_leads_back ("qemu+tcp://root@LocalHost.localdomain:1/system"));
    g_assert_true (virt_uri_leads_back ("qemu+tcp://127.0.0.2/system"));
    g_assert_true (virt_uri_leads_back ("qemu://[::1]/system"));
    g_assert_true (virt_uri_leads_back ("qemu+ssh:///system"));
    g_assert_false (virt_uri_leads_back ("qemu:///system"));
    g_assert_false (virt_uri_leads_back ("qemu+ssh://other.example/system"));
    g_assert_false (virt_uri_leads_back ("qemu://10.0.0.1/system"));
    g_assert_false (virt_uri_leads_back ("qemu+ext:///system?command=x"));
}

/* Whoever says that he is this machine is not the owner's other one. */
static void
test_identity (void)
{
    static char *uuids[] = { (char *) "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4", NULL };
    static const struct {
        const char *own;
        const char *name;
        const char *capabilities;
        gboolean same;
    } rows[] = {
        { "web1", "web2", "<capabilities/>", FALSE },
        { "web1", "web1", NULL, TRUE },
        { "web1", "WEB1", NULL, TRUE },
        { "web1", "web1.example.org", NULL, TRUE },
        { "web1.example.org", "web1", NULL, TRUE },
        { "web1.example.org", "web1.example.org", NULL, TRUE },
        { "web1.example.org", "web1.example.net", NULL, FALSE },
        { "web1", "web11", NULL, FALSE },
        { "web11", "web1", NULL, FALSE },
        { "web1", "web2.web1", NULL, FALSE },
        { "web1", NULL, NULL, TRUE },
        { "web1", "", NULL, TRUE },
        { "web1", "web2",
          "<host>\n <uuid>3D1219C7-C4C5-404A-AA1F-6D2A48ADFDA4</uuid>\n</host>", TRUE },
        { "web1", "web2",
          "<host>\n <uuid>3d1219c7-c4c5-404a-aa1f-6d2a48adfda5</uuid>\n</host>", FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS (rows); i++) {
        const VirtIdentity own = { (char *) rows[i].own, uuids };
        g_assert_true (virt_identity_matches (&own, rows[i].name, rows[i].capabilities) ==
                       rows[i].same);
    }
    g_auto (VirtIdentity) here = { 0 };
    virt_identity_read_own (&here);
    g_assert_cmpstr (here.name, ==, g_get_host_name ());
    for (char **i = here.uuids; *i != NULL; i++)
        g_assert_true (g_uuid_string_is_valid (*i));
}

static void
test_device_text (void)
{
    g_auto (SevDeviceCall) call = { .cmd = 5, .room = { 2084, 6252 } };
    g_auto (SevDeviceCall) parsed = { 0 };
    g_autoptr (GError) error = NULL;

    g_autofree char *text = sev_device_call_to_text (&call);
    g_assert_cmpstr (text, ==, "5 - - 2084 6252");
    g_assert_true (sev_device_call_parse ("6 AAE= /w== 0 16384", &parsed, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (parsed.cmd, ==, 6);
    g_assert_cmpmem (g_bytes_get_data (parsed.in[0], NULL), g_bytes_get_size (parsed.in[0]),
                     "\0\1", 2);
    g_assert_cmpuint (parsed.room[1], ==, 16384);

    g_assert_true (sev_device_result_parse ("5 4 - AAE= 2084 6252", &call, &error));
    g_assert_no_error (error);
    g_assert_cmpint (call.saved_errno, ==, 5);
    g_assert_cmpuint (call.status, ==, 4);
    g_assert_null (call.out[0]);
    g_assert_cmpuint (g_bytes_get_size (call.out[1]), ==, 2);
    g_assert_cmpuint (call.needed[1], ==, 6252);
    g_autofree char *result = sev_device_result_to_text (&call);
    g_assert_cmpstr (result, ==, "5 4 - AAE= 2084 6252");
}

static void
test_device_text_bad (void)
{
    static const char *const bad[] = {
        "",
        "5",
        "5 - - 1",
        "5 - - 1 2 3",
        "-1 - - 1 2",
        "5 - - x 2",
        "5 - - 1 ",
        "5  - 1 2",
        "5 - -  2",
        "5 ! - 1 2",
        "5 - - 1 2 ",
        "5 - - 1 16385",
        "5 - - 4294967296 1",
    };
    g_autofree char *blob = g_strnfill (30000, 'A');
    g_autofree char *large = g_strdup_printf ("5 %s - 1 2", blob);

    for (gsize i = 0; i <= G_N_ELEMENTS (bad); i++) {
        g_auto (SevDeviceCall) call = { 0 };
        g_autoptr (GError) error = NULL;

        g_assert_false (
            sev_device_call_parse (i < G_N_ELEMENTS (bad) ? bad[i] : large, &call, &error));
        g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED);
    }
}

/* Answers a call with what the test wants. */
static gboolean
answer (gpointer data, SevDeviceCall *call, GError **error)
{
    const SevDeviceCall *wanted = data;

    call->saved_errno = wanted->saved_errno;
    call->status = wanted->status;
    call->needed[0] = wanted->needed[0];
    if (wanted->out[0] != NULL)
        call->out[0] = g_bytes_ref (wanted->out[0]);
    return TRUE;
}

static void
test_device_errors (void)
{
    static const struct {
        int saved_errno;
        guint32 status;
        LauncherError expected;
    } m[] = {
        { EBUSY, 0, LAUNCHER_ERROR_PLATFORM_STATE },
        { EIO, SEV_STATUS_INVALID_PLATFORM_STATE, LAUNCHER_ERROR_PLATFORM_STATE },
        { EIO, SEV_STATUS_ALREADY_OWNED, LAUNCHER_ERROR_PLATFORM_STATE },
        { EIO, SEV_STATUS_INVALID_CERTIFICATE, LAUNCHER_ERROR_PSP_REFUSED },
        { EIO, SEV_STATUS_BAD_SIGNATURE, LAUNCHER_ERROR_PSP_REFUSED },
        { EIO, SEV_STATUS_HWERROR_UNSAFE, LAUNCHER_ERROR_PSP },
        { EIO, 0xffffffff, LAUNCHER_ERROR_SEV_UNUSABLE }, /* the firmware was not asked */
        { EPERM, 0, LAUNCHER_ERROR_SEV_UNUSABLE },
        { ENODEV, 0, LAUNCHER_ERROR_SEV_UNUSABLE },
    };
    SevDeviceCall wanted = { 0 };
    g_autoptr (GError) none = NULL;

    g_autoptr (SevDevice) device = sev_device_new (answer, &wanted, NULL);
    g_assert_true (sev_device_pek_gen (device, &none));
    for (gsize i = 0; i < G_N_ELEMENTS (m); i++) {
        g_autoptr (GError) error = NULL;

        wanted.saved_errno = m[i].saved_errno;
        wanted.status = m[i].status;
        g_assert_false (sev_device_pek_gen (device, &error));
        g_assert_error (error, LAUNCHER_ERROR, (gint) m[i].expected);
    }
    /* An answer of another size is no answer. */
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = g_bytes_new_static ("12345678901", 11);
    SevDeviceStatus status;
    wanted = (SevDeviceCall){ .out = { bytes } };
    g_assert_false (sev_device_status (device, &status, &error));
    g_assert_error (error, LAUNCHER_ERROR, LAUNCHER_ERROR_REPLY_ALTERED);
}

/* Ending guests, with libvirt's own driver for tests. */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif
#ifndef WITH_SANITIZER
#define WITH_SANITIZER 0
#endif

static virDomainPtr
started (virConnectPtr connection)
{
    virDomainPtr domain = virDomainCreateXML (
        connection,
        "<domain type='test'><name>web</name><uuid>9959c393-191b-4c64-9310-745f8a985bee"
        "</uuid><memory>1024</memory><os><type>hvm</type></os></domain>",
        0);

    g_assert_nonnull (domain);
    g_assert_cmpint (virDomainIsActive (domain), ==, 1);
    return domain;
}

static void
test_destroy (void)
{
    g_autoptr (GError) error = NULL;

    if (WITH_SANITIZER) {
        g_test_skip ("LeakSanitizer dies of what libvirt's driver for tests leaves behind");
        return;
    }
    g_autoptr (virConnect) connection = virConnectOpen ("test:///default");
    if (connection == NULL) {
        g_test_skip ("libvirt has no driver for tests");
        return;
    }
    g_autoptr (virDomain) ours = started (connection);
    g_autoptr (virDomain) same = virDomainLookupByName (connection, "web");
    g_assert_true (virt_destroy (ours, &error));
    g_assert_no_error (error);
    g_assert_null (virDomainLookupByName (connection, "web"));
    /* Somebody starts it again: that one is not ours. */
    g_autoptr (virDomain) theirs = started (connection);
    g_assert_true (virt_destroy (same, &error));
    g_assert_no_error (error);
    g_assert_cmpint (virDomainIsActive (theirs), ==, 1);
    g_assert_true (virt_destroy (theirs, &error));
    g_assert_no_error (error);
    g_assert_null (virDomainLookupByName (connection, "web"));
    g_assert_true (virt_destroy (theirs, &error));
    g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/launcher/console/lines", test_console_lines);
    g_test_add_func ("/launcher/console/other-lines", test_console_other_lines);
    g_test_add_func ("/launcher/console/first-counts", test_console_first_counts);
    g_test_add_func ("/launcher/console/pieces", test_console_pieces);
    g_test_add_func ("/launcher/console/bounded", test_console_bounded);
    g_test_add_func ("/launcher/console/printable", test_console_printable);
    g_test_add_func ("/launcher/hardware/kinds", test_hardware);
    g_test_add_func ("/launcher/hardware/es", test_hardware_es);
    g_test_add_func ("/launcher/hardware/nothing-readable", test_hardware_nothing_readable);
    g_test_add_func ("/launcher/virt/qemu-output", test_qemu_output);
    g_test_add_func ("/launcher/virt/packet-hint", test_packet_hint);
    g_test_add_func ("/launcher/virt/uris", test_uris);
    g_test_add_func ("/launcher/virt/destroy", test_destroy);
    g_test_add_func ("/launcher-host/identity", test_identity);
    g_test_add_func ("/launcher-host/device-text", test_device_text);
    g_test_add_func ("/launcher-host/device-text-bad", test_device_text_bad);
    g_test_add_func ("/launcher-host/device-errors", test_device_errors);
    return g_test_run ();
}
