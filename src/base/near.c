/* Edit distance of short words (optimal string alignment). */
#include "base/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 48, MISTAKES_MAX = 2, FAR = WORD_MAX };

void ctr_near_init(struct ctr_near *near, const char *text, size_t len)
{
	*near = (struct ctr_near){ .text = text, .len = len, .distance = MISTAKES_MAX + 1 };
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static size_t distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t rows[3][WORD_MAX + 1];

	if (alen > WORD_MAX || blen > WORD_MAX)
		return FAR;
	for (size_t j = 0; j <= blen; j++)
		rows[0][j] = j;

	for (size_t i = 1; i <= alen; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= blen; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]) &&
			    rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}

	return rows[alen % 3][blen];
}

/* Is the word at hand the whole of @word but for what stands before one of its '_'? */
static bool is_end_of(const struct ctr_near *near, const char *word)
{
	size_t len = strlen(word);

	return near->len >= 2 && len > near->len + 1 && word[len - near->len - 1] == '_' &&
	       strncasecmp(word + len - near->len, near->text, near->len) == 0;
}

/* "CAP_" and "--" are in many words alike: their length says nothing. */
static size_t common_prefix(const struct ctr_near *near, const char *word)
{
	size_t same = 0;

	for (size_t i = 0; i < near->len && lower(near->text[i]) == lower(word[i]); i++)
		if (word[i] == '_' || word[i] == '-')
			same = i + 1;
	return same;
}

void ctr_near_try(struct ctr_near *near, const char *word)
{
	size_t same = common_prefix(near, word), len = strlen(word) - same, longer, d;

	longer = len > near->len - same ? len : near->len - same;
	d = is_end_of(near, word) ? 1
				  : distance(near->text + same, near->len - same, word + same, len);
	if (d >= near->distance || 2 * d >= longer)
		return;
	near->best = word;
	near->distance = d;
}

const char *ctr_near_hint(struct ctr_near *near)
{
	if (near->best)
		(void)snprintf(near->hint, sizeof(near->hint), ", did you mean '%s'?", near->best);
	return near->hint;
}
