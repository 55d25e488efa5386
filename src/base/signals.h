/* Signals by which somebody asks for the end of a program. */
#pragma once

#include <stdbool.h>

/* Does @sig: SIGHUP, SIGINT, SIGQUIT, SIGTERM? */
bool ctr_signal_ends(int sig);

/* Has one of them come that is blocked? */
bool ctr_signals_pending(void);

/* signalfd(2) of them, which tells of those that are blocked. A new descriptor, or -errno. */
int ctr_signals_open(void);
