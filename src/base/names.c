/* Name tables and the names of signals. */
#include "base/names.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

const char *ctr_name_of(const struct ctr_name *table, int64_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

const struct ctr_name *ctr_name_find(const struct ctr_name *table, const char *text, size_t len)
{
	for (; table->name; table++)
		if (strncmp(table->name, text, len) == 0 && table->name[len] == '\0')
			return table;
	return NULL;
}

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

/* What follows "RTMIN" (@sign '+') or "RTMAX" (@sign '-'). */
static int realtime(const char *text, int base, char sign)
{
	uint64_t offset;

	if (!*text)
		return base;
	if (*text != sign || ctr_parse_u64(text + 1, &offset) < 0 ||
	    offset > CTR_SIGRTMAX - CTR_SIGRTMIN)
		return -EINVAL;
	return sign == '+' ? base + (int)offset : base - (int)offset;
}

int ctr_signal_parse(const char *text)
{
	const struct ctr_name *known;
	uint64_t number;

	if (ctr_parse_u64(text, &number) == 0)
		return number <= CTR_SIGRTMAX ? (int)number : -EINVAL;

	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncasecmp(text, "RTMIN", 5) == 0)
		return realtime(text + 5, CTR_SIGRTMIN, '+');
	if (strncasecmp(text, "RTMAX", 5) == 0)
		return realtime(text + 5, CTR_SIGRTMAX, '-');
	for (known = signals; known->name; known++)
		if (strcasecmp(known->name + 3, text) == 0)
			return (int)known->value;
	return -EINVAL;
}
