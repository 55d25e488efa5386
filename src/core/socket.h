/* Descriptors handed to the callers' sockets: the terminal, a pidfd, the seccomp listener. They
 * stay the caller's. 0, or -1 and @err, which names the option or field. */
#pragma once

struct ctr_error;

/* Send the terminal's master @fd to the unix socket @path, as conmon and containerd expect it: one
 * message, one descriptor. */
int ctr_socket_send_console(const char *path, int fd, struct ctr_error *err);

/* Send a pidfd of init to the unix socket @path. */
int ctr_socket_send_pidfd(const char *path, int fd, struct ctr_error *err);

/* Send the seccomp listener @fd with @state, the container process state JSON (config-linux.md,
 * "The Container Process State"). */
int ctr_socket_send_listener(const char *path, int fd, const char *state, struct ctr_error *err);
