/* What the guest tells of the container in it: what its cgroup has counted, and its processes. */
#include "init/guest.h"

#define CGROUP "/sys/fs/cgroup/ctr/"

/* The name of the file, what is in it, an empty line. Those that matter most are first: what does
 * not fit is left out. */
void guest_send_stats(unsigned tag)
{
	static const struct {
		const char *directory, *file;
		size_t most;
	} files[] = {
		{CGROUP,    "memory.current", 32 },
                { CGROUP,   "memory.max",     32 },
		{ CGROUP,   "memory.peak",    32 },
                { CGROUP,   "memory.events",  256},
		{ CGROUP,   "pids.current",   32 },
                { CGROUP,   "pids.max",       32 },
		{ CGROUP,   "cpu.stat",       512},
                { "/proc/", "meminfo",        256},
	};
	static char text[CTR_FRAME_DATA_MAX];
	char *end = text + sizeof(text), *at = text;

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64], *path_end;
		long fd, n;

		path_end = str_put(path, path + sizeof(path), files[i].directory);
		(void)str_put(path_end, path + sizeof(path), files[i].file);
		fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
		if (fd < 0)
			continue;
		at = str_put(at, end, files[i].file);
		at = str_put(at, end, "\n");
		n = read_some((int)fd, at, files[i].most);
		(void)sys_close((int)fd);
		at += n > 0 ? n : 0;
		*at++ = '\n';
	}
	guest_answer(tag, CTR_FRAME_STATS, 0, text, (uint32_t)(at - text));
}

/* ---- processes */

struct dirent64 {
	uint64_t ino, offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* What stands behind @key in a status file; NULL. */
static const char *find_key(const char *text, const char *key)
{
	for (const char *line = text; *line; line++)
		if ((line == text || line[-1] == '\n') && str_starts(line, key))
			return line + str_length(key);
	return NULL;
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* The number in the innermost namespace; NULL: it is in the guest's own only, and none of the
 * container's. */
static const char *own_number(const char *status)
{
	const char *at = find_key(status, "NSpid:"), *last = NULL;
	unsigned n = 0;

	for (at = at ? skip_blanks(at) : ""; *at >= '0' && *at <= '9'; at = skip_blanks(at), n++)
		for (last = at; *at >= '0' && *at <= '9';)
			at++;
	return n > 1 ? last : NULL;
}

static long open_of(const char *pid, const char *file)
{
	char path[64], *end = path + sizeof(path), *at;

	at = str_put(path, end, "/proc/");
	at = str_put(at, end, pid);
	at = str_put(at, end, file);
	return at ? sys_openat(AT_FDCWD, path, O_RDONLY, 0) : -ENOENT;
}

static long read_command(const char *pid, char *data, size_t size)
{
	long n, fd = open_of(pid, "/cmdline");

	if (fd < 0)
		return fd;
	n = read_some((int)fd, data, size);
	(void)sys_close((int)fd);
	return n;
}

/* The status file, its lines cut: that of a process's groups may be longer than all others
 * together. Numbers in 33 namespaces, the longest that is wanted, have room. */
static bool read_status(const char *pid, char *data, size_t size)
{
	enum { KEPT = 300 };
	static char piece[1024];
	size_t length = 0, line = 0;
	long n, fd = open_of(pid, "/status");

	while (fd >= 0 && (n = read_some((int)fd, piece, sizeof(piece))) > 0) {
		for (long i = 0; i < n; i++) {
			line = piece[i] == '\n' ? 0 : line + 1;
			if (line <= KEPT && length + 1 < size)
				data[length++] = piece[i];
		}
	}
	if (fd >= 0)
		(void)sys_close((int)fd);
	data[length] = '\0';
	return length > 0;
}

static char *put_word(char *at, const char *end, const char *word)
{
	while (word && at + 1 < end && *word > ' ')
		*at++ = *word++;
	*at++ = ' ';
	return at;
}

/* "PID UID RSS COMMAND", the size in KiB. Its end; @at where it is none of the container's. */
static char *put_process(char *at, char *end, const char *pid)
{
	static char status[4096], command[256];
	const char *number, *key;
	long n;

	if (!read_status(pid, status, sizeof(status)) || !(number = own_number(status)))
		return at;
	at = put_word(at, end, number);
	key = find_key(status, "Uid:");
	at = put_word(at, end, key ? skip_blanks(key) : "?");
	key = find_key(status, "VmRSS:");
	at = put_word(at, end, key ? skip_blanks(key) : "0");
	n = read_command(pid, command, sizeof(command));
	if (n <= 0)
		return put_word(at, end, find_key(status, "Name:\t")) - 1;
	for (long i = 0; i < n && at < end; i++)
		*at++ = command[i] >= ' ' ? command[i] : ' ';
	while (at[-1] == ' ')
		at--;
	return at;
}

void guest_send_processes(unsigned tag)
{
	enum { LONGEST = 400 };
	static char text[CTR_FRAME_DATA_MAX];
	_Alignas(8) static char entries[2048];
	char *at = text, *line;
	long n, fd = sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);

	while (fd >= 0 && (n = SYS(getdents64, fd, entries, sizeof(entries))) > 0) {
		for (long i = 0; i < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + i);

			i += entry->length;
			if (entry->name[0] < '0' || entry->name[0] > '9')
				continue;
			if (text + sizeof(text) - at < LONGEST) {
				guest_answer(tag, CTR_FRAME_PROCESSES, CTR_STREAM_OUT, text,
					     (uint32_t)(at - text));
				at = text;
			}
			line = put_process(at, at + LONGEST - 1, entry->name);
			if (line != at)
				*line++ = '\n';
			at = line;
		}
	}
	if (fd >= 0)
		(void)sys_close((int)fd);
	guest_answer(tag, CTR_FRAME_PROCESSES, 0, text, (uint32_t)(at - text));
}

/* ---- limits */

void guest_change_limit(unsigned tag, const uint8_t *data, uint32_t length)
{
	char text[64], *value = text;
	uint32_t error = EINVAL;

	for (uint32_t i = 0; i < sizeof(text); i++)
		text[i] = i < length ? (char)data[i] : '\0';
	text[sizeof(text) - 1] = '\0';
	while (*value && *value != ' ')
		value++;
	if (*value) {
		*value++ = '\0';
		error = (uint32_t)-guest_set_limit(text, value);
	}
	guest_answer(tag, CTR_FRAME_LIMIT, 0, &error, sizeof(error));
}
