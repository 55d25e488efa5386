/*
 * Errors as values. A fallible function takes a last parameter `struct ctr_error *err`, returns -1
 * (or NULL) on failure and has then filled it; only cli/ prints it. The text is complete as it is:
 * where (config path or command), what with which operand, why; lower case, no full stop.
 */
#pragma once

/* Whose fault it is; cli/ turns it into an exit status, callers may decide by it. */
enum ctr_fault {
	CTR_FAULT_NONE,
	CTR_FAULT_USAGE,       /* wrong options or arguments */
	CTR_FAULT_CONFIG,      /* config.json or another document is wrong */
	CTR_FAULT_HOST,        /* the kernel or the host refused */
	CTR_FAULT_NOT_FOUND,   /* no such container, file or program asked for */
	CTR_FAULT_STATE,       /* the container is in the wrong state for it */
	CTR_FAULT_EXEC,        /* the payload cannot be executed (126) */
	CTR_FAULT_EXEC_ABSENT, /* the payload does not exist (127) */
	CTR_FAULT_BUG,         /* ctr itself is wrong */
};

enum { CTR_ERROR_TEXT = 1024 };

/* Storage is the caller's and static in size, so that reporting works on ENOMEM, too. */
struct ctr_error {
	int code; /* errno value, positive; 0 when none applies */
	enum ctr_fault fault;
	char text[CTR_ERROR_TEXT];
};

/*
 * Fill @err and return -1, so that `return ctr_fail(...)` reads well. A @code other than 0 appends
 * ": " and ctr_strerror(@code). A text that does not fit ends in "...". @err may be NULL.
 */
int ctr_fail(struct ctr_error *err, enum ctr_fault fault, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Put "PREFIX: " before the text that @err has already. Returns -1. */
int ctr_fail_within(struct ctr_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
