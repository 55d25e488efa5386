/* The generator behind the order of runs and the resampling of their times. */
#include "bench/random.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void ctr_random_seed(struct ctr_random *random, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++)
		random->s[i] = splitmix(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t ctr_random_next(struct ctr_random *random)
{
	uint64_t *s = random->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

size_t ctr_random_below(struct ctr_random *random, size_t n)
{
	/* What is beyond the last whole multiple of @n would make small numbers likelier. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;

	do {
		x = ctr_random_next(random);
	} while (x >= limit);

	return (size_t)(x % n);
}

void ctr_random_shuffle(struct ctr_random *random, size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = ctr_random_below(random, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}
