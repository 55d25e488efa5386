/*
 * The files of the filter cache: a header, the instructions, and the key, which is the profile as
 * plain bytes. The key is never built for a look-up: the same walk over the profile hashes it, then
 * compares it with the mapped file. A warm start so costs four system calls and one page fault.
 */
#include "sec/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "oci/spec.h"

enum {
	/* Increment when the same profile compiles to another filter. */
	COMPILER_VERSION = 1,
	FILES_MAX = 64,
	FILE_SIZE_MAX = 16 << 20, /* a profile of 10 MB is honoured, but then it is enough */
	NAME_SIZE = 24,
};

struct header {
	char magic[8];
	uint64_t checksum; /* of what follows it, without the key */
	uint32_t key_size;
	uint16_t ninsns;
	uint16_t notifies;
};

static const char magic[8] = "ctr-bpf";

/* ---- the key */

/* One walk, three purposes. */
struct key {
	enum { HASH, COMPARE, STORE } purpose;
	uint64_t hash;    /* HASH */
	const char *data; /* COMPARE: what is left */
	size_t left;
	bool differs;
	struct ctr_buf *buf; /* STORE */
};

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const char *bytes = data;

	hash ^= len;
	while (len > 0) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, bytes, n);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
		bytes += n;
		len -= n;
	}
	return hash;
}

static void put(struct key *key, const void *data, size_t len)
{
	if (len == 0)
		return;
	switch (key->purpose) {
	case HASH:
		key->hash = mix(key->hash, data, len);
		break;
	case COMPARE:
		if (key->left < len || memcmp(key->data, data, len) != 0) {
			key->differs = true;
			key->left = 0;
			break;
		}
		key->data += len;
		key->left -= len;
		break;
	case STORE:
		ctr_buf_add(key->buf, data, len);
		break;
	}
}

static void put_rule(struct key *key, const struct ctr_seccomp_rule *rule)
{
	const uint32_t head[] = { rule->action, rule->errno_ret, (uint32_t)rule->nnames,
				  (uint32_t)rule->nargs };

	put(key, head, sizeof(head));
	for (size_t i = 0; i < rule->nnames && !key->differs; i++)
		put(key, rule->names[i], strlen(rule->names[i]) + 1);
	for (size_t i = 0; i < rule->nargs; i++) {
		const struct ctr_seccomp_arg *arg = &rule->args[i];
		const uint64_t words[] = { (uint64_t)arg->index << 32 | arg->op, arg->value,
					   arg->value_two };

		put(key, words, sizeof(words));
	}
}

/* All that the instructions depend on; the flags for seccomp(2) they do not. */
static void put_all(struct key *key, const struct ctr_seccomp *profile, uint32_t native)
{
	/* The tables of names are the library's. */
	const struct scmp_version *library = seccomp_version();
	const uint32_t head[] = { COMPILER_VERSION,
				  native,
				  library->major,
				  library->minor,
				  library->micro,
				  profile->default_action,
				  profile->default_errno_ret,
				  (uint32_t)profile->narchitectures,
				  (uint32_t)profile->nrules };

	put(key, head, sizeof(head));
	put(key, profile->architectures, profile->narchitectures * sizeof(*profile->architectures));
	for (size_t i = 0; i < profile->nrules && !key->differs; i++)
		put_rule(key, &profile->rules[i]);
}

static void make_name(const struct ctr_seccomp *profile, uint32_t native,
		      char name[static NAME_SIZE])
{
	struct key key = { .purpose = HASH };

	put_all(&key, profile, native);
	(void)snprintf(name, NAME_SIZE, "%016llx.bpf", (unsigned long long)key.hash);
}

/* ---- looking up */

