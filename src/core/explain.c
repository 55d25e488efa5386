/*
 * Planning without doing: the same functions as ctr run up to the clone, and their results printed.
 * The text form is for people; the JSON form has one object an operation with its raw operands.
 */
#include "core/explain.h"

#include <errno.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/names.h"
#include "core/bare.h"
#include "core/context.h"
#include "core/limits.h"
#include "core/machine.h"
#include "core/overlay.h"
#include "core/security.h"
#include "ns/plan.h"
#include "oci/encode.h"
#include "oci/load.h"
#include "oci/words.h"
#include "plan/build.h"

struct explanation {
	const struct ctr_spec *spec; /* as the host's side carries it out */
	struct ctr_machine machine;
	struct ctr_actions actions;
	struct ctr_cgroup cgroup;
	struct ctr_limits limits;
	struct ctr_network network;
	struct ctr_plan_header *plan;
};

static bool is_machine(const struct explanation *explanation)
{
	return explanation->machine.backend->bits & CTR_BACKEND_MACHINE;
}

static const struct ctr_spec *load_spec(const struct ctr_context *context,
					const struct ctr_explain_options *given,
					struct ctr_error *err)
{
	const char *text;
	size_t len;

	return given->rootfs ? ctr_bare_spec(given->rootfs, given->args, context, &text, &len, err)
			     : ctr_bundle_load(context->arena, given->bundle, given->config, NULL,
					       NULL, err);
}

/* What `ctr run` makes of the document before it plans. */
static int load(struct explanation *explanation, const struct ctr_context *context,
		const struct ctr_explain_options *given, const char *id, struct ctr_error *err)
{
	struct ctr_machine_choice choice = { .isolation = given->isolation };
	const struct ctr_spec *spec = load_spec(context, given, err);

	if (!spec || ctr_network_init(&explanation->network, &given->network, id, context, err) < 0)
		return -1;
	if (!spec->process)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"process: missing, it is required to create");
	/* Of a directory that this caller may not search nothing is known. */
	if (access(spec->root->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "root.path: '%s'", spec->root->path);

	spec = ctr_network_spec(&explanation->network, spec, context);
	choice.host_network = explanation->network.mode == CTR_NETWORK_HOST;
	if (ctr_machine_init(&explanation->machine, context, spec, id, &choice, err) < 0 ||
	    ctr_network_check_backend(&explanation->network, explanation->machine.backend, err) < 0)
		return -1;
	if (is_machine(explanation))
		ctr_network_of_machine(&explanation->network, &explanation->machine, context);
	explanation->spec = explanation->machine.host_spec;
	return 0;
}

static int make(struct explanation *explanation, const struct ctr_context *context,
		const struct ctr_explain_options *given, struct ctr_error *err)
{
	/* Nothing may be written, so the cache of filters stays out of it. */
	struct ctr_context unprivileged = *context;
	struct ctr_plan_options options = { .id = "ID", .no_pivot = given->no_pivot };
	struct ctr_plan_builder builder;
	const struct ctr_spec *spec;

	if (load(explanation, context, given, options.id, err) < 0)
		return -1;
	spec = explanation->machine.spec;

	unprivileged.root = NULL;
	options.runtime_hooks =
		!is_machine(explanation) && (spec->hooks[CTR_HOOK_PRESTART].count > 0 ||
					     spec->hooks[CTR_HOOK_CREATE_RUNTIME].count > 0 ||
					     ctr_network_is_due(&explanation->network, spec));
	/* A directory with a slash in its name is made when it is missing: only a bare word can
	 * be wrong. */
	if (given->overlay && ctr_overlay_parse(given->overlay, &options.overlay_dir, err) < 0)
		return -1;
	options.overlay = given->overlay != NULL;
	options.state_create = options.state_start = "{}";
	if (ctr_cgroup_place(&explanation->cgroup, context->arena, &context->host, context->manager,
			     explanation->spec->linux_->cgroups_path, options.id, err) < 0 ||
	    ctr_container_limits(explanation->spec, &explanation->cgroup, context,
				 &explanation->limits, err) < 0 ||
	    ctr_security_plan(&options, spec, spec->process, &unprivileged, err) < 0)
		return -1;

	ctr_plan_init(&builder, context->arena);
	if (ctr_plan_container(&builder, &explanation->actions, spec, explanation->machine.host,
			       &options, context->arena, err) < 0)
		return -1;

	explanation->plan = ctr_plan_finish(&builder, err);
	return explanation->plan ? 0 : -1;
}

