/*
 * An input that is no terminal, for a process that has one: it comes there as somebody would type
 * it. A terminal has no end of file and no lines of any length (termios(3)), so both are said by
 * its character for the end, VEOF.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All zero but for ->console at the beginning. */
struct ctr_piped {
	int console;       /* master of the process's terminal, O_NONBLOCK */
	size_t line;       /* bytes of the last line, which has no end yet */
	int64_t due;       /* CLOCK_MONOTONIC, ms: when the end is to be told, again */
	int pause;         /* ms between the last two times */
	unsigned unmet;    /* times that a program which edits lines itself was told, and stayed */
	bool line_by_line; /* it does not: what it was when we looked last */
	pid_t group;       /* the foreground's process group then */
};

/* How many of @n bytes (at least one) of @data can be written now without a loss. Where a line
 * becomes too long for the terminal, its part so far is handed to the reader, as it is. */
size_t ctr_piped_room(struct ctr_piped *piped, const char *data, size_t n);
/* They were written. */
void ctr_piped_wrote(struct ctr_piped *piped, const char *data, size_t n);

/* The input has ended: milliseconds until ctr_piped_tell_end() is due. */
int ctr_piped_left(const struct ctr_piped *piped);
/*
 * Tell the terminal's reader that there is no more, unless something lies there unread. To be
 * called again and again: who reads it now may be the first of many, and what comes before a shell
 * sets its terminal up is lost on it.
 */
void ctr_piped_tell_end(struct ctr_piped *piped);
