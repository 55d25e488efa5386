/*
 * Command-line options as tables. Spellings: --name VALUE, --name=VALUE, -name VALUE (callers
 * written for Go's flag package use one dash), -l VALUE, -lVALUE, flags also as --name=false and
 * clustered (-it). "--" ends options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_near;

enum ctr_option_kind {
	CTR_OPTION_FLAG,         /* bool */
	CTR_OPTION_STRING,       /* const char * */
	CTR_OPTION_U32,          /* uint32_t */
	CTR_OPTION_LIST,         /* struct ctr_list: may be given again */
	CTR_OPTION_IGNORED_FLAG, /* accepted for callers of other runtimes; no effect */
	CTR_OPTION_IGNORED_VALUE,
};

struct ctr_list {
	const char **items;
	size_t count;
};

struct ctr_option {
	const char *name;
	char letter; /* 0: none */
	enum ctr_option_kind kind;
	size_t offset;     /* of the variable in the options structure */
	const char *value; /* how help calls it: "DIR" */
	const char *help;
};

/* A row of a table: CTR_OPT("bundle", 'b', STRING, offsetof(...), "DIR", "the bundle"). */
#define CTR_OPT(name, letter, kind, offset, value, help)                                           \
	{                                                                                          \
		name, letter, CTR_OPTION_##kind, offset, value, help                               \
	}

/* How the error of a flag that is in no table begins; the flag follows. */
#define CTR_UNKNOWN_FLAG "unknown flag: "

/* Is @argument, "--name" or "-l", an option of @table? */
bool ctr_options_have(const struct ctr_option *table, size_t n, const char *argument);
/* Try the long names of @table's options, with their dashes, in @arena (base/near.h). */
void ctr_options_near(const struct ctr_option *table, size_t n, struct ctr_near *near,
		      struct ctr_arena *arena);

/*
 * Parse @argv (NULL-terminated, without the program's name) by @table into @options; the rest are
 * *@operands (@argv's storage, reordered). Options end at "--" and, with @max_operands > 0, after
 * that many operands. 0, or -1 and @err: "unknown flag: --x", "flag needs an argument: --x".
 */
int ctr_options_parse(const struct ctr_option *table, size_t n, void *options, const char **argv,
		      size_t max_operands, const char ***operands, size_t *noperands,
		      struct ctr_arena *arena, struct ctr_error *err);

/* One line an option, for help. */
void ctr_options_print(const struct ctr_option *table, size_t n);
