/*
 * Where messages go. Engines read both ends: Podman parses the whole log as one JSON object,
 * containerd keeps the last record of level "error" and wants an RFC 3339 time in each, conmon and
 * CRI-O read the standard error stream. So the final error goes to both, as one record each.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

enum { TEXT_MAX = 2048, RECORD_MAX = 8 * TEXT_MAX };

enum target {
	TARGET_NONE,
	TARGET_FILE,
	TARGET_JOURNAL,
	TARGET_SYSLOG,
};

static struct {
	enum target target;
	int fd;
	enum ctr_log_format format;
	enum ctr_log_level level;
	const char *name;
	char id[64]; /* of the journal or syslog */
} state = { .fd = -1, .name = "ctr" };

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const int level_priorities[] = { 3, 4, 6, 7 }; /* of syslog(3) */

/* A record under construction; what does not fit is dropped. */
struct record {
	size_t len;
	char data[RECORD_MAX];
};

static void put(struct record *record, const char *s, size_t n)
{
	if (n > sizeof(record->data) - record->len)
		n = sizeof(record->data) - record->len;
	memcpy(record->data + record->len, s, n);
	record->len += n;
}

static void puts_to(struct record *record, const char *s)
{
	put(record, s, strlen(s));
}

/* A JSON string, also from bytes that are no UTF-8: the readers' parsers must not fail. */
static void put_quoted(struct record *record, const char *s)
{
	char escape[8];
	size_t n;

	put(record, "\"", 1);
	for (; *s; s += n) {
		n = ctr_utf8_length(s);
		if (n == 0) {
			n = 1;
			puts_to(record, "\xef\xbf\xbd");
		} else if (*s == '"' || *s == '\\') {
			escape[0] = '\\';
			escape[1] = *s;
			put(record, escape, 2);
		} else if (*s == '\n') {
			put(record, "\\n", 2);
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*s);
			put(record, escape, 6);
		} else {
			put(record, s, n);
		}
	}
	put(record, "\"", 1);
}

static void put_record(struct record *record, enum ctr_log_level level, const char *text)
{
	char time[CTR_CLOCK_TEXT];

	ctr_clock_now(time);
	if (state.format == CTR_LOG_JSON) {
		puts_to(record, "{\"level\":\"");
		puts_to(record, level_names[level]);
		puts_to(record, "\",\"msg\":");
		put_quoted(record, text);
		puts_to(record, ",\"time\":\"");
		puts_to(record, time);
		puts_to(record, "\"}\n");
	} else {
		puts_to(record, "time=\"");
		puts_to(record, time);
		puts_to(record, "\" level=");
		puts_to(record, level_names[level]);
		puts_to(record, " msg=");
		put_quoted(record, text);
		puts_to(record, "\n");
	}
}

/* The journal's native protocol: FIELD=value lines; a value of several lines has its length before
 * it (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
static void put_journal(struct record *record, enum ctr_log_level level, const char *text)
{
	uint64_t length = strlen(text);
	unsigned char little[8];
	char head[128];
	size_t i;

	for (i = 0; i < sizeof(little); i++)
		little[i] = (unsigned char)(length >> (8 * i));
	(void)snprintf(head, sizeof(head), "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE\n",
		       level_priorities[level], state.id);
	puts_to(record, head);
	put(record, (const char *)little, sizeof(little));
	put(record, text, length);
	put(record, "\n", 1);
}

static void put_syslog(struct record *record, enum ctr_log_level level, const char *text)
{
	enum { FACILITY_DAEMON = 3 << 3 };
	char head[128];

	(void)snprintf(head, sizeof(head),
		       "<%d>%s[%ld]: ", FACILITY_DAEMON | level_priorities[level], state.id,
		       (long)getpid());
	puts_to(record, head);
	puts_to(record, text);
}

static void write_log(enum ctr_log_level level, const char *text)
{
	struct record record;

	record.len = 0;
	if (state.target == TARGET_FILE) {
		put_record(&record, level, text);
		(void)ctr_write_all(state.fd, record.data, record.len);
		return;
	}
	if (state.target == TARGET_JOURNAL)
		put_journal(&record, level, text);
	else
		put_syslog(&record, level, text);
	(void)ctr_send_fds(state.fd, record.data, record.len, NULL, 0);
}

/* Names from a document must not steer the terminal. */
static void put_harmless(struct record *record, const char *s)
{
	char escape[8];

	for (; *s; s++) {
		if (((unsigned char)*s >= 0x20 && *s != 0x7f) || *s == '\n' || *s == '\t') {
			put(record, s, 1);
			continue;
		}
		(void)snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)*s);
		puts_to(record, escape);
	}
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"); /* no-color.org: set and not empty */

	return !(no && *no) && isatty(STDERR_FILENO);
}

