/*
 * What ctr decodes and validates but does not carry out yet: a clear error, never silence. A row
 * goes away with the work that carries it out.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "ns/planner.h"

struct row {
	const char *field;
	bool asked;
};

static int check_rows(const struct row *rows, size_t n, struct ctr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].asked)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: ctr cannot do this yet",
					rows[i].field);
	}

	return 0;
}

int ctr_plan_check_supported(const struct ctr_spec *spec, struct ctr_error *err)
{
	const struct row rows[] = {
		{"vm", spec->vm != NULL},
	};

	return check_rows(rows, CTR_ARRAY_SIZE(rows), err);
}
