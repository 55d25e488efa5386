/* What --publish says: a port of the host that leads to one of the container. Used by ctr, and by
 * ctr-net, which gets the same texts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_error;

struct ctr_publish {
	uint32_t address; /* of the host, in host byte order; 0: all */
	uint16_t host, container;
	bool udp;
};

/* "[ADDRESS:]HOST:CONTAINER[/tcp|/udp]". 0, or -1 and @err. */
int ctr_publish_parse(const char *text, struct ctr_publish *out, struct ctr_error *err);
/* Would one packet be for both? */
bool ctr_publish_collides(const struct ctr_publish *a, const struct ctr_publish *b);

/* "ADDRESS", in host byte order. 0, or -1. */
int ctr_ipv4_parse(const char *text, size_t len, uint32_t *out);
/* As text in @out. Returns @out. */
enum { CTR_IPV4_TEXT = 16 };
const char *ctr_ipv4_print(uint32_t address, char out[CTR_IPV4_TEXT]);
/* May the kernel have an interface of that name, and nft a table named after it? */
bool ctr_link_name_is_valid(const char *name);
