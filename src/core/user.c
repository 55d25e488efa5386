/*
 * passwd(5) and group(5) as the container wrote them: a file of any length and kind at the end of
 * any links, so it is opened below the container's root, only if it is regular, and read up to a
 * size. Lines are found by their length: there may be anything in them.
 */
#include "core/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "oci/spec.h"

#define PASSWD "/etc/passwd"
#define GROUP  "/etc/group"

enum { FILE_MAX = 4 << 20, NAME_SHOWN = 64, GROUPS_MAX = 1024 };

/* A part of a text that has no end of its own. */
struct slice {
	const char *text;
	size_t len;
};

/* Cut what stands before the first @end, or all of it. false: nothing is left. */
static bool cut(struct slice *rest, char end, struct slice *out)
{
	const char *at = rest->text ? memchr(rest->text, end, rest->len) : NULL;

	if (!rest->text)
		return false;
	*out = (struct slice){ rest->text, at ? (size_t)(at - rest->text) : rest->len };
	*rest = at ? (struct slice){ at + 1, rest->len - out->len - 1 } : (struct slice){ 0 };
	return true;
}

static bool is(const struct slice *slice, const char *text, size_t len)
{
	return slice->len == len && memcmp(slice->text, text, len) == 0;
}

/* 0, or -EINVAL: (uid_t)-1 means "no change" to the kernel. */
static int parse_id(const struct slice *slice, uint32_t *out)
{
	char number[16];
	uint64_t value;

	if (slice->len == 0 || slice->len >= sizeof(number))
		return -EINVAL;
	memcpy(number, slice->text, slice->len);
	number[slice->len] = '\0';
	if (ctr_parse_u64(number, &value) < 0 || value >= UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)value;
	return 0;
}

/* ---- files of the container */

static int fail_file(const char *path, int code, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_HOST, code, "--user: the container's %s", path);
}

/* The text of @path below @root. 0, or -1 and @err. */
static int read_in_root(int root, const char *path, struct slice *out, struct ctr_arena *arena,
			struct ctr_error *err)
{
	_cleanup_close_ int place = ctr_open_in_root(root, path, O_PATH), fd = -1;
	char link[32];
	struct stat st;

	if (place < 0)
		return fail_file(path, -place, err);
	if (fstat(place, &st) < 0)
		return fail_file(path, errno, err);
	if (!S_ISREG(st.st_mode))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--user: the container's %s: not a regular file", path);

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_file(path, errno, err);
	out->text = ctr_file_read_fd(arena, fd, path, FILE_MAX, &out->len, err);
	return out->text ? 0 : ctr_fail_within(err, "--user: in the container");
}

/* The first line of @file whose name is @name, behind the name. false: there is none. */
static bool find_line(struct slice file, const struct slice *name, struct slice *out)
{
	struct slice word;

	while (cut(&file, '\n', out))
		if (cut(out, ':', &word) && is(&word, name->text, name->len) && out->text)
			return true;
	return false;
}

/* Of what is behind a name: its password, and @n numbers. */
static int take_ids(struct slice *line, uint32_t *const ids[], size_t n)
{
	struct slice word;

	(void)cut(line, ':', &word);
	for (size_t i = 0; i < n; i++)
		if (!cut(line, ':', &word) || parse_id(&word, ids[i]) < 0)
			return -EINVAL;
	return 0;
}

static int look_up(int root, const char *path, const struct slice *name, uint32_t *const ids[],
		   size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	const char *what = strcmp(path, GROUP) == 0 ? "group" : "user";
	int shown = name->len < NAME_SHOWN ? (int)name->len : NAME_SHOWN;
	struct slice file, line;

	if (root < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--user: %s '%.*s' is a name, and those of a virtual machine are "
				"not known here: give numbers",
				what, shown, name->text);
	if (read_in_root(root, path, &file, arena, err) < 0)
		return -1;
	if (!find_line(file, name, &line))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--user: there is no %s '%.*s' in the container's %s", what, shown,
				name->text, path);
	if (take_ids(&line, ids, n) < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--user: the line of %s '%.*s' in the container's %s has no number "
				"from 0 to 4294967294 in its place",
				what, shown, name->text, path);
	return 0;
}

/* Is @name in the list at the end of a line of group(5)? */
static bool lists(struct slice members, const struct slice *name)
{
	struct slice member;

	while (cut(&members, ',', &member))
		if (is(&member, name->text, name->len))
			return true;
	return false;
}

/* Without the file there are none. */
static int add_groups(struct ctr_user *user, const struct slice *name, int root,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	uint32_t *gids = ctr_arena_array(arena, GROUPS_MAX, sizeof(*gids)), gid;
	struct slice file, line, word;
	size_t n = 0;

	if (read_in_root(root, GROUP, &file, arena, err) < 0) {
		if (err->code != ENOENT)
			return -1;
		file = (struct slice){ 0 };
	}
	while (cut(&file, '\n', &line)) {
		if (!cut(&line, ':', &word) ||
		    take_ids(&line, (uint32_t *const[]){ &gid }, 1) < 0 || !lists(line, name))
			continue;
		if (n == GROUPS_MAX)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--user: user '%.*s' is in more than %d groups of the "
					"container's " GROUP,
					(int)name->len, name->text, GROUPS_MAX);
		gids[n++] = gid;
	}
	user->additional_gids = gids;
	user->nadditional_gids = n;
	user->groups_of_name = true;
	return 0;
}

/* ---- the option */

static bool is_number(const struct slice *word)
{
	return word->len == 0 || memchr("+-0123456789", word->text[0], 12);
}

static int fail_number(const char *what, const struct slice *word, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_USAGE, 0,
			"--user: %s '%.*s' is not a number from 0 to 4294967294", what,
			(int)(word->len > NAME_SHOWN ? NAME_SHOWN : word->len), word->text);
}

/* USER and, if there is a colon, GROUP. */
static bool split(const char *text, struct slice *user, struct slice *group)
{
	struct slice rest = { text, strlen(text) };

	(void)cut(&rest, ':', user);
	*group = rest;
	return rest.text;
}

bool ctr_user_has_names(const char *text)
{
	struct slice user, group;
	bool has_group = split(text, &user, &group);

	return !is_number(&user) || (has_group && !is_number(&group));
}

static int find_user(struct ctr_user *user, const struct slice *word, int root,
		     struct ctr_arena *arena, struct ctr_error *err)
{
	user->gid = 0;
	if (is_number(word))
		return parse_id(word, &user->uid) < 0 ? fail_number("user", word, err) : 0;
	return look_up(root, PASSWD, word, (uint32_t *const[]){ &user->uid, &user->gid }, 2, arena,
		       err);
}

int ctr_user_find(struct ctr_user *user, const char *text, int root, struct ctr_arena *arena,
		  struct ctr_error *err)
{
	struct slice word, group;
	bool has_group = split(text, &word, &group);

	if (find_user(user, &word, root, arena, err) < 0)
		return -1;
	if (!has_group)
		return is_number(&word) ? 0 : add_groups(user, &word, root, arena, err);
	if (is_number(&group))
		return parse_id(&group, &user->gid) < 0 ? fail_number("group", &group, err) : 0;
	return look_up(root, GROUP, &group, (uint32_t *const[]){ &user->gid }, 1, arena, err);
}
