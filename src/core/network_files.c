/* Files of the network, read-only for the container: what it wrote would fill the host's /run. */
#include "core/network_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "oci/spec.h"

enum { FILE_SIZE_MAX = 1 << 20 };

const char *const ctr_network_file_names[] = { "resolv.conf", "hosts", "hostname", NULL };
enum { HOSTS = 1, HOSTNAME = 2, FILES = CTR_ARRAY_SIZE(ctr_network_file_names) - 1 };

/* A mount on all of /etc brings its own, and a file that is missing there would be made. */
static bool is_mounted(const struct ctr_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->nmounts; i++)
		if (strcmp(spec->mounts[i].destination, path) == 0 ||
		    strcmp(spec->mounts[i].destination, "/etc") == 0)
			return true;
	return false;
}

bool ctr_network_mount_files(struct ctr_spec *spec, const char *dir, struct ctr_arena *arena)
{
	size_t n = spec->nmounts;
	struct ctr_mount *mounts = ctr_arena_array(arena, n + FILES, sizeof(*mounts));
	bool hosts = false;

	if (n > 0)
		memcpy(mounts, spec->mounts, n * sizeof(*mounts));
	for (size_t i = 0; i < FILES; i++) {
		const char *path = ctr_arena_printf(arena, "/etc/%s", ctr_network_file_names[i]);

		if (is_mounted(spec, path) || (i == HOSTNAME && !spec->hostname))
			continue;
		hosts |= i == HOSTS;
		mounts[n++] = (struct ctr_mount){
			.destination = path,
			.type = "bind",
			.source = ctr_arena_printf(arena, "%s/%s", dir, ctr_network_file_names[i]),
			.bits = CTR_MOUNT_BIND,
			.flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			.propagation = MS_PRIVATE,
		};
	}
	spec->mounts = mounts;
	spec->nmounts = n;
	return hosts;
}

/* "127.x", "::1" */
static bool is_loopback(const char *server)
{
	return strncmp(server, "127.", 4) == 0 || strncmp(server, "::1", 3) == 0;
}

const char *ctr_resolv_filter(const char *text, unsigned *servers, struct ctr_arena *arena)
{
	struct ctr_buf buf;

	*servers = 0;
	ctr_buf_init(&buf, arena);
	for (const char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if (strncmp(line, "nameserver", 10) == 0 && (line[10] == ' ' || line[10] == '\t')) {
			if (is_loopback(line + 10 + strspn(line + 10, " \t")))
				continue;
			(*servers)++;
		}
		ctr_buf_addf(&buf, "%.*s\n", (int)len, line);
	}
	return ctr_buf_str(&buf);
}

/* A resolver on the host's loopback has its own upstream servers in a file of systemd's. */
static const char *resolv_text(bool host, struct ctr_arena *arena)
{
	static const char *const sources[] = { "/etc/resolv.conf",
					       "/run/systemd/resolve/resolv.conf" };
	const char *best = "";

	for (size_t i = 0; i < CTR_ARRAY_SIZE(sources); i++) {
		struct ctr_error ignored;
		char *text =
			ctr_file_read(arena, AT_FDCWD, sources[i], FILE_SIZE_MAX, NULL, &ignored);
		unsigned servers;

		if (!text)
			continue;
		if (host)
			return text;
		best = ctr_resolv_filter(text, &servers, arena);
		if (servers > 0)
			break;
	}
	return best;
}

static const char *hosts_text(bool host, struct ctr_arena *arena)
{
	struct ctr_error ignored;
	char *text =
		host ? ctr_file_read(arena, AT_FDCWD, "/etc/hosts", FILE_SIZE_MAX, NULL, &ignored)
		     : NULL;

	return text ? text : "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
}

int ctr_network_write_files(int dir, const struct ctr_spec *spec, const char *id, bool host,
			    struct ctr_arena *arena, struct ctr_error *err)
{
	const char *texts[] = {
		resolv_text(host, arena),
		hosts_text(host, arena),
		ctr_arena_printf(arena, "%s\n", spec->hostname ? spec->hostname : id),
	};

	for (size_t i = 0; i < FILES; i++)
		if (ctr_file_replace(dir, ctr_network_file_names[i], texts[i], strlen(texts[i]),
				     0644, err) < 0)
			return -1;
	return 0;
}

int ctr_network_add_host(int dir, const char *address, const struct ctr_spec *spec, const char *id,
			 struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int fd = openat(dir, ctr_network_file_names[HOSTS],
					O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	const char *line = ctr_arena_printf(arena, "%s %s%s%s\n", address,
					    spec->hostname ? spec->hostname : "",
					    spec->hostname ? " " : "", id);
	int r = fd < 0 ? -errno : ctr_write_all(fd, line, strlen(line));

	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write '%s'",
				ctr_network_file_names[HOSTS])
		     : 0;
}
