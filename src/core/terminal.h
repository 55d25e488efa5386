/*
 * The caller's terminal while a process of a container uses it: raw, as only the process's own
 * terminal interprets what is typed; given back on every way out. Job control is that of any
 * program: in the background the terminal is not touched.
 */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct ctr_error;

struct ctr_terminal {
	int console;  /* master of the process's terminal; -1: there is none */
	bool is_ours; /* standard input is a terminal */
	bool raw;
	struct termios old;
};

/* Make it raw, once we are in the foreground, and give the process's one its size. Nothing to do
 * where @console is -1 or standard input no terminal. 0, or -1 and @err. */
int ctr_terminal_enter(struct ctr_terminal *terminal, int console, struct ctr_error *err);
/* Give it back as it was. Also of one that was never entered. */
void ctr_terminal_leave(struct ctr_terminal *terminal);

/* The window has another size. */
void ctr_terminal_resize(const struct ctr_terminal *terminal);
/* SIGTSTP came: give it back and stop, as a program does that has no handler for it. Returns when
 * somebody continues us. */
void ctr_terminal_suspend(struct ctr_terminal *terminal);
/* We go on: make it raw again. false: we are in the background, and it is the shell's. */
bool ctr_terminal_resume(struct ctr_terminal *terminal);
/* May we read from it now? Of what is no terminal always. */
bool ctr_terminal_is_foreground(const struct ctr_terminal *terminal);
