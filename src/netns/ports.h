/* Ports of the host: are they free? */
#pragma once

#include <stddef.h>

struct ctr_error;
struct ctr_leases;
struct ctr_publish;

/* Neither given twice, nor another container's, nor listened on. 0, or -1 and @err. */
int ctr_ports_check(const struct ctr_leases *leases, const struct ctr_publish *ports, size_t nports,
		    struct ctr_error *err);