static bool is_trusted(const struct stat *st, mode_t kind)
{
	return (st->st_mode & S_IFMT) == kind && st->st_uid == geteuid() &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool is_sound(const struct header *header, size_t size)
{
	const char *body = (const char *)&header->key_size;
	size_t insns_size;

	if (size < sizeof(*header) || memcmp(header->magic, magic, sizeof(magic)) != 0)
		return false;
	insns_size = header->ninsns * sizeof(struct sock_filter);
	if (header->ninsns == 0 || header->ninsns > BPF_MAXINSNS ||
	    size != sizeof(*header) + insns_size + header->key_size)
		return false;
	return header->checksum ==
	       mix(0, body, sizeof(*header) - offsetof(struct header, key_size) + insns_size);
}

static bool is_of(const struct header *header, const struct ctr_seccomp *profile, uint32_t native)
{
	const char *insns = (const char *)(header + 1);
	struct key key = {
		.purpose = COMPARE,
		.data = insns + header->ninsns * sizeof(struct sock_filter),
		.left = header->key_size,
	};

	put_all(&key, profile, native);
	return !key.differs && key.left == 0;
}

bool ctr_seccomp_cache_find(const char *dir, const struct ctr_seccomp *profile, uint32_t native,
			    struct ctr_seccomp_cached *out)
{
	_cleanup_close_ int fd = -1;
	const struct header *header;
	char path[4096], name[NAME_SIZE];
	struct stat st;

	make_name(profile, native, name);
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(&st, S_IFREG) ||
	    st.st_size < (off_t)sizeof(*header) || st.st_size > FILE_SIZE_MAX)
		return false;

	/* Files are replaced, never written again: what is mapped stays. */
	header = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (header == MAP_FAILED)
		return false;
	if (!is_sound(header, (size_t)st.st_size) || !is_of(header, profile, native)) {
		ctr_log(CTR_LOG_DEBUG,
			"linux.seccomp: '%s' is damaged or another profile's: "
			"compiled anew",
			path);
		(void)munmap((void *)header, (size_t)st.st_size);
		return false;
	}

	*out = (struct ctr_seccomp_cached){
		.insns = (const struct sock_filter *)(header + 1),
		.n = header->ninsns,
		.notifies = header->notifies != 0,
	};
	return true;
}

/* ---- keeping */

static int open_dir(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && mkdir(dir, 0700) == 0)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(&st, S_IFDIR))
		return -1;
	return ctr_take_fd(&fd);
}

static bool is_older(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec < b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Make room: with too many files (left-over temporary ones count, too) the oldest goes. */
static void evict(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	char name[NAME_MAX + 1] = "";
	struct stat st, oldest = { 0 };
	unsigned count = 0;

	if (!listing) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	while ((entry = readdir(listing))) {
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    S_ISDIR(st.st_mode))
			continue;
		count++;
		if (*name != '\0' && !is_older(&st, &oldest))
			continue;
		(void)snprintf(name, sizeof(name), "%s", entry->d_name);
		oldest = st;
	}
	if (count >= FILES_MAX)
		(void)unlinkat(dir, name, 0);
}

void ctr_seccomp_cache_keep(const char *dir, const struct ctr_seccomp *profile, uint32_t native,
			    const struct ctr_seccomp_cached *filter, struct ctr_arena *arena)
{
	_cleanup_close_ int fd = open_dir(dir);
	struct key key = { .purpose = STORE };
	struct header header = { .ninsns = filter->n, .notifies = filter->notifies };
	char name[NAME_SIZE];
	struct ctr_error err;
	struct ctr_buf buf;
	size_t size;

	if (fd < 0) {
		ctr_log(CTR_LOG_DEBUG, "linux.seccomp: no cache in '%s'", dir);
		return;
	}

	ctr_buf_init(&buf, arena);
	ctr_buf_add(&buf, &header, sizeof(header));
	ctr_buf_add(&buf, filter->insns, filter->n * sizeof(*filter->insns));
	size = buf.len;
	key.buf = &buf;
	put_all(&key, profile, native);
	if (buf.len > FILE_SIZE_MAX)
		return;

	memcpy(header.magic, magic, sizeof(magic));
	header.key_size = (uint32_t)(buf.len - size);
	memcpy(buf.data, &header, sizeof(header));
	header.checksum = mix(0, buf.data + offsetof(struct header, key_size),
			      size - offsetof(struct header, key_size));
	memcpy(buf.data, &header, sizeof(header));

	evict(fd);
	make_name(profile, native, name);
	if (ctr_file_replace(fd, name, buf.data, buf.len, 0600, &err) < 0)
		ctr_log(CTR_LOG_DEBUG, "linux.seccomp: not cached: %s", err.text);
}
