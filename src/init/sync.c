/*
 * Messages between ctr-init and its parent, by the edge table of plan/msg.h. A seccomp filter may
 * be in force already, so plain read(2) and write(2) are used wherever no descriptor travels.
 */
#include "init/init.h"

#include "plan/msg.h"

enum { CONTROL_FDS = CTR_SLOT_BATCH };

#define MESSAGE (&init_memory.message)
enum { MESSAGE_MAX = sizeof(struct ctr_msg) + CTR_MSG_TEXT_MAX };

_Static_assert(offsetof(struct init_memory, message) + sizeof(struct ctr_msg) ==
		       offsetof(struct init_memory, text),
	       "head and text of a message are in one piece");

struct control {
	struct sys_cmsghdr head;
	int fds[CONTROL_FDS];
};

/* The parent is gone, and nobody is left to hear about it. */
static _Noreturn void orphaned(void)
{
	sys_exit(1);
}

static long step(struct init *init, uint32_t type, uint32_t sender)
{
	int next = ctr_sync_next(init->state, type, sender);

	if (next < 0) {
		init->value = type;
		return fail_at(init, CTR_DETAIL_PROTOCOL, -EPROTO);
	}
	init->state = (uint32_t)next;
	return 0;
}

static long send_with_fd(int sock, int fd)
{
	struct control control = {
		.head = {sizeof(control.head) + sizeof(int), SOL_SOCKET_, SCM_RIGHTS_},
	};
	struct sys_iovec iov = { MESSAGE, sizeof(*MESSAGE) };
	struct sys_msghdr header = {
		.iov = &iov,
		.iovlen = 1,
		.control = &control,
		.controllen = sizeof(control.head) + sizeof(int),
	};
	long r;

	control.fds[0] = fd;
	do
		r = SYS(sendmsg, sock, &header, MSG_NOSIGNAL_);
	while (r == -EINTR);
	return r < 0 ? r : 0;
}

long sync_send(struct init *init, uint32_t type, uint32_t value, uint32_t value2, int fd)
{
	long r = step(init, type, CTR_FROM_CHILD);

	if (r < 0)
		return r;

	*MESSAGE = (struct ctr_msg){
		.type = type,
		.op = init->index,
		.value = value,
		.value2 = value2,
	};
	r = fd < 0 ? write_all(init->sync, MESSAGE, sizeof(*MESSAGE))
		   : send_with_fd(init->sync, fd);
	/* `ctr start` may die once it has said START: the container does not care. */
	if (r == -EPIPE && type == CTR_MSG_STARTING)
		return 0;
	if (r == -EPIPE || r == -ECONNRESET)
		orphaned();
	return r;
}

/* One message into the buffer; its length. */
static long receive(int sock, struct control *control, unsigned *control_length)
{
	struct sys_iovec iov = { MESSAGE, MESSAGE_MAX };
	struct sys_msghdr header = {
		.iov = &iov,
		.iovlen = 1,
		.control = control,
		.controllen = sizeof(*control),
	};
	long r;

	if (!control)
		return read_some(sock, MESSAGE, MESSAGE_MAX);

	do
		r = SYS(recvmsg, sock, &header, MSG_CMSG_CLOEXEC_);
	while (r == -EINTR);
	*control_length = (unsigned)header.controllen;
	return r;
}

long sync_receive(struct init *init, uint32_t type, int *fds, uint32_t nfds)
{
	struct control control;
	unsigned length = 0;
	uint32_t got = 0;
	long r;

	r = receive(init->sync, nfds ? &control : NULL, &length);
	if (r == 0 || r == -ECONNRESET)
		orphaned();
	if (r < 0)
		return r;
	if (r < (long)sizeof(*MESSAGE))
		MESSAGE->type = 0;
	r = step(init, MESSAGE->type, CTR_FROM_PARENT);
	if (r < 0)
		return r;
	if (MESSAGE->type != type) {
		init->value = MESSAGE->type;
		return fail_at(init, CTR_DETAIL_PROTOCOL, -EPROTO);
	}
	if (nfds == 0)
		return 0;

	if (length >= sizeof(control.head) && control.head.level == SOL_SOCKET_ &&
	    control.head.type == SCM_RIGHTS_)
		got = (uint32_t)((control.head.len - sizeof(control.head)) / sizeof(int));
	for (uint32_t i = 0; i < got && i < nfds; i++)
		fds[i] = control.fds[i];
	return got == nfds ? 0 : -EBADMSG;
}

