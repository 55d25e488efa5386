/* Leases as files. What ctr-net itself wrote is what it reads; a file that is not of that form does
 * not count. */
#include "netns/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

/* More than all ports there are take. */
enum { LEASE_SIZE_MAX = 16 << 20 };

static const char made_mark[] = "made", ipv6_mark[] = "ip6 ";

/* Another ctr-net may have removed the directory while this one waited for its lock. */
static int lock_dir(const char *path, struct ctr_error *err)
{
	for (;;) {
		struct stat ours, now;
		int dir;

		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make '%s'", path);
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (dir < 0 && errno == ENOENT)
			continue;
		if (dir < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);

		if (flock(dir, LOCK_EX) == 0 && fstat(dir, &ours) == 0 && stat(path, &now) == 0 &&
		    ours.st_dev == now.st_dev && ours.st_ino == now.st_ino)
			return dir;
		close(dir);
	}
}

/* "KEY\n[ip6 ADDRESS\n]PUBLISH\n..." */
static bool parse_lease(struct ctr_leases *leases, struct ctr_lease *lease, char *text)
{
	char *line = strtok_r(text, "\n", &text);
	size_t max = 1;
	struct ctr_publish *ports;
	struct ctr_error ignored;

	if (!line)
		return false;
	lease->key = line;
	for (const char *c = text; c && *c; c++)
		max += *c == '\n';
	ports = ctr_arena_array(leases->arena, max, sizeof(*ports));
	while ((line = strtok_r(NULL, "\n", &text))) {
		if (strncmp(line, ipv6_mark, strlen(ipv6_mark)) == 0) {
			line += strlen(ipv6_mark);
			if (ctr_ipv6_parse(line, strlen(line), &lease->address6) < 0)
				return false;
			continue;
		}
		if (ctr_publish_parse(line, &ports[lease->nports], &ignored) < 0)
			return false;
		lease->nports++;
	}
	lease->ports = ports;
	return true;
}

static void append(struct ctr_leases *leases, const struct ctr_lease *lease)
{
	leases->list =
		ctr_arena_grow(leases->arena, leases->list, leases->count * sizeof(*leases->list),
			       (leases->count + 1) * sizeof(*leases->list));
	leases->list[leases->count++] = *lease;
}

static void read_lease(struct ctr_leases *leases, const char *bridge, const char *name)
{
	struct ctr_lease lease = { .bridge = bridge };
	struct ctr_error ignored;
	char *text;

	if (ctr_ipv4_parse(name, strlen(name), &lease.address) < 0)
		return;
	text = ctr_file_read(leases->arena, leases->dir,
			     ctr_arena_printf(leases->arena, "%s/%s", bridge, name), LEASE_SIZE_MAX,
			     NULL, &ignored);
	if (text && parse_lease(leases, &lease, text))
		append(leases, &lease);
}

static DIR *list_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static void read_bridge(struct ctr_leases *leases, const char *name)
{
	_cleanup_dir_ DIR *dir = list_dir(leases->dir, name);
	const char *bridge = ctr_arena_strdup(leases->arena, name);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		read_lease(leases, bridge, entry->d_name);
}

int ctr_leases_open(struct ctr_leases *leases, const char *path, struct ctr_arena *arena,
		    struct ctr_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;

	*leases = (struct ctr_leases){ .dir = -1, .path = path, .arena = arena };
	leases->dir = lock_dir(path, err);
	if (leases->dir < 0)
		return -1;

	dir = list_dir(leases->dir, ".");
	if (!dir)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot read '%s'", path);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (ctr_link_name_is_valid(entry->d_name))
			read_bridge(leases, entry->d_name);
	return 0;
}

void ctr_leases_close(struct ctr_leases *leases)
{
	if (leases->dir < 0)
		return;
	(void)rmdir(leases->path); /* not empty: there are others */
	close(leases->dir);
	leases->dir = -1;
}

static const char *path_of(const struct ctr_leases *leases, const struct ctr_lease *lease)
{
	char address[CTR_IPV4_TEXT];

	return ctr_arena_printf(leases->arena, "%s/%s", lease->bridge,
				ctr_ipv4_print(lease->address, address));
}

