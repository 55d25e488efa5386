/* The names are those of runc's events; units are its units: nanoseconds and bytes. */
#include "core/stats_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgroup/stats.h"
#include "oci/encode.h"
#include "vm/backend.h"

static void encode_average(struct ctr_json *json, const char *key, uint32_t hundredths)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu32 ".%02" PRIu32, hundredths / 100,
		       hundredths % 100);
	ctr_json_number(json, key, text);
}

static void encode_psi_line(struct ctr_json *json, const char *key, const struct ctr_psi_line *line)
{
	ctr_json_object(json, key);
	encode_average(json, "avg10", line->avg10);
	encode_average(json, "avg60", line->avg60);
	encode_average(json, "avg300", line->avg300);
	ctr_json_u64(json, "total", line->total);
	ctr_json_end_object(json);
}

static void encode_psi(struct ctr_json *json, const struct ctr_psi *psi)
{
	if (!psi->present)
		return;

	ctr_json_object(json, "psi");
	encode_psi_line(json, "some", &psi->some);
	encode_psi_line(json, "full", &psi->full);
	ctr_json_end_object(json);
}

static void encode_cpu(struct ctr_json *json, const struct ctr_stats_cpu *cpu)
{
	ctr_json_object(json, "cpu");
	ctr_json_object(json, "usage");
	ctr_json_u64(json, "total", cpu->usage * 1000);
	ctr_json_u64(json, "kernel", cpu->system * 1000);
	ctr_json_u64(json, "user", cpu->user * 1000);
	ctr_json_end_object(json);
	ctr_json_object(json, "throttling");
	ctr_json_u64(json, "periods", cpu->periods);
	ctr_json_u64(json, "throttledPeriods", cpu->throttled_periods);
	ctr_json_u64(json, "throttledTime", cpu->throttled * 1000);
	ctr_json_end_object(json);
	encode_psi(json, &cpu->psi);
	ctr_json_end_object(json);
}

