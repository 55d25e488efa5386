/* Children of a ctr that was killed: named by delete --force, found in /proc. */
#include "core/orphan.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/holders.h"

enum { DEATH_WAIT_MS = 10000, LINK_TEXT = 64 };

static const char claim_name[] = "child";

int ctr_orphan_claim(int dir, int fd, struct ctr_error *err)
{
	char text[CTR_HOLDERS_NAME];
	int r = ctr_holders_name(fd, text);

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot examine a socket");
	if (symlinkat(text, dir, claim_name) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make the link '%s'",
				claim_name);
	return 0;
}

void ctr_orphan_forget(int dir)
{
	(void)unlinkat(dir, claim_name, 0);
}

/* The text of a link; empty where it cannot be read. */
static const char *read_link(int dir, const char *name, char *text, size_t size)
{
	ssize_t n = readlinkat(dir, name, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/*
 * Numbers of sockets begin anew with every boot, and a state root may be older. So it must be
 * ctr-init, of memory or installed (core/image.c), or CRIU. Before its execve the child is not
 * found, but then it ends by itself: it has nobody to report to.
 */
static bool is_init(int proc)
{
	static const char memory[] = "/memfd:ctr-init ";
	char exe[LINK_TEXT];
	struct stat st, installed;

	if (strncmp(read_link(proc, "exe", exe, sizeof(exe)), memory, strlen(memory)) == 0)
		return true;
	return fstatat(proc, "exe", &st, 0) == 0 &&
	       stat(CTR_LIBEXECDIR "/ctr-init", &installed) == 0 && st.st_dev == installed.st_dev &&
	       st.st_ino == installed.st_ino;
}

static bool is_criu(int proc)
{
	static const char deleted[] = " (deleted)";
	char exe[PATH_MAX], *name, *end;

	(void)read_link(proc, "exe", exe, sizeof(exe));
	end = strstr(exe, deleted);
	if (end)
		*end = '\0';
	name = strrchr(exe, '/');
	return name && strcmp(name, "/criu") == 0;
}

static bool is_started(int proc)
{
	return is_init(proc) || is_criu(proc);
}

int ctr_orphan_end(int dir, struct ctr_error *err)
{
	char socket[CTR_HOLDERS_NAME];

	(void)read_link(dir, claim_name, socket, sizeof(socket));
	if (socket[0] == '\0' || ctr_holders_end(socket, is_started, DEATH_WAIT_MS))
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, 0, "what an interrupted ctr has started does not end");
}
