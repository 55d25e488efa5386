/*
 * A ctr linked with musl takes libseccomp's tables of names out of an archive that was compiled
 * against glibc. What it may need of a C library is in tests/check-archive-symbols; a FILE is not.
 * Only seccomp_export_pfc(3) has one, which ctr does not call: this stands in its place.
 */
#include <errno.h>

int gen_pfc_generate(const void *filter, int fd);

int gen_pfc_generate(const void *filter, int fd)
{
	(void)filter;
	(void)fd;
	return -EOPNOTSUPP;
}
