/* One mount option into a struct ctr_mount (config.md#linux-mount-options). */
#pragma once

#include <stddef.h>

struct ctr_decode;

/* A function of a field of kind CTR_F_TEXTS, see decode.h. */
int ctr_mount_option(struct ctr_decode *decode, void *mount, void *member, const char *text,
		     size_t len);
