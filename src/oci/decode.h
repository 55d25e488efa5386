/*
 * The table engine of the decoder, for the files of oci/ only. A struct is described by a table of
 * fields (spec_*.c); the engine walks the document's events over them. Macros tie each row to its
 * member: a row whose kind does not fit the member's type does not compile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"
#include "oci/spec.h"

struct ctr_arena;
struct ctr_decode;
struct ctr_error;
struct ctr_findings;

enum ctr_field_kind {
	CTR_F_IGNORE, /* known, but of another platform: not looked at */
	CTR_F_BOOL,
	CTR_F_U16,
	CTR_F_U32,
	CTR_F_U64,
	CTR_F_I32,
	CTR_F_I64,
	CTR_F_STRING,
	CTR_F_TEXT,        /* a string that a function turns into the member */
	CTR_F_ENUM,        /* a string out of a name table, the member has 4 bytes */
	CTR_F_FLAGS,       /* an array of strings out of a name table, or'ed */
	CTR_F_TEXTS,       /* an array of strings; the function gets each */
	CTR_F_ENUMS,       /* an array of strings out of a name table, into numbers of 4 bytes */
	CTR_F_STRINGS,     /* an array of strings, checked by the function if there is one */
	CTR_F_U32S,        /* an array of numbers */
	CTR_F_OBJECT,      /* an object into a member, or (offset 0) into the same struct */
	CTR_F_POINTER,     /* an object of its own */
	CTR_F_OBJECTS,     /* an array of objects */
	CTR_F_EACH,        /* an array of objects; the function gets each, none is kept */
	CTR_F_PAIRS,       /* an object of strings; the function gets each pair, if there is one */
	CTR_F_MAP_OBJECTS, /* an object of objects, whose structs begin with the key */
};

enum {
	CTR_REQUIRED = 1 << 0,
};

/* A function of a field. It sees the string (@text, @len; not NUL-terminated, transient) or the
 * item (@text NULL). @object is the struct that has the field, @member is its member, or the item
 * or pair of CTR_F_EACH, CTR_F_PAIRS and CTR_F_STRINGS (there: the copy). 0, or what
 * ctr_decode_fault() returned. */
typedef int (*ctr_field_function)(struct ctr_decode *decode, void *object, void *member,
				  const char *text, size_t len);

struct ctr_range {
	int64_t min;
	uint64_t max;
};

struct ctr_field {
	const char *name;
	uint8_t len; /* of name */
	uint8_t kind;
	uint8_t flags;
	uint8_t size;    /* of the member, for CTR_F_FLAGS */
	uint16_t offset; /* of the member */
	uint16_t has;    /* offset of its `has_x` or `nx`, plus one; 0: none */
	const void *arg; /* struct ctr_type, ctr_name or ctr_range, as the kind wants */
	ctr_field_function function;
};

struct ctr_type {
	const struct ctr_field *fields;
	uint16_t nfields; /* at most 64 */
	uint16_t size;
	bool closed;                /* a key without a field is a fault: the keys are values */
	void (*init)(void *object); /* defaults that are not zero */
	int (*done)(struct ctr_decode *decode, void *object); /* rules between the members */
};

#define CTR_TYPE(T, table)                                                                         \
	.fields = (table), .nfields = sizeof(table) / sizeof((table)[0]), .size = sizeof(T)

/* 0, or a compile-time error when the member is of another type. */
#define CTR_IF(condition)      (0 * sizeof(struct { int wrong_member_type : (condition) ? 1 : -1; }))
#define CTR_MEMBER(T, m)       __typeof__(((T *)0)->m)
#define CTR_IS(T, m, want)     CTR_IF(__builtin_types_compatible_p(CTR_MEMBER(T, m), want))
#define CTR_OFFSET(T, m, want) (offsetof(T, m) + CTR_IS(T, m, want))
#define CTR_HAS(T, m)          (CTR_OFFSET(T, m, bool) + 1)
#define CTR_COUNT(T, m)        (CTR_OFFSET(T, m, size_t) + 1)
#define CTR_ROW(text, what, more)                                                                  \
	.name = (text), .len = sizeof(text) - 1, .kind = (what), .flags = (more)
#define CTR_LIMITS(low, high)                                                                      \
	&(const struct ctr_range)                                                                  \
	{                                                                                          \
		.min = (low), .max = (high)                                                        \
	}

