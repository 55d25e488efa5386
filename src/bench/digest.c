/*
 * What exactly was run, so that two reports can be known to be of the same. A tree is told by an
 * archive of it in which nothing is left to chance, so that anybody can have the digest again, and
 * on another machine; times are not in it, which every unpacking makes anew.
 */
#include "bench/environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/run.h"
#include "base/strerror.h"
#include "bench/report.h"

enum { DIGEST_LEN = 64 };

/* The digest of an archive that tar could not make whole would be one of nothing: its exit status
 * is that of the script. */
static const char tree_script[] =
	"{ { { tar --sort=name --format=gnu --mtime=@0 --numeric-owner --one-file-system "
	"-C \"$1\" -cf - . 2>/dev/null; echo $? >&3; } | sha256sum >&4; } 3>&1 | "
	"{ read status && exit \"$status\"; }; } 4>&1";

static bool is_known(const struct ctr_report *report, const char *name)
{
	for (size_t i = 0; i < report->nfacts; i++)
		if (strcmp(report->facts[i].name, name) == 0)
			return true;

	return false;
}

static void add(struct ctr_report *report, const char *what, const char *const *argv,
		struct ctr_arena *arena)
{
	struct ctr_fact fact = { .name = ctr_arena_printf(arena, "sha256 of %s", what),
				 .digest = true };
	char text[512];
	int status = 0, r;

	if (is_known(report, fact.name))
		return;
	r = ctr_run_program(argv, text, sizeof(text), &status);
	if (r < 0)
		fact.warning = ctr_arena_printf(arena, "not known: cannot run %s: %s", argv[0],
						ctr_strerror(-r));
	else if (status != 0 || strspn(text, "0123456789abcdef") != DIGEST_LEN)
		fact.warning = ctr_arena_printf(arena, "not known: %s: exit status %d", argv[0],
						WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	else
		fact.value = ctr_arena_strndup(arena, text, DIGEST_LEN);
	ctr_report_add_fact(report, &fact, arena);
}

static void add_file(struct ctr_report *report, const char *what, const char *path,
		     struct ctr_arena *arena)
{
	const char *const argv[] = { "sha256sum", "--", path, NULL };

	add(report, what, argv, arena);
}

static void add_tree(struct ctr_report *report, const char *root, struct ctr_arena *arena)
{
	const char *const argv[] = { "sh", "-c", tree_script, "sh", root, NULL };

	add(report, "the root file system (tar)", argv, arena);
}

void ctr_environment_digests(struct ctr_arena *arena, const char *root, struct ctr_report *report)
{
	char *self = realpath("/proc/self/exe", NULL);

	add_file(report, "config.json", ctr_arena_printf(arena, "%s/config.json", report->bundle),
		 arena);
	if (root)
		add_tree(report, root, arena);
	if (self)
		add_file(report, "ctr", self, arena);
	free(self);
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_guest *guest = report->rows[i].guest;

		if (!guest)
			continue;
		add_file(report, guest->kernel, guest->kernel, arena);
		if (guest->program)
			add_file(report, guest->program, guest->program, arena);
		/* What did not run has made none. */
		if (!report->rows[i].refused)
			add_file(report, guest->image, guest->image, arena);
	}
}
