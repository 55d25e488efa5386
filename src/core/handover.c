/* Terminal, listener, pidfd and pid go to those who asked for them. */
#include "core/handover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "core/context.h"
#include "core/launch.h"
#include "core/security.h"
#include "core/socket.h"
#include "oci/spec.h"

int ctr_handover_console(struct ctr_handover *handover, int fd, struct ctr_error *err)
{
	int r;

	if (!handover->console_socket) {
		handover->console = fd;
		return 0;
	}

	r = ctr_socket_send_console(handover->console_socket, fd, err);
	close(fd);
	return r;
}

int ctr_handover_listener(const struct ctr_container *container, const struct ctr_spec *spec,
			  const struct ctr_launch *launch, const struct ctr_context *context,
			  int fd, struct ctr_error *err)
{
	const struct ctr_seccomp *seccomp = spec->linux_->seccomp;
	const char *state = ctr_security_listener_state(container, seccomp, launch->pid, context);
	int r = ctr_socket_send_listener(seccomp->listener_path, fd, state, err);

	close(fd);
	return r;
}

int ctr_handover_pidfd(const struct ctr_handover *handover, const struct ctr_launch *launch,
		       struct ctr_error *err)
{
	if (!handover->pidfd_socket)
		return 0;

	return ctr_socket_send_pidfd(handover->pidfd_socket, launch->pidfd, err);
}

int ctr_handover_pid(const struct ctr_handover *handover, const struct ctr_launch *launch,
		     struct ctr_arena *arena, struct ctr_error *err)
{
	const char *text;
	struct stat st;

	if (!handover->pid_file)
		return 0;

	/* It is replaced, and removed later: that must not happen to /dev/null. */
	if (stat(handover->pid_file, &st) == 0 && !S_ISREG(st.st_mode))
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--pid-file: '%s' is not a regular file",
				handover->pid_file);

	text = ctr_arena_printf(arena, "%d", (int)launch->pid);
	if (ctr_file_replace(AT_FDCWD, handover->pid_file, text, strlen(text), 0644, err) < 0)
		return ctr_fail_within(err, "--pid-file");
	return 0;
}
