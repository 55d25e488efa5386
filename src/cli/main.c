/*
 * ctr: the command line. So far it tells its version.
 */
#include <stdio.h>

#include "cli/commit.h"

int main(void)
{
	printf("ctr version %s\ncommit: %s\n", PACKAGE_VERSION, CTR_COMMIT);
	return 0;
}
