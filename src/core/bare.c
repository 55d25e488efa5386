/* The default configuration around a root file system: written as a document and decoded like any
 * other, so that everything later (exec, state) finds a configuration that is true. */
#include "core/bare.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/path.h"
#include "core/context.h"
#include "oci/encode.h"
#include "oci/load.h"

const struct ctr_spec *ctr_bare_spec(const char *rootfs, const char *const *args,
				     const struct ctr_context *context, const char **config,
				     size_t *config_len, struct ctr_error *err)
{
	struct ctr_spec_defaults defaults = {
		.rootless = context->host.rootless,
		.uid = context->host.euid,
		.gid = context->host.egid,
		.no_terminal = !isatty(STDIN_FILENO),
		.writable = true,
	};
	struct ctr_json json;
	struct ctr_buf buf;
	char cwd[4096];

	if (rootfs[0] == '\0') {
		ctr_fail(err, CTR_FAULT_USAGE, 0, "--rootfs: empty path");
		return NULL;
	}
	if (!getcwd(cwd, sizeof(cwd))) {
		ctr_fail(err, CTR_FAULT_HOST, errno, "cannot find the working directory");
		return NULL;
	}

	defaults.rootfs = ctr_path_join_clean(context->arena, cwd, rootfs);
	while (args && args[defaults.nargs])
		defaults.nargs++;
	defaults.args = args;

	ctr_buf_init(&buf, context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_spec_default_encode(&json, &defaults);
	*config = buf.data;
	*config_len = buf.len;
	return ctr_spec_decode(context->arena, buf.data, buf.len, "--rootfs", defaults.rootfs, NULL,
			       err);
}
