/* A verb of the command line: its table entry and what it gets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "core/context.h"

struct ctr_command {
	struct ctr_context *context;
	const void *options;   /* as its table filled it */
	const char **operands; /* NULL-terminated */
	size_t noperands;
	int status;         /* exit status on success */
	const char *bundle; /* out: whose configuration an error is about, NULL: of none */
};

struct ctr_verb {
	const char *name;
	const char *synopsis; /* "[flags] ID [SIGNAL]" */
	const char *summary;
	const struct ctr_option *options;
	size_t noptions, options_size;
	size_t max_operands; /* options end after so many operands; 0: anywhere */
	size_t operands_min, operands_max;
	int failure; /* exit status of ctr's own errors; 0: 1 */
	bool plans;  /* wants all of context->host; else it is only identified: what reads a
		      * document completes it by that (core/context.h) */
	int (*run)(struct ctr_command *command, struct ctr_error *err);
};

#define CTR_VERB_OPTIONS(table, type)                                                              \
	.options = table, .noptions = sizeof(table) / sizeof((table)[0]),                          \
	.options_size = sizeof(type)

enum { CTR_OPERANDS_ANY = 1 << 20, CTR_OPTIONS_SIZE_MAX = 512 };

extern const struct ctr_verb ctr_verb_create, ctr_verb_run, ctr_verb_start, ctr_verb_state,
	ctr_verb_kill, ctr_verb_delete, ctr_verb_exec, ctr_verb_list, ctr_verb_ps, ctr_verb_pause,
	ctr_verb_resume, ctr_verb_spec, ctr_verb_features, ctr_verb_explain, ctr_verb_lint,
	ctr_verb_update, ctr_verb_events, ctr_verb_compare, ctr_verb_checkpoint, ctr_verb_restore;

/* Where somebody detached from a terminal: say so, and make the exit status 0. */
void ctr_print_detached(struct ctr_command *command, const char *id);
/* Finish what was printed. 0, or -1 and @err when standard output refused it. */
int ctr_print_end(struct ctr_error *err);
/* Print @text of @len bytes. */
int ctr_print(const char *text, size_t len, struct ctr_error *err);
