/*
 * Checkpoint with CRIU. What is external to a container, and how CRIU is told, is decided in criu/;
 * here is what happens to the container. Restore is a way to make one (creation.h).
 */
#pragma once

#include "criu/options.h"

struct ctr_backend;
struct ctr_context;
struct ctr_error;
struct ctr_spec;

/*
 * checkpoint.c: write the state of the processes of running or paused container @id to the image
 * directory of @flags. Then it is deleted, unless --leave-running or --pre-dump was given. When it
 * fails the container runs on and no image is left; or @err tells that it was killed all the same,
 * and whether its images are there. 0, or -1 and @err.
 */
int ctr_checkpoint(const struct ctr_context *context, const char *id,
		   const struct ctr_criu_flags *flags, struct ctr_error *err);

/* restore.c: the bundle that the checkpoint in @images was made of, by what is kept there. NULL and
 * @err on failure. */
const char *ctr_checkpoint_bundle(const struct ctr_context *context, const char *images,
				  struct ctr_error *err);

/* Can containers like this one be dumped and restored here, with descriptors that @flags name? 0,
 * or -1 and @err. */
int ctr_criu_check(const struct ctr_context *context, const struct ctr_backend *backend,
		   const struct ctr_criu_flags *flags, struct ctr_error *err);

/* CRIU's configuration file for the containers of a configuration: its annotation
 * org.criu.config, else /etc/criu/ctr.conf or runc.conf; NULL: none. 0, or -1 and @err (the first
 * cannot be read). */
int ctr_criu_config(const struct ctr_spec *spec, const char **out, struct ctr_error *err);
