/* See libc.h. */
#include "base/libc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void ctr_sigfillset(sigset_t *set)
{
	memset(set, 0xff, sizeof(*set));
}

/* posix_spawn_file_actions_addclosefrom_np() is glibc's alone. */
int ctr_spawn_add_close_inherited(posix_spawn_file_actions_t *actions, int first)
{
	_cleanup_dir_ DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int error = 0;

	if (!dir)
		return errno;
	while (!error && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd >= first && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			error = posix_spawn_file_actions_addclose(actions, fd);
	}
	return error;
}
