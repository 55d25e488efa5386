/*
 * What is decoded and validated, and not carried out for a container: a clear error, never silence.
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
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"%s: is for --isolation vm and microvm only",
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
