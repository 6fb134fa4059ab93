// SPDX-License-Identifier: GPL-2.0-only
/*
 * sevlaunch_secret - the secrets that a guest owner injected at launch, as files.
 *
 * For kernels without CONFIG_EFI_SECRET (every Debian kernel).  The interface is
 * the one that Documentation/security/secrets/coco.rst describes: a file
 * secrets/coco/GUID in securityfs per secret, readable by root; removing the file
 * overwrites the secret in the guest's memory.  Beyond that driver, everything is
 * overwritten when the module is unloaded, when the guest reboots or powers off,
 * and when its kernel panics; and a table that is malformed is overwritten and
 * refused as a whole.
 *
 * The firmware hands the place of the area to the operating system in the EFI
 * configuration table adf956ad-e98c-484c-ae11-b51c7d336447.  The kernel keeps no
 * pointer to it, so it is looked up here: /sys/firmware/efi/config_table holds the
 * address of the array, and the EFI system table, whose address is in the boot
 * parameters, its length.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/efi.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/security.h>
#include <linux/uuid.h>
#include <asm/bootparam.h>
#include <asm/cacheflush.h>

#include "secret_table.h"

#define AREA_SIZE_MAX (64 * 1024)
#define CONFIG_TABLES_MAX 256
/* EFI64_LOADER_SIGNATURE of <asm/efi.h>, which no module can include. */
#define LOADER_SIGNATURE "EL64"

/* What the EFI configuration table points to; in memory the firmware reserves. */
struct secret_descriptor {
	__le64 base;
	__le64 size;
} __packed;
static_assert(sizeof(struct secret_descriptor) == 16);

static struct {
	/* The injected area, mapped encrypted; NULL when nothing is mapped. */
	u8 *area;
	size_t size;

	struct secret_slot slot[SECRET_ENTRIES_MAX];
	struct dentry *file[SECRET_ENTRIES_MAX];
	unsigned int count;
	struct dentry *secrets;
	struct dentry *coco;
	const struct inode_operations *coco_iop;
	/* Held while secret bytes or slot[].len are read or overwritten. */
	struct mutex lock;
} state = {
	.lock = __MUTEX_INITIALIZER(state.lock),
};

static void wipe(size_t offset, size_t len)
{
	memzero_explicit(state.area + offset, len);
	clflush_cache_range(state.area + offset, len);
}

/* Takes no lock: also called when the kernel is past taking any. */
static void wipe_all(void)
{
	if (state.area)
		wipe(0, state.size);
}

/* ---- the firmware's tables ------------------------------------------------ */

static ssize_t read_whole(const char *path, void *buf, size_t len)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t pos = 0;
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_read(file, buf, len, &pos);
	filp_close(file, NULL);
	return n;
}

/* Physical address of the array of configuration tables. */
static int find_config_tables(u64 *address)
{
	char text[24] = "";
	ssize_t n = read_whole("/sys/firmware/efi/config_table", text,
			       sizeof(text) - 1);

	if (n <= 0)
		return n ? (int)n : -ENODEV;
	return kstrtou64(strim(text), 0, address);
}

static int count_config_tables(u64 *count)
{
	struct efi_info info;
	struct boot_params *params;
	efi_system_table_64_t *systab;
	u64 address;
	ssize_t n;
	int err = 0;

	params = kzalloc(sizeof(*params), GFP_KERNEL);
	if (!params)
		return -ENOMEM;
	n = read_whole("/sys/kernel/boot_params/data", params, sizeof(*params));
	info = params->efi_info;
	kfree(params);
	if (n != sizeof(*params))
		return n < 0 ? (int)n : -EINVAL;
	if (memcmp(&info.efi_loader_signature, LOADER_SIGNATURE, 4) != 0)
		return -ENODEV;

	address = info.efi_systab | (u64)info.efi_systab_hi << 32;
	systab = (__force void *)ioremap_encrypted(address, sizeof(*systab));
	if (!systab)
		return -ENOMEM;
	*count = systab->nr_tables;
	if (systab->hdr.signature != EFI_SYSTEM_TABLE_SIGNATURE ||
	    *count == 0 || *count > CONFIG_TABLES_MAX)
		err = -EINVAL;
	iounmap((__force void __iomem *)systab);
	return err;
}

static int find_descriptor(u64 *address)
{
	static const efi_guid_t secret_guid =
		EFI_GUID(0xadf956ad, 0xe98c, 0x484c, 0xae, 0x11, 0xb5, 0x1c,
			 0x7d, 0x33, 0x64, 0x47);
	efi_config_table_64_t *tables;
	u64 where, count, i;
	int err;

	err = find_config_tables(&where);
	if (!err)
		err = count_config_tables(&count);
	if (err)
		return err;

	tables = (__force void *)ioremap_encrypted(where,
						   count * sizeof(*tables));
	if (!tables)
		return -ENOMEM;
	err = -ENODEV;
	for (i = 0; i < count && err; i++) {
		if (efi_guidcmp(tables[i].guid, secret_guid) == 0) {
			*address = tables[i].table;
			err = 0;
		}
	}
	iounmap((__force void __iomem *)tables);
	return err;
}

