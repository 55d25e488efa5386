/* What is known of the reader is what the master tells: modes, foreground, whether anything is
 * unread. */
#include "core/piped.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	LINE_PART = 4000, /* n_tty drops what a line has beyond 4095 */
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 1000,
	UNMET_MAX = 10, /* shells in shells end one by one; a pager never */
};

static bool write_key(const struct ctr_piped *piped, unsigned char key)
{
	return write(piped->console, &key, 1) == 1;
}

/* ---- lines */

/* In canonical mode VEOF behind bytes is no end: it lets the reader have them. */
static bool hand_over_part(const struct ctr_piped *piped)
{
	struct termios mode;

	return tcgetattr(piped->console, &mode) < 0 || !(mode.c_lflag & ICANON) ||
	       mode.c_cc[VEOF] == _POSIX_VDISABLE || write_key(piped, mode.c_cc[VEOF]);
}

static size_t line_after(size_t line, char c)
{
	return c == '\n' || c == '\r' ? 0 : line + 1;
}

size_t ctr_piped_room(struct ctr_piped *piped, const char *data, size_t n)
{
	size_t line;

	if (piped->line >= LINE_PART && hand_over_part(piped))
		piped->line = 0;
	line = piped->line;
	for (size_t i = 0; i < n; i++) {
		if (line >= LINE_PART)
			return i;
		line = line_after(line, data[i]);
	}
	return n;
}

void ctr_piped_wrote(struct ctr_piped *piped, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		piped->line = line_after(piped->line, data[i]);
}

/* ---- the end */

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int ctr_piped_left(const struct ctr_piped *piped)
{
	int64_t left = piped->due - now_ms();

	return left > 0 ? (int)left : 0;
}

/* A master cannot tell; a slave can, an end that was not read included. */
static bool is_unread(int console)
{
	_cleanup_close_ int slave = ioctl(console, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct pollfd input = { .fd = slave, .events = POLLIN };

	return slave >= 0 && poll(&input, 1, 0) > 0;
}

/* Another reader, or another mode of the same: it has not been told. */
static void look_at_reader(struct ctr_piped *piped, const struct termios *mode)
{
	bool line_by_line = mode->c_lflag & ICANON;
	pid_t group = tcgetpgrp(piped->console);

	if (line_by_line != piped->line_by_line || group != piped->group)
		piped->unmet = 0;
	piped->line_by_line = line_by_line;
	piped->group = group;
}

/* A line editor takes VEOF for an end on an empty line only, and other programs for a byte. */
static void tell_editor(struct ctr_piped *piped, unsigned char end)
{
	if (piped->unmet == UNMET_MAX || !write_key(piped, piped->line > 0 ? '\r' : end))
		return;
	piped->line = 0;
	piped->unmet++;
}

void ctr_piped_tell_end(struct ctr_piped *piped)
{
	struct termios mode;

	piped->pause = piped->pause * 2 < PAUSE_MIN_MS   ? PAUSE_MIN_MS
		       : piped->pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
							 : piped->pause * 2;
	piped->due = now_ms() + piped->pause;
	if (tcgetattr(piped->console, &mode) < 0 || mode.c_cc[VEOF] == _POSIX_VDISABLE ||
	    is_unread(piped->console))
		return;

	look_at_reader(piped, &mode);
	if (piped->line_by_line)
		(void)write_key(piped, mode.c_cc[VEOF]);
	else
		tell_editor(piped, mode.c_cc[VEOF]);
}
