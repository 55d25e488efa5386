/* The directory of what is made once for many machines. Nothing in it is trusted by its name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vm/setup.h"

static int make_parents(const char *path)
{
	char text[4096];
	size_t len = strlen(path);

	if (len >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, path, len + 1);
	for (char *slash = strchr(text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(text, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	/* Images have all that a root file system has, and no owners that would protect it. */
	return mkdir(text, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int ctr_vm_cache_open(const char *path, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = make_parents(path);

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot make the cache '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open the cache '%s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"the cache '%s' is not ours, or others can write it", path);
	if ((st.st_mode & 077) && fchmod(fd, 0700) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot close the cache '%s' to others",
				path);
	return ctr_take_fd(&fd);
}
