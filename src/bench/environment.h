/* What a figure depends on and a reader of it cannot see. */
#pragma once

struct ctr_arena;
struct ctr_context;
struct ctr_report;

/* Add the facts of this machine to @report. */
void ctr_environment(const struct ctr_context *context, struct ctr_arena *arena,
		     struct ctr_report *report);

/* digest.c: one more fact for each file that the figures are of, what sha256sum(1) says, and for
 * the tree @root (may be NULL), what it says of an archive of it. */
void ctr_environment_digests(struct ctr_arena *arena, const char *root, struct ctr_report *report);
