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
	{"8080:80",		      { 0, 8080, 80, false }             },
	{ "1:65535/tcp",                 { 0, 1, 65535, false }             },
	{ "53:5353/udp",                 { 0, 53, 5353, true }              },
	{ "127.0.0.1:80:81",             { 0x7f000001, 80, 81, false }      },
	{ "255.255.255.255:65535:1/udp", { 0xffffffff, UINT16_MAX, 1, true }},
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
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",           "80",       "80:",         ":80",
		"0:1",        "1:0",      "65536:1",     "1:65536",
		"000080:1",   "80:80/",   "80:80/sctp",  "80:80/udpx",
		"80:80 ",     "80:80:80", "1.2.3:1:1",   "1.2.3.4.5:1:1",
		"1.2.3.4::1", "a:b",      "[::1]:80:80", "-1:80",
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
	const struct ctr_publish all = { 0, 80, 1, false }, one = { 1, 80, 2, false },
				 two = { 2, 80, 3, false }, udp = { 0, 80, 1, true },
				 other = { 0, 81, 1, false };

	(void)state;
	assert_true(ctr_publish_collides(&all, &all));
	assert_true(ctr_publish_collides(&all, &one));
	assert_true(ctr_publish_collides(&two, &all));
	assert_false(ctr_publish_collides(&one, &two));
	assert_false(ctr_publish_collides(&all, &udp));
	assert_false(ctr_publish_collides(&all, &other));
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
