/*
 * Properties of a transient unit, as ctr-systemd takes them: "NAME=TYPE=VALUE"
 * (src/systemd/main.c). Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_device_rule;
struct ctr_error;
struct ctr_string_pair;
struct ctr_unit;

struct ctr_properties {
	struct ctr_arena *arena;
	const char **list; /* NULL-terminated */
	size_t count, size;
};

void ctr_properties_init(struct ctr_properties *properties, struct ctr_arena *arena);

/* What every unit of a container gets: description, parent, delegation, accounting. */
void ctr_properties_unit(struct ctr_properties *properties, const struct ctr_unit *unit,
			 const char *id);

/*
 * What systemd calls the cgroup file @file ("memory.max") when @value is written to it, so that a
 * daemon-reload keeps it; nothing for a file that has no property, or a value that none can have.
 */
void ctr_properties_limit(struct ctr_properties *properties, const char *file, const char *value);

/* DevicePolicy and DeviceAllow of linux.resources.devices: systemd attaches a filter of its own. */
void ctr_properties_devices(struct ctr_properties *properties, const struct ctr_device_rule *rules,
			    size_t n);

/*
 * Annotations org.systemd.property.NAME = a value in GVariant text ("uint64 5", "true", "'x'",
 * "['a.service']"); NAME ending in Sec takes seconds and becomes NAME with USec. 0, or -1 and @err
 * naming the annotation.
 */
int ctr_properties_annotations(struct ctr_properties *properties,
			       const struct ctr_string_pair *annotations, size_t n,
			       struct ctr_error *err);
