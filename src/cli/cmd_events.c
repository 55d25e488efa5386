/* ctr events. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "core/verbs.h"

struct events_options {
	bool stats;
	const char *interval;
};

static const struct ctr_option table[] = {
	CTR_OPT("stats", 0, FLAG, offsetof(struct events_options, stats), NULL,
		"print once what is used now, and end"),
	CTR_OPT("interval", 0, STRING, offsetof(struct events_options, interval), "TIME",
		"time between two lines, 5s without it"),
};

/* As Go writes durations: "5s", "1m30s", "500ms"; a number alone is seconds. */
static int parse_interval(const char *text, uint32_t *out, struct ctr_error *err)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {
		{"ms", 1      },
		{ "s", 1000   },
		{ "m", 60000  },
		{ "h", 3600000},
	};
	double total = 0;
	const char *at = text;

	while (*at >= '0' && *at <= '9') {
		char *unit;
		double value = strtod(at, &unit);
		size_t len = strcspn(unit, "0123456789"), i = 0;

		while (i < CTR_ARRAY_SIZE(units) &&
		       (strlen(units[i].unit) != len || memcmp(units[i].unit, unit, len) != 0))
			i++;
		if (i == CTR_ARRAY_SIZE(units) && !(*unit == '\0' && at == text))
			break;
		total += value * (i < CTR_ARRAY_SIZE(units) ? units[i].ms : 1000);
		at = unit + len;
	}

	if (*at != '\0' || total < 1 || total > UINT32_MAX)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"events: --interval: '%s' is not a time like 5s, and greater than 0", text);
	*out = (uint32_t)total;
	return 0;
}

static int print(void *data, const char *text, size_t len, struct ctr_error *err)
{
	(void)data;
	return ctr_print(text, len, err);
}

static int cmd_events(struct ctr_command *command, struct ctr_error *err)
{
	const struct events_options *options = command->options;
	struct ctr_events events = { .emit = print, .interval_ms = 5000 };

	if (options->interval && parse_interval(options->interval, &events.interval_ms, err) < 0)
		return -1;
	if (options->stats)
		events.interval_ms = 0;
	return ctr_watch(command->context, command->operands[0], &events, err);
}

const struct ctr_verb ctr_verb_events = {
	.name = "events",
	.synopsis = "[flags] ID",
	.summary = "print what a container uses, and when the OOM killer takes something",
	CTR_VERB_OPTIONS(table, struct events_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_events,
};
