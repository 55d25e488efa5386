/*
 * The state document. Two readers: hooks and seccomp agents on their standard input or socket,
 * where Podman's tests look for the words ociVersion, id, pid, root, bundle, status, annotations;
 * and whoever calls `ctr state` and `ctr list`, who expects what runc prints.
 */
#include "oci/encode.h"
#include "oci/words.h"

void ctr_state_encode_members(struct ctr_json *json, const struct ctr_state_doc *doc)
{
	bool full = doc->created != NULL;

	ctr_json_string(json, "ociVersion", doc->oci_version ? doc->oci_version : CTR_OCI_VERSION);
	ctr_json_string(json, "id", doc->id);
	ctr_json_i64(json, "pid", doc->pid);
	ctr_json_string(json, "status", doc->status);
	ctr_json_string(json, "bundle", doc->bundle);
	if (doc->rootfs)
		ctr_json_string(json, full ? "rootfs" : "root", doc->rootfs);
	if (full)
		ctr_json_string(json, "created", doc->created);
	ctr_json_map(json, "annotations", doc->annotations, doc->nannotations);
	if (full && doc->owner)
		ctr_json_string(json, "owner", doc->owner);
}

void ctr_state_encode(struct ctr_json *json, const struct ctr_state_doc *doc)
{
	ctr_json_object(json, NULL);
	ctr_state_encode_members(json, doc);
	ctr_json_end_object(json);
}
