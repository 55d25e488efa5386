/*
 * The state root and its directories, one a container: ROOT/ID/ (0711) holds "record",
 * "config.json" (the copy that later verbs use), until `ctr start` "gate" (the start socket), and
 * for a service "notify/", a directory that the container sees.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct ctr_host;

/* The default root: /run/ctr, or $XDG_RUNTIME_DIR/ctr when rootless. In @arena. */
const char *ctr_state_default_root(struct ctr_arena *arena, const struct ctr_host *host);

/* Open the root, making it (0700) when @make. A descriptor, or -1 and @err (code ENOENT without
 * @make). */
int ctr_state_open_root(const char *root, bool make, struct ctr_error *err);

/* Make the directory of a new container, locked exclusively. EEXIST: "container with given ID
 * already exists". A descriptor, or -1 and @err. */
int ctr_state_make(int root, const char *id, struct ctr_error *err);

enum ctr_state_lock {
	CTR_LOCK_NONE,
	CTR_LOCK_WAIT, /* exclusive */
	CTR_LOCK_TRY, /* exclusive; a descriptor is returned without the lock when another has it */
};

/* Open the directory of an existing one. A descriptor, or -1 and @err (NOT_FOUND: "container `ID`
 * does not exist"). *@locked tells what CTR_LOCK_TRY got (may be NULL). */
int ctr_state_open(int root, const char *id, enum ctr_state_lock lock, bool *locked,
		   struct ctr_error *err);

/* Does nobody work on the container of directory @dir, which is not locked by us? */
bool ctr_state_is_free(int dir);

/* Let others work on the container of the locked directory @dir. */
void ctr_state_unlock(int dir);
/* Lock it again, waiting for whoever works on it. false: it was deleted meanwhile; ROOT/ID, if it
 * is there, is another container. */
bool ctr_state_relock(int root, const char *id, int dir);

/* Tell whoever has the lock that the container is to be deleted, so that it waits for nothing; and
 * were we told so? ctr_state_remove() takes it away. */
void ctr_state_end(int dir);
bool ctr_state_is_ending(int dir);

/* Leave word that the container is made (CREATED), where its hooks may take long; and is there such
 * word? */
void ctr_state_make_known(int dir);
bool ctr_state_is_made(int dir);

/* Remove a container's directory with all files in it. ENOENT is success. */
int ctr_state_remove(int root, const char *id, struct ctr_error *err);

/* Ids of all entries that can be containers, sorted. In @arena. */
int ctr_state_list(int root, struct ctr_arena *arena, const char ***out, size_t *n,
		   struct ctr_error *err);
