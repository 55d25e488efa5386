/*
 * The guest's set-up. /ctr/modules and /ctr/config are lines of words, carried out in their order:
 *
 *   module PATH                            finit_module(2)
 *   channel PATH, port NAME                the channel: a device, or a virtio-serial port by name
 *   vsock PORT                             the channel: a connection to the host
 *   clock SECONDS NANOSECONDS              the real-time clock
 *   wait PATH                              until a device is there
 *   dir PATH
 *   mount TYPE,... SOURCE TARGET FLAGS DATA    DATA "-": none
 *   cgroup FILE VALUE                      a limit of the container's cgroup
 *   loopback
 *   link, up, address, route ...               the network: guest_net.c
 *   sysctl PATH VALUE                      below /proc/sys
 *
 * The host wrote them for this instance. The first step that fails ends the guest.
 */
#include "init/guest.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

#define CGROUP "/sys/fs/cgroup"

enum { WORDS = 11, WAIT_MS = 20000, PORTS = 8, POWER_RESTART = 0x01234567 };

/* Nothing is initialised: a page of data would be copied at every start, of a container, too. */
struct guest guest;

void guest_nap(void)
{
	const struct sys_timespec ms = { .nsec = 1000000 };

	(void)SYS(nanosleep, &ms, NULL);
}

static _Noreturn void restart(void)
{
	/* The machine ends where it would start again: -no-reboot. */
	(void)SYS(sync, 0);
	(void)SYS(reboot, 0xfee1dead, 672274793, POWER_RESTART, NULL);
	for (;;)
		guest_nap();
}

_Noreturn void guest_die(const char *what, const char *operand, long error)
{
	char text[512], *end = text + sizeof(text), *at;

	at = str_put(text, end, what);
	at = str_put(at, end, " '");
	at = str_put(at, end, operand);
	at = str_put(at, end, "': error ");
	at = str_put_number(at, end, (uint64_t)-error, 10);
	if (!at)
		at = text + str_length(text);
	if (guest.channel >= 0)
		guest_send(NULL, CTR_FRAME_FATAL, 0, text, (uint32_t)(at - text));
	(void)write_all(2, "ctr-init: ", 10);
	(void)write_all(2, text, (size_t)(at - text));
	(void)write_all(2, "\n", 1);
	restart();
}

/* The content of @path, NUL-terminated; NULL: there is none. */
static char *read_file(const char *path, size_t *size)
{
	long fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0), n;
	struct stat st;
	char *text;
	size_t got = 0;

	if (fd < 0)
		return NULL;
	if (sys_fstat((int)fd, &st) < 0 || !(text = take_memory((size_t)st.st_size + 1))) {
		(void)sys_close((int)fd);
		return NULL;
	}
	while (got < (size_t)st.st_size &&
	       (n = read_some((int)fd, text + got, (size_t)st.st_size - got)) > 0)
		got += (size_t)n;
	(void)sys_close((int)fd);
	text[got] = '\0';
	*size = got;
	return text;
}

/* ---- steps */

static long load_module(const char *path)
{
	long r, fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	r = SYS(finit_module, fd, "", 0);
	(void)sys_close((int)fd);
	return r == -EEXIST ? 0 : r;
}

static long wait_for(const char *path)
{
	long r = -ENOENT;

	for (int i = 0; i < WAIT_MS && r < 0; i++) {
		r = SYS(faccessat, AT_FDCWD, path, 0);
		if (r < 0)
			guest_nap();
	}
	return r;
}

/* A serial line is a terminal first: bytes are to come as they are. */
/* Is it a terminal at all? */
static bool make_raw(int fd)
{
	struct termios tio;

	if (SYS(ioctl, fd, TCGETS, &tio) < 0)
		return false;
	tio.c_iflag = tio.c_oflag = tio.c_lflag = 0;
	tio.c_cflag |= CS8;
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	(void)SYS(ioctl, fd, TCSETS, &tio);
	return true;
}

static uint64_t guest_began;

static uint64_t uptime(void)
{
	struct sys_timespec now = { 0 };

	(void)SYS(clock_gettime, 1, &now);
	return (uint64_t)now.sec * 1000000000 + (uint64_t)now.nsec;
}

static void use_channel(long fd)
{
	struct ctr_frame_hello hello = { .version = CTR_GUEST_VERSION };

	guest.channel = (int)fd;
	hello.uptime = uptime();
	hello.init_us = (uint32_t)((hello.uptime - guest_began) / 1000);
	guest_send(NULL, CTR_FRAME_HELLO, 0, &hello, sizeof(hello));
}

