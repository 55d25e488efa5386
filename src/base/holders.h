/* Processes that are known by a socket that they have open: found in /proc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CTR_HOLDERS_NAME = 64 };

/* What the links in /proc/PID/fd call socket @fd, into @name of CTR_HOLDERS_NAME bytes. 0 or
 * -errno. */
int ctr_holders_name(int fd, char *name);

/*
 * SIGKILL for each process that has the socket of this @name open and is_ours(), by its directory
 * of /proc (NULL: all are), until there is none. false: after @patience_ms there still is.
 */
bool ctr_holders_end(const char *name, bool (*is_ours)(int proc), int patience_ms);
