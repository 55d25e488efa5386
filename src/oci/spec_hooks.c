/* Tables of the hooks (config.md#posix-platform-hooks). */
#include "oci/decode.h"
#include "oci/words.h"

const struct ctr_name ctr_hook_names[] = {
	{"prestart",         CTR_HOOK_PRESTART        },
	{ "createRuntime",   CTR_HOOK_CREATE_RUNTIME  },
	{ "createContainer", CTR_HOOK_CREATE_CONTAINER},
	{ "startContainer",  CTR_HOOK_START_CONTAINER },
	{ "poststart",       CTR_HOOK_POSTSTART       },
	{ "poststop",        CTR_HOOK_POSTSTOP        },
	{ NULL,              0			},
};

static const struct ctr_field hook_fields[] = {
	F_TEXT(struct ctr_hook, path, const char *, "path", CTR_REQUIRED, ctr_text_absolute),
	F_STRINGS(struct ctr_hook, args, nargs, "args", 0, NULL),
	F_STRINGS(struct ctr_hook, env, nenv, "env", 0, ctr_string_env),
	F_I64_IN(struct ctr_hook, timeout, "timeout", 0, 1, INT32_MAX),
};

static int hook_done(struct ctr_decode *decode, void *object)
{
	struct ctr_hook *hook = object;

	hook->has_env = ctr_decode_present(decode, "env");
	return 0;
}

static const struct ctr_type type_hook = {
	CTR_TYPE(struct ctr_hook, hook_fields),
	.done = hook_done,
};

#define F_HOOK(kind, name)                                                                         \
	F_OBJECTS(struct ctr_spec, hooks[kind].list, hooks[kind].count, struct ctr_hook, name, 0,  \
		  &type_hook)

static const struct ctr_field hooks_fields[] = {
	F_HOOK(CTR_HOOK_PRESTART, "prestart"),
	F_HOOK(CTR_HOOK_CREATE_RUNTIME, "createRuntime"),
	F_HOOK(CTR_HOOK_CREATE_CONTAINER, "createContainer"),
	F_HOOK(CTR_HOOK_START_CONTAINER, "startContainer"),
	F_HOOK(CTR_HOOK_POSTSTART, "poststart"),
	F_HOOK(CTR_HOOK_POSTSTOP, "poststop"),
};

const struct ctr_type ctr_type_hooks = { CTR_TYPE(struct ctr_spec, hooks_fields) };
