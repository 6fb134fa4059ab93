#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Makes a disk that sevlaunch can boot and whose root only its owner can open: see
# --help.  Needs neither root nor device-mapper nor loop devices.
set -euo pipefail
# shellcheck source=ovmf-hooks/guest/guest-lib.sh
. "$(dirname "$(readlink -f "$0")")/guest-lib.sh"

usage()
{
    cat <<'END'
usage: make-disk.sh --root TREE... --output DIR [OPTION]...

Makes DIR/disk.qcow2: a GPT with an EFI system partition that holds one unified
kernel image, and a LUKS2 partition with an ext4 of TREE.  Beside it: disk.key (the
32 bytes that open it, mode 0600), disk.manifest (what a release pins), uki.efi.

  --root TREE      directory or tar archive; given again, later ones go on top
  --kernel FILE    default: the one /boot/vmlinuz-* in TREE
  --initrd FILE    default: its /boot/initrd.img-*; must hold the sevlaunch hook
  --output DIR     made if missing
  --name NAME      instead of "disk"
  --append TEXT    added to the kernel's command line
  --cmdline TEXT   the whole command line, instead of the default
  --free MIB       free space in the root file system (default 64)
  --key-file FILE  take this key instead of making one
  --stub FILE      EFI stub of systemd 253 or older
  --help           this text
END
}

roots=() kernel='' initrd='' output='' name=disk append='' cmdline='' free=64 key_file=''
stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
epoch=315619200 # 1980-01-02: FAT knows nothing earlier

while [ $# -gt 0 ]; do
    case $1 in
    --help)
        usage
        exit 0
        ;;
    --root | --kernel | --initrd | --output | --name | --append | --cmdline | --free | --key-file | --stub)
        [ $# -ge 2 ] || die "$1 needs a value"
        ;;
    *) die "unexpected argument '$1' (see --help)" ;;
    esac
    case $1 in
    --root) roots+=("$2") ;;
    --kernel) kernel=$2 ;;
    --initrd) initrd=$2 ;;
    --output) output=$2 ;;
    --name) name=$2 ;;
    --append) append=$2 ;;
    --cmdline) cmdline=$2 ;;
    --free) free=$2 ;;
    --key-file) key_file=$2 ;;
    --stub) stub=$2 ;;
    esac
    shift 2
done
if [ ${#roots[@]} -eq 0 ] || [ -z "$output" ]; then
    die "--root and --output are both needed (see --help)"
fi
case $name in
'' | *[!A-Za-z0-9._-]*) die "bad name '$name': letters, digits, dot, dash, underscore" ;;
esac
case $free in
'' | *[!0-9]*) die "--free '$free': not a number of MiB" ;;
esac

# Every name of a run-time prompt or of a place the hypervisor can write to is shut
# here: credentials from SMBIOS and fw_cfg, partitions found by type, a hibernation
# image.  no_timer_check: the kernel's own test of the timer gives up on a busy host
# without KVM, where Linux leaves the test out by itself.
default_cmdline="console=ttyS0 quiet panic=-1 oops=panic noresume nohibernate no_timer_check"
default_cmdline="$default_cmdline root=/dev/mapper/sevlaunch-root ro"
default_cmdline="$default_cmdline systemd.import_credentials=no systemd.gpt_auto=no"
cmdline=${cmdline:-$default_cmdline}${append:+ $append}
for word in panic=-1 systemd.import_credentials=no systemd.gpt_auto=no; do
    case " $cmdline " in
    *" $word "*) ;;
    *) say "warning: the command line lacks '$word' (see README.md, The command line)" ;;
    esac
done

need mkfs.ext4 e2fsprogs sfdisk fdisk mformat mtools cryptsetup cryptsetup-bin \
    objcopy binutils qemu-img qemu-utils tar tar
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    need fakeroot fakeroot
    as_root=(fakeroot --)
fi
[ -e "$stub" ] || die "no EFI stub '$stub': apt-get install systemd-boot-efi (of Debian 12)"
luks_encrypt=$(guest_tool luks-encrypt)

