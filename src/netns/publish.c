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

int ctr_publish_parse(const char *text, struct ctr_publish *out, struct ctr_error *err)
{
	struct ctr_publish publish = { 0 };
	const char *at = text, *first = strchr(text, ':'), *last = strrchr(text, ':');

	if (text[0] == '[')
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--publish: '%s': addresses of IPv6 are not supported", text);
	if (first && first != last) {
		if (ctr_ipv4_parse(text, (size_t)(first - text), &publish.address) < 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--publish: '%s': '%.*s' is not an IPv4 address", text,
					(int)(first - text), text);
		at = first + 1;
	}

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

bool ctr_publish_collides(const struct ctr_publish *a, const struct ctr_publish *b)
{
	return a->udp == b->udp && a->host == b->host &&
	       (a->address == b->address || a->address == 0 || b->address == 0);
}
