/*
 * The mount options: one table for decoding and for `ctr features`, so that they cannot drift.
 * A later option overrides an earlier one. What no row knows is for the file system.
 */
#include "oci/mount_options.h"

#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "oci/decode.h"
#include "oci/words.h"

/* Newer than some C library's <sys/mount.h>. */
enum { FLAG_NOSYMFOLLOW = 256, FLAG_ATIME = MS_NOATIME | MS_RELATIME | MS_STRICTATIME };

enum option_kind {
	OPTION_NONE,        /* means nothing: "defaults" */
	OPTION_SET,         /* a flag of mount(2) */
	OPTION_CLEAR,       /* its opposite */
	OPTION_ATIME,       /* one of the three atime flags; excludes the others */
	OPTION_REC_SET,     /* an attribute of mount_setattr(2), for the tree */
	OPTION_REC_CLEAR,   /* its opposite */
	OPTION_REC_ATIME,   /* the atime attributes are a field with values, not bits */
	OPTION_PROPAGATION, /* MS_SHARED etc., maybe with MS_REC */
	OPTION_BITS,        /* enum ctr_mount_bits */
};

struct option {
	const char *name;
	enum option_kind kind;
	uint32_t value;
};

static const struct option options[] = {
	{"async",           OPTION_CLEAR,       MS_SYNCHRONOUS                      },
	{ "atime",          OPTION_CLEAR,       MS_NOATIME                          },
	{ "bind",           OPTION_BITS,        CTR_MOUNT_BIND                      },
	{ "defaults",       OPTION_NONE,        0                                   },
	{ "dev",            OPTION_CLEAR,       MS_NODEV                            },
	{ "diratime",       OPTION_CLEAR,       MS_NODIRATIME                       },
	{ "dirsync",        OPTION_SET,         MS_DIRSYNC                          },
	{ "exec",           OPTION_CLEAR,       MS_NOEXEC                           },
	{ "iversion",       OPTION_SET,         MS_I_VERSION                        },
	{ "lazytime",       OPTION_SET,         MS_LAZYTIME                         },
	{ "loud",           OPTION_CLEAR,       MS_SILENT                           },
	{ "mand",           OPTION_SET,         MS_MANDLOCK                         },
	{ "noatime",        OPTION_ATIME,       MS_NOATIME                          },
	{ "nodev",          OPTION_SET,         MS_NODEV                            },
	{ "nodiratime",     OPTION_SET,         MS_NODIRATIME                       },
	{ "noexec",         OPTION_SET,         MS_NOEXEC                           },
	{ "noiversion",     OPTION_CLEAR,       MS_I_VERSION                        },
	{ "nolazytime",     OPTION_CLEAR,       MS_LAZYTIME                         },
	{ "nomand",         OPTION_CLEAR,       MS_MANDLOCK                         },
	{ "norelatime",     OPTION_CLEAR,       MS_RELATIME                         },
	{ "nostrictatime",  OPTION_CLEAR,       MS_STRICTATIME                      },
	{ "nosuid",         OPTION_SET,         MS_NOSUID                           },
	{ "nosymfollow",    OPTION_SET,         FLAG_NOSYMFOLLOW                    },
	{ "private",        OPTION_PROPAGATION, MS_PRIVATE                          },
	{ "ratime",         OPTION_REC_ATIME,   MOUNT_ATTR_RELATIME                 },
	{ "rbind",          OPTION_BITS,        CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE},
	{ "rdev",           OPTION_REC_CLEAR,   MOUNT_ATTR_NODEV                    },
	{ "rdiratime",      OPTION_REC_CLEAR,   MOUNT_ATTR_NODIRATIME               },
	{ "relatime",       OPTION_ATIME,       MS_RELATIME                         },
	{ "remount",        OPTION_BITS,        CTR_MOUNT_REMOUNT                   },
	{ "rexec",          OPTION_REC_CLEAR,   MOUNT_ATTR_NOEXEC                   },
	{ "rnoatime",       OPTION_REC_ATIME,   MOUNT_ATTR_NOATIME                  },
	{ "rnodev",         OPTION_REC_SET,     MOUNT_ATTR_NODEV                    },
	{ "rnodiratime",    OPTION_REC_SET,     MOUNT_ATTR_NODIRATIME               },
	{ "rnoexec",        OPTION_REC_SET,     MOUNT_ATTR_NOEXEC                   },
	{ "rnorelatime",    OPTION_REC_ATIME,   MOUNT_ATTR_RELATIME                 },
	{ "rnostrictatime", OPTION_REC_ATIME,   MOUNT_ATTR_RELATIME                 },
	{ "rnosuid",        OPTION_REC_SET,     MOUNT_ATTR_NOSUID                   },
	{ "rnosymfollow",   OPTION_REC_SET,     MOUNT_ATTR_NOSYMFOLLOW              },
	{ "ro",             OPTION_SET,         MS_RDONLY                           },
	{ "rprivate",       OPTION_PROPAGATION, MS_PRIVATE | MS_REC                 },
	{ "rrelatime",      OPTION_REC_ATIME,   MOUNT_ATTR_RELATIME                 },
	{ "rro",            OPTION_REC_SET,     MOUNT_ATTR_RDONLY                   },
	{ "rrw",            OPTION_REC_CLEAR,   MOUNT_ATTR_RDONLY                   },
	{ "rshared",        OPTION_PROPAGATION, MS_SHARED | MS_REC                  },
	{ "rslave",         OPTION_PROPAGATION, MS_SLAVE | MS_REC                   },
	{ "rstrictatime",   OPTION_REC_ATIME,   MOUNT_ATTR_STRICTATIME              },
	{ "rsuid",          OPTION_REC_CLEAR,   MOUNT_ATTR_NOSUID                   },
	{ "rsymfollow",     OPTION_REC_CLEAR,   MOUNT_ATTR_NOSYMFOLLOW              },
	{ "runbindable",    OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC              },
	{ "rw",             OPTION_CLEAR,       MS_RDONLY                           },
	{ "shared",         OPTION_PROPAGATION, MS_SHARED                           },
	{ "silent",         OPTION_SET,         MS_SILENT                           },
	{ "slave",          OPTION_PROPAGATION, MS_SLAVE                            },
	{ "strictatime",    OPTION_ATIME,       MS_STRICTATIME                      },
	{ "suid",           OPTION_CLEAR,       MS_NOSUID                           },
	{ "symfollow",      OPTION_CLEAR,       FLAG_NOSYMFOLLOW                    },
	{ "sync",           OPTION_SET,         MS_SYNCHRONOUS                      },
	{ "unbindable",     OPTION_PROPAGATION, MS_UNBINDABLE                       },
	{ "idmap",          OPTION_BITS,        CTR_MOUNT_IDMAP                     },
	{ "ridmap",         OPTION_BITS,        CTR_MOUNT_RIDMAP                    },
	{ "tmpcopyup",      OPTION_BITS,        CTR_MOUNT_TMPCOPYUP                 },
 /* crun's own */
	{ "copy-symlink",   OPTION_BITS,        CTR_MOUNT_COPY_SYMLINK              },
	{ "dest-nofollow",  OPTION_BITS,        CTR_MOUNT_DEST_NOFOLLOW             },
	{ "src-nofollow",   OPTION_BITS,        CTR_MOUNT_SRC_NOFOLLOW              },
	{ NULL,             OPTION_NONE,        0				   },
};

