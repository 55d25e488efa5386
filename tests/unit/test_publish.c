/* netns/publish and core/network_files: texts only. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "core/network_files.h"
#include "netns/publish.h"

static const struct {
	const char *text;
	struct ctr_publish publish;
} good[] = {
	{"8080:80",		      { .host = 8080, .container = 80 }                     },
	{ "1:65535/tcp",                 { .host = 1, .container = 65535 }                     },
	{ "53:5353/udp",                 { .host = 53, .container = 5353, .udp = true }        },
	{ "127.0.0.1:80:81",             { .address = 0x7f000001, .host = 80, .container = 81 }},
	{ "255.255.255.255:65535:1/udp",
         { .address = 0xffffffff, .host = UINT16_MAX, .container = 1, .udp = true }            },
	{ "[::]:80:81",                  { .ipv6 = true, .host = 80, .container = 81 }         },
	{ "[fd00::a]:80:81/udp",
         { .ipv6 = true,
	    .address6 = { { { 0xfd, [15] = 10 } } },
	    .host = 80,
	    .container = 81,
	    .udp = true }								      },
};

static void ports_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(good); i++) {
		struct ctr_publish got = { 0 };
		struct ctr_error err;

		print_message("# %s\n", good[i].text);
		assert_int_equal(ctr_publish_parse(good[i].text, &got, &err), 0);
		assert_int_equal(got.address, good[i].publish.address);
		assert_int_equal(got.host, good[i].publish.host);
		assert_int_equal(got.container, good[i].publish.container);
		assert_int_equal(got.udp, good[i].publish.udp);
		assert_int_equal(got.ipv6, good[i].publish.ipv6);
		assert_memory_equal(&got.address6, &good[i].publish.address6, 16);

		/* what a lease has is read again */
		char text[CTR_PUBLISH_TEXT];
		struct ctr_publish again;

		assert_int_equal(ctr_publish_parse(ctr_publish_print(&got, text), &again, &err), 0);
		assert_memory_equal(&got, &again, sizeof(got));
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"80",
		"80:",
		":80",
		"0:1",
		"1:0",
		"65536:1",
		"1:65536",
		"000080:1",
		"80:80/",
		"80:80/sctp",
		"80:80/udpx",
		"80:80 ",
		"80:80:80",
		"1.2.3:1:1",
		"1.2.3.4.5:1:1",
		"1.2.3.4::1",
		"a:b",
		"[::1]:80:80",
		"-1:80",
		"[fe80::1]:80:80",
		"[ff02::1]:80:80",
		"[::ffff:1.2.3.4]:80:80",
		"[fd00::1]80:80",
		"[fd00::1:80:80",
		"[]:80:80",
		"[fd00::1]:80",
		"[1.2.3.4]:80:80",
		"fd00::1:80:80",
	};

	(void)state;
	for (size_t i = 0; i < unit_count(bad); i++) {
		struct ctr_publish got;
		struct ctr_error err = { 0 };

		print_message("# %s\n", bad[i]);
		assert_int_equal(ctr_publish_parse(bad[i], &got, &err), -1);
		assert_int_equal(err.fault, CTR_FAULT_USAGE);
		assert_memory_equal(err.text, "--publish: '", 12);
	}
}

static void collisions(void **state)
{
	const struct ctr_publish all = { .host = 80 }, one = { .address = 1, .host = 80 },
				 two = { .address = 2, .host = 80 },
				 udp = { .host = 80, .udp = true }, other = { .host = 81 },
				 all6 = { .host = 80, .ipv6 = true },
				 one6 = { .host = 80, .ipv6 = true, .address6 = { { { 1 } } } },
				 two6 = { .host = 80, .ipv6 = true, .address6 = { { { 2 } } } };

	(void)state;
	assert_true(ctr_publish_collides(&all, &all));
	assert_true(ctr_publish_collides(&all, &one));
	assert_true(ctr_publish_collides(&two, &all));
	assert_false(ctr_publish_collides(&one, &two));
	assert_false(ctr_publish_collides(&all, &udp));
	assert_false(ctr_publish_collides(&all, &other));
	assert_true(ctr_publish_collides(&all, &one6));
	assert_true(ctr_publish_collides(&all6, &all));
	assert_true(ctr_publish_collides(&all6, &one6));
	assert_true(ctr_publish_collides(&one6, &one6));
	assert_false(ctr_publish_collides(&one6, &two6));
	assert_false(ctr_publish_collides(&one, &one6));
	assert_false(ctr_publish_collides(&one, &all6));
}

static void interface_names(void **state)
{
	(void)state;
	assert_true(ctr_link_name_is_valid("ctr0"));
	assert_true(ctr_link_name_is_valid("br-1_a.100"));
	assert_true(ctr_link_name_is_valid("fifteen-bytes-x"));
	assert_false(ctr_link_name_is_valid("sixteen-bytes-xx"));
	assert_false(ctr_link_name_is_valid(""));
	assert_false(ctr_link_name_is_valid("."));
	assert_false(ctr_link_name_is_valid(".."));
	assert_false(ctr_link_name_is_valid("a/b"));
	assert_false(ctr_link_name_is_valid("a b"));
	assert_false(ctr_link_name_is_valid("a;b"));
	assert_false(ctr_link_name_is_valid("a\nb"));
}

static void name_servers_of_the_loopback_go(void **state)
{
	struct ctr_arena arena = { 0 };
	unsigned servers = 9;

	(void)state;
	assert_string_equal(
		ctr_resolv_filter("# comment\nnameserver 127.0.0.53\nsearch x.y\n"
				  "nameserver\t::1\nnameserver 192.0.2.1\noptions edns0",
				  &servers, &arena),
		"# comment\nsearch x.y\nnameserver 192.0.2.1\noptions edns0\n");
	assert_int_equal(servers, 1);
	assert_string_equal(ctr_resolv_filter("", &servers, &arena), "");
	assert_int_equal(servers, 0);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_read),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(collisions),
		cmocka_unit_test(interface_names),
		cmocka_unit_test(name_servers_of_the_loopback_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
