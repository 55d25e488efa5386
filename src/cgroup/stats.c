/* Reading the accounting files of a cgroup (cgroup-v2.rst, "Interface Files"). */
#include "cgroup/stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

int ctr_stats_number(int dir, const char *file, uint64_t *out)
{
	char text[32];
	ssize_t n = ctr_file_read_small(dir, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (strcmp(text, "max") != 0)
		return ctr_parse_u64(text, out);
	*out = UINT64_MAX;
	return 0;
}

int ctr_stats_key(int dir, const char *file, const char *key, uint64_t *out)
{
	char text[4096], *save = NULL;
	size_t len = strlen(key);
	ssize_t n = ctr_file_read_small(dir, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return ctr_parse_u64(line + len + 1, out);

	return -ENOENT;
}
