/*
 * Runs ctr-init on hand-made plans, in new namespaces, as root. The child stops where the plan says
 * so; meanwhile the test looks at it through /proc/PID.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/build.h"
#include "plan/msg.h"

enum { DENY_MAX = 8 };

/* System calls that fail for the child, as on an older kernel or below an older engine's filter. */
struct variant {
	const char *name;
	int error;
	long calls[DENY_MAX];
};

struct harness {
	const struct variant *variant;
	struct ctr_arena arena;
	struct ctr_plan_builder plan;
	const struct ctr_plan_header *blob;
	char dir[64]; /* a tmpfs of our own, the current directory; rootfs/ is in it */
	char rootfs[80];
	int sock, gate;  /* our end; the listening end, -1: none */
	int maker, made; /* for JOIN_MAKER: see plan/view.h; -1: none */
	pid_t pid;
	int status;   /* wait status, once it ended */
	mode_t umask; /* the child's */
	bool stdio_null;
	struct ctr_msg msg; /* the latest message, */
	char text[CTR_MSG_TEXT_MAX + 1];
	int fd;               /* its descriptor, -1: none */
	struct ctr_error err; /* rendered from it */
};

/* setup and teardown of every test; *state is the harness. */
int harness_setup(void **state);
int harness_teardown(void **state);

/* Run all @tests for all @variants: the main() of a test. Without root they are skipped. */
int run_variants(const struct CMUnitTest *tests, size_t ntests, const struct variant *variants,
		 size_t nvariants);
#define RUN_VARIANTS(tests, variants)                                                              \
	run_variants(tests, sizeof(tests) / sizeof((tests)[0]), variants,                          \
		     sizeof(variants) / sizeof((variants)[0]))
#define HARNESS_TEST(function)                                                                     \
	cmocka_unit_test_setup_teardown(function, harness_setup, harness_teardown)
/* Is one of the variant's calls @nr? */
bool is_denied(const struct harness *h, long nr);

/* Add operations. */
struct ctr_op *add_op(struct harness *h, enum ctr_op_kind kind);
struct ctr_op *add_str(struct harness *h, enum ctr_op_kind kind, const char *str, uint64_t arg);
struct ctr_op *add_mount(struct harness *h, const char *type, const char *target, uint64_t flags,
			 const char *data);
struct ctr_op *add_bind(struct harness *h, const char *source, const char *target, uint64_t set);
struct ctr_op *add_block(struct harness *h, enum ctr_op_kind kind, const char *const *strings);
/* open-proc, propagation, rootfs (h->rootfs or @path) */
void add_root(struct harness *h, const char *path);
/* send created, recv start, send starting */
void add_stop(struct harness *h);
/* args, env, find-exec, ..., exec, with the protocol around */
void add_payload(struct harness *h, const char *const *args, const char *const *env);

/* Start the child in namespaces @flags. */
void start_init(struct harness *h, int flags);
/* The next message must be @type. */
void expect_message(struct harness *h, uint32_t type);
void expect_after_warnings(struct harness *h, uint32_t type);
/* The child must end, with FAIL whose words are @text. */
void expect_fail(struct harness *h, const char *text);
void send_message(struct harness *h, uint32_t type, const int *fds, size_t nfds);
void connect_gate(struct harness *h);
/* END OF FILE on the socket, and the exit status. */
int await_exit(struct harness *h);
/* Start, and stop at CREATED. */
void run_to_created(struct harness *h, int flags);

/* ---- files: paths are printf formats */
void make_dir(mode_t mode, const char *format, ...) __attribute__((format(printf, 2, 3)));
void make_file(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void make_symlink(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Content of a file, in a static buffer; NULL when it cannot be read. */
const char *read_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Below the child's root. */
struct stat stat_in(struct harness *h, const char *path);
bool exists_in(struct harness *h, const char *path);
const char *read_in(struct harness *h, const char *path);
/* The child's mountinfo line of what is on top at @point, from the options on: "ro,nosuid ... -
 * tmpfs tmpfs rw"; NULL: none. */
const char *mount_in(struct harness *h, const char *point);
/* Is word @option in the comma list at the start of @line? */
bool has_option(const char *line, const char *option);
/* A line of /proc/PID/status, without its name. */
const char *status_of(struct harness *h, const char *name);
