/*
 * Where C libraries differ, so that nothing else needs to know which one it is linked with: the
 * static ctr has musl where that is there, all else has glibc. Texts are in base/strerror.h.
 */
#pragma once

#include <signal.h>
#include <spawn.h>

/* All signals, also the real-time ones that sigfillset(3) keeps for the library itself. */
void ctr_sigfillset(sigset_t *set);

/* Let the new program close what our caller has left open from descriptor @first on, that is, all
 * that is not CLOEXEC now. Comes last of the actions. 0 or an errno value. */
int ctr_spawn_add_close_inherited(posix_spawn_file_actions_t *actions, int first);
