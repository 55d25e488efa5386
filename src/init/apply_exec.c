/*
 * The payload: working directory, environment, search for the program, execve.
 */
#include "init/init.h"

enum { PASSWD_MAX = 1 << 20, X_OK = 1 };

/* execvp(3) has a default of its own for an environment without PATH; this is what a login shell
 * would set. */
static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* ---- working directory */

/*
 * Twice, before and after the switch of user: the directory may be the user's alone (0700, and root
 * without CAP_DAC_OVERRIDE), or root's alone.
 */
long op_chdir(struct init *init, const struct ctr_op *op)
{
	const char *path = op_str(init, op->str);
	bool made;
	long r, fd;

	if (init->cwd_done)
		return 0;
	r = SYS(chdir, path);
	if (r == -ENOENT && op->arg) {
		fd = path_make(init, path, PATH_MAKE_DIR, 0755, &made);
		if (fd < 0)
			return fail_at(init, CTR_DETAIL_MAKE, fd);
		(void)sys_close((int)fd);
		r = SYS(chdir, path);
	}
	if (r == 0) {
		init->cwd_done = true;
		init->at_proc = false;
	}
	if ((r == -EACCES || r == -EPERM) && !(op->flags & CTR_OPF_AFTER_IDS))
		return 0;
	return r;
}

/* A directory outside of the root (CVE-2024-21626) is "(unreachable)/..." or does not exist. */
long op_check_cwd(struct init *init, const struct ctr_op *op)
{
	long r = SYS(getcwd, init_memory.scratch, PATH_BYTES);

	(void)init;
	(void)op;
	if (r < 0)
		return r;
	return init_memory.scratch[0] == '/' ? 0 : -ENOENT;
}

/* ---- arguments and environment */

long op_env(struct init *init, const struct ctr_op *op)
{
	init->env = op_str(init, op->str2);
	init->nenv = op->arg;
	return 0;
}

long op_args(struct init *init, const struct ctr_op *op)
{
	init->args = op_str(init, op->str2);
	init->nargs = op->arg;
	return 0;
}

/* The value of @name (with its "="), or NULL. */
static const char *env_value(const struct init *init, const char *name)
{
	const char *s = init->env;

	for (uint64_t i = 0; i < init->nenv; i++, s = ctr_view_next(s))
		if (str_starts(s, name))
			return s + str_length(name);
	return NULL;
}

/* NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL, one character after the other. */
struct passwd {
	unsigned field;
	uint64_t uid;
	bool digits, wrong;
	char *at, *end; /* where HOME goes */
	char *home;
};

/* True when a line with @uid is complete. */
static bool passwd_char(struct passwd *passwd, uint64_t uid, char c)
{
	bool found = false;

	if (c == '\n') {
		found = passwd->field >= 5 && passwd->digits && !passwd->wrong &&
			passwd->uid == uid && passwd->home[0] == '/';
		if (!found) {
			*passwd = (struct passwd){ .home = passwd->home,
						   .at = passwd->home,
						   .end = passwd->end };
			*passwd->home = '\0';
		}
	} else if (c == ':') {
		passwd->field++;
	} else if (passwd->field == 2) {
		passwd->wrong |= c < '0' || c > '9' || passwd->uid > UINT32_MAX;
		passwd->uid = passwd->uid * 10 + (uint64_t)(c - '0');
		passwd->digits = true;
	} else if (passwd->field == 5) {
		if (passwd->at + 1 < passwd->end)
			*passwd->at++ = c;
		else
			passwd->wrong = true;
		*passwd->at = '\0';
	}
	return found;
}

/* Look for @uid in the container's /etc/passwd. A fifo must not block us, nor a huge file keep us.
 */
