/* Pseudo-terminals of the host. */
#include "vm/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"

int ctr_terminal_open(int *master, int *slave)
{
	_cleanup_close_ int ours = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), theirs = -1;
	struct termios raw;

	if (ours < 0 || unlockpt(ours) < 0)
		return -errno;
	theirs = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs < 0 || tcgetattr(theirs, &raw) < 0)
		return -errno;
	cfmakeraw(&raw);
	if (tcsetattr(theirs, TCSANOW, &raw) < 0 ||
	    fcntl(theirs, F_SETFL, O_RDWR | O_NONBLOCK) < 0 || ioctl(theirs, TIOCSCTTY, 0) < 0)
		return -errno;
	*master = ctr_take_fd(&ours);
	*slave = ctr_take_fd(&theirs);
	return 0;
}
