/*
 * --overlay: a writable layer over a root file system that many containers share. Nothing is ever
 * written below the root file system itself.
 *
 * The layer is a tmpfs that nobody can see but the overlay, and is gone with the container's last
 * mount namespace ("ephemeral"); or DIR/upper and DIR/work, which stay.
 */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_context;
struct ctr_error;
struct ctr_fd_request;
struct ctr_record;

struct ctr_overlay {
	const char *dir;      /* absolute and without links; NULL: in memory */
	const char *recorded; /* what the record says: the directory, "ephemeral", NULL: none */
	int fd;               /* of it, locked while a container is made; -1 */
	unsigned made;        /* bits of what was not there before */
};

#define CTR_OVERLAY_INIT                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* The directory that --overlay @value names, as it was given; NULL: "ephemeral". 0, or -1 and @err:
 * it is empty, or a word without a slash and not there. */
int ctr_overlay_parse(const char *value, const char **dir, struct ctr_error *err);

/*
 * What --overlay @value names: "ephemeral", or a directory, which is made when it is missing, must
 * lie apart from @rootfs and be no other container's of this state root. 0, or -1 and @err. Release
 * in any case.
 */
int ctr_overlay_take(struct ctr_overlay *overlay, const char *value, const char *rootfs,
		     const struct ctr_context *context, struct ctr_error *err);
/* Remove what was made of an own directory and is still empty. */
void ctr_overlay_undo(struct ctr_overlay *overlay);
void ctr_overlay_release(struct ctr_overlay *overlay);

/*
 * Mount the overlay of @request (CTR_FD_OVERLAY) as a detached tree: with the rights of @userns and
 * as a mount of it, or with one's own where that is -1; @userxattr where overlayfs may not use the
 * trusted attributes. A new descriptor, or -1 and @err.
 */
int ctr_overlay_mount(const struct ctr_fd_request *request, int userns, bool userxattr,
		      struct ctr_error *err);
