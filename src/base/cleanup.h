/* Scope-bound clean-up: `_cleanup_close_ int fd = -1;`. Moving a value out is visible. */
#pragma once

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void ctr_close_ptr(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void ctr_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void ctr_closedir_ptr(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* Return the descriptor and leave -1 behind: the caller of the scope owns it now. */
static inline int ctr_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define _cleanup_(f)    __attribute__((cleanup(f)))
#define _cleanup_close_ _cleanup_(ctr_close_ptr)
#define _cleanup_free_  _cleanup_(ctr_free_ptr)
#define _cleanup_dir_   _cleanup_(ctr_closedir_ptr)

#define CTR_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