static bool find_home(struct init *init, uint64_t uid, char *home, char *end)
{
	struct passwd passwd = { .home = home, .at = home, .end = end };
	long n, fd = path_open(init, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	bool found = false;
	struct stat st;

	*home = '\0';
	if (fd < 0)
		return false;
	if (sys_fstat((int)fd, &st) < 0 || !S_ISREG(st.st_mode))
		n = 0;
	else
		n = read_some((int)fd, init_memory.scratch, PATH_BYTES);

	for (long total = 0; n > 0 && !found && total < PASSWD_MAX; total += PATH_BYTES) {
		for (long i = 0; i < n && !found; i++)
			found = passwd_char(&passwd, uid, init_memory.scratch[i]);
		if (!found)
			n = read_some((int)fd, init_memory.scratch, PATH_BYTES);
	}
	(void)sys_close((int)fd);
	/* The last line may lack its newline. */
	return found || (n == 0 && passwd_char(&passwd, uid, '\n'));
}

long op_home(struct init *init, const struct ctr_op *op)
{
	enum { HOME_BYTES = 1024 };
	const char *value = env_value(init, "HOME=");
	char *text, *home;

	if (value && *value)
		return 0;
	text = take_memory(HOME_BYTES);
	if (!text)
		return -ENOMEM;
	home = str_put(text, text + HOME_BYTES, "HOME=");
	if (!find_home(init, op->arg, home, text + HOME_BYTES))
		(void)str_put(home, text + HOME_BYTES, "/");
	init->home = text;
	return 0;
}

const char **block_array(const char *s, uint64_t n, const char *home)
{
	const char **array = take_memory((n + 2) * sizeof(*array));
	uint64_t used = 0;

	if (!array)
		return NULL;
	for (uint64_t i = 0; i < n; i++, s = ctr_view_next(s))
		if (!home || !str_starts(s, "HOME="))
			array[used++] = s;
	if (home)
		array[used++] = home;
	array[used] = NULL;
	return array;
}

/* ---- the program */

static long may_execute(const char *path)
{
	long r = SYS(faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);

	/* No faccessat2 before 5.8: by the real ids, which are the same, but without a user's
	 * capabilities. */
	return is_missing(r) ? SYS(faccessat, AT_FDCWD, path, X_OK) : r;
}

/* Is @path something that execve(2) could run? -EISDIR: a directory. */
static long check_program(const char *path)
{
	struct stat st;
	long r = SYS(newfstatat, AT_FDCWD, path, &st, 0);

	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return may_execute(path);
}

static long find_by_path(struct init *init, const char *name)
{
	struct stat st;
	long r = check_program(name);

	if (r < 0) {
		bool special = SYS(newfstatat, AT_FDCWD, name, &st, 0) == 0 && !S_ISREG(st.st_mode);

		report_text(init, name);
		return fail_at(init, special ? CTR_DETAIL_EXEC_TYPE : CTR_DETAIL_EXEC, r);
	}
	init->executable = name;
	return 0;
}

static long keep_executable(struct init *init, const char *path)
{
	size_t size = str_length(path) + 1;
	char *copy = take_memory(size);

	if (!copy)
		return -ENOMEM;
	(void)str_put(copy, copy + size, path);
	init->executable = copy;
	return 0;
}

/* As execvp(3): a file that may not be executed is remembered, the search goes on. */
static long search_path(struct init *init, const char *name)
{
	const char *path = env_value(init, "PATH=");
	const char *end = init_memory.scratch + PATH_BYTES;
	bool denied = false;
	long r;

	if (!path)
		path = default_path;
	for (;;) {
		char *at = init_memory.scratch;

		while (*path && *path != ':' && at + 1 < end)
			*at++ = *path++;
		*at = '\0';
		while (*path && *path != ':')
			path++;
		/* An empty entry is the working directory. */
		if (at > init_memory.scratch)
			at = str_put(at, end, "/");
		if (str_put(at, end, name)) {
			r = check_program(init_memory.scratch);
			if (r == 0)
				return keep_executable(init, init_memory.scratch);
			denied |= r == -EACCES;
		}
		if (!*path++)
			break;
	}

	report_text(init, name);
	return denied ? fail_at(init, CTR_DETAIL_EXEC, -EACCES)
		      : fail_at(init, CTR_DETAIL_EXEC_PATH, -ENOENT);
}

long op_find_exec(struct init *init, const struct ctr_op *op)
{
	const char *name = init->args;

	(void)op;
	if (!name)
		return -EINVAL;
	for (const char *s = name; *s; s++)
		if (*s == '/')
			return find_by_path(init, name);
	if (!*name) {
		report_text(init, name);
		return fail_at(init, CTR_DETAIL_EXEC_PATH, -ENOENT);
	}
	return search_path(init, name);
}

/* After a seccomp filter nothing but execve(2) itself is called here. */
long op_exec(struct init *init, const struct ctr_op *op)
{
	const char **argv, **envp;
	long r;

	if (!init->executable) {
		r = op_find_exec(init, op);
		if (r < 0)
			return r;
	}
	argv = block_array(init->args, init->nargs, NULL);
	envp = block_array(init->env, init->nenv, init->home);
	if (!argv || !envp)
		return -ENOMEM;

	r = SYS(execve, init->executable, argv, envp);
	report_text(init, init->executable);
	return fail_at(init, CTR_DETAIL_EXEC, r);
}
