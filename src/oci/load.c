/* The door: documents in, checked structs out. */
#include "oci/load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "oci/checkpoint.h"
#include "oci/decode.h"
#include "oci/decode_run.h"
#include "oci/json.h"

/* What a document of usual size needs for its arrays; a bigger one moves to the arena. On the
 * stack, where the pages serve others later. */
enum { SCRATCH_SIZE = 8192 };

static int run(struct ctr_decode *decode)
{
	_Alignas(16) char scratch[SCRATCH_SIZE] __attribute__((uninitialized));
	struct ctr_json_fault fault;
	int r;

	decode->scratch = scratch;
	decode->scratch_size = sizeof(scratch);
	if (decode->len > CTR_CONFIG_SIZE_MAX)
		return ctr_decode_fault_syntax(decode, 0, "the document is longer than 64 MiB");

	r = ctr_json_parse(decode->arena, decode->text, decode->len, ctr_decode_event, decode,
			   &fault);
	/* A handler that stopped has told why. */
	if (r < 0)
		(void)ctr_decode_fault_syntax(decode, fault.offset, fault.text);
	decode->nframes = 0;
	return r == 0 ? 0 : -1;
}

struct ctr_spec *ctr_spec_decode(struct ctr_arena *arena, const char *text, size_t len,
				 const char *file, const char *bundle,
				 struct ctr_findings *findings, struct ctr_error *err)
{
	struct ctr_spec *spec = ctr_arena_alloc(arena, sizeof(*spec));
	struct ctr_decode decode = {
		.arena = arena,
		.file = file,
		.text = text,
		.len = len,
		.bundle = bundle,
		.type = &ctr_type_spec,
		.root = spec,
		.findings = findings,
		.err = err,
	};

	spec->bundle = bundle;
	spec->linux_ = ctr_arena_alloc(arena, sizeof(*spec->linux_));
	if (run(&decode) < 0)
		return NULL;
	if (ctr_validate_spec(&decode, spec) < 0 ||
	    (findings && ctr_validate_container(&decode, spec) < 0) || decode.nfaults > 0)
		return NULL;

	spec->warnings = decode.warnings;
	spec->nwarnings = decode.nwarnings;
	return spec;
}

/* A document of its own, other than a bundle's, into @root. What it warns of is logged: it has no
 * place for that. 0 or -1. */
static int decode_alone(struct ctr_decode *decode, const struct ctr_type *type, void *root,
			int (*validate)(struct ctr_decode *decode, void *root))
{
	decode->bundle = "";
	decode->type = type;
	decode->root = root;
	if (run(decode) < 0 || (validate && validate(decode, root) < 0))
		return -1;

	for (size_t i = 0; i < decode->nwarnings; i++)
		ctr_log(CTR_LOG_WARNING, "%s", decode->warnings[i]);
	return 0;
}

static int validate_process(struct ctr_decode *decode, void *root)
{
	return ctr_validate_process(decode, root, "");
}

static int validate_resources(struct ctr_decode *decode, void *root)
{
	return ctr_validate_resources(decode, root, "");
}

struct ctr_process *ctr_process_decode(struct ctr_arena *arena, const char *text, size_t len,
				       const char *file, struct ctr_error *err)
{
	struct ctr_decode decode = {
		.arena = arena, .file = file, .text = text, .len = len, .err = err
	};
	struct ctr_process *process = ctr_arena_alloc(arena, sizeof(*process));

	return decode_alone(&decode, &ctr_type_process, process, validate_process) < 0 ? NULL
										       : process;
}

struct ctr_resources *ctr_resources_decode(struct ctr_arena *arena, const char *text, size_t len,
					   const char *file, struct ctr_error *err)
{
	struct ctr_decode decode = {
		.arena = arena, .file = file, .text = text, .len = len, .err = err
	};
	struct ctr_resources *resources = ctr_arena_alloc(arena, sizeof(*resources));

	return decode_alone(&decode, &ctr_type_resources, resources, validate_resources) < 0
		       ? NULL
		       : resources;
}

struct ctr_checkpoint *ctr_checkpoint_decode(struct ctr_arena *arena, const char *text, size_t len,
					     const char *file, struct ctr_error *err)
{
	struct ctr_decode decode = {
		.arena = arena, .file = file, .text = text, .len = len, .err = err
	};
	struct ctr_checkpoint *checkpoint = ctr_arena_alloc(arena, sizeof(*checkpoint));

	return decode_alone(&decode, &ctr_type_checkpoint, checkpoint, NULL) < 0 ? NULL
										 : checkpoint;
}

/* @bundle as an absolute path. */
static const char *absolute_bundle(struct ctr_arena *arena, const char *bundle,
				   struct ctr_error *err)
{
	char cwd[PATH_MAX];
	char *path;

	if (bundle[0] == '/')
		return ctr_path_join_clean(arena, "/", bundle);
	if (!getcwd(cwd, sizeof(cwd))) {
		ctr_fail(err, CTR_FAULT_HOST, errno, "cannot find the working directory");
		return NULL;
	}
	path = ctr_path_join_clean(arena, cwd, bundle);
	return path;
}

/* What there is in the place of a bundle whose config.json cannot be read. */
static void explain_absence(const char *bundle, struct ctr_error *err)
{
	const struct ctr_error given = *err;
	struct stat st;

	if (given.code != ENOENT && given.code != ENOTDIR)
		return;
	if (stat(bundle, &st) < 0)
		(void)ctr_fail(err, CTR_FAULT_NOT_FOUND, errno, "bundle '%s'", bundle);
	else if (!S_ISDIR(st.st_mode))
		(void)ctr_fail(err, CTR_FAULT_NOT_FOUND, ENOTDIR, "bundle '%s'", bundle);
	else
		(void)ctr_fail(err, CTR_FAULT_NOT_FOUND, 0, "%s (ctr spec writes one)", given.text);
	err->code = given.code;
}

const char *ctr_bundle_read(struct ctr_arena *arena, const char *bundle, const char **config,
			    size_t *len, struct ctr_error *err)
{
	bool given = *config != NULL;
	const char *text;

	if (bundle[0] == '\0') {
		ctr_fail(err, CTR_FAULT_USAGE, 0, "bundle: empty path");
		return NULL;
	}
	if (!given)
		*config = strcmp(bundle, ".") == 0 ? "config.json"
						   : ctr_path_join(arena, bundle, "config.json");
	text = ctr_file_read(arena, AT_FDCWD, *config, CTR_CONFIG_SIZE_MAX, len, err);
	if (!text && !given)
		explain_absence(bundle, err);
	return text;
}

struct ctr_spec *ctr_bundle_load(struct ctr_arena *arena, const char *bundle, const char *config,
				 const char **text, size_t *len, struct ctr_error *err)
{
	const char *path = absolute_bundle(arena, bundle, err);
	const char *document;
	size_t n;

	if (!path)
		return NULL;
	document = ctr_bundle_read(arena, bundle, &config, &n, err);
	if (!document)
		return NULL;
	if (text)
		*text = document;
	if (len)
		*len = n;
	return ctr_spec_decode(arena, document, n, config, path, NULL, err);
}

const char *ctr_spec_annotation(const struct ctr_spec *spec, const char *key)
{
	size_t i;

	for (i = 0; i < spec->nannotations; i++)
		if (strcmp(spec->annotations[i].key, key) == 0)
			return spec->annotations[i].value;
	return NULL;
}
