/* What of damaged images CRIU would wait for without end, instead of telling of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_error;
struct ctr_images;

/* How many pages of memory the pagemap image @data of @len bytes says to be in "pages-N.img", and
 * that N; 0: none, or this is no such image. */
uint64_t ctr_pagemap_count(const uint8_t *data, size_t len, uint64_t *n);

/* Each image, also of the parents, must be a regular file, and where @memory is here (and not with
 * a page server) that of processes as long as it is said to be. 0, or -1 and @err. */
int ctr_images_check_files(const struct ctr_images *image, bool memory, struct ctr_error *err);