/* CLONE_NEW* as the names of namespaces. */
static void add_namespaces(struct ctr_buf *out, uint64_t flags)
{
	bool any = false;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		if (!(flags & ctr_ns_flag((enum ctr_ns_kind)i)))
			continue;
		ctr_buf_addf(out, "%s%s", any ? "," : "", ctr_ns_name((enum ctr_ns_kind)i));
		any = true;
	}
	if (!any)
		ctr_buf_adds(out, "none");
}

static const char *shape_name(enum ctr_shape_kind kind)
{
	static const char *const names[] = {
		[CTR_SHAPE_DIRECT] = "one clone",
		[CTR_SHAPE_USERNS] = "clone with a user namespace, map ids, unshare the rest",
		[CTR_SHAPE_JOIN] = "join through a helper process",
	};

	return names[kind];
}

static void print_map(struct ctr_buf *out, const char *name, const struct ctr_id_map *map, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ctr_buf_addf(out, "  %s %u -> %u, %u ids\n", name, map[i].container_id,
			     map[i].host_id, map[i].size);
}

static void print_limit(const struct ctr_limit *limit, struct ctr_buf *out)
{
	ctr_buf_addf(out, "  write %s to %s%s   # %s\n", limit->value, limit->file,
		     limit->flags & CTR_LIMIT_DEFAULT    ? ", unless the cgroup is new"
		     : limit->flags & CTR_LIMIT_OR_NEXT  ? " if it is there, or else"
		     : limit->flags & CTR_LIMIT_MAY_LACK ? " if it is there"
							 : "",
		     limit->origin);
}

static void print_fd(const struct ctr_fd_request *fd, size_t slot, struct ctr_buf *out)
{
	if (fd->kind != CTR_FD_OVERLAY)
		ctr_buf_addf(out, "  open %s for slot %zu   # %s\n", fd->path, slot, fd->origin);
	else if (fd->layer)
		ctr_buf_addf(out,
			     "  mount an overlay, %s/upper over %s, for slot %zu   # --overlay\n",
			     fd->layer, fd->path, slot);
	else
		ctr_buf_addf(out,
			     "  mount an overlay, a tmpfs over %s, for slot %zu   # --overlay\n",
			     fd->path, slot);
}

static void print_network(const struct explanation *explanation, struct ctr_buf *out)
{
	const struct ctr_network *network = &explanation->network;
	const struct ctr_linux *config = explanation->spec->linux_;

	for (size_t i = 0; i < config->nnet_devices; i++)
		ctr_buf_addf(out, "  move interface %s to the container   # linux.netDevices.%s\n",
			     config->net_devices[i].host_name, config->net_devices[i].host_name);
	if (network->mode == CTR_NETWORK_PASTA)
		ctr_buf_adds(out, "  start pasta, which copies the host's interface   # --net\n");
	if (network->mode == CTR_NETWORK_BRIDGE)
		ctr_buf_addf(out,
			     "  make eth0, a port of bridge %s, which is made if it is missing"
			     "   # --net\n",
			     network->bridge);
	if (network->mode == CTR_NETWORK_BRIDGE)
		ctr_buf_addf(out, "  give it IPv4 address %s\n",
			     network->ip ? network->ip : "the first that is free");
	if (network->ip6)
		ctr_buf_addf(out, "  give it IPv6 address %s   # --ip\n", network->ip6);
	for (size_t i = 0; i < network->options->npublish; i++)
		ctr_buf_addf(out, "  lead ports %s to the container   # --publish\n",
			     network->options->publish[i]);
}

static void add_rlimit_value(struct ctr_buf *out, uint64_t value)
{
	if (value == UINT64_MAX)
		ctr_buf_adds(out, "unlimited");
	else
		ctr_buf_addf(out, "%llu", (unsigned long long)value);
}

