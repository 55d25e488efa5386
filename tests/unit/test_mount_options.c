/* oci/mount_options: every option of config.md#linux-mount-options. */
#include "document.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include "base/buf.h"
#include "oci/words.h"

/* One mount with the options of the comma-separated list @options. */
static struct ctr_spec *decode(struct ctr_arena *arena, const char *type, const char *options,
			       struct ctr_error *err)
{
	struct ctr_buf list;
	char *copy = ctr_arena_strdup(arena, options);

	ctr_buf_init(&list, arena);
	for (char *word = strtok(copy, ","); word; word = strtok(NULL, ","))
		ctr_buf_addf(&list, "%s\"%s\"", list.len ? "," : "", word);
	return document_decode(
		arena,
		document_of(arena,
			    ctr_arena_printf(arena,
					     "\"mounts\":[{\"destination\":\"/d\",\"type\":\"%s\","
					     "\"source\":\"src\",\"options\":[%s]}],"
					     "\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}",
					     type, ctr_buf_str(&list)),
			    ""),
		err);
}

static void flags(void **state)
{
	static const struct {
		const char *options;
		uint64_t flags, cleared;
		const char *data;
	} cases[] = {
		{"ro,nosuid,size=64k",                     MS_RDONLY | MS_NOSUID,              0,                                            "size=64k"},
		{ "ro,rw",				 0,				  MS_RDONLY,                                    NULL      },
		{ "rw,ro",				 MS_RDONLY,                          0,					    NULL      },
		{ "rw,exec,dev,suid",                      0,                                  MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOSUID, NULL      },
		{ "noexec,nodev,nosuid,sync,dirsync,mand",
                 MS_NOEXEC | MS_NODEV | MS_NOSUID | MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK, 0,
                 NULL																  },
		{ "async,nomand",                          0,                                  MS_SYNCHRONOUS | MS_MANDLOCK,                 NULL      },
		{ "lazytime,iversion,silent,nosymfollow",
                 MS_LAZYTIME | MS_I_VERSION | MS_SILENT | 256,                                 0,                                            NULL      },
		{ "nolazytime,noiversion,loud,symfollow",  0,
                 MS_LAZYTIME | MS_I_VERSION | MS_SILENT | 256,									       NULL      },
		{ "noatime,nodiratime",                    MS_NOATIME | MS_NODIRATIME,         0,                                            NULL      },
		{ "diratime",			      0,				  MS_NODIRATIME,                                NULL      },
 /* one of three */
		{ "noatime,strictatime,relatime",          MS_RELATIME,                        0,                                            NULL      },
		{ "relatime,noatime",                      MS_NOATIME,                         0,                                            NULL      },
		{ "noatime,atime",                         0,                                  MS_NOATIME,                                   NULL      },
		{ "relatime,norelatime",                   0,                                  MS_RELATIME,                                  NULL      },
		{ "strictatime,nostrictatime",             0,                                  MS_STRICTATIME,                               NULL      },
		{ "defaults",			      0,				  0,					    NULL      },
		{ "mode=1777,ro,size=65536k,nr_inodes=5",  MS_RDONLY,                          0,
                 "mode=1777,size=65536k,nr_inodes=5"												   },
		{ "lowerdir=/a:/b,upperdir=/c,unknown",    0,                                  0,
                 "lowerdir=/a:/b,upperdir=/c,unknown"												  },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;
		struct ctr_spec *spec = decode(&arena, "tmpfs", cases[i].options, &err);

		assert_string_equal(err.text, "");
		assert_int_equal(spec->mounts[0].flags, cases[i].flags);
		assert_int_equal(spec->mounts[0].flags_cleared, cases[i].cleared);
		assert_int_equal(spec->mounts[0].bits, 0);
		if (cases[i].data)
			assert_string_equal(spec->mounts[0].data, cases[i].data);
		else
			assert_null(spec->mounts[0].data);
		ctr_arena_release(&arena);
	}
}

