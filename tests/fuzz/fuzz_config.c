/*
 * Any bytes as config.json, as a process document and as a resources document: decoded or refused
 * with a message, and lint, which goes on after a fault, agrees with the strict reading.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "oci/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings findings = { 0 };
	const char *text = (const char *)data;
	struct ctr_error err = { 0 };
	struct ctr_spec *strict, *lint;

	strict = ctr_spec_decode(&arena, text, size, "config.json", "/bundle", NULL, &err);
	must_be(strict || err.text[0]);
	err.text[0] = '\0';
	lint = ctr_spec_decode(&arena, text, size, "config.json", "/bundle", &findings, &err);
	must_be((strict == NULL) == (lint == NULL));
	for (size_t i = 0; i < findings.count; i++)
		must_be(findings.list[i].text && findings.list[i].text[0]);

	err.text[0] = '\0';
	must_be(ctr_process_decode(&arena, text, size, "process.json", &err) || err.text[0]);
	err.text[0] = '\0';
	must_be(ctr_resources_decode(&arena, text, size, "resources.json", &err) || err.text[0]);

	ctr_arena_release(&arena);
	return 0;
}
