/* The names of system calls and their numbers. */
#include <seccomp.h>
#include <string.h>

#include "sec/filter.h"

/* Newer than the tables of libseccomp 2.5. Since 5.1 a new call has one number everywhere. */
static const struct {
	const char *name;
	int number;
} newer[] = {
	{"cachestat",          451},
        { "fchmodat2",         452},
        { "map_shadow_stack",  453},
	{ "futex_wake",        454},
        { "futex_wait",        455},
        { "futex_requeue",     456},
	{ "statmount",         457},
        { "listmount",         458},
        { "lsm_get_self_attr", 459},
	{ "lsm_set_self_attr", 460},
        { "lsm_list_modules",  461},
        { "mseal",             462},
	{ "setxattrat",        463},
        { "getxattrat",        464},
        { "listxattrat",       465},
	{ "removexattrat",     466},
        { "open_tree_attr",    467},
        { "file_getattr",      468},
	{ "file_setattr",      469},
};

enum { X32_BIT = 0x40000000 };

int ctr_filter_call(const char *name, uint32_t arch)
{
	int call = seccomp_syscall_resolve_name_arch(arch, name);

	if (call != __NR_SCMP_ERROR)
		return call;
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++) {
		if (strcmp(newer[i].name, name) == 0)
			return newer[i].number + (arch == SCMP_ARCH_X32 ? X32_BIT : 0);
	}
	return __NR_SCMP_ERROR;
}

/* socketcall(2) since 4.3, ipc(2) since 5.1; what is missing has only the old way. */
static const struct {
	short multiplexed, direct;
} direct_calls[] = {
	{-101,  359}, /* socket */
	{ -102, 361}, /* bind */
	{ -103, 362}, /* connect */
	{ -104, 363}, /* listen */
	{ -106, 367}, /* getsockname */
	{ -107, 368}, /* getpeername */
	{ -108, 360}, /* socketpair */
	{ -111, 369}, /* sendto */
	{ -112, 371}, /* recvfrom */
	{ -113, 373}, /* shutdown */
	{ -114, 366}, /* setsockopt */
	{ -115, 365}, /* getsockopt */
	{ -116, 370}, /* sendmsg */
	{ -117, 372}, /* recvmsg */
	{ -118, 364}, /* accept4 */
	{ -119, 337}, /* recvmmsg */
	{ -120, 345}, /* sendmmsg */
	{ -202, 393}, /* semget */
	{ -203, 394}, /* semctl */
	{ -211, 400}, /* msgsnd */
	{ -212, 401}, /* msgrcv */
	{ -213, 399}, /* msgget */
	{ -214, 402}, /* msgctl */
	{ -221, 397}, /* shmat */
	{ -222, 398}, /* shmdt */
	{ -223, 395}, /* shmget */
	{ -224, 396}, /* shmctl */
};

int ctr_filter_direct_call(int multiplexed)
{
	for (size_t i = 0; i < sizeof(direct_calls) / sizeof(direct_calls[0]); i++) {
		if (direct_calls[i].multiplexed == multiplexed)
			return direct_calls[i].direct;
	}
	return -1;
}
