/* From the least to the most that stands between a program and the machine. */
#include "bench/kinds.h"

#include <string.h>

const struct ctr_bench_kind ctr_bench_kinds[] = {
	{
         .name = "process",
         .taxonomy = "Partial virtualization: the program has an address space and file "
			    "descriptors of its own, and shares everything else. It is the base "
			    "that isolation is paid on top of.", .leaves = "namespaces, mounts, devices, masked paths, names and seccomp",
	 },
	{
         .name = "container",
         .taxonomy = "Virtualization by the operating system: one kernel, which shows each "
			    "container its own processes, mounts, network and users. What is "
			    "shared is the kernel, and so is its surface.", },
	{
         .name = "uml",
         .taxonomy = "Paravirtualization: a guest kernel ported to the system calls of its "
			    "host, where it is a process like any other. It needs no support by "
			    "the processor, and pays with a slow path for every system call.", },
	{
         .name = "microvm",
         .taxonomy = "Hardware-assisted virtualization with paravirtual devices: the "
			    "guest's instructions run directly, and its devices are agreements "
			    "with the monitor. Its firmware does little but load the kernel, and "
			    "there is no emulated PC to set up.", },
	{
         .name = "vm",
         .taxonomy = "Full virtualization: an unmodified guest on an emulated PC with "
			    "firmware. With KVM its instructions run directly; without, all of "
			    "them are translated.", },
	{ .name = NULL},
};

const struct ctr_bench_kind *ctr_bench_kind(const char *name)
{
	for (const struct ctr_bench_kind *kind = ctr_bench_kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return kind;

	return NULL;
}
