/*
 * Hooks that run in the runtime's namespaces: prestart, createRuntime, poststart, poststop
 * (config.md#posix-platform-hooks). Hooks of the container's namespaces are run by ctr-init.
 */
#pragma once

#include "oci/spec.h"

struct ctr_error;

/*
 * Run all hooks of @kind in order: state JSON @state on standard input, environment as given or the
 * caller's, working directory @cwd (NULL: the caller's), standard output and error captured for the
 * message. Stops at the first that fails or runs past its timeout (it is killed then), and when
 * somebody is to delete the container, as its state directory @dir says (-1: nobody can).
 * 0, or -1 and @err: "error running createRuntime hook #0: exit status 1, output: ...".
 */
int ctr_hooks_run(const struct ctr_hooks *hooks, enum ctr_hook_kind kind, const char *state,
		  const char *cwd, int dir, struct ctr_error *err);
