/*
 * The terminal: a pty of the container's own devpts. The master goes to the parent, the slave
 * becomes the standard streams, the controlling terminal and /dev/console.
 */
#include "init/init.h"

#include <asm/ioctls.h>
#include <linux/major.h>

enum {
	PTMX = TTYAUX_MAJOR << 8 | 2, /* 5:2 */
	NULL_DEVICE = MEM_MAJOR << 8 | 3,
	SLAVE_MAJORS = 8, /* from UNIX98_PTY_SLAVE_MAJOR on */
	TTY_MODE = 0620,
};

struct window {
	unsigned short rows, cols, width, height;
};

/* /dev/ptmx is usually a link to it, or bound on it; in the container it may be anything. */
static long open_ptmx(struct init *init)
{
	struct stat st;
	long r, fd = path_open(init, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);

	if (fd == -ENOENT || fd == -EACCES)
		fd = path_open(init, "/dev/ptmx", O_RDWR | O_NOCTTY, 0);
	r = fd < 0 ? fd : sys_fstat((int)fd, &st);
	if (r == 0 && (!S_ISCHR(st.st_mode) || st.st_rdev != PTMX))
		r = -ENOTTY;
	if (r == 0)
		return fd;
	if (fd >= 0)
		(void)sys_close((int)fd);
	report_text(init, "/dev/ptmx");
	return r;
}

/* The slave by its master: no path in between that somebody could have replaced. */
static long open_slave(int master)
{
	struct statfs fs;
	struct stat st;
	int unlocked = 0;
	long r, fd;

	r = SYS(ioctl, master, TIOCSPTLCK, &unlocked);
	if (r < 0)
		return r;
	fd = SYS(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fd;

	r = sys_fstatfs((int)fd, &fs);
	if (r == 0)
		r = sys_fstat((int)fd, &st);
	if (r == 0 && (fs.f_type != DEVPTS_MAGIC || !S_ISCHR(st.st_mode) ||
		       (st.st_rdev >> 8) - UNIX98_PTY_SLAVE_MAJOR >= SLAVE_MAJORS))
		r = -ENOTTY;
	if (r == 0)
		return fd;
	(void)sys_close((int)fd);
	return r;
}

static long bind_console(struct init *init, const struct ctr_op *op, int slave)
{
	long r, target;
	bool made;

	if (!*op_str(init, op->str))
		return 0;
	target =
		path_make(init, op_str(init, op->str), PATH_NOFOLLOW | PATH_MAKE_FILE, 0600, &made);
	if (target < 0) {
		report_text(init, op_str(init, op->str));
		return fail_at(init, CTR_DETAIL_OPEN_TARGET, target);
	}
	r = bind_fd(init, slave, (int)target, 0);
	(void)sys_close((int)target);
	return r;
}

static long take_terminal(struct init *init, const struct ctr_op *op, int master, int slave)
{
	struct window size = {
		.rows = (unsigned short)(op->arg2 >> 32),
		.cols = (unsigned short)op->arg2,
	};
	long r;

	/* The group stays: devpts knows tty's, and ours may have no number here (runc 4679). */
	r = SYS(fchown, slave, (uint32_t)(op->arg >> 32), -1);
	if (r == 0)
		r = SYS(fchmod, slave, TTY_MODE);
	if (r == 0 && op->arg2)
		r = SYS(ioctl, slave, TIOCSWINSZ, &size);
	if (r == 0)
		r = bind_console(init, op, slave);
	if (r == 0)
		r = sync_send(init, CTR_MSG_CONSOLE, 0, 0, master);
	for (int fd = 0; fd < 3 && r >= 0; fd++)
		r = slave == fd ? SYS(fcntl, fd, F_SETFD, 0) : SYS(dup3, slave, fd, 0);
	return r < 0 ? r : SYS(ioctl, 0, TIOCSCTTY, 0);
}

long op_pty(struct init *init, const struct ctr_op *op)
{
	long r, slave, master = open_ptmx(init);

	if (master < 0)
		return master;
	slave = open_slave((int)master);
	r = slave < 0 ? slave : take_terminal(init, op, (int)master, (int)slave);
	(void)sys_close((int)master);
	if (slave > 2)
		(void)sys_close((int)slave);
	return r;
}

/* Pipes and files that the caller gave become the user's, so that /dev/stdout can be opened again.
 * Never /dev/null: it is the host's (runc 3674). */
long op_stdio_owner(struct init *init, const struct ctr_op *op)
{
	struct stat st;
	long r;

	(void)init;
	for (int fd = 0; fd < 3; fd++) {
		r = sys_fstat(fd, &st);
		if (r < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == NULL_DEVICE) ||
		    st.st_uid == op->arg)
			continue;
		r = SYS(fchown, fd, op->arg, -1);
		if (r < 0 && r != -EINVAL && r != -EPERM && r != -EROFS && r != -ENOSYS)
			return r;
	}
	return 0;
}