static void encode_entry(struct ctr_json *json, const char *key, uint64_t limit, uint64_t usage,
			 uint64_t max, uint64_t failures)
{
	ctr_json_object(json, key);
	ctr_json_u64(json, "limit", limit);
	ctr_json_u64(json, "usage", usage);
	ctr_json_u64(json, "max", max);
	ctr_json_u64(json, "failcnt", failures);
	ctr_json_end_object(json);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void encode_memory(struct ctr_json *json, const struct ctr_stats_memory *memory)
{
	ctr_json_object(json, "memory");
	ctr_json_u64(json, "cache", memory->cache);
	encode_entry(json, "usage", memory->max, memory->current, memory->peak, memory->event_max);
	/* As in the configuration, swap is memory and swap together. */
	encode_entry(json, "swap", sum(memory->max, memory->swap_max),
		     sum(memory->current, memory->swap_current), 0, 0);
	encode_entry(json, "kernel", CTR_STATS_MAX, memory->kernel, 0, 0);
	encode_entry(json, "kernelTCP", CTR_STATS_MAX, memory->sock, 0, 0);
	ctr_json_object(json, "raw");
	for (size_t i = 0; i < memory->nstat; i++)
		ctr_json_u64(json, memory->stat[i].name, memory->stat[i].value);
	ctr_json_end_object(json);
	ctr_json_object(json, "events");
	ctr_json_u64(json, "low", memory->event_low);
	ctr_json_u64(json, "high", memory->event_high);
	ctr_json_u64(json, "max", memory->event_max);
	ctr_json_u64(json, "oom", memory->event_oom);
	ctr_json_u64(json, "oom_kill", memory->event_oom_kill);
	ctr_json_u64(json, "oom_group_kill", memory->event_oom_group_kill);
	ctr_json_end_object(json);
	encode_psi(json, &memory->psi);
	ctr_json_end_object(json);
}

static void encode_pids(struct ctr_json *json, const struct ctr_stats_pids *pids)
{
	ctr_json_object(json, "pids");
	ctr_json_u64(json, "current", pids->current);
	/* Here, unlike with memory, no limit has always been 0. */
	ctr_json_u64(json, "limit", pids->max == CTR_STATS_MAX ? 0 : pids->max);
	ctr_json_u64(json, "peak", pids->peak);
	ctr_json_u64(json, "failcnt", pids->event_max);
	ctr_json_end_object(json);
}

static void encode_io_value(struct ctr_json *json, const struct ctr_stats_io_device *device,
			    const char *operation, uint64_t value)
{
	ctr_json_object(json, NULL);
	ctr_json_u64(json, "major", device->major);
	ctr_json_u64(json, "minor", device->minor);
	ctr_json_string(json, "op", operation);
	ctr_json_u64(json, "value", value);
	ctr_json_end_object(json);
}

static void encode_io(struct ctr_json *json, const struct ctr_stats_io *io)
{
	ctr_json_object(json, "blkio");
	ctr_json_array(json, "ioServiceBytesRecursive");
	for (size_t i = 0; i < io->ndevices; i++) {
		encode_io_value(json, &io->devices[i], "Read", io->devices[i].rbytes);
		encode_io_value(json, &io->devices[i], "Write", io->devices[i].wbytes);
		encode_io_value(json, &io->devices[i], "Discard", io->devices[i].dbytes);
	}
	ctr_json_end_array(json);
	ctr_json_array(json, "ioServicedRecursive");
	for (size_t i = 0; i < io->ndevices; i++) {
		encode_io_value(json, &io->devices[i], "Read", io->devices[i].rios);
		encode_io_value(json, &io->devices[i], "Write", io->devices[i].wios);
		encode_io_value(json, &io->devices[i], "Discard", io->devices[i].dios);
	}
	ctr_json_end_array(json);
	encode_psi(json, &io->psi);
	ctr_json_end_object(json);
}

static void encode_rdma(struct ctr_json *json, const struct ctr_stats *stats)
{
	if (stats->nrdma == 0)
		return;

	ctr_json_object(json, "rdma");
	for (size_t i = 0; i < stats->nrdma; i++) {
		ctr_json_object(json, stats->rdma[i].device);
		ctr_json_u64(json, "hcaHandles", stats->rdma[i].hca_handles);
		ctr_json_u64(json, "hcaObjects", stats->rdma[i].hca_objects);
		ctr_json_end_object(json);
	}
	ctr_json_end_object(json);
}

void ctr_stats_encode(struct ctr_json *json, const struct ctr_stats *stats)
{
	encode_cpu(json, &stats->cpu);
	encode_memory(json, &stats->memory);
	encode_pids(json, &stats->pids);
	encode_io(json, &stats->io);
	ctr_json_object(json, "hugetlb");
	for (size_t i = 0; i < stats->nhugetlb; i++) {
		ctr_json_object(json, stats->hugetlb[i].page_size);
		ctr_json_u64(json, "usage", stats->hugetlb[i].current);
		ctr_json_u64(json, "limit", stats->hugetlb[i].max);
		ctr_json_u64(json, "failcnt", stats->hugetlb[i].event_max);
		ctr_json_end_object(json);
	}
	ctr_json_end_object(json);
	encode_rdma(json, stats);
}

/* The columns of /proc/PID/net/dev: eight of what was received, eight of what was sent. */
static void encode_interface(struct ctr_json *json, const char *name, const char *columns)
{
	static const char *const received[] = { "RxBytes", "RxPackets", "RxErrors", "RxDropped" };
	static const char *const sent[] = { "TxBytes", "TxPackets", "TxErrors", "TxDropped" };

	ctr_json_object(json, NULL);
	ctr_json_string(json, "Name", name);
	for (size_t i = 0; i < 16; i++) {
		uint64_t value;

		(void)ctr_cut_u64(&columns, &value);
		if (i % 8 < CTR_ARRAY_SIZE(sent))
			ctr_json_u64(json, i < 8 ? received[i % 8] : sent[i % 8], value);
	}
	ctr_json_end_object(json);
}

void ctr_stats_encode_network(struct ctr_json *json, char *text)
{
	ctr_json_array(json, "network_interfaces");
	for (char *line; (line = strsep(&text, "\n"));) {
		char *colon = strrchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		encode_interface(json, line + strspn(line, " "), colon + 1);
	}
	ctr_json_end_array(json);
}

static uint64_t nanoseconds(uint64_t us)
{
	return us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000;
}

void ctr_stats_encode_guest(struct ctr_json *json, const struct ctr_guest_stats *stats)
{
	ctr_json_object(json, "guest");
	ctr_json_object(json, "memory");
	ctr_json_u64(json, "usage", stats->memory);
	ctr_json_u64(json, "limit", stats->memory_max);
	ctr_json_u64(json, "max", stats->memory_peak);
	ctr_json_u64(json, "oom_kill", stats->oom_kills);
	ctr_json_u64(json, "total", stats->memory_total);
	ctr_json_u64(json, "available", stats->memory_available);
	ctr_json_end_object(json);
	ctr_json_object(json, "cpu");
	ctr_json_u64(json, "total", nanoseconds(stats->cpu));
	ctr_json_u64(json, "kernel", nanoseconds(stats->cpu_system));
	ctr_json_u64(json, "user", nanoseconds(stats->cpu_user));
	ctr_json_end_object(json);
	ctr_json_object(json, "pids");
	ctr_json_u64(json, "current", stats->pids);
	ctr_json_u64(json, "limit", stats->pids_max == UINT64_MAX ? 0 : stats->pids_max);
	ctr_json_end_object(json);
	ctr_json_end_object(json);
}
