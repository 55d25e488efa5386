/* Standard output: written once, its failure reported (a full disk, a closed pipe). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "core/wait.h"

int ctr_print(const char *text, size_t len, struct ctr_error *err)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t put;

	fflush(stdout);
	while (len > 0) {
		put = write(out.fd, text, len);
		if (put >= 0) {
			text += put;
			len -= (size_t)put;
		} else if (errno == EAGAIN) {
			/* Who reads it may have made it so that nothing waits. */
			(void)poll(&out, 1, -1);
		} else if (errno != EINTR) {
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"cannot write to standard output");
		}
	}
	return 0;
}

void ctr_print_detached(struct ctr_command *command, const char *id)
{
	if (command->status != CTR_DETACHED)
		return;
	fprintf(stderr, "\ndetached from container '%s', which goes on\n", id);
	command->status = 0;
}

int ctr_print_end(struct ctr_error *err)
{
	if (fflush(stdout) < 0 || ferror(stdout))
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot write to standard output");
	return 0;
}
