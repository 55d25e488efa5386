/* Errors in CRIU's log: "(00.012345) Error (criu/file.c:123): text". */
#include "criu/report.h"

#include <stdbool.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "criu/images.h"

enum { LOG_MAX = 64 << 20, ERRORS_MAX = 3, ERROR_TEXT = 160 };

static const char full[] = "no space left on device";

/* What CRIU says, and what it means. */
static const struct {
	const char *sign, *hint;
} hints[] = {
	{"Connected TCP socket",                         "the container has a TCP connection (--tcp-established)"         },
	{ "tcp-established",			     "the container has a TCP connection (--tcp-established)"         },
	{ "In-flight connection",                        "a TCP connection is about to be made (--tcp-skip-in-flight)"    },
	{ "Some file locks are hold",                    "the container holds file locks (--file-locks)"                  },
	{ "file locks are hold",                         "the container holds file locks (--file-locks)"                  },
	{ "External socket is used",
         "a unix socket is connected to a process outside of the container (--ext-unix-sk)"                               },
	{ "Can't dump half of stream unix connection",
         "a unix socket is connected to a process outside of the container (--ext-unix-sk)"                               },
	{ "Found dangling tty",
         "the container uses a terminal of a session outside of it (--shell-job)"                                         },
	{ "Found slave peer index",
         "the container used a terminal whose other end was outside of it (--shell-job)"                                  },
	{ "Standard stream is not a terminal",           "--shell-job: standard input is no terminal"                     },
	{ "Can't get 1:16 opt: Operation not supported",
         "this kernel needs a newer CRIU for sockets of the network"                                                      },
	{ "inotify",				     "the container watches a file by inotify whose path is not known"},
	{ "Can't dump that handle",
         "the container holds an inotify handle on a file whose path CRIU cannot find"                                    },
	{ "uns: send req error",                         "user namespaces without id 65534 are beyond CRIU"               },
	{ "Failed to write net/ipv4/<sysctls>",
         "net.ipv4.ping_group_range of a user namespace is beyond CRIU (it can be \"1 0\")"                               },
	{ "Found extra thread",                          "threads came and went too fast"                                 },
	{ "Can't lookup mount",                          "a file is open that is not on a mount of the container"         },
	{ "link-remap",				  "a file is open that was deleted (--link-remap)"                 },
	{ "File remap impossible",                       "a file is open that was deleted (--link-remap)"                 },
	{ "Can't stat mountpoint",
         "a mount has no place here: another kernel's /proc or /sys, or another root file system"                         },
	{ "has no proper root mount",
         "a mount in the container comes from outside and is not in its configuration"                                    },
	{ "doesn't have a proper root mount",
         "a mount in the container comes from outside and is not in its configuration"                                    },
	{ "Control messages in queue",
         "a unix socket holds descriptors or credentials that nobody has received"                                        },
	{ "io_uring",				    "the container uses io_uring, which CRIU cannot dump"            },
	{ "No space left on device",                     full							     },
	{ "has bad size",				"a file of the root file system is not the one of the checkpoint"},
	{ "has bad mode",				"a file of the root file system is not the one of the checkpoint"},
	{ "on restore: No such file",                    "a file of the checkpoint is not there any more"                 },
	{ "bad build-id",				"a program or library of the root file system has changed"       },
	{ "Not supported images version",                "the images are of another version of CRIU"                      },
	{ "magic doesn't match",                         "an image is damaged"                                            },
	{ "Magic doesn't match",                         "an image is damaged"                                            },
	{ "Unexpected EOF on",                           "an image is damaged"                                            },
	{ "bytes while",				 "an image is damaged"                                            },
	{ "Failed unpacking object",                     "an image is damaged"                                            },
	{ "Img trimmed",				 "an image is damaged"                                            },
	{ "Can't read mapping page",                     "an image is damaged"                                            },
	{ "Can't restore tmpfs content",                 "an image is damaged"                                            },
};

static const char *hint_for(const char *text, size_t len)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(hints); i++)
		if (memmem(text, len, hints[i].sign, strlen(hints[i].sign)))
			return hints[i].hint;

	return NULL;
}

static bool is_error(const char *line, size_t len)
{
	static const char known[] = "RLIMIT_NOFILE for self",
			  unnamed[] = "Can't connect to server ";

	/* Without CAP_SYS_RESOURCE it goes on with the limit that there is; that there is no page
	 * server it does not call an error. */
	return (memmem(line, len, "Error (", 7) && !memmem(line, len, known, strlen(known))) ||
	       memmem(line, len, unnamed, strlen(unnamed));
}

/* Without time, process and place in CRIU's source. */
static void add_error(struct ctr_buf *buf, const char *line, size_t len)
{
	const char *end = line + len;
	const char *text = memmem(line, len, "): ", 3);

	if (text)
		text += 3;
	else if ((text = memmem(line, len, ") ", 2)))
		text += 2;
	else
		text = line;
	while (end > text && (end[-1] == ' ' || end[-1] == '`' || end[-1] == '\r'))
		end--;
	if (end - text > ERROR_TEXT)
		end = text + ERROR_TEXT;
	if (buf->len > 0)
		ctr_buf_adds(buf, "; ");
	for (; text < end; text++)
		ctr_buf_addc(buf, (unsigned char)*text < 0x20 ? ' ' : *text);
}

const char *ctr_criu_explain(const char *log, size_t len, struct ctr_arena *arena)
{
	const char *hint = NULL, *end = log + len, *next;
	struct ctr_buf buf;
	size_t n = 0;

	ctr_buf_init(&buf, arena);
	for (const char *line = log; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((newline ? newline : end) - line);

		next = line + length + 1;
		if (!is_error(line, length))
			continue;
		if (!hint)
			hint = hint_for(line, length);
		/* What comes first is the reason of what follows. */
		if (n++ < ERRORS_MAX)
			add_error(&buf, line, length);
	}

	if (hint)
		return ctr_arena_printf(arena, "%s: %s", hint, ctr_buf_str(&buf));
	return ctr_buf_str(&buf);
}

int ctr_criu_report(const struct ctr_images *image, const char *name, struct ctr_arena *arena,
		    struct ctr_error *err)
{
	size_t len = 0;
	char *log = ctr_file_read(arena, image->work, name, LOG_MAX, &len, NULL);
	const char *reason = log ? ctr_criu_explain(log, len, arena) : "";

	const char *hint;
	struct statvfs fs;

	if (!log)
		return -1;
	/* Its log is cut off then, and ends before the reason. */
	if (!strstr(reason, full) && fstatvfs(image->work, &fs) == 0 && fs.f_blocks > 0 &&
	    fs.f_bfree == 0)
		return ctr_fail(err, err->fault, 0, "CRIU: %s%s%s (log: %s/%s)", full,
				reason[0] ? ": " : "", reason, image->work_path, name);
	/* CRIU's message is one of the errors of its log, if that has any. */
	if (reason[0])
		return ctr_fail(err, err->fault, 0, "CRIU: %s (log: %s/%s)", reason,
				image->work_path, name);
	hint = hint_for(err->text, strlen(err->text));
	return ctr_fail(err, err->fault, 0, "%s%s%s (log: %s/%s)", hint ? hint : "",
			hint ? ": " : "", err->text, image->work_path, name);
}