void sync_report(struct init *init, uint32_t type, long error)
{
	size_t length = init->text_length;

	if (init->sync < 0)
		return;
	if (length > CTR_MSG_TEXT_MAX)
		length = CTR_MSG_TEXT_MAX;

	*MESSAGE = (struct ctr_msg){
		.type = type,
		.op = init->index,
		.error = (int32_t)-error,
		.detail = init->detail,
		.value = init->value,
		.length = (uint32_t)length,
	};
	if (init->index < init->plan->nops) {
		MESSAGE->kind = ctr_view_ops(init->plan)[init->index].kind;
		MESSAGE->arg2 = ctr_view_ops(init->plan)[init->index].arg2;
	}
	for (size_t i = 0; i < length; i++)
		init_memory.text[i] = init->text[i];
	(void)write_all(init->sync, MESSAGE, sizeof(*MESSAGE) + length);
}

/* A container that waits for its start can be looked into by who executes something in it: no way
 * back to the host may be left then, /proc least of all. */
static void drop_host(struct init *init)
{
	for (int i = 0; i < CTR_SLOT_COUNT; i++)
		if (i != CTR_SLOT_GATE)
			drop_fd(&init->slots[i]);
	drop_fd(&init->made);
	drop_fd(&init->maker);
	drop_fd(&init->null);
	drop_fd(&init->empty);
}

long op_send(struct init *init, const struct ctr_op *op)
{
	if (op->arg == CTR_MSG_CREATED)
		drop_host(init);
	return sync_send(init, (uint32_t)op->arg, 0, 0, -1);
}

long op_recv(struct init *init, const struct ctr_op *op)
{
	if (op->arg == CTR_MSG_START && init->start_here) {
		init->start_here = false;
		return step(init, CTR_MSG_START, CTR_FROM_PARENT);
	}
	return sync_receive(init, (uint32_t)op->arg, NULL, 0);
}

long op_want_fds(struct init *init, const struct ctr_op *op)
{
	int *batch = &init->slots[CTR_SLOT_FIRST];
	long r;

	if (op->arg2 > CTR_SLOT_BATCH)
		return -EINVAL;
	for (int i = 0; i < CTR_SLOT_BATCH; i++)
		drop_fd(&batch[i]);

	r = sync_send(init, CTR_MSG_WANT_FDS, (uint32_t)op->arg, (uint32_t)op->arg2, -1);
	if (r < 0)
		return r;
	return sync_receive(init, CTR_MSG_FDS, batch, (uint32_t)op->arg2);
}

/*
 * Wait for `ctr start`. The parent of `ctr create` goes away meanwhile. Who connects and leaves, or
 * says something else than START, is of no interest: a start that dies must not kill the container.
 * Only who may enter the state directory can connect, so the peer's ids are not looked at; across a
 * user namespace they would say nothing.
 */
long op_gate(struct init *init, const struct ctr_op *op)
{
	int gate = slot_fd(init, op->fd);
	long peer, r;

	if (gate < 0)
		return gate;
	drop_fd(&init->sync);

	for (;;) {
		peer = SYS(accept4, gate, NULL, NULL, SOCK_CLOEXEC_);
		if (peer == -EINTR || peer == -ECONNABORTED)
			continue;
		if (peer < 0)
			return peer;

		r = read_some((int)peer, MESSAGE, MESSAGE_MAX);
		if (r >= (long)sizeof(*MESSAGE) && MESSAGE->type == CTR_MSG_START)
			break;
		(void)sys_close((int)peer);
	}

	init->sync = (int)peer;
	init->start_here = true;
	drop_fd(&init->slots[CTR_SLOT_GATE]);
	return 0;
}