static void recursive(void **state)
{
	static const struct {
		const char *options;
		uint64_t set, clear;
	} cases[] = {
		{"rro",					      MOUNT_ATTR_RDONLY,      0                },
		{ "rro,rrw",					 0,                      MOUNT_ATTR_RDONLY},
		{ "rnosuid,rnodev,rnoexec,rnodiratime,rnosymfollow",
                 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
			  MOUNT_ATTR_NOSYMFOLLOW,					    0                },
		{ "rsuid,rdev,rexec,rdiratime,rsymfollow",           0,
                 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
			  MOUNT_ATTR_NOSYMFOLLOW							      },
 /* the access time is a field: all of it is cleared */
		{ "rnoatime",					MOUNT_ATTR_NOATIME,     MOUNT_ATTR__ATIME},
		{ "rstrictatime",				    MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
		{ "rrelatime",				       0,                      MOUNT_ATTR__ATIME},
		{ "ratime",					  0,                      MOUNT_ATTR__ATIME},
		{ "rnorelatime",				     0,                      MOUNT_ATTR__ATIME},
		{ "rstrictatime,rnostrictatime",                     0,                      MOUNT_ATTR__ATIME},
		{ "rnoatime,rstrictatime",                           MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;
		struct ctr_spec *spec = decode(&arena, "tmpfs", cases[i].options, &err);

		assert_string_equal(err.text, "");
		assert_int_equal(spec->mounts[0].rec_set, cases[i].set);
		assert_int_equal(spec->mounts[0].rec_clear, cases[i].clear);
		assert_int_equal(spec->mounts[0].flags, 0);
		ctr_arena_release(&arena);
	}
}

static void bits(void **state)
{
	static const struct {
		const char *type, *options;
		uint32_t bits, propagation;
	} cases[] = {
		{"none",   "bind",					 CTR_MOUNT_BIND,                                          0                     },
		{ "none",  "rbind",					CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE,                    0                     },
		{ "bind",  "",					     CTR_MOUNT_BIND,                                          0                     },
		{ "bind",  "rbind",					CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE,                    0                     },
		{ "rbind", "ro",					   CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE,                    0                     },
		{ "tmpfs", "tmpcopyup",                                    CTR_MOUNT_TMPCOPYUP,                                     0                     },
		{ "none",  "bind,idmap",                                   CTR_MOUNT_BIND | CTR_MOUNT_IDMAP,                        0                     },
		{ "none",  "rbind,ridmap",                                 CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE | CTR_MOUNT_RIDMAP,
                 0																	},
		{ "none",  "bind,copy-symlink,src-nofollow,dest-nofollow",
                 CTR_MOUNT_BIND | CTR_MOUNT_COPY_SYMLINK | CTR_MOUNT_SRC_NOFOLLOW |
			  CTR_MOUNT_DEST_NOFOLLOW,										  0		     },
		{ "tmpfs", "remount",				      CTR_MOUNT_REMOUNT,                                       0                     },
		{ "tmpfs", "shared",				       0,						       MS_SHARED             },
		{ "tmpfs", "rshared",				      0,						       MS_SHARED | MS_REC    },
		{ "tmpfs", "slave",					0,						       MS_SLAVE              },
		{ "tmpfs", "rslave",				       0,						       MS_SLAVE | MS_REC     },
		{ "tmpfs", "private",				      0,						       MS_PRIVATE            },
		{ "tmpfs", "unbindable",                                   0,						       MS_UNBINDABLE         },
		{ "tmpfs", "runbindable",                                  0,						       MS_UNBINDABLE | MS_REC},
		{ "tmpfs", "rshared,rprivate",                             0,						       MS_PRIVATE | MS_REC   },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;
		struct ctr_spec *spec = decode(&arena, cases[i].type, cases[i].options, &err);

		assert_string_equal(err.text, "");
		assert_int_equal(spec->mounts[0].bits, cases[i].bits);
		assert_int_equal(spec->mounts[0].propagation, cases[i].propagation);
		assert_string_equal(spec->mounts[0].source,
				    cases[i].bits & CTR_MOUNT_BIND ? "/bundle/src" : "src");
		ctr_arena_release(&arena);
	}
}

static void faults(void **state)
{
	static const struct {
		const char *type, *options, *fault;
	} cases[] = {
		{"tmpfs",  "ro=1",           "mounts[0].options[0]: 'ro' takes no value"              },
		{ "tmpfs", "nosuid,idmap=x",
                 "mounts[0].options[1]: 'x' is not of the form 'uids=0-1000-10;gids=0-1000-10'"       },
		{ "bind",  "ro,size=1",
                 "mounts[0].options: 'size=1' is for a file system, a bind mount takes no such option"},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;

		assert_null(decode(&arena, cases[i].type, cases[i].options, &err));
		assert_string_equal(document_fault(&err), cases[i].fault);
		ctr_arena_release(&arena);
	}
}

/* crun's way to say what uidMappings and gidMappings do. */
static void id_maps(void **state)
{
	static const struct {
		const char *options, *fault;
	} cases[] = {
		{"bind,idmap=uids=0-1000-10#10-5-1;gids=1-2-3",     ""                                            },
		{ "rbind,ridmap=gids=1-2-3;uids=0-1000-10#10-5-1;", ""                                            },
		{ "bind,idmap=uids=0-1-1",
                 "mounts[0].gidMappings: is required beside uidMappings"                                          },
		{ "bind,idmap=",
                 "mounts[0].options[1]: '' is not of the form 'uids=0-1000-10;gids=0-1000-10'"                    },
		{ "bind,idmap=uids=0-1-0;gids=0-1-1",
                 "mounts[0].options[1]: 'uids=0-1-0;gids=0-1-1' is not of the form "
		  "'uids=0-1000-10;gids=0-1000-10'"							       },
		{ "bind,idmap=uids=0-4294967295-2",
                 "mounts[0].options[1]: 'uids=0-4294967295-2' is not of the form "
		  "'uids=0-1000-10;gids=0-1000-10'"							       },
		{ "bind,idmap=uids=0-1-1x",
                 "mounts[0].options[1]: 'uids=0-1-1x' is not of the form "
		  "'uids=0-1000-10;gids=0-1000-10'"							       },
		{ "bind,idmap=uids=0-1",                            "mounts[0].options[1]: 'uids=0-1' is not of the form "
					 "'uids=0-1000-10;gids=0-1000-10'"},
		{ "bind,idmap=uids=@0-1-1",
                 "mounts[0].options[1]: 'uids=@0-1-1': maps relative to the container's are "
		  "not supported"										 },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;
		struct ctr_spec *spec = decode(&arena, "none", cases[i].options, &err);

		assert_string_equal(document_fault(&err), cases[i].fault);
		if (spec) {
			const struct ctr_mount *mount = &spec->mounts[0];

			assert_int_equal(mount->nuid_mappings, 2);
			assert_int_equal(mount->uid_mappings[0].host_id, 1000);
			assert_int_equal(mount->uid_mappings[1].container_id, 10);
			assert_int_equal(mount->uid_mappings[1].host_id, 5);
			assert_int_equal(mount->ngid_mappings, 1);
			assert_int_equal(mount->gid_mappings[0].size, 3);
			assert_true(mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP));
		}
		ctr_arena_release(&arena);
	}
}

/* All options that the spec says MUST, SHOULD or MAY be supported are in the table, once. */
static void complete(void **state)
{
	static const char *const names[] = {
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"iversion",
		"lazytime",
		"loud",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"private",
		"rbind",
		"relatime",
		"remount",
		"ro",
		"rprivate",
		"rshared",
		"rslave",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"sync",
		"unbindable",
		"nosymfollow",
		"symfollow",
		"ratime",
		"rdev",
		"rdiratime",
		"rexec",
		"rnoatime",
		"rnodiratime",
		"rnoexec",
		"rnodev",
		"rnorelatime",
		"rnostrictatime",
		"rnosuid",
		"rnosymfollow",
		"rrelatime",
		"rro",
		"rrw",
		"rstrictatime",
		"rsuid",
		"rsymfollow",
		"idmap",
		"ridmap",
		"mand",
		"nomand",
		"tmpcopyup",
	};

	(void)state;
	for (size_t i = 0; i < unit_count(names); i++) {
		int found = 0;

		for (unsigned k = 0; ctr_mount_option_name(k); k++)
			found += strcmp(ctr_mount_option_name(k), names[i]) == 0;
		if (found != 1)
			fail_msg("%s is there %d times", names[i], found);
	}
}

/* A million options that go to the file system must not cost the square of it. */
static void many(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_buf text;
	struct ctr_spec *spec;

	(void)state;
	ctr_buf_init(&text, &arena);
	ctr_buf_adds(&text,
		     "\"mounts\":[{\"destination\":\"/d\",\"type\":\"tmpfs\",\"options\":[\"x\"");
	for (size_t i = 0; i < 500000; i++)
		ctr_buf_adds(&text, ",\"y\"");
	ctr_buf_adds(&text, "]}]");
	spec = document_decode(&arena, document_of(&arena, ctr_buf_str(&text), ""), &err);
	assert_string_equal(err.text, "");
	assert_int_equal(strlen(spec->mounts[0].data), 1000001);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags),  cmocka_unit_test(recursive), cmocka_unit_test(bits),
		cmocka_unit_test(faults), cmocka_unit_test(id_maps),   cmocka_unit_test(complete),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
