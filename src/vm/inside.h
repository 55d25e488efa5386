/* What a guest that runs is asked for, and told. */
#pragma once

#include "vm/backend.h"

/* As in struct ctr_backend. */
int ctr_vm_stats(int dir, int timeout_ms, struct ctr_guest_stats *out, struct ctr_error *err);
int ctr_vm_processes(int dir, struct ctr_arena *arena, const char **out, struct ctr_error *err);
uint64_t ctr_vm_footprint(const struct ctr_machine *machine, const struct ctr_resources *update);
int ctr_vm_update(const struct ctr_machine *machine, int dir, const struct ctr_resources *update,
		  const struct ctr_resources **host, struct ctr_error *err);

/* What a guest says of itself, which may be anything: @text is NUL-terminated. */
void ctr_vm_parse_stats(const char *text, struct ctr_guest_stats *out);
/* Bytes that a terminal would not print become '?', in place. */
void ctr_vm_make_printable(char *text);
