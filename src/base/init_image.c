/*
 * The bytes of ctr-init are included by the assembler: no generator, and no array of
 * numbers that takes longer to compile than the rest of ctr. The path is that of the
 * build directory, in which every compiler command runs.
 */
#include "base/init_image.h"

__asm__(".pushsection .rodata.ctr_init_image, \"a\"\n"
	".balign 16\n"
	".global ctr_init_image\n"
	".type ctr_init_image, %object\n"
	"ctr_init_image:\n"
	".incbin \"src/init/ctr-init\"\n"
	".Lctr_init_image_end:\n"
	".size ctr_init_image, .Lctr_init_image_end - ctr_init_image\n"
	".balign 8\n"
	".global ctr_init_image_size\n"
	".type ctr_init_image_size, %object\n"
	"ctr_init_image_size:\n"
	".quad .Lctr_init_image_end - ctr_init_image\n"
	".size ctr_init_image_size, 8\n"
	".popsection\n");
