/* What of damaged images CRIU would wait for without end, instead of telling of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_error;

/* A number of protobuf at *@at, which goes behind it; false: it is not there up to @end. */
bool ctr_varint_read(const uint8_t **at, const uint8_t *end, uint64_t *out);

/* What a pagemap image says of pages of memory. */
struct ctr_pagemap {
	uint64_t file;    /* N of "pages-N.img" */
	uint64_t present; /* that many are in there */
	bool in_parent;   /* some are in the images of the parent */
};

/* Read @data of @len bytes, as far as it is such an image. */
struct ctr_pagemap ctr_pagemap_read(const uint8_t *data, size_t len);

/* Each image in directory @dir, which is called @path, and of its parents must be a regular file,
 * and where @memory is here (and not with a page server) that of processes be there as long as it
 * is said to be. 0, or -1 and @err. */
int ctr_images_check_files(int dir, const char *path, bool memory, struct ctr_error *err);