static long open_channel(const char *path)
{
	long fd = sys_openat(AT_FDCWD, path, O_RDWR | O_NOCTTY, 0);

	if (fd < 0)
		return fd;
	guest.tells_read = make_raw((int)fd);
	use_channel(fd);
	return 0;
}

/* struct sockaddr_vm of linux/vm_sockets.h, which wants a libc's headers. */
struct vsock_address {
	uint16_t family, reserved;
	uint32_t port, cid;
	uint8_t zero[4];
};

/* The device may come a while after its driver. */
static long connect_host(uint32_t port)
{
	enum { HOST = 2, FAMILY = 40 };
	const struct vsock_address address = { .family = FAMILY, .port = port, .cid = HOST };
	long r = -ETIMEDOUT;

	for (int i = 0; i < WAIT_MS; i++) {
		long fd = SYS(socket, FAMILY, SOCK_STREAM_ | SOCK_CLOEXEC_, 0);

		r = fd < 0 ? fd : SYS(connect, fd, &address, sizeof(address));
		if (r == 0) {
			use_channel(fd);
			return 0;
		}
		if (fd >= 0)
			(void)sys_close((int)fd);
		guest_nap();
	}
	return r;
}

/* The number of a device is that of its virtio device, which depends on the others. */
static char *put_port(char *at, const char *end, const char *prefix, unsigned port)
{
	at = str_put(at, end, prefix);
	at = str_put_number(at, end, port / PORTS, 10);
	at = str_put(at, end, "p");
	return str_put_number(at, end, port % PORTS, 10);
}

static bool is_port(unsigned port, const char *name)
{
	char path[64], text[64], *at;
	long fd, n;

	at = put_port(path, path + sizeof(path), "/sys/class/virtio-ports/vport", port);
	(void)str_put(at, path + sizeof(path), "/name");
	fd = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	n = read_some((int)fd, text, sizeof(text) - 1);
	(void)sys_close((int)fd);
	if (n <= 0)
		return false;
	text[n - 1] = '\0';
	return str_equal(text, name);
}

static long find_port(const char *name)
{
	char path[64];

	for (int i = 0; i < WAIT_MS; i++) {
		for (unsigned port = 0; port < PORTS * PORTS; port++) {
			if (!is_port(port, name))
				continue;
			(void)put_port(path, path + sizeof(path), "/dev/vport", port);
			return wait_for(path) < 0 ? -ENOENT : open_channel(path);
		}
		guest_nap();
	}
	return -ETIMEDOUT;
}

static long write_file(const char *path, const char *text)
{
	long r, fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);

	if (fd < 0)
		return fd;
	r = write_all((int)fd, text, str_length(text));
	(void)sys_close((int)fd);
	return r < 0 ? r : 0;
}

static long write_below(const char *directory, const char *file, const char *value)
{
	char path[128], *at;

	at = str_put(path, path + sizeof(path), directory);
	at = str_put(at, path + sizeof(path), file);
	return at ? write_file(path, value) : -ENAMETOOLONG;
}

long guest_set_limit(const char *file, const char *value)
{
	return write_below(CGROUP "/ctr/", file, value);
}

/* @types: tried one after another, "erofs,ext4". */
static long mount_one(char *types, const char *source, const char *target, uint64_t flags,
		      const char *data)
{
	long r = -EINVAL;

	for (char *type = types; r < 0 && *type;) {
		char *end = type;

		while (*end && *end != ',')
			end++;
		if (*end)
			*end++ = '\0';
		r = sys_mount(source, target, type, flags, data);
		type = end;
	}
	return r;
}

/* A kernel without IPv6 is as one that is told to do without. */
static long set_sysctl(const char *path, const char *value)
{
	long r = write_below("/proc/sys/", path, value);

	return r == -ENOENT && str_starts(path, "net/ipv6/") ? 0 : r;
}

