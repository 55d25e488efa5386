/* vm/monitor_session: what a guest may have the host do. */
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plan/msg.h"
#include "vm/monitor_state.h"

struct message {
	struct ctr_msg head;
	char text[CTR_MSG_TEXT_MAX];
};

static struct monitor monitor;

/* The first session of a machine; the parent's end of its socket. */
static int begin(void)
{
	struct monitor_session *first;
	int pair[2];

	memset(&monitor, 0, sizeof(monitor));
	ctr_channel_init(&monitor.channel, -1);
	monitor.console.fd = monitor.output.fd = monitor.gate = monitor.qmp = -1;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		monitor.clients[i].fd = -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	first = monitor_session_new(&monitor);
	first->id = 0;
	first->sync = pair[0];
	first->state = CTR_SYNC_BUILDING;
	return pair[1];
}

static void end(int parent)
{
	monitor_session_forget(&monitor.sessions[0]);
	ctr_channel_release(&monitor.channel);
	close(parent);
}

static void say(const struct ctr_msg *head, const char *text)
{
	struct message message = { .head = *head };
	struct ctr_frame frame = { .type = CTR_FRAME_MESSAGE, .stream = CTR_STREAM_SYNC };

	message.head.length = (uint32_t)strlen(text);
	memcpy(message.text, text, strlen(text));
	frame.length = (uint32_t)(sizeof(message.head) + strlen(text));
	monitor_serve(&monitor, &frame, (const uint8_t *)&message);
}

/* What the parent hears next; its text has an end. */
static void hear(int parent, struct message *message)
{
	ssize_t n = recv(parent, message, sizeof(*message) - 1, MSG_DONTWAIT);

	assert_true(n >= (ssize_t)sizeof(message->head));
	((char *)message)[n] = '\0';
}

/* Those of the host ran before there was a guest. */
static void hooks(void **state)
{
	struct message message;
	int parent = begin();

	(void)state;
	say(&(struct ctr_msg){ .type = CTR_MSG_HOOKS }, "");
	assert_true(monitor.ended);
	hear(parent, &message);
	assert_int_equal(message.head.type, CTR_MSG_FAIL);
	assert_non_null(strstr(message.text, "the guest does not keep to the protocol"));
	end(parent);
}

/* It is for somebody's terminal. */
static void texts(void **state)
{
	const uint32_t types[] = { CTR_MSG_WARN, CTR_MSG_FAIL };
	struct message message;
	int parent = begin();

	(void)state;
	for (size_t i = 0; i < unit_count(types); i++) {
		say(&(struct ctr_msg){ .type = types[i] }, "one\033]0;two\a\nthree\xc2\x9b");
		assert_false(monitor.ended);
		hear(parent, &message);
		assert_int_equal(message.head.type, types[i]);
		assert_string_equal(message.text, "one?]0;two?\nthree??");
	}
	end(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
