/*
 * The program ctr-init, as it was built, byte by byte: what ctr writes into a sealed
 * memfd and the container's first process executes.
 */
#pragma once

#include <stddef.h>

extern const unsigned char ctr_init_image[];
extern const size_t ctr_init_image_size;
