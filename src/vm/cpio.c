/* The writer of cpio archives (Documentation/driver-api/early-userspace/buffer-format.rst). */
#include "vm/cpio.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

static void pad(struct ctr_buf *archive)
{
	while (archive->len % 4 != 0)
		ctr_buf_addc(archive, '\0');
}

void ctr_cpio_add_file(struct ctr_buf *archive, const char *path, const struct stat *st,
		       const void *data, size_t size)
{
	/* Inode 0: files with one link each are not compared by it. */
	ctr_buf_addf(archive, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 0U,
		     (unsigned)st->st_mode, (unsigned)st->st_uid, (unsigned)st->st_gid,
		     S_ISDIR(st->st_mode) ? 2U : 1U, (unsigned)st->st_mtime, (unsigned)size, 0U, 0U,
		     0U, 0U, (unsigned)strlen(path) + 1, 0U);
	ctr_buf_add(archive, path, strlen(path) + 1);
	pad(archive);
	ctr_buf_add(archive, data, size);
	pad(archive);
}

void ctr_cpio_add(struct ctr_buf *archive, const char *path, uint32_t mode, const void *data,
		  size_t size)
{
	const struct stat st = { .st_mode = mode };

	ctr_cpio_add_file(archive, path, &st, data, size);
}

void ctr_cpio_end(struct ctr_buf *archive)
{
	ctr_cpio_add(archive, "TRAILER!!!", 0, NULL, 0);
	/* What follows begins at a new block, as the kernel skips zeros only up to four bytes. */
	while (archive->len % 512 != 0)
		ctr_buf_addc(archive, '\0');
}
