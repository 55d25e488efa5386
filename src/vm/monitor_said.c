/* Why a machine ended: what its hypervisor and its kernel said last, and who is told. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plan/msg.h"
#include "vm/monitor_state.h"

enum { SAID_LAST = 600 };

void ctr_monitor_fail(int sync, int error, const char *format, ...)
{
	struct {
		struct ctr_msg head;
		char text[CTR_MSG_TEXT_MAX];
	} message = {
		.head = {.type = CTR_MSG_FAIL, .error = error, .detail = CTR_DETAIL_MACHINE}
	};
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message.text, sizeof(message.text), format, ap);
	va_end(ap);
	message.head.length = (uint32_t)strlen(message.text);
	if (sync >= 0)
		(void)send(sync, &message, sizeof(message.head) + message.head.length,
			   MSG_NOSIGNAL);
}

/* Where what matters begins: a kernel says why it panics, and then a lot more. */
static size_t beginning(const struct monitor_said *said)
{
	static const char panic[] = "Kernel panic";
	const char *found = memmem(said->text, said->length, panic, strlen(panic));

	if (found)
		return (size_t)(found - said->text);
	return said->length > SAID_LAST ? said->length - SAID_LAST : 0;
}

/* What somebody has said last, in one line, without what does not print. @text has room for it. */
static const char *in_one_line(const struct monitor_said *said, char text[2 * MONITOR_SAID])
{
	const size_t begin = beginning(said);
	char *to = text;

	for (size_t i = begin; i < said->length && i < begin + SAID_LAST; i++) {
		char c = said->text[i];

		if (c == '\n' && to > text && to[-1] != ' ') {
			*to++ = ';';
			*to++ = ' ';
		} else if (c >= ' ' && c < 0x7f) {
			*to++ = c;
		}
	}
	while (to > text && (to[-1] == ' ' || to[-1] == ';'))
		to--;
	*to = '\0';
	return text;
}

void monitor_give_up(struct monitor *monitor, const char *why)
{
	struct monitor_session *first = monitor_session_find(monitor, 0);
	static char vmm_text[2 * MONITOR_SAID], kernel_text[2 * MONITOR_SAID];
	const char *vmm, *kernel;

	if (monitor->ended)
		return;
	monitor->ended = true;
	vmm = in_one_line(&monitor->output, vmm_text);
	kernel = in_one_line(&monitor->console, kernel_text);
	if (first && !first->running && !monitor->told)
		ctr_monitor_fail(first->sync, 0, "virtual machine: %s%s%s%s%s", why,
				 vmm[0] ? ": " : "", vmm, kernel[0] ? "; its kernel says: " : "",
				 kernel);
	else if (first && first->running)
		fprintf(stderr, "ctr: virtual machine: %s%s%s%s%s\n", why, vmm[0] ? ": " : "", vmm,
			kernel[0] ? "; its kernel says: " : "", kernel);
	monitor->told = true;
}

void monitor_listen(struct monitor_said *said)
{
	char text[512];
	ssize_t n = read(said->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(said->fd);
		said->fd = -1;
		return;
	}
	if (said->length + (size_t)n >= sizeof(said->text)) {
		size_t kept = sizeof(said->text) / 2;

		if (said->length > kept)
			memmove(said->text, said->text + said->length - kept, kept);
		said->length = said->length > kept ? kept : said->length;
	}
	memcpy(said->text + said->length, text, (size_t)n);
	said->length += (size_t)n;
}
