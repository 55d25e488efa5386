/* The answer to WANT_FDS: what the child cannot open itself. */
#pragma once

struct ctr_error;
struct ctr_fd_request;
struct ctr_launch;

/* Open what @request names: a new descriptor, or -1 and @err, which begins with its origin. */
int ctr_launch_open(struct ctr_launch *launch, const struct ctr_fd_request *request,
		    struct ctr_error *err);
