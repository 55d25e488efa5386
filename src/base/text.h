/* Bytes and characters. */
#pragma once

#include <stddef.h>

/* The length of the UTF-8 sequence that @s (NUL-terminated) begins with; 0 if it is none. */
size_t ctr_utf8_length(const char *s);
