/* ctr run --from: containers out of one checkpoint. */
#pragma once

#include <stddef.h>

struct ctr_command;
struct ctr_create_options;
struct ctr_error;

/*
 * Restore a container for each of the @n @ids from the images in directory @from, several at once
 * if @options let them run detached. One that fails does not keep others from it: the errors are
 * told in the order of @ids, all but the last by ctr_log_error(). 0, or -1 and @err.
 */
int ctr_run_from(struct ctr_command *command, const struct ctr_create_options *options,
		 const char *from, const char *const *ids, size_t n, struct ctr_error *err);
