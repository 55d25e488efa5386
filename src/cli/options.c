/* The option parser: one pass, operands are moved to the front of argv. */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/near.h"

struct parser {
	const struct ctr_option *table;
	size_t n;
	void *options;
	const char **next; /* what was not looked at yet */
	struct ctr_arena *arena;
};

static const struct ctr_option *find_long(const struct parser *parser, const char *name, size_t len)
{
	for (size_t i = 0; i < parser->n; i++) {
		const struct ctr_option *option = &parser->table[i];

		if (strncmp(option->name, name, len) == 0 && option->name[len] == '\0')
			return option;
	}

	return NULL;
}

static const struct ctr_option *find_letter(const struct parser *parser, char letter)
{
	for (size_t i = 0; i < parser->n; i++)
		if (parser->table[i].letter == letter)
			return &parser->table[i];

	return NULL;
}

static bool is_flag(const struct ctr_option *option)
{
	return option->kind == CTR_OPTION_FLAG || option->kind == CTR_OPTION_IGNORED_FLAG;
}

static bool is_ignored(const struct ctr_option *option)
{
	return option->kind == CTR_OPTION_IGNORED_FLAG || option->kind == CTR_OPTION_IGNORED_VALUE;
}

static int set_flag(const struct ctr_option *option, bool *flag, const char *value,
		    struct ctr_error *err)
{
	bool on = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (value && !on && strcmp(value, "false") != 0 && strcmp(value, "0") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--%s: '%s' is neither true nor false",
				option->name, value);
	*flag = on;
	return 0;
}

static void append(struct parser *parser, struct ctr_list *list, const char *value)
{
	list->items = ctr_arena_grow(parser->arena, list->items, list->count * sizeof(*list->items),
				     (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = value;
}

static int set_value(struct parser *parser, const struct ctr_option *option, const char *value,
		     struct ctr_error *err)
{
	void *variable = (char *)parser->options + option->offset;
	uint64_t number;
	bool ignored;

	switch (option->kind) {
	case CTR_OPTION_FLAG:
		return set_flag(option, variable, value, err);
	case CTR_OPTION_IGNORED_FLAG:
		return set_flag(option, &ignored, value, err);
	case CTR_OPTION_STRING:
		*(const char **)variable = value;
		return 0;
	case CTR_OPTION_LIST:
		append(parser, variable, value);
		return 0;
	case CTR_OPTION_U32:
		if (ctr_parse_u64(value, &number) < 0 || number > INT32_MAX)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--%s: '%s' is not a number from 0 to %d", option->name,
					value, INT32_MAX);
		*(uint32_t *)variable = (uint32_t)number;
		return 0;
	case CTR_OPTION_IGNORED_VALUE:
		return 0;
	}

	return 0;
}

/* The value of @option: what is attached to it, or the next argument. */
static int take_value(struct parser *parser, const struct ctr_option *option, const char *attached,
		      struct ctr_error *err)
{
	const char *value = attached;

	if (!value && !is_flag(option)) {
		value = *parser->next;
		if (!value)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "flag needs an argument: --%s",
					option->name);
		parser->next++;
	}

	return set_value(parser, option, value, err);
}

/* "-it", "-b DIR", "-bDIR" */
static int parse_letters(struct parser *parser, const char *argument, struct ctr_error *err)
{
	for (const char *letter = argument + 1; *letter; letter++) {
		const struct ctr_option *option = find_letter(parser, *letter);

		if (!option)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, CTR_UNKNOWN_FLAG "%s", argument);
		if (is_flag(option)) {
			if (set_value(parser, option, NULL, err) < 0)
				return -1;
			continue;
		}
		return take_value(parser, option,
				  letter[1] == '=' ? letter + 2
				  : letter[1]      ? letter + 1
						   : NULL,
				  err);
	}

	return 0;
}

static int parse_option(struct parser *parser, const char *argument, struct ctr_error *err)
{
	const char *name = argument + (argument[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct ctr_option *option = len > 0 ? find_long(parser, name, len) : NULL;

	if (option)
		return take_value(parser, option, name[len] ? name + len + 1 : NULL, err);
	if (argument[1] != '-')
		return parse_letters(parser, argument, err);

	return ctr_fail(err, CTR_FAULT_USAGE, 0, CTR_UNKNOWN_FLAG "%.*s", (int)len + 2, argument);
}

bool ctr_options_have(const struct ctr_option *table, size_t n, const char *argument)
{
	const struct parser parser = { .table = table, .n = n };

	return strncmp(argument, "--", 2) == 0
		       ? find_long(&parser, argument + 2, strlen(argument + 2)) != NULL
		       : argument[0] == '-' && argument[1] && !argument[2] &&
				 find_letter(&parser, argument[1]) != NULL;
}

void ctr_options_near(const struct ctr_option *table, size_t n, struct ctr_near *near,
		      struct ctr_arena *arena)
{
	for (size_t i = 0; i < n; i++)
		if (!is_ignored(&table[i]))
			ctr_near_try(near, ctr_arena_printf(arena, "--%s", table[i].name));
}

int ctr_options_parse(const struct ctr_option *table, size_t n, void *options, const char **argv,
		      size_t max_operands, const char ***operands, size_t *noperands,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	struct parser parser = {
		.table = table, .n = n, .options = options, .next = argv, .arena = arena
	};
	bool ended = false;
	size_t count = 0;

	while (*parser.next) {
		const char *argument = *parser.next++;

		if (!ended && strcmp(argument, "--") == 0) {
			ended = true;
			continue;
		}
		if (ended || argument[0] != '-' || argument[1] == '\0') {
			argv[count++] = argument;
			ended |= max_operands > 0 && count == max_operands;
			continue;
		}
		if (parse_option(&parser, argument, err) < 0)
			return -1;
	}

	argv[count] = NULL;
	*operands = argv;
	*noperands = count;
	return 0;
}

/* "-b, --bundle DIR" */
static int option_words(const struct ctr_option *option, char *out, size_t size)
{
	return snprintf(out, size, "%s%c%s --%s%s%s", option->letter ? "-" : " ",
			option->letter ? option->letter : ' ', option->letter ? "," : " ",
			option->name, option->value ? " " : "", option->value ? option->value : "");
}

void ctr_options_print(const struct ctr_option *table, size_t n)
{
	char words[64];
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		int len = option_words(&table[i], words, sizeof(words));

		if (!is_ignored(&table[i]) && len > width)
			width = len;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_ignored(&table[i]))
			continue;
		(void)option_words(&table[i], words, sizeof(words));
		printf("  %-*s  %s\n", width, words, table[i].help);
	}
}
