/* Tables of the mounts (config.md#mounts) and of id maps. */
#include <string.h>

#include "base/arena.h"
#include "base/path.h"
#include "oci/decode.h"
#include "oci/mount_options.h"

static const struct ctr_field id_map_fields[] = {
	F_U32(struct ctr_id_map, container_id, "containerID", CTR_REQUIRED),
	F_U32(struct ctr_id_map, host_id, "hostID", CTR_REQUIRED),
	F_U32(struct ctr_id_map, size, "size", CTR_REQUIRED),
};

static int id_map_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_id_map *map = object;

	if (map->size == 0)
		return ctr_decode_fault_in(decode, "size", "0 maps nothing");
	/* 4294967295 is no id: (uid_t)-1 means "unchanged" to chown(2). */
	if ((uint64_t)map->container_id + map->size > UINT32_MAX)
		return ctr_decode_fault_in(decode, "containerID",
					   "%u and %u more are beyond 4294967294",
					   map->container_id, map->size - 1);
	if ((uint64_t)map->host_id + map->size > UINT32_MAX)
		return ctr_decode_fault_in(decode, "hostID", "%u and %u more are beyond 4294967294",
					   map->host_id, map->size - 1);
	return 0;
}

const struct ctr_type ctr_type_id_map = {
	CTR_TYPE(struct ctr_id_map, id_map_fields),
	.done = id_map_done,
};

/* A relative destination is deprecated and taken relative to "/" (config.md#mounts). */
static int destination(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	char *path;

	(void)object;
	if (len == 0)
		return ctr_decode_fault(decode, "is empty");
	path = ctr_arena_strndup(ctr_decode_arena(decode), text, len);
	if (path[0] == '/') {
		ctr_path_clean_inplace(path);
	} else {
		path = ctr_path_clean(ctr_decode_arena(decode), path);
		ctr_decode_warn(decode, "%s is relative, which is deprecated; taken as '%s'",
				ctr_decode_quote(decode, text, len), path);
	}
	*(const char **)member = path;
	return 0;
}

static int check_bind(struct ctr_decode *decode, struct ctr_mount *mount)
{
	if (!mount->source && !(mount->bits & CTR_MOUNT_REMOUNT))
		return ctr_decode_fault_in(decode, "source", "is required for a bind mount");
	if (mount->data)
		return ctr_decode_fault_in(
			decode, "options",
			"%s is for a file system, a bind mount takes no such option",
			ctr_decode_quotes(decode, mount->data));
	if (mount->source)
		mount->source = ctr_path_join(ctr_decode_arena(decode), ctr_decode_bundle(decode),
					      mount->source);
	return 0;
}

/* Nothing but a propagation for what is mounted at the destination, as mount --make-rshared does.
 */
static bool changes_propagation_only(const struct ctr_mount *mount)
{
	return mount->propagation && !mount->bits && !mount->flags && !mount->flags_cleared &&
	       !mount->rec_set && !mount->rec_clear && !mount->data && !mount->uid_mappings;
}

static int mount_done(struct ctr_decode *decode, void *object)
{
	struct ctr_mount *mount = object;

	/* The spec makes a mount a bind mount by option only; callers rely on the type as well. */
	if (mount->type && strcmp(mount->type, "bind") == 0)
		mount->bits |= CTR_MOUNT_BIND;
	else if (mount->type && strcmp(mount->type, "rbind") == 0)
		mount->bits |= CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE;

	if ((mount->uid_mappings != NULL) != (mount->gid_mappings != NULL))
		return ctr_decode_fault_in(decode,
					   mount->uid_mappings ? "gidMappings" : "uidMappings",
					   "is required beside %s",
					   mount->uid_mappings ? "uidMappings" : "gidMappings");
	if (mount->bits & CTR_MOUNT_BIND)
		return check_bind(decode, mount);
	if (!mount->type && !(mount->bits & CTR_MOUNT_REMOUNT) && !changes_propagation_only(mount))
		return ctr_decode_fault_in(decode, "type",
					   "is required, unless options hold bind or rbind, or "
					   "nothing but a propagation");
	return 0;
}

static const struct ctr_field mount_fields[] = {
	F_TEXT(struct ctr_mount, destination, const char *, "destination", CTR_REQUIRED,
	       destination),
	F_TEXT(struct ctr_mount, type, const char *, "type", 0, ctr_text_word),
	F_TEXT(struct ctr_mount, source, const char *, "source", 0, ctr_text_word),
	F_TEXTS(struct ctr_mount, data, const char *, "options", ctr_mount_option),
	F_OBJECTS(struct ctr_mount, uid_mappings, nuid_mappings, struct ctr_id_map, "uidMappings",
		  0, &ctr_type_id_map),
	F_OBJECTS(struct ctr_mount, gid_mappings, ngid_mappings, struct ctr_id_map, "gidMappings",
		  0, &ctr_type_id_map),
};

const struct ctr_type ctr_type_mount = {
	CTR_TYPE(struct ctr_mount, mount_fields),
	.done = mount_done,
};