static void put_prefix(struct record *record, enum ctr_log_level level)
{
	bool colour = wants_colour();

	if (colour)
		puts_to(record, level == CTR_LOG_ERROR ? "\033[1;31m" : "\033[1m");
	put_harmless(record, state.name);
	puts_to(record, ":");
	if (colour)
		puts_to(record, "\033[0m");
	puts_to(record, " ");
	if (level != CTR_LOG_ERROR) {
		puts_to(record, level_names[level]);
		puts_to(record, ": ");
	}
}

/* Who has a log as well is a program that puts its own words around the text. */
static void write_stderr(enum ctr_log_level level, const char *text)
{
	struct record record;

	record.len = 0;
	if (state.target == TARGET_NONE)
		put_prefix(&record, level);
	put_harmless(&record, text);
	puts_to(&record, "\n");
	(void)ctr_write_all(STDERR_FILENO, record.data, record.len);
}

static int open_datagram(const char *path, const char *id, enum target target,
			 struct ctr_error *err)
{
	int fd;

	fd = ctr_unix_connect(AT_FDCWD, path, SOCK_DGRAM);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -fd, "--log: cannot connect to '%s'", path);
	state.target = target;
	state.fd = fd;
	(void)snprintf(state.id, sizeof(state.id), "%s", *id ? id : state.name);
	return 0;
}

static int open_file(const char *path, struct ctr_error *err)
{
	int fd;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--log: cannot open '%s'", path);
	state.target = TARGET_FILE;
	state.fd = fd;
	return 0;
}

int ctr_log_setup(const char *path, enum ctr_log_format format, enum ctr_log_level level,
		  struct ctr_error *err)
{
	if (state.fd >= 0)
		(void)close(state.fd);
	state.target = TARGET_NONE;
	state.fd = -1;
	state.format = format;
	state.level = level;

	if (!path || !*path)
		return 0;
	if (strncmp(path, "file:", 5) == 0)
		return open_file(path + 5, err);
	if (strncmp(path, "journald:", 9) == 0)
		return open_datagram("/run/systemd/journal/socket", path + 9, TARGET_JOURNAL, err);
	if (strncmp(path, "syslog:", 7) == 0)
		return open_datagram("/dev/log", path + 7, TARGET_SYSLOG, err);
	return open_file(path, err);
}

int ctr_log_level_parse(const char *name, enum ctr_log_level *out)
{
	for (unsigned i = 0; i < CTR_ARRAY_SIZE(level_names); i++) {
		if (strcasecmp(name, level_names[i]) == 0) {
			*out = (enum ctr_log_level)i;
			return 0;
		}
	}

	return -EINVAL;
}

void ctr_log_name(const char *name)
{
	state.name = name;
}

bool ctr_log_wants(enum ctr_log_level level)
{
	return level <= state.level;
}

void ctr_log(enum ctr_log_level level, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!ctr_log_wants(level))
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);

	if (state.target != TARGET_NONE)
		write_log(level, text);
	if (state.target == TARGET_NONE || level == CTR_LOG_ERROR)
		write_stderr(level, text);
}

void ctr_log_error(const struct ctr_error *err)
{
	ctr_log(CTR_LOG_ERROR, "%s", err->text);
}