static void print_rlimit(const struct ctr_rlimit *limit, struct ctr_buf *out)
{
	ctr_buf_addf(out, "  limit %s to soft ", ctr_name_of(ctr_rlimit_names, limit->resource));
	add_rlimit_value(out, limit->soft);
	ctr_buf_adds(out, ", hard ");
	add_rlimit_value(out, limit->hard);
	ctr_buf_adds(out, "\n");
}

static void print_shape(const struct ctr_actions *actions, struct ctr_buf *out)
{
	ctr_buf_addf(out, "  %s: ", shape_name(actions->shape.kind));
	add_namespaces(out, actions->shape.clone_flags);
	ctr_buf_addc(out, '\n');
	for (size_t i = 0; i < actions->shape.njoins; i++)
		ctr_buf_addf(out, "  join %s namespace %s\n",
			     ctr_ns_name(actions->shape.joins[i].kind),
			     actions->shape.joins[i].path);
	if (actions->shape.write_maps) {
		print_map(out, "map uid", actions->idmap.uid, actions->idmap.nuid);
		print_map(out, "map gid", actions->idmap.gid, actions->idmap.ngid);
	}
}

static void print_actions(const struct explanation *explanation, struct ctr_buf *out)
{
	const struct ctr_actions *actions = &explanation->actions;
	const struct ctr_cgroup *cgroup = &explanation->cgroup;

	ctr_buf_adds(out, "ctr does:\n");
	if (is_machine(explanation))
		ctr_buf_addf(out, "  boot a machine: %s\n", explanation->machine.backend->name);
	else
		print_shape(actions, out);
	if (!cgroup->mount)
		ctr_buf_adds(out, "  no cgroup\n");
	else if (cgroup->unit)
		ctr_buf_adds(out, "  cgroup that systemd makes, with a device filter\n");
	else
		ctr_buf_addf(out, "  cgroup %s%s, with a device filter%s\n", cgroup->mount,
			     cgroup->path,
			     ctr_cgroup_may_make(cgroup) ? ""
			     : cgroup->optional          ? ", which this caller does not get: none"
						: ", which this caller may not make: an error");
	for (size_t i = 0; cgroup->mount && i < explanation->limits.count; i++)
		print_limit(&explanation->limits.list[i], out);
	for (size_t i = 0; i < actions->nrlimits; i++)
		if (!(actions->late_rlimits >> actions->rlimits[i].resource & 1))
			print_rlimit(&actions->rlimits[i], out);
	if (actions->has_oom_score_adj)
		ctr_buf_addf(out, "  OOM score adjustment %d\n", actions->oom_score_adj);
	print_network(explanation, out);
	for (size_t i = 0; i < actions->nfds; i++)
		print_fd(&actions->fds[i], i, out);
	ctr_buf_adds(out, is_machine(explanation) ? "ctr-init does, in the machine:\n"
						  : "ctr-init does:\n");
	if (is_machine(explanation))
		print_shape(actions, out);
	ctr_plan_dump(explanation->plan, out);
}

static void encode_op(struct ctr_json *json, const struct ctr_plan_header *plan,
		      const struct ctr_op *op)
{
	const struct ctr_op_info *info = ctr_op_info(op->kind);

	ctr_json_object(json, NULL);
	ctr_json_string(json, "op", info->name);
	for (const char *operand = info->operands; *operand; operand++) {
		switch (*operand) {
		case 's':
			ctr_json_string(json, "str", ctr_view_str(plan, op->str));
			break;
		case 't':
		case 'B':
			ctr_json_string(json, "str2", ctr_view_str(plan, op->str2));
			break;
		case 'f':
			ctr_json_i64(json, "fd", op->fd);
			break;
		case 'a':
			ctr_json_u64(json, "arg", op->arg);
			break;
		case 'b':
			ctr_json_u64(json, "arg2", op->arg2);
			break;
		default:
			break;
		}
	}
	ctr_json_u64(json, "flags", op->flags);
	if (op->origin)
		ctr_json_string(json, "origin", ctr_view_str(plan, op->origin));
	ctr_json_end_object(json);
}

