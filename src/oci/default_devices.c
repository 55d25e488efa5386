#include "oci/default_devices.h"

#include <stddef.h>

const struct ctr_default_device ctr_default_devices[CTR_DEFAULT_DEVICES] = {
	{"/dev/null",     1,   3  },
        { "/dev/zero",    1,   5  },
        { "/dev/full",    1,   7  },
	{ "/dev/random",  1,   8  },
        { "/dev/urandom", 1,   9  },
        { "/dev/tty",     5,   0  },
	{ NULL,           5,   1  }, /* console: the terminal is bound there */
	{ NULL,           5,   2  }, /* ptmx, of the container's devpts */
	{ NULL,           136, -1 }, /* pts/N */
	{ NULL,           10,  200}, /* net/tun: VPN clients expect it */
};