static long run_step(char **word, int n)
{
	if (str_equal(word[0], "module") && n == 2)
		return load_module(word[1]);
	if (str_equal(word[0], "channel") && n == 2)
		return wait_for(word[1]) < 0 ? -ENOENT : open_channel(word[1]);
	if (str_equal(word[0], "port") && n == 2)
		return find_port(word[1]);
	if (str_equal(word[0], "vsock") && n == 2)
		return connect_host((uint32_t)str_number(word[1]));
	if (str_equal(word[0], "clock") && n == 3) {
		const struct sys_timespec now = { (int64_t)str_number(word[1]),
						  (int64_t)str_number(word[2]) };

		return SYS(clock_settime, 0, &now);
	}
	if (str_equal(word[0], "wait") && n == 2)
		return wait_for(word[1]);
	if (str_equal(word[0], "dir") && n == 2)
		return SYS(mkdirat, AT_FDCWD, word[1], 0755);
	if (str_equal(word[0], "mount") && n == 6)
		return mount_one(word[1], word[2], word[3], str_number(word[4]),
				 str_equal(word[5], "-") ? NULL : word[5]);
	if (str_equal(word[0], "cgroup") && n == 3)
		return guest_set_limit(word[1], word[2]);
	if (str_equal(word[0], "loopback") && n == 1)
		return raw_loopback_up();
	if (str_equal(word[0], "link") && n == 4)
		return guest_link(word[1], word[2], word[3]);
	if (str_equal(word[0], "up") && n == 2)
		return guest_up(word[1]);
	if (str_equal(word[0], "address") && n == 7)
		return guest_address(word);
	if (str_equal(word[0], "route") && n == 11)
		return guest_route(word);
	if (str_equal(word[0], "sysctl") && n == 3)
		return set_sysctl(word[1], word[2]);
	return -EINVAL;
}

static void run_line(char *line)
{
	char *words[WORDS] = { 0 };
	int n = 0;
	long r;

	for (char *at = line; *at && n < WORDS;) {
		words[n++] = at;
		while (*at && *at != ' ')
			at++;
		if (*at)
			*at++ = '\0';
	}
	if (n == 0)
		return;
	r = run_step(words, n);
	if (r < 0)
		guest_die(words[0], n > 1 ? words[n == 6 ? 3 : n == WORDS ? 2 : 1] : "", r);
}

static void run_file(const char *path)
{
	size_t size;
	char *text = read_file(path, &size), *line = text;

	if (!text)
		guest_die("cannot read", path, -ENOENT);
	for (size_t i = 0; i <= size; i++) {
		if (text[i] != '\n' && text[i] != '\0')
			continue;
		text[i] = '\0';
		run_line(line);
		line = text + i + 1;
	}
}

/* ---- the whole */

static void mount_or_die(const char *type, const char *target)
{
	long r = sys_mount(type, target, type, MS_NOSUID | MS_NOEXEC, NULL);

	if (r < 0 && r != -EBUSY)
		guest_die("cannot mount", target, r);
}

/* The container's cgroup has its limits, so that it is what ends when it wants too much, and not
 * the guest. */
static void make_cgroup(void)
{
	static const char *const controllers[] = { "+memory", "+pids", "+cpu", "+cpuset", "+io" };
	long r;

	mount_or_die("cgroup2", CGROUP);
	for (unsigned i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		(void)write_file(CGROUP "/cgroup.subtree_control", controllers[i]);
	r = SYS(mkdirat, AT_FDCWD, CGROUP "/ctr", 0755);
	if (r < 0 && r != -EEXIST)
		guest_die("cannot make", CGROUP "/ctr", r);
	guest.cgroup = (int)sys_openat(AT_FDCWD, CGROUP "/ctr/cgroup.procs", O_WRONLY, 0);
}

/* The kernel found none before there was a /dev. */
static void open_console(void)
{
	long fd = sys_openat(AT_FDCWD, "/dev/console", O_RDWR | O_NOCTTY, 0);

	for (int i = 0; i < 3 && fd >= 0; i++)
		if (fd != i)
			(void)SYS(dup3, fd, i, 0);
}

static void begin_first(void)
{
	struct session *session = session_new(0);
	size_t size = 0;
	char *begin = read_file("/ctr/session", &size);
	long r;

	if (!begin || size < sizeof(*session->begin))
		guest_die("cannot read", "/ctr/session", -ENOENT);
	session->begin = (struct ctr_guest_session *)begin;
	session->got = (uint32_t)size;
	guest.namespaces = session->begin->namespaces;
	r = session_start(session);
	if (r < 0)
		guest_die("cannot start", "the container", r);
}

_Noreturn void guest_main(void)
{
	const uint64_t mask = (uint64_t)1 << (SIGCHLD - 1);

	guest.channel = guest.signals = guest.cgroup = -1;
	guest_began = uptime();
	/* A name that is there makes no trouble. */
	mount_or_die("proc", "/proc");
	mount_or_die("sysfs", "/sys");
	(void)sys_mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
	open_console();
	run_file("/ctr/modules");
	make_cgroup();
	run_file("/ctr/config");
	if (guest.channel < 0)
		guest_die("no", "channel", -ENOTCONN);

	(void)SYS(rt_sigprocmask, 0, &mask, NULL, sizeof(mask));
	guest.signals = (int)SYS(signalfd4, -1, &mask, sizeof(mask), O_CLOEXEC | O_NONBLOCK);
	begin_first();
	guest_loop();
}
