/* What --publish says: a port of the host that leads to one of the container. Used by ctr, and by
 * ctr-net, which gets the same texts. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_error;

struct ctr_publish {
	uint32_t address; /* of the host, in host byte order; 0: all, of IPv6 as well */
	uint16_t host, container;
	bool udp;
	bool ipv6; /* address6 of the host instead; ::: all of IPv6 */
	struct in6_addr address6;
};

/* "[ADDRESS:]HOST:CONTAINER[/tcp|/udp]"; one of IPv6 stands in brackets. 0, or -1 and @err. */
int ctr_publish_parse(const char *text, struct ctr_publish *out, struct ctr_error *err);
/* The same, as it is read, in @out. Returns @out. */
enum { CTR_PUBLISH_TEXT = INET6_ADDRSTRLEN + 20 };
const char *ctr_publish_print(const struct ctr_publish *publish, char out[CTR_PUBLISH_TEXT]);
/* Would one packet be for both? */
bool ctr_publish_collides(const struct ctr_publish *a, const struct ctr_publish *b);

/* "ADDRESS", in host byte order. 0, or -1. */
int ctr_ipv4_parse(const char *text, size_t len, uint32_t *out);
/* As text in @out. Returns @out. */
enum { CTR_IPV4_TEXT = 16 };
const char *ctr_ipv4_print(uint32_t address, char out[CTR_IPV4_TEXT]);
/* "ADDRESS" of IPv6, one that a container or a port can have, or "::". 0, or -1. */
int ctr_ipv6_parse(const char *text, size_t len, struct in6_addr *out);
/* As text in @out. Returns @out. */
const char *ctr_ipv6_print(const struct in6_addr *address, char out[INET6_ADDRSTRLEN]);
/* May the kernel have an interface of that name, and nft a table named after it? */
bool ctr_link_name_is_valid(const char *name);
