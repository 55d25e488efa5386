/* What exec executes. */
#pragma once

struct ctr_arena;
struct ctr_error;
struct ctr_exec_options;
struct ctr_process;
struct ctr_user;

/*
 * Fill *@process from the process section of the container (@container), or from the document that
 * @options names instead of it, with all other options over it, but for those of the user.
 * 0, or -1 and @err, which names the option.
 */
int ctr_exec_process(struct ctr_process *process, const struct ctr_exec_options *options,
		     const struct ctr_process *container, struct ctr_arena *arena,
		     struct ctr_error *err);

/*
 * Set user and groups by the options, names by the container's files below @root (core/user.h):
 * they are there when the container is made. The groups that the option gives are beside those that
 * @user has, not beside those of a name. 0, or -1 and @err.
 */
int ctr_exec_user(struct ctr_user *user, const struct ctr_exec_options *options, int root,
		  struct ctr_arena *arena, struct ctr_error *err);
