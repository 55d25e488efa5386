/* Statistics as `ctr events` prints them: runc's document, which containerd and others read. */
#pragma once

struct ctr_guest_stats;
struct ctr_json;
struct ctr_stats;

/*
 * Members of the object at hand: cpu, memory, pids, blkio, hugetlb, rdma. What nothing counts is 0.
 * Beyond runc: memory.events, pids.peak, pids.failcnt, rdma.
 */
void ctr_stats_encode(struct ctr_json *json, const struct ctr_stats *stats);
/* The member network_interfaces from the text of /proc/PID/net/dev, which is taken apart. */
void ctr_stats_encode_network(struct ctr_json *json, char *text);
/* The member "guest": what a kernel of the container's own says of it. */
void ctr_stats_encode_guest(struct ctr_json *json, const struct ctr_guest_stats *stats);
