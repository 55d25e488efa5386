/* One line: ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE OPTIONS */
#include "criu/mountinfo.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"

/* "\040" and its like, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' &&
		    in[3] >= '0' && in[3] <= '7') {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

static int parse_line(struct ctr_mountinfo *out, char *line)
{
	enum { ID, PARENT, DEVICE, ROOT, POINT, FIELDS };
	char *fields[FIELDS], *rest = NULL, *type = strstr(line, " - ");
	uint64_t id, parent;
	const char *master, *shared;

	if (!type)
		return -1;
	*type = '\0';
	type = strtok_r(type + 3, " ", &rest);
	if (!type)
		return -1;

	master = strstr(line, " master:");
	shared = strstr(line, " shared:");
	master = master ? master + 8 : "";
	shared = shared ? shared + 8 : "";
	*out = (struct ctr_mountinfo){
		.master = (unsigned)strtoul(master, NULL, 10),
		.shared = (unsigned)strtoul(shared, NULL, 10),
	};

	rest = NULL;
	for (int i = 0; i < FIELDS; i++) {
		fields[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
		if (!fields[i])
			return -1;
	}
	if (ctr_parse_u64(fields[ID], &id) < 0 || ctr_parse_u64(fields[PARENT], &parent) < 0)
		return -1;

	unescape(fields[ROOT]);
	unescape(fields[POINT]);
	out->id = (unsigned)id;
	out->parent = (unsigned)parent;
	out->device = fields[DEVICE];
	out->root = fields[ROOT];
	out->point = fields[POINT];
	out->type = type;
	return 0;
}

void ctr_mountinfo_parse(struct ctr_mountinfos *out, char *text, struct ctr_arena *arena)
{
	size_t lines = 1;
	char *line, *rest = NULL;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	*out = (struct ctr_mountinfos){ .list = ctr_arena_array(arena, lines, sizeof(*out->list)) };

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (parse_line(&out->list[out->count], line) == 0)
			out->count++;
}

const struct ctr_mountinfo *ctr_mountinfo_find(const struct ctr_mountinfos *mounts, unsigned id)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->list[i].id == id)
			return &mounts->list[i];

	return NULL;
}

unsigned ctr_mountinfo_id_by(int proc, int fd)
{
	static const char key[] = "mnt_id:\t";
	char path[48], info[1024];
	const char *line;

	snprintf(path, sizeof(path), "self/fdinfo/%d", fd);
	if (ctr_file_read_small(proc, path, info, sizeof(info)) < 0)
		return 0;
	line = strstr(info, key);
	return line ? (unsigned)strtoul(line + sizeof(key) - 1, NULL, 10) : 0;
}

unsigned ctr_mountinfo_id(int fd)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return proc < 0 ? 0 : ctr_mountinfo_id_by(proc, fd);
}
