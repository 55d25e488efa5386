/* The files that a hypervisor sees. */
#pragma once

struct ctr_hypervisor;

/*
 * In the process that becomes @hypervisor, in a mount namespace of its own: the system's programs
 * and libraries, those of ->argv[0], a /dev and a /proc, all read-only, and no mount of the host's
 * beside them. *@program is where argv[0] is in there. What goes wrong is said to standard error,
 * and ends the process.
 */
void ctr_hypervisor_narrow(const struct ctr_hypervisor *hypervisor, const char **program);

/*
 * In a process of its own that is root, for @program, which reads a tree that others may change
 * meanwhile: from here on there are the system's programs and libraries, those of @program, @tree
 * as /tree and @work as /work, and nothing else of the host's. What goes wrong is said to standard
 * error, and ends the process.
 */
void ctr_hypervisor_see_tree(const char *program, const char *tree, const char *work);

/* Say "cannot @what" with errno, and end. */
_Noreturn void ctr_hypervisor_fail(const char *what);
