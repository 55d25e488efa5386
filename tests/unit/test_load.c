/* oci/load and the tables: every property lands where it should; documents of real callers;
 * bundles. */
#include "document.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define bit(n)            (UINT64_C(1) << (n))
#define assert_text(a, b) assert_string_equal((a), (b))

static struct ctr_spec *load(struct ctr_arena *arena, const char *name)
{
	struct ctr_error err = { 0 };
	struct ctr_spec *spec;

	spec = ctr_bundle_load(arena, "/b/undle", document_path(name), NULL, NULL, &err);
	assert_string_equal(err.text, "");
	assert_non_null(spec);
	assert_text(spec->bundle, "/b/undle");
	return spec;
}

/* Each value of every-property.json, which tests/check-properties keeps complete. */
static void check_process(const struct ctr_process *process)
{
	static const char *const env[] = { "PATH=/bin", "EMPTY=", "A=b=c" };

	assert_true(process->terminal);
	assert_true(process->has_console_size);
	assert_int_equal(process->console_height, 25);
	assert_int_equal(process->console_width, 80);
	assert_int_equal(process->user.uid, 1000);
	assert_int_equal(process->user.gid, 1001);
	assert_true(process->user.has_umask);
	assert_int_equal(process->user.umask, 077);
	assert_int_equal(process->user.nadditional_gids, 2);
	assert_int_equal(process->user.additional_gids[0], 10);
	assert_int_equal(process->user.additional_gids[1], 4294967294u);
	assert_text(process->user.username, "nobody");
	assert_int_equal(process->nargs, 3);
	assert_text(process->args[0], "sh");
	assert_text(process->args[2], "echo \xc3\xa9\xf0\x9f\x98\x80 \"quoted\"");
	assert_text(process->command_line, "cmd.exe /c dir");
	assert_int_equal(process->nenv, 3);
	for (size_t i = 0; i < 3; i++)
		assert_text(process->env[i], env[i]);
	assert_text(process->cwd, "/work/dir");
	assert_int_equal(process->capabilities->bounding,
			 bit(CAP_CHOWN) | bit(CAP_CHECKPOINT_RESTORE));
	assert_int_equal(process->capabilities->effective, bit(CAP_KILL));
	assert_int_equal(process->capabilities->inheritable, bit(CAP_NET_RAW));
	assert_int_equal(process->capabilities->permitted, bit(CAP_KILL) | bit(CAP_BPF));
	assert_int_equal(process->capabilities->ambient, bit(CAP_SYS_ADMIN));
	assert_int_equal(process->nrlimits, 2);
	assert_int_equal(process->rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(process->rlimits[0].soft, 1024);
	assert_true(process->rlimits[0].hard == UINT64_MAX);
	assert_int_equal(process->rlimits[1].resource, RLIMIT_CORE);
	assert_true(process->no_new_privileges);
	assert_text(process->apparmor_profile, "acme_secure_profile");
	assert_text(process->selinux_label, "system_u:system_r:svirt_lxc_net_t:s0:c124,c675");
	assert_true(process->has_oom_score_adj);
	assert_int_equal(process->oom_score_adj, -100);
	assert_int_equal(process->scheduler->policy, SCHED_DEADLINE);
	assert_int_equal(process->scheduler->flags, 0x7f);
	assert_int_equal(process->scheduler->runtime, 1000000);
	assert_int_equal(process->scheduler->deadline, 2000000);
	assert_true(process->scheduler->period == UINT64_MAX);
	assert_int_equal(process->io_priority->class, 3);
	assert_int_equal(process->io_priority->priority, 7);
	assert_text(process->exec_cpu_affinity->initial, "7");
	assert_text(process->exec_cpu_affinity->final, "0-3, 7");
}

static void check_mounts(const struct ctr_spec *spec)
{
	const struct ctr_mount *mount = &spec->mounts[1];

	assert_int_equal(spec->nmounts, 3);
	assert_text(spec->mounts[0].destination, "/proc");
	assert_text(spec->mounts[0].type, "proc");
	assert_text(spec->mounts[0].source, "proc");
	assert_text(mount->destination, "/data/y");
	assert_text(mount->source, "/b/undle/volumes/testing");
	assert_int_equal(mount->bits, CTR_MOUNT_BIND | CTR_MOUNT_RECURSIVE | CTR_MOUNT_IDMAP);
	assert_int_equal(mount->flags_cleared, MS_RDONLY);
	assert_int_equal(mount->rec_set, 1);
	assert_int_equal(mount->propagation, MS_PRIVATE | MS_REC);
	assert_int_equal(mount->nuid_mappings, 1);
	assert_int_equal(mount->uid_mappings[0].host_id, 1000);
	assert_int_equal(mount->ngid_mappings, 1);
	assert_int_equal(mount->gid_mappings[0].container_id, 1);
	assert_int_equal(mount->gid_mappings[0].host_id, 2000);
	assert_int_equal(mount->gid_mappings[0].size, 3);
	assert_text(spec->mounts[2].data, "mode=755,size=65536k");
	assert_int_equal(spec->mounts[2].flags, MS_NOSUID | MS_STRICTATIME);
	assert_int_equal(spec->mounts[2].bits, CTR_MOUNT_TMPCOPYUP);
}

static void check_hooks(const struct ctr_hooks *hooks)
{
	static const struct {
		const char *path, *arg;
		size_t count, nenv;
		int64_t timeout;
	} expected[CTR_HOOK_KINDS] = {
		[CTR_HOOK_PRESTART] = {"/usr/bin/prestart",          "prestart", 1, 1, 1        },
		[CTR_HOOK_CREATE_RUNTIME] = { "/usr/bin/create-runtime",   "a",        2, 1, 2        },
		[CTR_HOOK_CREATE_CONTAINER] = { "/usr/bin/create-container", "b",        1, 0, 3        },
		[CTR_HOOK_START_CONTAINER] = { "/usr/bin/start-container",  "c",        1, 1, 4        },
		[CTR_HOOK_POSTSTART] = { "/usr/bin/poststart",        "d",        1, 1, 5        },
		[CTR_HOOK_POSTSTOP] = { "/usr/bin/poststop",         "e",        1, 1, INT32_MAX},
	};

	for (size_t i = 0; i < CTR_HOOK_KINDS; i++) {
		assert_int_equal(hooks[i].count, expected[i].count);
		assert_text(hooks[i].list[0].path, expected[i].path);
		assert_text(hooks[i].list[0].args[0], expected[i].arg);
		assert_int_equal(hooks[i].list[0].nenv, expected[i].nenv);
		assert_true(hooks[i].list[0].has_env); /* also when it is empty */
		assert_int_equal(hooks[i].list[0].timeout, expected[i].timeout);
	}
	assert_int_equal(hooks[CTR_HOOK_PRESTART].list[0].nargs, 2);
	assert_text(hooks[CTR_HOOK_PRESTART].list[0].env[0], "key1=value1");
	assert_text(hooks[CTR_HOOK_CREATE_RUNTIME].list[1].path, "/usr/bin/create-runtime-2");
	assert_false(hooks[CTR_HOOK_CREATE_RUNTIME].list[1].has_env);
	assert_int_equal(hooks[CTR_HOOK_CREATE_RUNTIME].list[1].timeout, 0);
}

static void check_devices(const struct ctr_linux *linux_)
{
	const struct ctr_device *devices = linux_->devices;

	assert_int_equal(linux_->ndevices, 4);
	assert_int_equal(devices[0].type, CTR_DEVICE_CHAR);
	assert_text(devices[0].path, "/dev/fuse");
	assert_int_equal(devices[0].major, 10);
	assert_int_equal(devices[0].minor, 229);
	assert_int_equal(devices[0].file_mode, 0666);
	assert_int_equal(devices[0].uid, 1);
	assert_int_equal(devices[0].gid, 2);
	assert_int_equal(devices[1].type, CTR_DEVICE_BLOCK);
	assert_int_equal(devices[1].file_mode, 0666); /* 8630 is S_IFCHR and that */
	assert_int_equal(devices[2].type, CTR_DEVICE_CHAR);
	assert_int_equal(devices[2].file_mode, 0666);
	assert_int_equal(devices[3].type, CTR_DEVICE_FIFO);
	assert_text(devices[3].path, "/dev/fifo");
	assert_int_equal(linux_->nnet_devices, 2);
	assert_text(linux_->net_devices[0].host_name, "eth0");
	assert_text(linux_->net_devices[0].name, "container_eth0");
	assert_text(linux_->net_devices[1].host_name, "ens4");
	assert_null(linux_->net_devices[1].name);
}

static void check_linux(const struct ctr_linux *linux_)
{
	static const char *const sysctl[] = {
		"net/ipv4/conf/eth0.100/forwarding",
		"net/core/somaxconn",
		"kernel/msgmax",
		"fs/mqueue/msg_max",
		"kernel/domainname",
		"user/max_user_namespaces",
	};

	assert_int_equal(linux_->nuid_mappings, 1);
	assert_int_equal(linux_->uid_mappings[0].size, 32000);
	assert_int_equal(linux_->ngid_mappings, 1);
	assert_int_equal(linux_->gid_mappings[0].host_id, 2000);
	assert_int_equal(linux_->gid_mappings[0].size, 4294965295u);
	for (size_t i = 0; i < CTR_NS_KINDS; i++) {
		assert_true(linux_->namespaces[i].listed);
		if (i != CTR_NS_PID)
			assert_null(linux_->namespaces[i].path);
	}
	assert_text(linux_->namespaces[CTR_NS_PID].path, "/proc/1234/ns/pid");
	assert_int_equal(linux_->namespaces[CTR_NS_PID].index, 0);
	assert_int_equal(linux_->namespaces[CTR_NS_TIME].index, 7);
	assert_true(linux_->time_monotonic.listed && linux_->time_boottime.listed);
	assert_int_equal(linux_->time_monotonic.secs, -172800);
	assert_int_equal(linux_->time_monotonic.nanosecs, 999999999);
	assert_int_equal(linux_->time_boottime.secs, 604800);
	assert_int_equal(linux_->time_boottime.nanosecs, 1);
	check_devices(linux_);
	assert_text(linux_->cgroups_path, "/myRuntime/myContainer");
	assert_int_equal(linux_->rootfs_propagation, MS_SLAVE);
	assert_int_equal(linux_->nsysctl, unit_count(sysctl));
	for (size_t i = 0; i < unit_count(sysctl); i++)
		assert_text(linux_->sysctl[i].key, sysctl[i]);
	assert_text(linux_->sysctl[1].value, "256");
	assert_int_equal(linux_->nmasked_paths, 2);
	assert_text(linux_->masked_paths[0], "/proc/kcore");
	assert_text(linux_->masked_paths[1], "/proc/asound");
	assert_int_equal(linux_->nreadonly_paths, 1);
	assert_text(linux_->readonly_paths[0], "/proc/sys");
	assert_text(linux_->mount_label, "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811");
	assert_text(linux_->intel_rdt->clos_id, "guaranteed_group");
	assert_text(linux_->intel_rdt->l3_cache_schema, "L3:0=7f0;1=1f");
	assert_text(linux_->intel_rdt->mem_bw_schema, "MB:0=20;1=70");
	assert_int_equal(linux_->intel_rdt->nschemata, 2);
	assert_text(linux_->intel_rdt->schemata[1], "MB:0=50");
	assert_true(linux_->intel_rdt->enable_monitoring);
	assert_int_equal(linux_->memory_policy->mode, 2);
	assert_text(linux_->memory_policy->nodes, "0-3,5");
	assert_int_equal(linux_->memory_policy->flags, 1 << 15 | 1 << 13);
	assert_int_equal(linux_->personality->domain, PER_LINUX32);
}

static void check_seccomp(const struct ctr_seccomp *seccomp)
{
	assert_int_equal(seccomp->default_action, CTR_SECCOMP_ERRNO);
	assert_true(seccomp->has_default_errno_ret);
	assert_int_equal(seccomp->default_errno_ret, 38);
	assert_int_equal(seccomp->narchitectures, 23);
	assert_int_equal(seccomp->architectures[0], AUDIT_ARCH_I386);
	assert_int_equal(seccomp->architectures[1], AUDIT_ARCH_X86_64);
	assert_int_equal(seccomp->architectures[22], AUDIT_ARCH_RISCV64);
	assert_true(seccomp->has_flags);
	assert_int_equal(seccomp->flags, 1 | 2 | 4 | 32);
	assert_text(seccomp->listener_path, "/run/seccomp-agent.sock");
	assert_text(seccomp->listener_metadata, "agent data");
	assert_int_equal(seccomp->nrules, 2);
	assert_int_equal(seccomp->rules[0].nnames, 2);
	assert_text(seccomp->rules[0].names[1], "chmod");
	assert_int_equal(seccomp->rules[0].action, CTR_SECCOMP_ERRNO);
	assert_true(seccomp->rules[0].has_errno_ret);
	assert_int_equal(seccomp->rules[0].errno_ret, 1);
	assert_int_equal(seccomp->rules[0].nargs, 2);
	assert_int_equal(seccomp->rules[0].args[0].index, 0);
	assert_true(seccomp->rules[0].args[0].value == UINT64_MAX);
	assert_int_equal(seccomp->rules[0].args[0].value_two, 1);
	assert_int_equal(seccomp->rules[0].args[0].op, 7);
	assert_int_equal(seccomp->rules[0].args[1].index, 5);
	assert_int_equal(seccomp->rules[0].args[1].op, 1);
	assert_int_equal(seccomp->rules[1].action, CTR_SECCOMP_NOTIFY);
	assert_int_equal(seccomp->rules[1].errno_ret, EPERM);
	assert_false(seccomp->rules[1].has_errno_ret);
}

static void check_block_io(const struct ctr_block_io *io)
{
	assert_true(io->has_weight && io->has_leaf_weight);
	assert_int_equal(io->weight, 10);
	assert_int_equal(io->leaf_weight, 1000);
	assert_int_equal(io->nweight_devices, 1);
	assert_int_equal(io->weight_devices[0].major, 8);
	assert_int_equal(io->weight_devices[0].weight, 500);
	assert_int_equal(io->weight_devices[0].leaf_weight, 300);
	assert_int_equal(io->throttle[CTR_THROTTLE_READ_BPS].count, 1);
	assert_int_equal(io->throttle[CTR_THROTTLE_READ_BPS].list[0].rate, 600);
	assert_int_equal(io->throttle[CTR_THROTTLE_WRITE_BPS].list[0].minor, 2);
	assert_true(io->throttle[CTR_THROTTLE_WRITE_BPS].list[0].rate == UINT64_MAX);
	assert_int_equal(io->throttle[CTR_THROTTLE_READ_IOPS].count, 2);
	assert_int_equal(io->throttle[CTR_THROTTLE_READ_IOPS].list[1].minor, 4);
	assert_int_equal(io->throttle[CTR_THROTTLE_WRITE_IOPS].list[0].minor, 5);
}

static void check_resources(const struct ctr_resources *resources)
{
	const struct ctr_memory *memory = resources->memory;
	const struct ctr_cpu *cpu = resources->cpu;

	assert_true(resources->has_devices);
	assert_int_equal(resources->ndevices, 4);
	assert_false(resources->devices[0].allow);
	assert_int_equal(resources->devices[0].type, CTR_DEVICE_ALL);
	assert_int_equal(resources->devices[0].major, -1);
	assert_int_equal(resources->devices[0].access, 7);
	assert_true(resources->devices[1].allow);
	assert_int_equal(resources->devices[1].minor, 229);
	assert_int_equal(resources->devices[1].access, CTR_ACCESS_READ | CTR_ACCESS_WRITE);
	assert_int_equal(resources->devices[2].type, CTR_DEVICE_BLOCK);
	assert_int_equal(resources->devices[2].major, 8);
	assert_int_equal(resources->devices[2].minor, -1);
	assert_int_equal(resources->devices[2].access, CTR_ACCESS_READ);
	assert_int_equal(resources->devices[3].access, 7);
	assert_true(memory->has_limit && memory->has_reservation && memory->has_swap);
	assert_int_equal(memory->limit, 536870912);
	assert_int_equal(memory->reservation, -1);
	assert_true(memory->swap == INT64_MAX);
	assert_true(memory->has_kernel && memory->has_kernel_tcp);
	assert_int_equal(memory->kernel, -1);
	assert_int_equal(memory->kernel_tcp, 2);
	assert_true(memory->has_swappiness);
	assert_int_equal(memory->swappiness, 100);
	assert_true(memory->disable_oom_killer && memory->has_disable_oom_killer);
	assert_true(memory->use_hierarchy && memory->has_use_hierarchy);
	assert_true(memory->check_before_update && memory->has_check_before_update);
	assert_true(cpu->has_shares && cpu->has_quota && cpu->has_burst && cpu->has_period);
	assert_int_equal(cpu->shares, 1024);
	assert_int_equal(cpu->quota, 1000000);
	assert_int_equal(cpu->burst, 1000000);
	assert_int_equal(cpu->period, 500000);
	assert_true(cpu->has_realtime_runtime && cpu->has_realtime_period && cpu->has_idle);
	assert_int_equal(cpu->realtime_runtime, 950000);
	assert_int_equal(cpu->realtime_period, 1000000);
	assert_text(cpu->cpus, "2-3");
	assert_text(cpu->mems, "0-7");
	assert_int_equal(cpu->idle, 1);
	assert_true(resources->has_pids_limit);
	assert_int_equal(resources->pids_limit, 0);
	check_block_io(resources->block_io);
	assert_int_equal(resources->nhugepage_limits, 2);
	assert_text(resources->hugepage_limits[0].page_size, "2MB");
	assert_int_equal(resources->hugepage_limits[0].limit, 9223372036854772000);
	assert_true(resources->network->has_class_id);
	assert_int_equal(resources->network->class_id, 1048577);
	assert_int_equal(resources->network->npriorities, 2);
	assert_text(resources->network->priorities[1].name, "eth1");
	assert_int_equal(resources->network->priorities[1].priority, 1000);
	assert_int_equal(resources->nrdma, 2);
	assert_text(resources->rdma[0].device, "mlx5_1");
	assert_int_equal(resources->rdma[0].hca_handles, 3);
	assert_int_equal(resources->rdma[0].hca_objects, 10000);
	assert_text(resources->rdma[1].device, "mlx4_0");
	assert_false(resources->rdma[1].has_hca_handles);
	assert_int_equal(resources->nunified, 2);
	assert_text(resources->unified[0].key, "io.max");
	assert_non_null(strchr(resources->unified[0].value, '\n'));
}

static void check_vm(const struct ctr_vm *vm)
{
	assert_text(vm->hypervisor.path, "/path/to/vmm");
	assert_int_equal(vm->hypervisor.nparameters, 2);
	assert_text(vm->hypervisor.parameters[1], "opts2=bar");
	assert_text(vm->kernel.path, "/path/to/vmlinuz");
	assert_text(vm->kernel.parameters[1], "hello world");
	assert_text(vm->kernel.initrd, "/path/to/initrd.img");
	assert_text(vm->image.path, "/path/to/vm/rootfs.img");
	assert_int_equal(vm->image.format, CTR_IMAGE_VHD);
	assert_text(vm->hw_config.device_tree, "/path/to/dtb");
	assert_true(vm->hw_config.has_vcpus && vm->hw_config.has_memory);
	assert_int_equal(vm->hw_config.vcpus, 1);
	assert_int_equal(vm->hw_config.memory, 4294967296);
	assert_int_equal(vm->hw_config.ndtdevs, 2);
	assert_text(vm->hw_config.dtdevs[0], "path/to/dev1_node");
	assert_int_equal(vm->hw_config.niomems, 2);
	assert_true(vm->hw_config.iomems[0].has_first_gfn);
	assert_int_equal(vm->hw_config.iomems[0].first_gfn, 1);
	assert_int_equal(vm->hw_config.iomems[0].first_mfn, 2);
	assert_int_equal(vm->hw_config.iomems[0].nr_mfns, 3);
	assert_false(vm->hw_config.iomems[1].has_first_gfn);
	assert_true(vm->hw_config.iomems[1].first_mfn == UINT64_MAX);
	assert_int_equal(vm->hw_config.nirqs, 2);
	assert_int_equal(vm->hw_config.irqs[1], 22);
}

static void every_property(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec = load(&arena, "configs/every-property.json");

	(void)state;
	assert_text(spec->oci_version, "1.3.0");
	assert_text(spec->root->path, "/b/undle/rootfs");
	assert_true(spec->root->readonly);
	assert_text(spec->hostname, "slartibartfast");
	assert_text(spec->domainname, "foobarbaz.test");
	assert_int_equal(spec->nannotations, 2);
	assert_text(ctr_spec_annotation(spec, "com.example.key1"), "value1");
	check_process(spec->process);
	check_mounts(spec);
	check_hooks(spec->hooks);
	check_linux(spec->linux_);
	check_seccomp(spec->linux_->seccomp);
	check_resources(spec->linux_->resources);
	check_vm(spec->vm);
	assert_int_equal(spec->nwarnings, 2); /* of memory.kernel and kernelTCP */
	ctr_arena_release(&arena);
}

/* None of its keys is unknown to the tables. */
static void every_property_is_known(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings findings = { 0 };
	struct ctr_error err = { 0 };
	size_t len;
	char *text = ctr_file_read(&arena, AT_FDCWD, document_path("configs/every-property.json"),
				   1 << 20, &len, &err);

	(void)state;
	assert_non_null(text);
	assert_non_null(ctr_spec_decode(&arena, text, len, "f", "/b", &findings, &err));
	for (size_t i = 0; i < findings.count; i++)
		assert_null(strstr(findings.list[i].text, "unknown"));
	ctr_arena_release(&arena);
}

static void real_documents(void **state)
{
	static const struct {
		const char *name;
		size_t mounts, rules;
		bool network_path;
	} cases[] = {
		{"configs/buildah.json",             12, 22, false},
		{ "configs/podman-default.json",     11, 24, true },
		{ "configs/podman-limits.json",      16, 24, true },
		{ "configs/podman-rootless.json",    11, 24, true },
		{ "configs/containerd-default.json", 7,  0,  false},
		{ "configs/containerd-limits.json",  7,  0,  false},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_spec *spec = load(&arena, cases[i].name);

		assert_int_equal(spec->nmounts, cases[i].mounts);
		assert_int_equal(spec->nwarnings, 0);
		assert_int_equal(spec->linux_->namespaces[CTR_NS_NETWORK].path != NULL,
				 cases[i].network_path);
		if (cases[i].rules)
			assert_int_equal(spec->linux_->seccomp->nrules, cases[i].rules);
		else
			assert_null(spec->linux_->seccomp);
		ctr_arena_release(&arena);
	}
}

static void process_document(void **state)
{
	static const char good[] =
		"{\"args\":[\"id\",\"-u\"],\"cwd\":\"/tmp\",\"user\":{\"uid\":7}}";
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"{\"cwd\":\"/\"}",						     "p.json:1:1: args: at least one word is required"           },
		{ "{\"args\":[\"x\"]}",						 "p.json:1:1: cwd: is required"                              },
		{ "{\"args\":[\"x\"],\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":2},"
		  "{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":2}]}", "p.json:1:84: rlimits[1].type: 'RLIMIT_CPU' is listed twice"},
		{ "[]",								 "p.json:1:1: expected an object, got an array"              },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_process *process;

	(void)state;
	process = ctr_process_decode(&arena, good, strlen(good), "p.json", &err);
	assert_non_null(process);
	assert_int_equal(process->user.uid, 7);
	assert_text(process->args[1], "-u");
	for (size_t i = 0; i < unit_count(cases); i++) {
		assert_null(ctr_process_decode(&arena, cases[i].text, strlen(cases[i].text),
					       "p.json", &err));
		assert_text(err.text, cases[i].fault);
	}
	ctr_arena_release(&arena);
}

