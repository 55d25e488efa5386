/* Documents that ctr writes: state, features, the default configuration. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_buf;
struct ctr_spec;
struct ctr_string_pair;

/* A small JSON writer: members and items in order, escaping as RFC 8259 wants, '/' unescaped.
 * Bytes that are no UTF-8 become U+FFFD. */
struct ctr_json {
	struct ctr_buf *buf;
	const char *indent; /* NULL: compact; else one level of it, e.g. "  " or "\t" */
	unsigned depth;
	bool comma;
};

void ctr_json_init(struct ctr_json *json, struct ctr_buf *buf, const char *indent);
/* @key is NULL inside an array and at the top. */
void ctr_json_object(struct ctr_json *json, const char *key);
void ctr_json_end_object(struct ctr_json *json);
void ctr_json_array(struct ctr_json *json, const char *key);
void ctr_json_end_array(struct ctr_json *json);
void ctr_json_string(struct ctr_json *json, const char *key, const char *value);
void ctr_json_u64(struct ctr_json *json, const char *key, uint64_t value);
void ctr_json_i64(struct ctr_json *json, const char *key, int64_t value);
/* A number that is text already, "0.25". */
void ctr_json_number(struct ctr_json *json, const char *key, const char *value);
void ctr_json_bool(struct ctr_json *json, const char *key, bool value);
void ctr_json_null(struct ctr_json *json, const char *key);
void ctr_json_map(struct ctr_json *json, const char *key, const struct ctr_string_pair *pairs,
		  size_t n);

/* The state of runtime.md#state plus what callers of runc's `state` expect. */
struct ctr_state_doc {
	const char *oci_version; /* NULL: the newest that ctr knows */
	const char *id;
	int pid;            /* 0 when stopped */
	const char *status; /* creating created running paused stopped */
	const char *bundle;
	const char *rootfs;
	const char *created; /* RFC 3339, UTC */
	const char *owner;   /* user name, "" if unknown */
	const struct ctr_string_pair *annotations;
	size_t nannotations;
};

/* As an object of @json (with @key NULL). Without `created` it is what hooks and seccomp agents get
 * (runtime.md#state): no created and owner, and the root file system is called "root". */
void ctr_state_encode(struct ctr_json *json, const struct ctr_state_doc *doc);
/* The members alone, of an object that the caller has begun. */
void ctr_state_encode_members(struct ctr_json *json, const struct ctr_state_doc *doc);

/* The features document (features.md). */
void ctr_features_encode(struct ctr_json *json);

/* What the default configuration is made for. */
struct ctr_spec_defaults {
	bool rootless; /* adds a user namespace with the caller's ids, drops what cannot work */
	uint32_t uid, gid;
	const char *rootfs; /* NULL: "rootfs" */
	const char *const *args;
	size_t nargs; /* 0: { "sh" } */
	bool no_terminal, writable;
	const char *hostname; /* NULL: "ctr" */
};

/* What `ctr spec` writes: like runc's default. */
void ctr_spec_default_encode(struct ctr_json *json, const struct ctr_spec_defaults *defaults);
