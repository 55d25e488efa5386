/*
 * The words of ctr-init's errors: it reports which operation failed, where inside, and errno; the
 * sentence is made here, in the parent.
 *
 * The texts about the payload are matched by engines, without regard to case: "no such file or
 * directory" and "executable file ... not found" become 127, "permission denied" and "is a
 * directory" 126; Podman's tests want "the path `X` is not a regular file: Operation not
 * permitted".
 */
#include "plan/msg.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strerror.h"
#include "plan/build.h"

enum { WORDS_MAX = 768 };

/* What went wrong inside of an operation, put after its words. */
static const char *const details[CTR_DETAIL_COUNT] = {
	[CTR_DETAIL_OPEN_TARGET] = "cannot open or make the target",
	[CTR_DETAIL_OPEN_SOURCE] = "cannot open the source",
	[CTR_DETAIL_TARGET_LINK] = "must be mounted on ordinary directory",
	[CTR_DETAIL_TARGET_PROC] = "the target is inside of a proc file system",
	[CTR_DETAIL_NOT_NULL] = "/dev/null of the container is not the null device",
	[CTR_DETAIL_FLAGS] = "cannot set the mount flags",
	[CTR_DETAIL_PROPAGATION] = "cannot set the propagation",
	[CTR_DETAIL_COPY] = "cannot copy the directory below it",
	[CTR_DETAIL_OTHER_DEVICE] = "another file is there",
	[CTR_DETAIL_HOST_DEVICE] = "the host has another file there",
	[CTR_DETAIL_MAKE] = "it is missing and cannot be made",
};

const char *ctr_plan_hook_name(uint64_t kind)
{
	static const char *const names[] = {
		"prestart",       "createRuntime", "createContainer",
		"startContainer", "poststart",     "poststop",
	};

	return kind < CTR_ARRAY_SIZE(names) ? names[kind] : "unknown";
}

