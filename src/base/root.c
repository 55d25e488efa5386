/* Walking a tree that somebody else may change meanwhile. */
#include "base/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int ctr_open_in_root(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 0;
	long fd;

	/* EAGAIN: something was renamed while the kernel looked for a way out. */
	do {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || (errno == EAGAIN && tries++ < 32)));
	return fd < 0 ? -errno : (int)fd;
}

/* One component below @parent, whose name holds no slash. */
static int make_one(int parent, const char *name, bool file)
{
	int fd;

	if (!file)
		return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;

	fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

int ctr_make_in_root(int root, const char *path, bool file)
{
	char copy[4096];
	size_t len = strlen(path);

	if (len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, len + 1);

	for (char *name = copy; *name;) {
		_cleanup_close_ int parent = -1;
		char *slash, saved;
		int fd, r;

		while (*name == '/')
			name++;
		slash = strchrnul(name, '/');
		if (slash == name)
			break;

		saved = *slash;
		*slash = '\0';
		fd = ctr_open_in_root(root, copy, O_PATH);
		if (fd >= 0) {
			close(fd);
		} else {
			/* The parent is there by now: it was made, or found, just before. */
			char before = name > copy ? name[-1] : '\0';

			if (fd != -ENOENT)
				return fd;
			if (name > copy)
				name[-1] = '\0';
			parent = ctr_open_in_root(root, copy[0] && name > copy ? copy : ".",
						  O_RDONLY | O_DIRECTORY);
			if (name > copy)
				name[-1] = before;
			if (parent < 0)
				return parent;
			r = make_one(parent, name, file && saved == '\0');
			if (r < 0)
				return r;
		}
		*slash = saved;
		name = slash;
	}
	return 0;
}
