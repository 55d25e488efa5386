/* Words for numbers of the kernel, the same with every C library. */
#pragma once

/* What an errno value (positive) means: "No such file or directory". Used for all texts instead of
 * strerror(3). The text of an unknown number is overwritten by the next call. */
const char *ctr_strerror(int code);

/* What a signal means: "Killed"; likewise instead of strsignal(3). */
const char *ctr_strsignal(int sig);