static int make_bridge_dir(const struct ctr_leases *leases, const char *bridge,
			   struct ctr_error *err)
{
	if (mkdirat(leases->dir, bridge, 0700) < 0 && errno != EEXIST)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make '%s/%s'", leases->path,
				bridge);
	return 0;
}

int ctr_leases_add(struct ctr_leases *leases, const struct ctr_lease *lease, struct ctr_error *err)
{
	char address[INET6_ADDRSTRLEN], port[CTR_PUBLISH_TEXT];
	struct ctr_buf buf;

	ctr_buf_init(&buf, leases->arena);
	ctr_buf_addf(&buf, "%s\n", lease->key);
	if (!IN6_IS_ADDR_UNSPECIFIED(&lease->address6))
		ctr_buf_addf(&buf, "%s%s\n", ipv6_mark, ctr_ipv6_print(&lease->address6, address));
	for (size_t i = 0; i < lease->nports; i++)
		ctr_buf_addf(&buf, "%s\n", ctr_publish_print(&lease->ports[i], port));
	if (make_bridge_dir(leases, lease->bridge, err) < 0 ||
	    ctr_file_replace(leases->dir, path_of(leases, lease), buf.data, buf.len, 0600, err) < 0)
		return -1;

	append(leases, lease);
	return 0;
}

int ctr_leases_drop(struct ctr_leases *leases, size_t i, struct ctr_error *err)
{
	const char *path = path_of(leases, &leases->list[i]);

	if (unlinkat(leases->dir, path, 0) < 0 && errno != ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot remove '%s/%s'", leases->path,
				path);
	leases->list[i] = leases->list[--leases->count];
	return 0;
}

bool ctr_leases_have(const struct ctr_leases *leases, const char *bridge, uint32_t address)
{
	for (size_t i = 0; i < leases->count; i++)
		if (leases->list[i].address == address &&
		    strcmp(leases->list[i].bridge, bridge) == 0)
			return true;
	return false;
}

bool ctr_leases_have_ipv6(const struct ctr_leases *leases, const char *bridge,
			  const struct in6_addr *address)
{
	for (size_t i = 0; i < leases->count; i++)
		if (IN6_ARE_ADDR_EQUAL(&leases->list[i].address6, address) &&
		    strcmp(leases->list[i].bridge, bridge) == 0)
			return true;
	return false;
}

bool ctr_leases_use_ipv6(const struct ctr_leases *leases, const char *bridge)
{
	for (size_t i = 0; i < leases->count; i++)
		if (!IN6_IS_ADDR_UNSPECIFIED(&leases->list[i].address6) &&
		    strcmp(leases->list[i].bridge, bridge) == 0)
			return true;
	return false;
}

size_t ctr_leases_of(const struct ctr_leases *leases, const char *bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < leases->count; i++)
		n += strcmp(leases->list[i].bridge, bridge) == 0;
	return n;
}

const struct ctr_lease *ctr_leases_collide(const struct ctr_leases *leases,
					   const struct ctr_publish *port)
{
	for (size_t i = 0; i < leases->count; i++)
		for (size_t j = 0; j < leases->list[i].nports; j++)
			if (ctr_publish_collides(&leases->list[i].ports[j], port))
				return &leases->list[i];
	return NULL;
}

static const char *mark_path(const struct ctr_leases *leases, const char *bridge)
{
	return ctr_arena_printf(leases->arena, "%s/%s", bridge, made_mark);
}

int ctr_leases_mark_made(const struct ctr_leases *leases, const char *bridge, struct ctr_error *err)
{
	if (make_bridge_dir(leases, bridge, err) < 0)
		return -1;
	return ctr_file_replace(leases->dir, mark_path(leases, bridge), "", 0, 0600, err);
}

bool ctr_leases_is_made(const struct ctr_leases *leases, const char *bridge)
{
	return faccessat(leases->dir, mark_path(leases, bridge), F_OK, 0) == 0;
}

void ctr_leases_forget(const struct ctr_leases *leases, const char *bridge)
{
	(void)unlinkat(leases->dir, mark_path(leases, bridge), 0);
	(void)unlinkat(leases->dir, bridge, AT_REMOVEDIR);
}
