/* Random numbers that can be had again: the seed stands in every report. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman, Vigna 2018), its state filled by splitmix64. */
struct ctr_random {
	uint64_t s[4];
};

void ctr_random_seed(struct ctr_random *random, uint64_t seed);
uint64_t ctr_random_next(struct ctr_random *random);
/* Uniform in [0, @n); @n is not 0. */
size_t ctr_random_below(struct ctr_random *random, size_t n);
/* Put 0..@n-1 into @order, every permutation as likely as any other. */
void ctr_random_shuffle(struct ctr_random *random, size_t *order, size_t n);
