/* The directories of a checkpoint: CRIU's images and what ctr keeps beside them. */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_checkpoint;
struct ctr_error;

struct ctr_images {
	int dir, work; /* -1: not open */
	const char *path, *work_path;
	bool made, made_work; /* the directory is new */
};

#define CTR_IMAGES_INIT                                                                            \
	{                                                                                          \
		.dir = -1, .work = -1                                                              \
	}

/* Make (0700, parents, too) and open both directories; @work_path NULL: the same. What an earlier
 * checkpoint has left there is removed; images of something else are an error. 0, or -1 and @err.
 */
int ctr_images_make(struct ctr_images *image, const char *path, const char *work_path,
		    struct ctr_arena *arena, struct ctr_error *err);
/* Open the images of a checkpoint, to read them: nothing is made or written. 0, or -1 and @err. */
int ctr_images_look(struct ctr_images *image, const char *path, struct ctr_error *err);
/* Open those of a checkpoint that is there: complete, or -1 and @err. */
int ctr_images_open(struct ctr_images *image, const char *path, const char *work_path,
		    struct ctr_arena *arena, struct ctr_error *err);
/* Is @parent, of --parent-path, the way from the image directory to images of a --pre-dump, which
 * are whole, as far as can be seen, with those that they build on? 0, or -1 and @err. */
int ctr_images_check_parent(const struct ctr_images *image, const char *parent,
			    struct ctr_arena *arena, struct ctr_error *err);
/* Close them. A work directory that was made and got no log is removed. */
void ctr_images_release(struct ctr_images *image);

/* Let those who can only search the directory find what they know the name of: CRIU does so as root
 * of a user namespace. 0, or -1 and @err. */
int ctr_images_share(const struct ctr_images *image, struct ctr_error *err);

/* Remove images: what a failed dump has left is no checkpoint. Logs stay. */
void ctr_images_remove(const struct ctr_images *image);

/* Remove the work directory of a restore that succeeded, with its log, if it was made for that. */
void ctr_images_forget_work(const struct ctr_images *image);

/* "ctr.json", and "descriptors.json" for others. */
int ctr_images_describe(const struct ctr_images *image, const struct ctr_checkpoint *checkpoint,
			struct ctr_arena *arena, struct ctr_error *err);
/* *@out is NULL when there is none: another runtime's images. 0, or -1 and @err. */
int ctr_images_read(const struct ctr_images *image, struct ctr_checkpoint **out,
		    struct ctr_arena *arena, struct ctr_error *err);
