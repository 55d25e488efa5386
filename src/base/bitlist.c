/* Numbers, ranges, commas. */
#include "base/bitlist.h"

#include <errno.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " ");
}

/* Cut a number off *@list. */
static int cut_number(const char **list, size_t size, size_t *out)
{
	const char *p = *list;
	size_t value = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;

	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (size_t)(*p - '0');
		if (value >= size)
			return -ERANGE;
	}
	*list = skip_blanks(p);
	*out = value;
	return 0;
}

int ctr_bitlist_parse(const char *list, uint64_t *mask, size_t size)
{
	size_t bits = 0;

	list = skip_blanks(list);
	while (*list) {
		size_t first, last;
		int r = cut_number(&list, size, &first);

		last = first;
		if (r == 0 && *list == '-') {
			list = skip_blanks(list + 1);
			r = cut_number(&list, size, &last);
		}
		if (r < 0)
			return r;
		if (last < first || (*list && *list != ','))
			return -EINVAL;

		for (size_t i = first; i <= last; i++)
			mask[i / 64] |= 1ULL << i % 64;
		if (last + 1 > bits)
			bits = last + 1;
		if (*list == ',')
			list = skip_blanks(list + 1);
	}

	return (int)bits;
}
