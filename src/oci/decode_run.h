/* The decoder's own state, shared by decode.c (the engine), decode_value.c, report.c and load.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_field;
struct ctr_findings;
struct ctr_json_event;
struct ctr_type;

enum ctr_frame_kind {
	CTR_FRAME_OBJECT,
	CTR_FRAME_ARRAY,
	CTR_FRAME_MAP,
};

struct ctr_frame {
	enum ctr_frame_kind kind;
	const struct ctr_type *type; /* of an object */
	const struct ctr_field
		*field;         /* of an object: the one at hand; else: whose items these are */
	char *pointer;          /* the object (the owner, for items), or NULL: */
	size_t offset;          /* it is on the scratch, here */
	uint64_t seen, present; /* fields by number: had a key, had a value */
	size_t start;           /* of the items on the scratch */
	size_t before;          /* how far the scratch was used before them */
	size_t faults;          /* how many there were before the object */
	size_t index;           /* items begun so far */
	const char *key;        /* of a map, the one at hand */
	size_t aux;
};

enum { CTR_FRAMES_MAX = 16, CTR_FINDINGS_MAX = 1000 };

struct ctr_decode {
	struct ctr_arena *arena;
	const char *file;
	const char *text;
	size_t len;
	const char *bundle;
	const struct ctr_type *type; /* of the document */
	void *root;                  /* its struct */
	struct ctr_findings *findings;
	struct ctr_error *err;

	struct ctr_frame frames[CTR_FRAMES_MAX];
	unsigned nframes;
	size_t skip; /* depth in a value that is not decoded */
	size_t at;   /* where the event at hand begins */
	char *scratch;
	size_t scratch_used, scratch_size;

	size_t nfaults;
	const char **warnings;
	size_t nwarnings;

	/* the latest place turned into line and column; later ones are counted from it */
	size_t counted;
	unsigned line;
	size_t column;
};

int ctr_decode_event(void *decode, const struct ctr_json_event *event);

/* ---- values (decode_value.c): 1: stored, 0: left out (faults are collected), -1 */

/* Does it begin a value that other events belong to? */
bool ctr_decode_begins(const struct ctr_json_event *event);
/* Says so, and skips all of the value. */
int ctr_decode_wrong_type(struct ctr_decode *decode, const char *expected,
			  const struct ctr_json_event *event);
/* A number that is the value of @field, or one item of it, into @member. */
int ctr_decode_number(struct ctr_decode *decode, const struct ctr_field *field, void *member,
		      const struct ctr_json_event *event);
/* The same for a string of any kind. */
int ctr_decode_string(struct ctr_decode *decode, const struct ctr_field *field, char *object,
		      void *member, const struct ctr_json_event *event);

/* ---- messages (report.c) */

/* A key that the table of @type has not: a finding, nothing else. */
void ctr_decode_unknown(struct ctr_decode *decode, const struct ctr_type *type, const char *name,
			size_t len);
/* Something is wrong with key @key of the map at hand. */
int ctr_decode_fault_key(struct ctr_decode *decode, const char *key, const char *text);
/* The document itself is no good, at @offset. */
int ctr_decode_fault_syntax(struct ctr_decode *decode, size_t offset, const char *text);
