/*
 * Capabilities. A capability that cannot be granted is a warning, not an error
 * (config.md#linux-process). Without the block all sets are empty, the bounding set included, as
 * with runc.
 */
#include "base/buf.h"
#include "base/host.h"
#include "base/names.h"
#include "ns/planner.h"
#include "oci/words.h"

static const struct ctr_capabilities none = { 0 };

static const struct ctr_capabilities *requested(const struct ctr_planner *p)
{
	const struct ctr_capabilities *capabilities = p->spec->process->capabilities;

	return capabilities ? capabilities : &none;
}

static uint64_t known(const struct ctr_planner *p)
{
	return p->host->last_cap >= 63 ? UINT64_MAX : (1ULL << (p->host->last_cap + 1)) - 1;
}

/* The first process of a user namespace, and whoever joins one, has them all. */
static uint64_t available(const struct ctr_planner *p)
{
	return p->user_ns ? known(p) : p->host->cap_bounding & known(p);
}

/* @set without what is not in @allowed, with a warning that names it. */
static uint64_t limit(struct ctr_planner *p, const char *field, uint64_t set, uint64_t allowed,
		      const char *why)
{
	uint64_t refused = set & ~allowed;
	struct ctr_buf names;

	if (!refused)
		return set;

	ctr_buf_init(&names, p->arena);
	for (int cap = 0; cap < 64; cap++) {
		const char *name = ctr_name_of(ctr_capability_names, cap);

		if (!(refused >> cap & 1))
			continue;
		ctr_buf_adds(&names, names.len > 0 ? ", " : "");
		if (name)
			ctr_buf_adds(&names, name);
		else
			ctr_buf_addf(&names, "%d", cap);
	}
	ctr_planner_warn(p, "process.capabilities%s: cannot grant %s: %s", field,
			 ctr_buf_str(&names), why);

	return set & allowed;
}

void ctr_plan_bounding(struct ctr_planner *p)
{
	uint64_t keep = requested(p)->bounding & available(p);

	if (keep == available(p))
		return;

	ctr_plan_origin(p->plan, "process.capabilities.bounding");
	ctr_plan_add(p->plan, CTR_OP_BOUNDING)->arg = keep;
}

/*
 * The kernel's rules (capabilities(7)): effective is a part of permitted, inheritable of bounding,
 * ambient of permitted and inheritable.
 */
void ctr_plan_capabilities(struct ctr_planner *p)
{
	const struct ctr_capabilities *want = requested(p);
	uint64_t granted, ambient;
	struct ctr_op_caps caps;

	granted = limit(p, "",
			want->bounding | want->permitted | want->effective | want->inheritable |
				want->ambient,
			available(p), "ctr does not have it");
	caps.permitted = want->permitted & granted;
	caps.effective =
		limit(p, ".effective", want->effective & granted, caps.permitted, "not permitted");
	caps.inheritable = limit(p, ".inheritable", want->inheritable & granted, want->bounding,
				 "not in the bounding set");
	ambient = limit(p, ".ambient", want->ambient & granted, caps.permitted & caps.inheritable,
			"not permitted and inheritable");

	ctr_plan_origin(p->plan, "process.capabilities");
	ctr_plan_add(p->plan, CTR_OP_CAPS)->str = ctr_plan_data(p->plan, &caps, sizeof(caps));
	/* The kernel keeps the caller's where both other sets have them. */
	if (caps.permitted & caps.inheritable) {
		ctr_plan_origin(p->plan, "process.capabilities.ambient");
		ctr_plan_add(p->plan, CTR_OP_AMBIENT)->arg = ambient;
	}
}
