/* Namespaces of a container out of a checkpoint. */
#include "core/restore_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "criu/options.h"
#include "ns/shape.h"
#include "oci/checkpoint.h"
#include "oci/words.h"

static bool had_joined(const struct ctr_checkpoint *checkpoint, const char *name)
{
	for (size_t i = 0; i < checkpoint->nnamespaces; i++)
		if (strcmp(checkpoint->namespaces[i], name) == 0)
			return true;

	return false;
}

int ctr_restore_namespaces_open(const struct ctr_spec *spec,
				const struct ctr_checkpoint *checkpoint,
				struct ctr_criu_namespace *list, size_t *n, struct ctr_error *err)
{
	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		const struct ctr_namespace *namespace = &spec->linux_->namespaces[i];
		const char *name = ctr_name_of(ctr_namespace_names, i);

		if (checkpoint && had_joined(checkpoint, name) != (namespace->path != NULL))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.namespaces: the checkpointed container had %s '%s' "
					"namespace, the configuration has %s",
					namespace->path ? "no joined" : "joined a", name,
					namespace->path ? "a path" : "no path");
		if (!namespace->path)
			continue;

		list[*n] = (struct ctr_criu_namespace){
			.kind = (enum ctr_ns_kind)i,
			.path = namespace->path,
			.fd = open(namespace->path, O_RDONLY | O_CLOEXEC),
		};
		if (list[*n].fd < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno,
					"linux.namespaces[%u].path: cannot open '%s'",
					namespace->index, namespace->path);
		(*n)++;
	}
	return 0;
}

int ctr_restore_namespaces_check(const struct ctr_spec *spec, pid_t pid, struct ctr_arena *arena,
				 struct ctr_error *err)
{
	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		const struct ctr_namespace *namespace = &spec->linux_->namespaces[i];
		const char *file = ctr_ns_file((enum ctr_ns_kind)i);
		const char *its = ctr_arena_printf(arena, "/proc/%d/ns/%s", (int)pid, file);
		const char *known = namespace->path
					    ? namespace->path
					    : ctr_arena_printf(arena, "/proc/self/ns/%s", file);
		const bool wants_own = namespace->listed && !namespace->path;
		struct stat a, b;

		if (!namespace->path && i == CTR_NS_TIME) /* CRIU makes one always */
			continue;
		if (stat(its, &a) < 0 || stat(known, &b) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"cannot compare the namespaces '%s' and '%s'", its, known);
		if ((a.st_ino == b.st_ino && a.st_dev == b.st_dev) == wants_own)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.namespaces: the images have %s '%s' namespace, the "
					"configuration has %s",
					wants_own ? "no" : "another",
					ctr_name_of(ctr_namespace_names, i),
					wants_own         ? "its own"
					: namespace->path ? "one to join"
							  : "none");
	}
	return 0;
}
