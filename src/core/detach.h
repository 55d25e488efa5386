/* The keys that detach from a terminal, in what somebody types. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_error;

enum { CTR_DETACH_MAX = 16 };

struct ctr_detach {
	unsigned char keys[CTR_DETACH_MAX];
	size_t count;   /* 0: nothing detaches */
	size_t matched; /* of them were typed, and are withheld */
};

/* Keys separated by commas, each a character or ctrl-X (X: a letter or one of @[\]^_). NULL: none.
 * 0, or -1 and @err. */
int ctr_detach_parse(struct ctr_detach *detach, const char *text, struct ctr_error *err);

/*
 * Pass @n typed bytes on to @out, which has room for @n + CTR_DETACH_MAX; a beginning of the keys
 * is withheld until it is known whether the rest comes. Returns how many bytes @out has;
 * *@detached: all keys came, and what was typed behind them is dropped.
 */
size_t ctr_detach_filter(struct ctr_detach *detach, const char *data, size_t n, char *out,
			 bool *detached);
