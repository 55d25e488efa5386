/* What exec executes. */
#pragma once

struct ctr_arena;
struct ctr_error;
struct ctr_exec_options;
struct ctr_process;

/*
 * Fill *@process from the process section of the container (@container), or from the document that
 * @options names instead of it, with all other options over it, but for a user by name
 * (core/user.h). 0, or -1 and @err, which names the option.
 */
int ctr_exec_process(struct ctr_process *process, const struct ctr_exec_options *options,
		     const struct ctr_process *container, struct ctr_arena *arena,
		     struct ctr_error *err);
