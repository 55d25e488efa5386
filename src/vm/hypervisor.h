/* The hypervisor's process: started with as little as it needs. */
#pragma once

#include <sys/types.h>

struct ctr_error;

struct ctr_hypervisor {
	const char *const *argv; /* the program by its path */
	const char *const *env;  /* NULL: ctr_hypervisor_env */
	const int *keep;         /* descriptors that it inherits */
	size_t nkeep;
	int output;        /* its standard output and error */
	bool unprivileged; /* give up root and its view of the host */
	bool sees_host;    /* its arguments may name any file of the host's */
	bool scratch;      /* it needs an empty file system at /dev/shm, and children that end
			    * with it: namespaces of its own even without root, by a user
			    * namespace */
	bool kvm;
	const char
		*listener_path; /* in ->scratch: where ->listener, a socket, is to listen; NULL */
	int listener;
};

/* What a program has that works for a guest: where programs are. What else is in our caller's
 * environment may be secret. */
extern const char *const ctr_hypervisor_env[];

/* Start it; it dies with the calling process. Its pid, or -1 and errno. What fails later it writes
 * to ->output. */
pid_t ctr_hypervisor_start(const struct ctr_hypervisor *hypervisor);
