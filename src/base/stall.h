/* A process that waits at a connection for what may never come is given an error. */
#pragma once

#include <sys/types.h>

/*
 * If process @pid, which the caller may trace, is in a system call at a socket of the network (to
 * connect, for a connection, for data, for room), that socket is disconnected: the call fails, and
 * so does each that follows. The same for its children. Others, connections that are being repaired
 * (TCP_REPAIR: not its own), and hosts without pidfd_getfd(2) or /proc/PID/syscall, stay as they
 * are.
 */
void ctr_stall_end(pid_t pid);