#define F_IGNORE(name)                                                                             \
	{                                                                                          \
		CTR_ROW(name, CTR_F_IGNORE, 0)                                                     \
	}

/* Scalars: F_X(type, member, name, flags), F_X_OPT with `has_member`. */
#define F_SCALAR(T, m, n, f, k, c)                                                                 \
	{                                                                                          \
		CTR_ROW(n, k, f), .offset = CTR_OFFSET(T, m, c)                                    \
	}
#define F_OPT(T, m, n, k, c)                                                                       \
	{                                                                                          \
		CTR_ROW(n, k, 0), .offset = CTR_OFFSET(T, m, c), .has = CTR_HAS(T, has_##m)        \
	}
#define F_BOOL(T, m, n, f)   F_SCALAR(T, m, n, f, CTR_F_BOOL, bool)
#define F_U16(T, m, n, f)    F_SCALAR(T, m, n, f, CTR_F_U16, uint16_t)
#define F_U32(T, m, n, f)    F_SCALAR(T, m, n, f, CTR_F_U32, uint32_t)
#define F_U64(T, m, n, f)    F_SCALAR(T, m, n, f, CTR_F_U64, uint64_t)
#define F_I32(T, m, n, f)    F_SCALAR(T, m, n, f, CTR_F_I32, int32_t)
#define F_I64(T, m, n, f)    F_SCALAR(T, m, n, f, CTR_F_I64, int64_t)
#define F_STRING(T, m, n, f) F_SCALAR(T, m, n, f, CTR_F_STRING, const char *)
#define F_BOOL_OPT(T, m, n)  F_OPT(T, m, n, CTR_F_BOOL, bool)
#define F_U16_OPT(T, m, n)   F_OPT(T, m, n, CTR_F_U16, uint16_t)
#define F_U32_OPT(T, m, n)   F_OPT(T, m, n, CTR_F_U32, uint32_t)
#define F_U64_OPT(T, m, n)   F_OPT(T, m, n, CTR_F_U64, uint64_t)
#define F_I32_OPT(T, m, n)   F_OPT(T, m, n, CTR_F_I32, int32_t)
#define F_I64_OPT(T, m, n)   F_OPT(T, m, n, CTR_F_I64, int64_t)

/* Numbers of a narrower range than their type's. */
#define F_LIMITED(T, m, n, f, k, c, low, high)                                                     \
	{                                                                                          \
		CTR_ROW(n, k, f), .offset = CTR_OFFSET(T, m, c), .arg = CTR_LIMITS(low, high)      \
	}
#define F_U32_IN(T, m, n, f, low, high) F_LIMITED(T, m, n, f, CTR_F_U32, uint32_t, low, high)
#define F_I32_IN(T, m, n, f, low, high) F_LIMITED(T, m, n, f, CTR_F_I32, int32_t, low, high)
#define F_I64_IN(T, m, n, f, low, high) F_LIMITED(T, m, n, f, CTR_F_I64, int64_t, low, high)
/* A user or a group: (uid_t)-1 means "no change" to setresuid(2), setresgid(2) and fchown(2). */
#define F_ID(T, m, n, f)                F_U32_IN(T, m, n, f, 0, UINT32_MAX - 1)
#define F_OPT_IN(T, m, n, k, c, low, high)                                                         \
	{                                                                                          \
		CTR_ROW(n, k, 0), .offset = CTR_OFFSET(T, m, c), .has = CTR_HAS(T, has_##m),       \
				  .arg = CTR_LIMITS(low, high)                                     \
	}
#define F_U32_OPT_IN(T, m, n, low, high) F_OPT_IN(T, m, n, CTR_F_U32, uint32_t, low, high)
#define F_U64_OPT_IN(T, m, n, low, high) F_OPT_IN(T, m, n, CTR_F_U64, uint64_t, low, high)
#define F_I32_OPT_IN(T, m, n, low, high) F_OPT_IN(T, m, n, CTR_F_I32, int32_t, low, high)

/* A string that @fn turns into a member of C type @c. */
#define F_TEXT(T, m, c, n, f, fn)                                                                  \
	{                                                                                          \
		CTR_ROW(n, CTR_F_TEXT, f), .offset = CTR_OFFSET(T, m, c), .function = (fn)         \
	}
#define F_ENUM(T, m, n, f, names)                                                                  \
	{                                                                                          \
		CTR_ROW(n, CTR_F_ENUM, f),                                                         \
			.offset = offsetof(T, m) + CTR_IF(sizeof(CTR_MEMBER(T, m)) == 4),          \
			.arg = (names)                                                             \
	}
#define F_FLAGS(T, m, n, names)                                                                    \
	{                                                                                          \
		CTR_ROW(n, CTR_F_FLAGS, 0),                                                        \
			.size = sizeof(CTR_MEMBER(T, m)),                                          \
			.offset = offsetof(T, m) + CTR_IF((CTR_MEMBER(T, m)) - 1 > 0),             \
			.arg = (names)                                                             \
	}
#define F_FLAGS_OPT(T, m, n, names)                                                                \
	{                                                                                          \
		CTR_ROW(n, CTR_F_FLAGS, 0),                                                        \
			.size = sizeof(CTR_MEMBER(T, m)),                                          \
			.offset = offsetof(T, m) + CTR_IF((CTR_MEMBER(T, m)) - 1 > 0),             \
			.has = CTR_HAS(T, has_##m), .arg = (names)                                 \
	}
#define F_TEXTS(T, m, c, n, fn)                                                                    \
	{                                                                                          \
		CTR_ROW(n, CTR_F_TEXTS, 0), .offset = CTR_OFFSET(T, m, c), .function = (fn)        \
	}

/* Arrays: the member and its count. */
#define F_LIST(T, m, count, c, n, f, k, ...)                                                       \
	{                                                                                          \
		CTR_ROW(n, k, f), .offset = CTR_OFFSET(T, m, c), .has = CTR_COUNT(T, count),       \
				  __VA_ARGS__                                                      \
	}
#define F_STRINGS(T, m, count, n, f, fn)                                                           \
	F_LIST(T, m, count, const char *const *, n, f, CTR_F_STRINGS, .function = (fn))
#define F_U32S(T, m, count, n) F_LIST(T, m, count, const uint32_t *, n, 0, CTR_F_U32S, )
#define F_IDS(T, m, count, n)                                                                      \
	F_LIST(T, m, count, const uint32_t *, n, 0, CTR_F_U32S,                                    \
	       .arg = CTR_LIMITS(0, UINT32_MAX - 1))
#define F_ENUMS(T, m, count, n, names)                                                             \
	F_LIST(T, m, count, const uint32_t *, n, 0, CTR_F_ENUMS, .arg = (names))
#define F_PAIRS(T, m, count, n, fn)                                                                \
	F_LIST(T, m, count, const struct ctr_string_pair *, n, 0, CTR_F_PAIRS, .function = (fn))
#define F_OBJECTS(T, m, count, c, n, f, type)                                                      \
	F_LIST(T, m, count, const c *, n, f, CTR_F_OBJECTS, .arg = (type))
#define F_MAP_OBJECTS(T, m, count, c, key, n, type)                                                \
	F_LIST(T, m, count, const c *, n, 0, CTR_F_MAP_OBJECTS, .arg = (type),                     \
	       .size = CTR_OFFSET(c, key, const char *) + CTR_IF(offsetof(c, key) == 0))
#define F_EACH(n, type, fn)                                                                        \
	{                                                                                          \
		CTR_ROW(n, CTR_F_EACH, 0), .arg = (type), .function = (fn)                         \
	}

/* Objects: in a member, in the same struct (its type's table has offsets of that), by a pointer. */
#define F_OBJECT(T, m, c, n, f, type)                                                              \
	{                                                                                          \
		CTR_ROW(n, CTR_F_OBJECT, f), .offset = CTR_OFFSET(T, m, c), .arg = (type)          \
	}
#define F_OBJECT_OPT(T, m, c, has_m, n, type)                                                      \
	{                                                                                          \
		CTR_ROW(n, CTR_F_OBJECT, 0), .offset = CTR_OFFSET(T, m, c),                        \
					     .has = CTR_HAS(T, has_m), .arg = (type)               \
	}
#define F_GROUP(n, f, type)                                                                        \
	{                                                                                          \
		CTR_ROW(n, CTR_F_OBJECT, f), .arg = (type)                                         \
	}
#define F_GROUP_OPT(T, has_m, n, type)                                                             \
	{                                                                                          \
		CTR_ROW(n, CTR_F_OBJECT, 0), .has = CTR_HAS(T, has_m), .arg = (type)               \
	}
#define F_POINTER(T, m, c, n, f, type)                                                             \
	{                                                                                          \
		CTR_ROW(n, CTR_F_POINTER, f), .offset = CTR_OFFSET(T, m, const c *), .arg = (type) \
	}

/* The types, each in the spec_*.c of its part. */
extern const struct ctr_type ctr_type_spec;
extern const struct ctr_type ctr_type_process;
extern const struct ctr_type ctr_type_mount;
extern const struct ctr_type ctr_type_hooks; /* in a struct ctr_spec */
extern const struct ctr_type ctr_type_linux;
extern const struct ctr_type ctr_type_resources;
extern const struct ctr_type ctr_type_seccomp;
extern const struct ctr_type ctr_type_vm;
extern const struct ctr_type ctr_type_id_map;
extern const struct ctr_type ctr_type_checkpoint;

/* ---- for the functions of fields and types, and for validate.c */

struct ctr_arena *ctr_decode_arena(struct ctr_decode *decode);
/* The bundle's absolute path, "" for documents without one. */
const char *ctr_decode_bundle(struct ctr_decode *decode);

/*
 * Something is wrong with the value at hand. Returns -1, to be returned; or 0 when faults are being
 * collected: then the value is to be left out and decoding goes on.
 */
int ctr_decode_fault(struct ctr_decode *decode, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for member @member of the object at hand (in a `done`). */
int ctr_decode_fault_in(struct ctr_decode *decode, const char *member, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for the value at @path of the document (after decoding). */
int ctr_decode_fault_at(struct ctr_decode *decode, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Odd, but allowed; at the value at hand, or at @path. */
void ctr_decode_warn(struct ctr_decode *decode, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ctr_decode_warn_at(struct ctr_decode *decode, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Has the document a value at @path? For messages only: it is parsed once more. */
bool ctr_decode_is_there(struct ctr_decode *decode, const char *path);

/* A text of the document for a message: in single quotes, control bytes and excess cut. */
const char *ctr_decode_quote(struct ctr_decode *decode, const char *text, size_t len);
const char *ctr_decode_quotes(struct ctr_decode *decode, const char *text);
/* Behind a word that is not in @table: ", did you mean 'WORD'?", or "" (base/near.h). */
const char *ctr_decode_near(struct ctr_decode *decode, const struct ctr_name *table,
			    const char *text, size_t len);

/* Had field @name of the object at hand a value (in a `done`)? */
bool ctr_decode_present(struct ctr_decode *decode, const char *name);

/* The number of the item at hand in its array. */
size_t ctr_decode_index(struct ctr_decode *decode);

/* The length of what CTR_F_TEXTS put together so far for the array at hand; 0 at its begin. */
size_t *ctr_decode_aux(struct ctr_decode *decode);

/* Functions of fields that several parts use. */
int ctr_text_word(struct ctr_decode *decode, void *object, void *member, const char *text,
		  size_t len); /* a string; "" is NULL */
int ctr_text_absolute(struct ctr_decode *decode, void *object, void *member, const char *text,
		      size_t len); /* an absolute path, as it is */
int ctr_text_clean_path(struct ctr_decode *decode, void *object, void *member, const char *text,
			size_t len); /* an absolute path, cleaned */
int ctr_text_list(struct ctr_decode *decode, void *object, void *member, const char *text,
		  size_t len); /* "0-3,7": a list of CPUs or nodes; "" is NULL */
int ctr_string_env(struct ctr_decode *decode, void *object, void *member, const char *text,
		   size_t len); /* "NAME=value" */
int ctr_string_clean_path(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len);

/* ---- the rules that look at more than one object (validate*.c). 0 or -1. */
int ctr_validate_spec(struct ctr_decode *decode, const struct ctr_spec *spec);
/* For lint: what a container refuses or is hardly meant to be, if @spec does not say that it is run
 * as something else. */
int ctr_validate_container(struct ctr_decode *decode, const struct ctr_spec *spec);
int ctr_validate_process(struct ctr_decode *decode, const struct ctr_process *process,
			 const char *path);
int ctr_validate_resources(struct ctr_decode *decode, const struct ctr_resources *resources,
			   const char *path);
