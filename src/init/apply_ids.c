/*
 * Who the payload is: bounding set, groups, ids, capabilities, no_new_privs. The order is the
 * plan's; after IDS little is allowed any more.
 */
#include "init/init.h"

#include <linux/capability.h>
#include <linux/prctl.h>

enum { CAPS = 64 };

long op_bounding(struct init *init, const struct ctr_op *op)
{
	long r;

	(void)init;
	for (int cap = 0; cap < CAPS; cap++) {
		if (op->arg >> cap & 1)
			continue;
		r = sys_prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0);
		if (r == -EINVAL) /* past the last one */
			break;
		if (r == -EPERM && sys_prctl(PR_CAPBSET_READ, (unsigned long)cap, 0) == 0)
			continue;
		if (r < 0)
			return r;
	}
	return 0;
}

long op_groups(struct init *init, const struct ctr_op *op)
{
	return SYS(setgroups, op->arg, op_str(init, op->str));
}

long op_ids(struct init *init, const struct ctr_op *op)
{
	long r = 0;

	(void)init;
	/* The permitted set survives until CAPS; execve(2) forgets this again. */
	if (op->arg != 0)
		r = sys_prctl(PR_SET_KEEPCAPS, 1, 0);
	if (r == 0)
		r = SYS(setresgid, op->arg2, op->arg2, op->arg2);
	if (r == 0)
		r = SYS(setresuid, op->arg, op->arg, op->arg);
	return r;
}

long op_caps(struct init *init, const struct ctr_op *op)
{
	const struct ctr_op_caps *caps = (const struct ctr_op_caps *)op_str(init, op->str);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(caps->effective >> i * 32),
			.permitted = (uint32_t)(caps->permitted >> i * 32),
			.inheritable = (uint32_t)(caps->inheritable >> i * 32),
		};
	return SYS(capset, &header, data);
}

long op_ambient(struct init *init, const struct ctr_op *op)
{
	long r;

	(void)init;
	r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
	for (int cap = 0; cap < CAPS && r == 0; cap++)
		if (op->arg >> cap & 1)
			r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)cap);
	return r;
}

long op_no_new_privs(struct init *init, const struct ctr_op *op)
{
	(void)init;
	(void)op;
	return sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
}
