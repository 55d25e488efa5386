/* The types that properties of scopes and slices have. */
#include "systemd/property.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int append_bytes(sd_bus_message *message, const char *value)
{
	uint8_t bytes[1024];
	size_t n = 0;

	for (; value[0]; value += 2, n++) {
		if (n == sizeof(bytes) || hex(value[0]) < 0 || hex(value[1]) < 0)
			return -EINVAL;
		bytes[n] = (uint8_t)(hex(value[0]) << 4 | hex(value[1]));
	}
	return sd_bus_message_append_array(message, 'y', bytes, n);
}

/* "as" and "a(ss)": one item a line. */
static int append_lines(sd_bus_message *message, bool pairs, char *value)
{
	char *line, *rest = NULL;
	int r = sd_bus_message_open_container(message, 'a', pairs ? "(ss)" : "s");

	for (line = strtok_r(value, "\n", &rest); line && r >= 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *blank = pairs ? strrchr(line, ' ') : NULL;

		if (pairs && !blank)
			return -EINVAL;
		if (pairs) {
			*blank = '\0';
			r = sd_bus_message_append(message, "(ss)", line, blank + 1);
		} else {
			r = sd_bus_message_append(message, "s", line);
		}
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, const char *type, char *value)
{
	uint64_t number = 0;
	int64_t integer = 0;

	if (strcmp(type, "s") == 0)
		return sd_bus_message_append(message, "s", value);
	if (strcmp(type, "ay") == 0)
		return append_bytes(message, value);
	if (strcmp(type, "as") == 0 || strcmp(type, "a(ss)") == 0)
		return append_lines(message, type[1] == '(', value);
	if (strcmp(type, "i") == 0 && ctr_parse_i64(value, &integer) == 0 && integer >= INT32_MIN &&
	    integer <= INT32_MAX)
		return sd_bus_message_append(message, "i", (int32_t)integer);
	if (ctr_parse_u64(value, &number) < 0)
		return -EINVAL;
	if (strcmp(type, "b") == 0)
		return sd_bus_message_append(message, "b", (int)(number != 0));
	if (strcmp(type, "u") == 0 && number <= UINT32_MAX)
		return sd_bus_message_append(message, "u", (uint32_t)number);
	return strcmp(type, "t") == 0 ? sd_bus_message_append(message, "t", number) : -EINVAL;
}

/* NAME=TYPE=VALUE */
static int append_property(sd_bus_message *message, char *property)
{
	char *type = strchr(property, '='), *value = type ? strchr(type + 1, '=') : NULL;
	int r;

	if (!value)
		return -EINVAL;
	*type++ = '\0';
	*value++ = '\0';

	r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", property);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', type);
	if (r >= 0)
		r = append_value(message, type, value);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int properties_append(sd_bus_message *message, char **properties, uint32_t pid)
{
	int r = sd_bus_message_open_container(message, 'a', "(sv)");

	if (r >= 0 && pid > 0)
		r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, pid);
	for (; *properties && r >= 0; properties++) {
		char *copy = strdup(*properties);

		r = copy ? append_property(message, copy) : -ENOMEM;
		free(copy);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}
