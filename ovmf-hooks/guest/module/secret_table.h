/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reader of the launch secret table, the layout that Linux's efi_secret driver
 * consumes: a header GUID and a 32-bit length of everything up to the end of
 * the last entry, then entries, each a GUID, a 32-bit length that counts the
 * GUID and itself, and data.  Numbers are little-endian.  An entry with a zero
 * GUID is one that was wiped.
 *
 * Depends on nothing but <linux/types.h>' names and memcmp(), so that a test
 * can compile it in user space.  Reads each length once.
 */
#ifndef SEVLAUNCH_SECRET_TABLE_H
#define SEVLAUNCH_SECRET_TABLE_H

#define SECRET_GUID_SIZE 16
#define SECRET_HEADER_SIZE 20 /* GUID, u32; the same for header and entries */
#define SECRET_ENTRIES_MAX 64

struct secret_slot {
	u8 guid[SECRET_GUID_SIZE]; /* as in memory: mixed-endian */
	u32 offset;		   /* of the data, from the area's start */
	u32 len;		   /* of the data; may be 0 */
};

enum secret_table_result {
	SECRET_TABLE_OK,
	SECRET_TABLE_ABSENT,	/* another header GUID: nothing was injected */
	SECRET_TABLE_LENGTH,	/* total length outside header..area */
	SECRET_TABLE_ENTRY,	/* an entry outside the table */
	SECRET_TABLE_DUPLICATE, /* two entries with one GUID */
	SECRET_TABLE_TOO_MANY,	/* more than SECRET_ENTRIES_MAX */
};

static inline u32 secret_le32(const u8 *p)
{
	return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

/*
 * Fills @slots with the table's entries, and @count with their number.  Sets
 * nothing in @slots beyond @count.  On any other result than OK, @count is 0.
 */
static inline enum secret_table_result
secret_table_parse(const u8 *area, size_t size, struct secret_slot *slots,
		   unsigned int *count)
{
	/* 1e74f542-71dd-4d66-963e-ef4287ff173b */
	static const u8 header[SECRET_GUID_SIZE] = {
		0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d,
		0x96, 0x3e, 0xef, 0x42, 0x87, 0xff, 0x17, 0x3b
	};
	static const u8 wiped[SECRET_GUID_SIZE];
	unsigned int n = 0;
	unsigned int i;
	size_t total;
	size_t at;

	*count = 0;
	if (size < SECRET_HEADER_SIZE ||
	    memcmp(area, header, SECRET_GUID_SIZE) != 0)
		return SECRET_TABLE_ABSENT;

	total = secret_le32(area + SECRET_GUID_SIZE);
	if (total < SECRET_HEADER_SIZE || total > size)
		return SECRET_TABLE_LENGTH;

	for (at = SECRET_HEADER_SIZE; at < total;) {
		const u8 *entry = area + at;
		u32 len;

		if (total - at < SECRET_HEADER_SIZE)
			return SECRET_TABLE_ENTRY;
		len = secret_le32(entry + SECRET_GUID_SIZE);
		if (len < SECRET_HEADER_SIZE || len > total - at)
			return SECRET_TABLE_ENTRY;

		if (memcmp(entry, wiped, SECRET_GUID_SIZE) != 0) {
			if (n == SECRET_ENTRIES_MAX)
				return SECRET_TABLE_TOO_MANY;
			for (i = 0; i < n; i++)
				if (memcmp(slots[i].guid, entry,
					   SECRET_GUID_SIZE) == 0)
					return SECRET_TABLE_DUPLICATE;
			memcpy(slots[n].guid, entry, SECRET_GUID_SIZE);
			slots[n].offset = (u32)at + SECRET_HEADER_SIZE;
			slots[n].len = len - SECRET_HEADER_SIZE;
			n++;
		}
		at += len;
	}

	*count = n;
	return SECRET_TABLE_OK;
}

#endif
