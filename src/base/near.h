/* What a mistyped word was meant to be: the nearest of the words that there are. */
#pragma once

#include <stddef.h>

struct ctr_near {
	const char *text; /* what was typed, @len bytes */
	size_t len;
	const char *best; /* the nearest word so far; NULL: none is near */
	size_t distance;  /* of it */
	char hint[80];
};

/* Begin for the word @text of @len bytes, which must stay. */
void ctr_near_init(struct ctr_near *near, const char *text, size_t len);

/*
 * Is @word nearer than those before? As far as two mistakes (a letter too many, missing, wrong, or
 * two in the wrong order), and less than half of the longer one behind what both begin with
 * ("CAP_",
 * "--"), whatever the case; or without what stands before a '_' ("NET_RAW" for "CAP_NET_RAW").
 */
void ctr_near_try(struct ctr_near *near, const char *word);

/* What a message ends with: ", did you mean 'WORD'?", or "" where none is near. It is in @near. */
const char *ctr_near_hint(struct ctr_near *near);