const char *ctr_mount_option_name(unsigned i)
{
	return options[i].name;
}

static const struct option *find_option(const char *text, size_t len)
{
	const struct option *option;

	for (option = options; option->name; option++)
		if (strncmp(option->name, text, len) == 0 && option->name[len] == '\0')
			return option;
	return NULL;
}

static bool is_id_map(const struct option *option)
{
	return option->kind == OPTION_BITS &&
	       (option->value & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP));
}

static void apply(struct ctr_mount *mount, const struct option *option)
{
	uint32_t value = option->value;

	switch (option->kind) {
	case OPTION_NONE:
		break;
	case OPTION_ATIME:
		mount->flags &= ~(uint64_t)FLAG_ATIME;
		/* fall through */
	case OPTION_SET:
		mount->flags |= value;
		mount->flags_cleared &= ~(uint64_t)value;
		break;
	case OPTION_CLEAR:
		mount->flags &= ~(uint64_t)value;
		mount->flags_cleared |= value;
		break;
	case OPTION_REC_ATIME:
		/* The kernel wants the whole field cleared before a value is set. */
		mount->rec_set = (mount->rec_set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
		mount->rec_clear |= MOUNT_ATTR__ATIME;
		break;
	case OPTION_REC_SET:
		mount->rec_set |= value;
		mount->rec_clear &= ~(uint64_t)value;
		break;
	case OPTION_REC_CLEAR:
		mount->rec_set &= ~(uint64_t)value;
		mount->rec_clear |= value;
		break;
	case OPTION_PROPAGATION:
		mount->propagation = value;
		break;
	case OPTION_BITS:
		mount->bits |= value;
		break;
	}
}

/* Put @text, and a comma if it is not the first, behind mount->data, which is the latest thing in
 * the arena as long as the options come. */
static void add_data(struct ctr_decode *decode, struct ctr_mount *mount, const char *text,
		     size_t len)
{
	size_t *used = ctr_decode_aux(decode);
	size_t old = mount->data ? *used + 1 : 0;
	char *data;

	data = ctr_arena_grow(ctr_decode_arena(decode), (char *)mount->data, old,
			      *used + (old > 0) + len + 1);
	if (old > 0)
		data[(*used)++] = ',';
	memcpy(data + *used, text, len);
	*used += len;
	data[*used] = '\0';
	mount->data = data;
}

/* ---- crun's "idmap=uids=0-1000-10#10-2000-5;gids=0-1000-10": maps within the option */

/* Cut a number, and @end behind it if that is not NUL, off the text. */
static bool cut_id(const char **text, const char *limit, char end, uint32_t *out)
{
	const char *p = *text;
	uint64_t value = 0;

	for (; p < limit && *p >= '0' && *p <= '9' && value <= UINT32_MAX; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	if (p == *text || value > UINT32_MAX || (end && (p == limit || *p++ != end)))
		return false;
	*text = p;
	*out = (uint32_t)value;
	return true;
}

/* Cut triplets off the text. Their number, 0 if they are bad. */
static size_t cut_maps(struct ctr_decode *decode, const char **text, const char *limit,
		       const struct ctr_id_map **out)
{
	struct ctr_arena *arena = ctr_decode_arena(decode);
	struct ctr_id_map *list = NULL;
	struct ctr_id_map map;
	size_t n = 0;

	do {
		if (!cut_id(text, limit, '-', &map.container_id) ||
		    !cut_id(text, limit, '-', &map.host_id) ||
		    !cut_id(text, limit, '\0', &map.size))
			return 0;
		if (map.size == 0 || (uint64_t)map.container_id + map.size > UINT32_MAX ||
		    (uint64_t)map.host_id + map.size > UINT32_MAX)
			return 0;
		list = ctr_arena_grow(arena, list, n * sizeof(map), (n + 1) * sizeof(map));
		list[n++] = map;
	} while (*text < limit && **text == '#' && (*text)++);
	*out = list;
	return n;
}

static bool has_prefix(const char *text, const char *limit, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(limit - text) >= n && memcmp(text, prefix, n) == 0;
}

static int add_id_maps(struct ctr_decode *decode, struct ctr_mount *mount, const char *text,
		       size_t len)
{
	const char *limit = text + len;
	const char *p = text;
	bool good = len > 0;

	if (memchr(text, '@', len))
		return ctr_decode_fault(decode,
					"%s: maps relative to the container's are not supported",
					ctr_decode_quote(decode, text, len));
	while (good && p < limit) {
		good = has_prefix(p, limit, "uids=") || has_prefix(p, limit, "gids=");
		if (!good)
			break;
		p += 5;
		if (p[-5] == 'u')
			good = (mount->nuid_mappings =
					cut_maps(decode, &p, limit, &mount->uid_mappings)) > 0;
		else
			good = (mount->ngid_mappings =
					cut_maps(decode, &p, limit, &mount->gid_mappings)) > 0;
		good = good && (p == limit || *p++ == ';');
	}
	if (!good)
		return ctr_decode_fault(decode,
					"%s is not of the form 'uids=0-1000-10;gids=0-1000-10'",
					ctr_decode_quote(decode, text, len));
	return 0;
}

int ctr_mount_option(struct ctr_decode *decode, void *object, void *member, const char *text,
		     size_t len)
{
	const char *equals = memchr(text, '=', len);
	struct ctr_mount *mount = object;
	const struct option *option;

	(void)member;
	if (len == 0)
		return 0;
	option = find_option(text, equals ? (size_t)(equals - text) : len);
	if (option && equals && !is_id_map(option))
		return ctr_decode_fault(decode, "'%s' takes no value", option->name);
	if (option)
		apply(mount, option);
	if (option && equals)
		return add_id_maps(decode, mount, equals + 1, len - (size_t)(equals + 1 - text));
	if (!option)
		add_data(decode, mount, text, len);
	return 0;
}
