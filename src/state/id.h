/* Container ids: [A-Za-z0-9_+.-], at most 1024 bytes, not "." or "..". Checked before any file is
 * touched. */
#pragma once

#include <stddef.h>

struct ctr_error;

enum { CTR_ID_MAX = 1024 };

/* 0, or -1 and @err (CTR_FAULT_USAGE). */
int ctr_id_check(const char *id, struct ctr_error *err);

/* A random id of 12 hexadecimal digits, for those who give none. */
void ctr_id_generate(char out[static 13]);
