/* Standard output: written once, its failure reported (a full disk, a closed pipe). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "cli/command.h"
#include "core/wait.h"

int ctr_print(const char *text, size_t len, struct ctr_error *err)
{
	int r;

	fflush(stdout);
	r = ctr_write_all(STDOUT_FILENO, text, len);
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write to standard output") : 0;
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
