/* Texts of --publish, addresses and interface names: parsing only. */
#include "netns/publish.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { LINK_NAME_MAX = 15 };

int ctr_ipv4_parse(const char *text, size_t len, uint32_t *out)
{
	char copy[CTR_IPV4_TEXT];
	struct in_addr address;

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, &address) != 1)
		return -1;

	*out = ntohl(address.s_addr);
	return 0;
}

const char *ctr_ipv4_print(uint32_t address, char out[CTR_IPV4_TEXT])
{
	(void)snprintf(out, CTR_IPV4_TEXT, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
		       address >> 8 & 0xff, address & 0xff);
	return out;
}

int ctr_ipv6_parse(const char *text, size_t len, struct in6_addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, &address) != 1)
		return -1;
	/* The kernel leads nothing from ::1 to elsewhere; the others need an interface. */
	if (IN6_IS_ADDR_MULTICAST(&address) || IN6_IS_ADDR_LINKLOCAL(&address) ||
	    IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_V4MAPPED(&address))
		return -1;

	*out = address;
	return 0;
}

const char *ctr_ipv6_print(const struct in6_addr *address, char out[INET6_ADDRSTRLEN])
{
	return inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN);
}

bool ctr_link_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > LINK_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;

	for (const char *c = name; *c; c++) {
		if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
		      (*c >= 'A' && *c <= 'Z') || *c == '-' || *c == '_' || *c == '.'))
			return false;
	}
	return true;
}

/* One to five digits, 1 to 65535. The end of them, or NULL. */
static const char *parse_port(const char *text, uint16_t *out)
{
	uint32_t port = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9' && c - text < 5; c++)
		port = port * 10 + (uint32_t)(*c - '0');
	if (c == text || port == 0 || port > UINT16_MAX)
		return NULL;

	*out = (uint16_t)port;
	return c;
}

/* The address before the ports, if there is one. The ports, or NULL and @err. */
static const char *parse_address(const char *text, struct ctr_publish *out, struct ctr_error *err)
{
	const char *first = strchr(text, ':'), *end = strstr(text, "]:");

	out->ipv6 = text[0] == '[';
	if (out->ipv6) {
		if (end && ctr_ipv6_parse(text + 1, (size_t)(end - text - 1), &out->address6) == 0)
			return end + 2;
		(void)ctr_fail(err, CTR_FAULT_USAGE, 0,
			       "--publish: '%s' does not begin with an IPv6 address in brackets "
			       "that can be forwarded (::1 and link-local ones cannot)",
			       text);
		return NULL;
	}
	if (!first || first == strrchr(text, ':'))
		return text;
	if (ctr_ipv4_parse(text, (size_t)(first - text), &out->address) == 0)
		return first + 1;
	(void)ctr_fail(err, CTR_FAULT_USAGE, 0, "--publish: '%s': '%.*s' is not an IPv4 address",
		       text, (int)(first - text), text);
	return NULL;
}

int ctr_publish_parse(const char *text, struct ctr_publish *out, struct ctr_error *err)
{
	struct ctr_publish publish = { 0 };
	const char *at = parse_address(text, &publish, err);

	if (!at)
		return -1;
	at = parse_port(at, &publish.host);
	if (at && *at == ':')
		at = parse_port(at + 1, &publish.container);
	else
		at = NULL;
	publish.udp = at && strcmp(at, "/udp") == 0;
	if (!at || (*at && !publish.udp && strcmp(at, "/tcp") != 0))
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"--publish: '%s' is not [ADDRESS:]HOST-PORT:PORT[/tcp|/udp] with ports "
			"from 1 to 65535",
			text);

	*out = publish;
	return 0;
}

const char *ctr_publish_print(const struct ctr_publish *publish, char out[CTR_PUBLISH_TEXT])
{
	char address[INET6_ADDRSTRLEN];

	(void)snprintf(out, CTR_PUBLISH_TEXT, "%s%s%s:%u:%u/%s", publish->ipv6 ? "[" : "",
		       publish->ipv6 ? ctr_ipv6_print(&publish->address6, address)
				     : ctr_ipv4_print(publish->address, address),
		       publish->ipv6 ? "]" : "", publish->host, publish->container,
		       publish->udp ? "udp" : "tcp");
	return out;
}

static bool is_for_all(const struct ctr_publish *publish)
{
	return publish->ipv6 ? IN6_IS_ADDR_UNSPECIFIED(&publish->address6) : publish->address == 0;
}

bool ctr_publish_collides(const struct ctr_publish *a, const struct ctr_publish *b)
{
	if (a->udp != b->udp || a->host != b->host)
		return false;
	if (a->ipv6 != b->ipv6)
		return is_for_all(a->ipv6 ? b : a);
	return is_for_all(a) || is_for_all(b) ||
	       (a->ipv6 ? IN6_ARE_ADDR_EQUAL(&a->address6, &b->address6)
			: a->address == b->address);
}
