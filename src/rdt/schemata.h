/*
 * Lines of a `schemata` file of resctrl: "L3:0=7f;1=1f", a resource with a value for each of its
 * domains. Bandwidth (MB) is in decimal, everything else a mask in hexadecimal digits. Source:
 * Documentation/filesystems/resctrl.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_arena;
struct ctr_intel_rdt;

/* The lines that @rdt asks for, in the order of writing: the cache's, the bandwidth's, the others.
 * In
 * @arena. */
const char *const *ctr_schemata_lines(const struct ctr_intel_rdt *rdt, struct ctr_arena *arena,
				      size_t *n);

/* Does @file, the content of a `schemata` file, give every domain that @line names the value which
 * @line gives it? */
bool ctr_schemata_has(const char *file, const char *line);
