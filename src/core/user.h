/* exec --user: numbers, or names that a container's own /etc/passwd and /etc/group have. */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_error;
struct ctr_user;

/* USER or USER:GROUP: is either a name? What begins with a digit or a sign is meant as a number. */
bool ctr_user_has_names(const char *text);

/*
 * Set ids of @user by @text. A number for a user has group 0 beside it if none is given
 * (CVE-2026-30892 is what guessing leads to); a name has the group of its entry, and as
 * additional groups those that list it, of which the planner leaves out what cannot be had.
 * @root is the directory that is the container's root, of which nothing is trusted; names are
 * looked for in files of it. -1: they are not, so there are none. 0, or -1 and @err.
 */
int ctr_user_find(struct ctr_user *user, const char *text, int root, struct ctr_arena *arena,
		  struct ctr_error *err);
