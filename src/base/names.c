/* Name tables and the names of signals. */
#include "base/names.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

const struct ctr_name *ctr_name_find(const struct ctr_name *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const char *ctr_name_of(const struct ctr_name *table, int64_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

/* The C library keeps the first two real-time signals to itself; so count what users call SIGRTMIN
 * from 34, as kill(1) does, whatever library this was built with. */
enum { RTMIN = 34, RTMAX = 64 };

/* The first name of a number is the one that is printed. */
static const struct ctr_name signals[] = {
	{"SIGHUP",     SIGHUP   },
	{ "SIGINT",    SIGINT   },
	{ "SIGQUIT",   SIGQUIT  },
	{ "SIGILL",    SIGILL   },
	{ "SIGTRAP",   SIGTRAP  },
	{ "SIGABRT",   SIGABRT  },
	{ "SIGIOT",    SIGABRT  },
	{ "SIGBUS",    SIGBUS   },
	{ "SIGFPE",    SIGFPE   },
	{ "SIGKILL",   SIGKILL  },
	{ "SIGUSR1",   SIGUSR1  },
	{ "SIGSEGV",   SIGSEGV  },
	{ "SIGUSR2",   SIGUSR2  },
	{ "SIGPIPE",   SIGPIPE  },
	{ "SIGALRM",   SIGALRM  },
	{ "SIGTERM",   SIGTERM  },
	{ "SIGSTKFLT", SIGSTKFLT},
	{ "SIGCHLD",   SIGCHLD  },
	{ "SIGCLD",    SIGCHLD  },
	{ "SIGCONT",   SIGCONT  },
	{ "SIGSTOP",   SIGSTOP  },
	{ "SIGTSTP",   SIGTSTP  },
	{ "SIGTTIN",   SIGTTIN  },
	{ "SIGTTOU",   SIGTTOU  },
	{ "SIGURG",    SIGURG   },
	{ "SIGXCPU",   SIGXCPU  },
	{ "SIGXFSZ",   SIGXFSZ  },
	{ "SIGVTALRM", SIGVTALRM},
	{ "SIGPROF",   SIGPROF  },
	{ "SIGWINCH",  SIGWINCH },
	{ "SIGIO",     SIGIO    },
	{ "SIGPOLL",   SIGIO    },
	{ "SIGPWR",    SIGPWR   },
	{ "SIGSYS",    SIGSYS   },
	{ NULL,        0        },
};

static const char *const realtime_names[] = {
	"SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",
	"SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11",
	"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13",
	"SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9",  "SIGRTMAX-8",  "SIGRTMAX-7",
	"SIGRTMAX-6",  "SIGRTMAX-5",  "SIGRTMAX-4",  "SIGRTMAX-3",  "SIGRTMAX-2",  "SIGRTMAX-1",
	"SIGRTMAX",
};

_Static_assert(sizeof(realtime_names) / sizeof(realtime_names[0]) == RTMAX - RTMIN + 1,
	       "a name for each real-time signal");

/* What follows "RTMIN" (@sign '+') or "RTMAX" (@sign '-'). */
static int realtime(const char *text, int base, char sign)
{
	uint64_t offset;

	if (!*text)
		return base;
	if (*text != sign || ctr_parse_u64(text + 1, &offset) < 0 || offset > RTMAX - RTMIN)
		return -EINVAL;
	return sign == '+' ? base + (int)offset : base - (int)offset;
}

int ctr_signal_parse(const char *text)
{
	const struct ctr_name *known;
	uint64_t number;

	if (ctr_parse_u64(text, &number) == 0)
		return number <= RTMAX ? (int)number : -EINVAL;

	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncasecmp(text, "RTMIN", 5) == 0)
		return realtime(text + 5, RTMIN, '+');
	if (strncasecmp(text, "RTMAX", 5) == 0)
		return realtime(text + 5, RTMAX, '-');
	for (known = signals; known->name; known++)
		if (strcasecmp(known->name + 3, text) == 0)
			return (int)known->value;
	return -EINVAL;
}

const char *ctr_signal_name(int sig)
{
	if (sig >= RTMIN && sig <= RTMAX)
		return realtime_names[sig - RTMIN];
	return ctr_name_of(signals, sig);
}