struct words {
	char text[WORDS_MAX];
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct words *words, const char *format, ...)
{
	size_t room = sizeof(words->text) - words->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(words->text + words->len, room, format, ap);
	va_end(ap);
	if (n > 0)
		words->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* Fill in the operands of op.h's error words. */
static void add_op_words(struct words *words, const struct ctr_plan_header *plan,
			 const struct ctr_op *op)
{
	const char *format = ctr_op_info(op->kind)->words;

	for (; *format; format++) {
		if (*format != '%') {
			add(words, "%c", *format);
			continue;
		}
		switch (*++format) {
		case 's':
			add(words, "%s", plan ? ctr_view_str(plan, op->str) : "?");
			break;
		case 't':
			add(words, "%s", plan ? ctr_view_str(plan, op->str2) : "?");
			break;
		case 'a':
			add(words, "%" PRIu64, op->arg);
			break;
		default:
			add(words, "%c", *format);
			break;
		}
	}
}

/* ctr_strerror(), with a small first letter: "permission denied". */
static const char *small_strerror(int code, char *text, size_t size)
{
	(void)snprintf(text, size, "%s", ctr_strerror(code));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int exec_fail(const struct ctr_msg *msg, const char *path, struct ctr_error *err)
{
	bool absent = msg->error == ENOENT || msg->error == ENOTDIR;
	const int room = 300; /* of a path: what follows is what is looked for */
	char why[128];

	if (msg->detail == CTR_DETAIL_EXEC_PATH)
		return ctr_fail(err, CTR_FAULT_EXEC_ABSENT, ENOENT,
				"executable file `%.*s` not found in $PATH", room, path);

	small_strerror(msg->error, why, sizeof(why));
	if (msg->detail == CTR_DETAIL_EXEC_TYPE)
		return ctr_fail(err, CTR_FAULT_EXEC, EPERM,
				"exec %.*s: %s: the path `%.*s` is not a regular file", room, path,
				why, room, path);

	ctr_fail(err, absent ? CTR_FAULT_EXEC_ABSENT : CTR_FAULT_EXEC, 0, "exec %.*s: %s", room,
		 path, why);
	if (err)
		err->code = msg->error;
	return -1;
}

static int hook_fail(const struct ctr_op *op, const struct ctr_msg *msg, const char *text,
		     struct ctr_error *err)
{
	unsigned long index = op->arg2 & 0xff;
	unsigned long long timeout = op->arg2 >> 16;
	const char *name = ctr_plan_hook_name(op->arg2 >> 8 & 0xff);
	int status = (int)msg->value;
	struct words words = { .len = 0 };
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '\n')
		len--;

	add(&words, "error running %s hook #%lu: ", name, index);
	if (msg->detail == CTR_DETAIL_HOOK_TIMEOUT)
		add(&words, "hook ran past specified timeout of %llus", timeout);
	else if (WIFSIGNALED(status))
		add(&words, "signal %d (%s)", WTERMSIG(status), ctr_strsignal(WTERMSIG(status)));
	else
		add(&words, "exit status %d", WEXITSTATUS(status));
	if (len > 0)
		add(&words, ", output: %.*s", (int)len, text);

	return ctr_fail(err, CTR_FAULT_HOST, 0, "%s", words.text);
}

static bool about_payload(const struct ctr_msg *msg)
{
	return msg->detail == CTR_DETAIL_EXEC_PATH || msg->detail == CTR_DETAIL_EXEC ||
	       msg->detail == CTR_DETAIL_EXEC_TYPE;
}

/* Does one of these options give an owner? */
static bool names_owner(const char *data)
{
	for (const char *option = data; option; option = strchr(option, ',')) {
		option += *option == ',';
		if (strncmp(option, "uid=", 4) == 0 || strncmp(option, "gid=", 4) == 0)
			return true;
	}
	return false;
}

/* The kernel does not tell which of the file system's own options it dislikes. */
static void add_options(struct words *words, const char *data)
{
	if (!*data)
		return;
	add(words, " with options '%s'", data);
	if (names_owner(data))
		add(words,
		    " (is that owner's id mapped in this user namespace? If not, leave it out)");
}

/* Where errno says something else; NULL: it does not. */
static const char *meaning_of(const struct ctr_op *op, const struct ctr_msg *msg)
{
	if ((op->kind == CTR_OP_UNSHARE || op->kind == CTR_OP_JOIN_MAKER) && msg->error == ENOSPC)
		return "a limit in /proc/sys/user/max_*_namespaces is reached";
	if (msg->detail == CTR_DETAIL_COPY && msg->error == ELOOP)
		return "it is too deep (64 directories in each other are copied)";
	return NULL;
}

static int op_fail(const struct ctr_plan_header *plan, const struct ctr_op *op,
		   const struct ctr_msg *msg, const char *text, struct ctr_error *err)
{
	const char *detail = msg->detail < CTR_DETAIL_COUNT ? details[msg->detail] : NULL;
	const char *meaning = meaning_of(op, msg);
	struct words words = { .len = 0 };

	add_op_words(&words, plan, op);
	if (plan && op->kind == CTR_OP_MOUNT && msg->error == EINVAL && !detail)
		add_options(&words, ctr_view_next(ctr_view_next(ctr_view_str(plan, op->str2))));
	if (detail)
		add(&words, ": %s", detail);
	if (meaning)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: %s", words.text, meaning);
	if (*text)
		add(&words, ": '%s'", text);
	/* The detail says it all: errno is only how it was noticed. */
	if (msg->detail == CTR_DETAIL_TARGET_LINK || msg->detail == CTR_DETAIL_TARGET_PROC ||
	    msg->detail == CTR_DETAIL_NOT_NULL || msg->detail == CTR_DETAIL_OTHER_DEVICE ||
	    msg->detail == CTR_DETAIL_HOST_DEVICE)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s", words.text);

	return ctr_fail(err, CTR_FAULT_HOST, msg->error, "%s", words.text);
}

int ctr_msg_fail(const struct ctr_plan_header *plan, const struct ctr_msg *msg, const char *text,
		 struct ctr_error *err)
{
	/* Whoever has the plan names the config field and all operands. */
	const struct ctr_op foreign = { .kind = (uint16_t)msg->kind, .arg2 = msg->arg2 };
	const struct ctr_op *op = &foreign;

	if (msg->detail == CTR_DETAIL_MACHINE)
		return ctr_fail(err, CTR_FAULT_HOST, msg->error, "%s",
				*text ? text : "the virtual machine ended without a word");
	if (plan ? msg->op >= plan->nops : msg->kind >= CTR_OP_COUNT)
		return ctr_fail(err, CTR_FAULT_BUG, msg->error,
				"ctr-init failed before its first operation");
	if (msg->detail == CTR_DETAIL_PROTOCOL)
		return ctr_fail(err, CTR_FAULT_BUG, 0,
				"ctr-init got message %u, which is not expected now (operation %u)",
				msg->value, msg->op);
	if (about_payload(msg))
		return exec_fail(msg, text, err);

	if (plan)
		op = &ctr_view_ops(plan)[msg->op];
	if (msg->detail == CTR_DETAIL_HOOK_STATUS || msg->detail == CTR_DETAIL_HOOK_TIMEOUT)
		hook_fail(op, msg, text, err);
	else
		op_fail(plan, op, msg, text, err);
	if (plan && op->origin)
		ctr_fail_within(err, "%s", ctr_view_str(plan, op->origin));
	return -1;
}