static int map_area(void)
{
	struct secret_descriptor *mapped, d;
	u64 where, base, size;
	int err;

	err = find_descriptor(&where);
	if (err)
		return err;

	/* NULL here: the firmware left it in memory that the kernel reuses. */
	mapped = (__force void *)ioremap_encrypted(where, sizeof(*mapped));
	if (!mapped)
		return -EINVAL;
	d = *mapped;
	iounmap((__force void __iomem *)mapped);

	base = le64_to_cpu(d.base);
	size = le64_to_cpu(d.size);
	if (base == 0 || size < SECRET_HEADER_SIZE || size > AREA_SIZE_MAX ||
	    base + size < base)
		return -EINVAL;

	state.area = (__force void *)ioremap_encrypted(base, size);
	if (!state.area)
		return -ENOMEM;
	state.size = size;
	return 0;
}

static void unmap_area(void)
{
	u8 *area = state.area;

	state.area = NULL;
	iounmap((__force void __iomem *)area);
}

static int parse_area(void)
{
	static const char *const reason[] = {
		[SECRET_TABLE_ABSENT] = "no secret was injected",
		[SECRET_TABLE_LENGTH] = "secret table: bad total length",
		[SECRET_TABLE_ENTRY] = "secret table: entry out of bounds",
		[SECRET_TABLE_DUPLICATE] = "secret table: GUID given twice",
		[SECRET_TABLE_TOO_MANY] = "secret table: too many entries",
	};
	enum secret_table_result result;

	result = secret_table_parse(state.area, state.size, state.slot,
				    &state.count);
	if (result == SECRET_TABLE_OK)
		return 0;
	pr_err("%s\n", reason[result]);
	return result == SECRET_TABLE_ABSENT ? -ENODEV : -EINVAL;
}

/* ---- securityfs ----------------------------------------------------------- */

static ssize_t secret_read(struct file *file, char __user *to, size_t count,
			   loff_t *pos)
{
	struct secret_slot *slot = file_inode(file)->i_private;
	ssize_t n;

	mutex_lock(&state.lock);
	n = simple_read_from_buffer(to, count, pos, state.area + slot->offset,
				    slot->len);
	mutex_unlock(&state.lock);
	return n;
}

static const struct file_operations secret_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = secret_read,
	.llseek = no_llseek,
};

/* A descriptor that is still open afterwards reads an empty file. */
static int secret_unlink(struct inode *dir, struct dentry *dentry)
{
	struct secret_slot *slot = d_inode(dentry)->i_private;

	mutex_lock(&state.lock);
	wipe(slot->offset - SECRET_HEADER_SIZE, SECRET_GUID_SIZE);
	wipe(slot->offset, slot->len);
	slot->len = 0;
	state.file[slot - state.slot] = NULL;
	mutex_unlock(&state.lock);

	return simple_unlink(dir, dentry);
}

static const struct inode_operations coco_iops = {
	.lookup = simple_lookup,
	.unlink = secret_unlink,
};

static void set_coco_iops(const struct inode_operations *iops)
{
	struct inode *inode = d_inode(state.coco);

	inode_lock(inode);
	inode->i_op = iops;
	inode_unlock(inode);
}

static void remove_files(void)
{
	unsigned int i;

	if (state.coco_iop)
		set_coco_iops(state.coco_iop);
	for (i = 0; i < state.count; i++)
		securityfs_remove(state.file[i]);
	securityfs_remove(state.coco);
	securityfs_remove(state.secrets);
}

static int create_file(unsigned int i)
{
	struct dentry *file;
	efi_guid_t guid;
	char name[EFI_VARIABLE_GUID_LEN + 1];

	memcpy(&guid, state.slot[i].guid, sizeof(guid));
	efi_guid_to_str(&guid, name);
	file = securityfs_create_file(name, 0400, state.coco, &state.slot[i],
				      &secret_fops);
	if (IS_ERR(file))
		return PTR_ERR(file);
	state.file[i] = file;
	return 0;
}

static int create_files(void)
{
	unsigned int i;
	int err = 0;

	state.secrets = securityfs_create_dir("secrets", NULL);
	if (IS_ERR(state.secrets)) {
		err = PTR_ERR(state.secrets);
		state.secrets = NULL;
		return err;
	}
	state.coco = securityfs_create_dir("coco", state.secrets);
	if (IS_ERR(state.coco)) {
		err = PTR_ERR(state.coco);
		state.coco = NULL;
	}
	for (i = 0; i < state.count && !err; i++)
		err = create_file(i);
	if (err) {
		remove_files();
		return err;
	}
	state.coco_iop = d_inode(state.coco)->i_op;
	set_coco_iops(&coco_iops);
	return 0;
}

/* ---- the guest's end ------------------------------------------------------ */

static int on_end(struct notifier_block *nb, unsigned long action, void *data)
{
	wipe_all();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_nb = { .notifier_call = on_end };
static struct notifier_block panic_nb = { .notifier_call = on_end };

static int __init sevlaunch_secret_init(void)
{
	int err = map_area();

	if (err) {
		pr_err("no usable secret area: error %d\n", err);
		return err;
	}

	err = parse_area();
	if (!err)
		err = create_files();
	if (!err) {
		register_reboot_notifier(&reboot_nb);
		atomic_notifier_chain_register(&panic_notifier_list, &panic_nb);
		pr_info("%u secrets\n", state.count);
		return 0;
	}

	wipe_all();
	unmap_area();
	return err;
}

static void __exit sevlaunch_secret_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_nb);
	unregister_reboot_notifier(&reboot_nb);

	mutex_lock(&state.lock);
	wipe_all();
	mutex_unlock(&state.lock);

	remove_files();
	unmap_area();
}

module_init(sevlaunch_secret_init);
module_exit(sevlaunch_secret_exit);

MODULE_DESCRIPTION("Launch secrets of a confidential guest in securityfs");
MODULE_LICENSE("GPL");
