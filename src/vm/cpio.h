/* Archives that the kernel unpacks into its first root file system: cpio, format "newc". */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_buf;
struct stat;

/* Append a file, directory or link (by @mode) with @size bytes at @data. @path has no leading
 * slash, as archives have none. Everything belongs to root and has no time. */
void ctr_cpio_add(struct ctr_buf *archive, const char *path, uint32_t mode, const void *data,
		  size_t size);
/* The same for a file as @st says: its mode, owner and time, as far as 32 bits tell. */
void ctr_cpio_add_file(struct ctr_buf *archive, const char *path, const struct stat *st,
		       const void *data, size_t size);
/* Append the end. Another archive may follow. */
void ctr_cpio_end(struct ctr_buf *archive);