static void resources_document(void **state)
{
	static const char good[] =
		"{\"memory\":{\"limit\":1},\"pids\":{\"limit\":-1},\"devices\":[]}";
	static const char bad[] = "{\"memory\":{\"limit\":20,\"swap\":10}}";
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_resources *resources;

	(void)state;
	resources = ctr_resources_decode(&arena, good, strlen(good), "-", &err);
	assert_non_null(resources);
	assert_int_equal(resources->pids_limit, -1);
	assert_true(resources->has_devices);
	assert_int_equal(resources->ndevices, 0);
	assert_null(ctr_resources_decode(&arena, bad, strlen(bad), "-", &err));
	assert_text(err.text,
		    "-:1:30: memory.swap: 10 is below memory.limit 20, which it includes");
	ctr_arena_release(&arena);
}

/* A directory with a config.json of @text; the working directory is its parent. */
static void make_bundle(const char *text)
{
	struct ctr_error err = { 0 };

	assert_int_equal(chdir(unit_make_dir()), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	if (text)
		assert_int_equal(
			ctr_file_replace(AT_FDCWD, "b/config.json", text, strlen(text), 0644, &err),
			0);
}

static void bundles(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_spec *spec;
	const char *text;
	char cwd[128], path[160];
	size_t len;

	(void)state;
	make_bundle(document_of(&arena, "", ""));
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(path, sizeof(path), "%s/b", cwd);

	spec = ctr_bundle_load(&arena, "b", NULL, &text, &len, &err);
	assert_non_null(spec);
	assert_text(spec->bundle, path);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(text, "{\"ociVersion\"", 13);
	spec = ctr_bundle_load(&arena, "./b//", NULL, NULL, NULL, &err);
	assert_text(spec->bundle, path);
	assert_int_equal(chdir("b"), 0);
	spec = ctr_bundle_load(&arena, ".", NULL, NULL, NULL, &err);
	assert_text(spec->bundle, path);
	spec = ctr_bundle_load(&arena, path, "config.json", NULL, NULL, &err);
	assert_text(spec->bundle, path);
	unit_remove_dir(cwd);
	ctr_arena_release(&arena);
}

static void bad_bundles(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	char cwd[128];

	(void)state;
	make_bundle(NULL);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text,
		    "cannot open 'b/config.json': No such file or directory (ctr spec writes one)");
	assert_int_equal(err.fault, CTR_FAULT_NOT_FOUND);
	assert_null(ctr_bundle_load(&arena, "none", NULL, NULL, NULL, &err));
	assert_text(err.text, "bundle 'none': No such file or directory");
	assert_int_equal(mkdir("b/config.json", 0755), 0);
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text, "cannot read 'b/config.json': Is a directory");
	assert_int_equal(rmdir("b/config.json"), 0);
	assert_int_equal(mkfifo("b/config.json", 0644), 0);
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text, "cannot read 'b/config.json': not a regular file");
	assert_int_equal(unlink("b/config.json"), 0);
	assert_int_equal(symlink("/dev/zero", "b/config.json"), 0);
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text, "cannot read 'b/config.json': not a regular file");
	assert_int_equal(unlink("b/config.json"), 0);
	assert_int_equal(close(creat("b/config.json", 0644)), 0);
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text, "b/config.json:1:1: not valid JSON: parse error: premature EOF");
	assert_int_equal(truncate("b/config.json", CTR_CONFIG_SIZE_MAX + 1), 0);
	assert_null(ctr_bundle_load(&arena, "b", NULL, NULL, NULL, &err));
	assert_text(err.text, "cannot read 'b/config.json': longer than 67108864 bytes");
	assert_int_equal(chdir("/"), 0);
	unit_remove_dir(cwd);
	ctr_arena_release(&arena);
}

