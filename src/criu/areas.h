/* What processes have told the kernel of areas of their memory, and CRIU before 4.2 does not know:
 * its images are told of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_buf;
struct ctr_error;

/* An area that is empty in whom a fork makes (MADV_WIPEONFORK). */
struct ctr_area {
	uint64_t start, end;
	bool droppable; /* the kernel may empty it at any time (MAP_DROPPABLE) */
};

/* Those of /proc/PID/smaps in @text, in @arena; how many. */
size_t ctr_areas_find(const char *text, struct ctr_area **out, struct ctr_arena *arena);

/* Copy "mm-PID.img" of @len bytes to @out: what it has in the @n @areas becomes empty in whom a
 * fork makes after the restore, and with @drop what is droppable at the restore. Whether it is such
 * an image, with any of it. */
bool ctr_areas_mark(struct ctr_buf *out, const uint8_t *image, size_t len,
		    const struct ctr_area *areas, size_t n, bool drop);

/* The images in directory @dir of those of the @n processes @pids that are in the PID namespace of
 * @init and stand still. 0, or -1 and @err. */
int ctr_areas_keep(int dir, pid_t init, const pid_t *pids, size_t n, bool drop,
		   struct ctr_error *err);