mkdir -p "$output"
umask 077
tmp=$(mktemp -d "$output/.make-disk.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the root file system -------------------------------------------------------

# check_root TREE: before anything is made.
for root in "${roots[@]}"; do
    [ -d "$root" ] || [ -f "$root" ] || die "no directory or archive '$root'"
done

# A tree that stays as it is needs no copy.
tree=${roots[0]}
if [ ${#roots[@]} -gt 1 ] || [ ! -d "$tree" ]; then
    tree=$tmp/tree
fi

# fakeroot's idea of owners lasts for one run: unpacking and mkfs share it.
make_filesystem()
{
    local tree=$1 image=$2 free=$3 root used
    shift 3
    if [ ! -d "$tree" ]; then
        mkdir -m 755 "$tree"
        for root in "$@"; do
            if [ -d "$root" ]; then
                tar -C "$root" -c . | tar -C "$tree" -x --numeric-owner -p --exclude='./dev/*'
            else
                tar -C "$tree" -x --numeric-owner -p --exclude='./dev/*' -f "$root"
            fi
        done
        # Debian's /etc/shadow- is of mode 0: fakeroot lets the user read what it changed,
        # and keeps the mode in mind.
        find "$tree" -type f ! -perm -u+r -exec chmod u+r {} + -exec chmod u-r {} +
    fi
    # Room for each file's last block, the inodes and the journal.
    used=$(du -s --block-size=1M "$tree" | cut -f1)
    truncate -s "$((used + used / 8 + 16 + free))M" "$image"
    mkfs.ext4 -q -F -b 4096 -m 0 -L root -d "$tree" \
        -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$image"
}
say "root file system"
"${as_root[@]}" bash -euo pipefail -c "$(declare -f make_filesystem)"'; make_filesystem "$@"' make-disk \
    "$tree" "$tmp/root.img" "$free" "${roots[@]}" || die "cannot make the root file system"

# ---- the unified kernel image ----------------------------------------------------

# only FILE...: prints the one file, or stops.
only()
{
    if [ $# -ne 1 ] || [ ! -e "$1" ]; then
        die "not exactly one kernel with an initrd in /boot of the tree: name them with --kernel and --initrd"
    fi
    printf '%s\n' "$1"
}
if [ -z "$kernel" ]; then
    kernel=$(only "$tree"/boot/vmlinuz-*)
    initrd=${initrd:-$(only "$tree/boot/initrd.img-${kernel##*/vmlinuz-}")}
fi
[ -n "$initrd" ] || die "--kernel needs --initrd"
[ -r "$kernel" ] || die "cannot read kernel '$kernel'"
[ -r "$initrd" ] || die "cannot read initrd '$initrd'"

# Stubs from systemd 254 on take a command line from SMBIOS, which nobody measures.
check_stub()
{
    local version
    objcopy -O binary --only-section=.sdmagic "$stub" "$tmp/sdmagic" 2>/dev/null ||
        die "'$stub' is not systemd's EFI stub"
    version=$(tr -d '\0' <"$tmp/sdmagic" | sed -n 's/.*systemd-stub \([0-9][0-9]*\).*/\1/p')
    [ -n "$version" ] || die "'$stub' is not systemd's EFI stub"
    [ "$version" -lt 254 ] || die "'$stub' is of systemd $version: from 254 on it takes an unmeasured command line (use Debian 12's, --stub)"
}

# Sections go behind the stub's own, each on a page of its own, in a fixed order.
make_uki()
{
    local args=() at section file field
    at=$(objdump -h "$stub" | while read -r _ _ size vma _; do
        if [[ $size$vma =~ ^[0-9a-f]{24}$ ]]; then
            echo $((16#$size + 16#$vma))
        fi
    done | sort -n | tail -1)
    for section in osrel cmdline linux initrd; do
        file=$tmp/uki.$section
        at=$(((at + 4095) / 4096 * 4096))
        args+=(--add-section ".$section=$file"
            --change-section-vma ".$section=$(printf '%#x' "$at")")
        at=$((at + $(stat -L -c %s "$file")))
    done
    objcopy "${args[@]}" "$stub" "$tmp/uki.efi"
    # objcopy writes the time into the PE header (8), and with it into the checksum
    # (88), which UEFI does not look at: the only bytes that differ from run to run.
    at=$(od -A n -t u4 -j 60 -N 4 "$tmp/uki.efi")
    for field in 8 88; do
        printf '\0\0\0\0' | dd of="$tmp/uki.efi" bs=1 seek="$((at + field))" conv=notrunc status=none
    done
}

say "unified kernel image"
check_stub
for os_release in "$tree/etc/os-release" "$tree/usr/lib/os-release" ''; do
    [ ! -f "$os_release" ] || break
done
if [ -n "$os_release" ]; then
    cat "$os_release" >"$tmp/uki.osrel"
else
    printf 'ID=sevlaunch\nPRETTY_NAME="sevlaunch guest"\n' >"$tmp/uki.osrel"
fi
printf '%s' "$cmdline" >"$tmp/uki.cmdline"
ln -s "$(readlink -f "$kernel")" "$tmp/uki.linux"
ln -s "$(readlink -f "$initrd")" "$tmp/uki.initrd"
make_uki
rm -rf "$tmp/tree"

# ---- the disk ---------------------------------------------------------------------

mib=$((1024 * 1024))
header_mib=1 # luks-encrypt's
esp_mib=$(($(stat -c %s "$tmp/uki.efi") / mib + 32))
[ "$esp_mib" -ge 64 ] || esp_mib=64 # FAT32 has a smallest size
luks_mib=$((header_mib + $(stat -c %s "$tmp/root.img") / mib))
luks_start=$((1 + esp_mib))
raw=$tmp/disk.raw
truncate -s "$((luks_start + luks_mib + 1))M" "$raw"

new_uuid()
{
    cat /proc/sys/kernel/random/uuid
}
luks_uuid=$(new_uuid)
sfdisk -q --no-reread --no-tell-kernel "$raw" >"$tmp/log" 2>&1 <<END || { cat "$tmp/log" >&2; die "sfdisk failed"; }
label: gpt
label-id: $(new_uuid)
unit: sectors
start=2048, size=$((esp_mib * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=$(new_uuid), name="EFI system"
start=$((luks_start * 2048)), size=$((luks_mib * 2048)), type=CA7D7CCB-63ED-4C53-861C-1742536059CC, uuid=$(new_uuid), name="root"
END

esp=$raw@@${mib}
export MTOOLS_SKIP_CHECK=1
touch -d "@$epoch" "$tmp/uki.efi"
mformat -i "$esp" -T "$((esp_mib * 2048))" -h 64 -s 32 -c 1 -F -v ESP -N 5e570000 ::
mmd -i "$esp" ::/EFI ::/EFI/BOOT
mcopy -m -i "$esp" "$tmp/uki.efi" ::/EFI/BOOT/BOOTX64.EFI

say "encryption"
if [ -n "$key_file" ]; then
    [ "$(stat -L -c %s "$key_file")" -eq 32 ] || die "key file '$key_file' is not 32 bytes long"
    cat "$key_file" >"$tmp/disk.key"
else
    head -c 32 /dev/urandom >"$tmp/disk.key"
fi
header=$("$luks_encrypt" --key-file "$tmp/disk.key" --uuid "$luks_uuid" --payload "$tmp/root.img" \
    --output "$raw" --offset "$((luks_start * mib))" 2>"$tmp/log") ||
    { cat "$tmp/log" >&2; die "encryption failed"; }
rm -f "$tmp/root.img"

say "image"
qemu-img convert -f raw -O qcow2 "$raw" "$tmp/disk.qcow2"

cat >"$tmp/disk.manifest" <<END
# What make-disk.sh made.  For people and scripts: a release is made from the image.
[disk]
format=1
image=$name.qcow2
key-file=$name.key
luks-uuid=$luks_uuid
luks-partition-offset=$((luks_start * mib))
luks-header-length=${header% *}
luks-header-sha256=${header#* }
uki=uki.efi
uki-path=EFI/BOOT/BOOTX64.EFI
uki-sha256=$(sha256sum <"$tmp/uki.efi" | cut -d' ' -f1)
END

chmod 644 "$tmp/disk.qcow2" "$tmp/disk.manifest" "$tmp/uki.efi"
for suffix in key qcow2 manifest; do
    mv -f "$tmp/disk.$suffix" "$output/$name.$suffix"
done
mv -f "$tmp/uki.efi" "$output/uki.efi"
say "$output/$name.qcow2"