/* Big, but good: it must work and take no more than its size deserves. */
static void big_documents(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;
	struct ctr_buf text;

	(void)state;
	ctr_buf_init(&text, &arena);
	ctr_buf_adds(&text, "\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\"}");
	for (size_t i = 0; i < 9999; i++)
		ctr_buf_addf(
			&text,
			",{\"destination\":\"/m/%zu\",\"source\":\"/s\",\"options\":[\"bind\",\"ro\"]}",
			i);
	ctr_buf_adds(&text, "]");
	spec = document_good(&arena, ctr_buf_str(&text), "");
	assert_int_equal(spec->nmounts, 10000);
	assert_text(spec->mounts[9999].destination, "/m/9998");
	assert_int_equal(spec->mounts[9999].flags, MS_RDONLY);
	ctr_arena_release(&arena);

	/* a seccomp profile of 10 MB */
	ctr_buf_init(&text, &arena);
	ctr_buf_adds(&text,
		     "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[");
	for (size_t i = 0; i < 20000; i++) {
		ctr_buf_addf(&text, "%s{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"c%zu\"",
			     i ? "," : "", i);
		for (size_t k = 0; k < 40; k++)
			ctr_buf_addf(&text, ",\"call_%03zu\"", k);
		ctr_buf_adds(&text,
			     "],\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}");
	}
	ctr_buf_adds(&text, "]}}");
	assert_true(text.len > 10 << 20);
	spec = document_good(&arena, ctr_buf_str(&text), "");
	assert_int_equal(spec->linux_->seccomp->nrules, 20000);
	assert_text(spec->linux_->seccomp->rules[19999].names[0], "c19999");
	assert_text(spec->linux_->seccomp->rules[19999].names[40], "call_039");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_property),
		cmocka_unit_test(every_property_is_known),
		cmocka_unit_test(real_documents),
		cmocka_unit_test(process_document),
		cmocka_unit_test(resources_document),
		cmocka_unit_test(big_documents),
		/* these change the working directory */
		cmocka_unit_test(bundles),
		cmocka_unit_test(bad_bundles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