static void encode_map(struct ctr_json *json, const char *key, const struct ctr_id_map *map,
		       size_t n)
{
	ctr_json_array(json, key);
	for (size_t i = 0; i < n; i++) {
		ctr_json_object(json, NULL);
		ctr_json_u64(json, "containerID", map[i].container_id);
		ctr_json_u64(json, "hostID", map[i].host_id);
		ctr_json_u64(json, "size", map[i].size);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
}

static void encode_limits(struct ctr_json *json, const struct ctr_limits *limits)
{
	if (limits->count == 0)
		return;

	ctr_json_array(json, "limits");
	for (size_t i = 0; i < limits->count; i++) {
		ctr_json_object(json, NULL);
		ctr_json_string(json, "file", limits->list[i].file);
		ctr_json_string(json, "value", limits->list[i].value);
		ctr_json_string(json, "origin", limits->list[i].origin);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
}

static void encode_strings(struct ctr_json *json, const char *key, const char *const *list,
			   size_t n)
{
	ctr_json_array(json, key);
	for (size_t i = 0; i < n; i++)
		ctr_json_string(json, NULL, list[i]);
	ctr_json_end_array(json);
}

static void encode_network(struct ctr_json *json, const struct ctr_network *network)
{
	if (network->mode == CTR_NETWORK_CONFIG)
		return;

	ctr_json_object(json, "network");
	ctr_json_string(json, "mode", ctr_name_of(ctr_network_names, network->mode));
	if (network->bridge && network->mode == CTR_NETWORK_BRIDGE)
		ctr_json_string(json, "bridge", network->bridge);
	encode_strings(json, "ip", network->options->ip, network->options->nip);
	encode_strings(json, "publish", network->options->publish, network->options->npublish);
	ctr_json_end_object(json);
}

static void encode(const struct explanation *explanation, struct ctr_arena *arena,
		   struct ctr_buf *out)
{
	const struct ctr_actions *actions = &explanation->actions;
	const struct ctr_plan_header *plan = explanation->plan;
	const struct ctr_op *ops = ctr_view_ops(plan);
	struct ctr_buf namespaces;
	struct ctr_json json;

	ctr_buf_init(&namespaces, arena);
	add_namespaces(&namespaces, actions->shape.clone_flags);
	ctr_json_init(&json, out, "  ");
	ctr_json_object(&json, NULL);
	ctr_json_object(&json, "actions");
	ctr_json_string(&json, "isolation", explanation->machine.backend->name);
	ctr_json_string(&json, "shape", shape_name(actions->shape.kind));
	ctr_json_string(&json, "namespaces", ctr_buf_str(&namespaces));
	if (actions->shape.write_maps) {
		encode_map(&json, "uidMappings", actions->idmap.uid, actions->idmap.nuid);
		encode_map(&json, "gidMappings", actions->idmap.gid, actions->idmap.ngid);
	}
	if (explanation->cgroup.mount && !explanation->cgroup.unit &&
	    ctr_cgroup_may_make(&explanation->cgroup))
		ctr_json_string(&json, "cgroup",
				ctr_arena_printf(arena, "%s%s", explanation->cgroup.mount,
						 explanation->cgroup.path));
	encode_limits(&json, &explanation->limits);
	encode_network(&json, &explanation->network);
	for (size_t i = 0; i < actions->nfds; i++)
		if (actions->fds[i].kind == CTR_FD_OVERLAY)
			ctr_json_string(&json, "overlay",
					actions->fds[i].layer ? actions->fds[i].layer
							      : "ephemeral");
	ctr_json_end_object(&json);
	ctr_json_array(&json, "plan");
	for (uint32_t i = 0; i < plan->nops; i++)
		encode_op(&json, plan, &ops[i]);
	ctr_json_end_array(&json);
	ctr_json_end_object(&json);
	ctr_buf_addc(out, '\n');
}

int ctr_explain(const struct ctr_context *context, const struct ctr_explain_options *options,
		struct ctr_buf *out, struct ctr_error *err)
{
	struct explanation explanation = { .cgroup = { .fd = -1 }, .network = CTR_NETWORK_INIT };

	if (make(&explanation, context, options, err) < 0)
		return -1;

	if (options->json)
		encode(&explanation, context->arena, out);
	else
		print_actions(&explanation, out);
	return 0;
}
