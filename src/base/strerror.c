/* What musl's strerror(3) says otherwise, of what a kernel may answer to ctr. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static const struct {
	int code;
	const char *words;
} words[] = {
	{EIO,            "Input/output error"                               },
	{ ECHILD,        "No child processes"                               },
	{ ENOMEM,        "Cannot allocate memory"                           },
	{ EBUSY,         "Device or resource busy"                          },
	{ EXDEV,         "Invalid cross-device link"                        },
	{ EMFILE,        "Too many open files"                              },
	{ ENOTTY,        "Inappropriate ioctl for device"                   },
	{ ESPIPE,        "Illegal seek"				     },
	{ EDOM,          "Numerical argument out of domain"                 },
	{ ERANGE,        "Numerical result out of range"                    },
	{ EDEADLK,       "Resource deadlock avoided"                        },
	{ ENAMETOOLONG,  "File name too long"                               },
	{ ELOOP,         "Too many levels of symbolic links"                },
	{ ETIME,         "Timer expired"				    },
	{ EREMOTE,       "Object is remote"                                 },
	{ EOVERFLOW,     "Value too large for defined data type"            },
	{ EILSEQ,        "Invalid or incomplete multibyte or wide character"},
	{ EUSERS,        "Too many users"				   },
	{ ENOTSOCK,      "Socket operation on non-socket"                   },
	{ EMSGSIZE,      "Message too long"                                 },
	{ EOPNOTSUPP,    "Operation not supported"                          },
	{ EADDRINUSE,    "Address already in use"                           },
	{ EADDRNOTAVAIL, "Cannot assign requested address"                  },
	{ ENETUNREACH,   "Network is unreachable"                           },
	{ ENETRESET,     "Network dropped connection on reset"              },
	{ ECONNABORTED,  "Software caused connection abort"                 },
	{ EISCONN,       "Transport endpoint is already connected"          },
	{ ENOTCONN,      "Transport endpoint is not connected"              },
	{ ESHUTDOWN,     "Cannot send after transport endpoint shutdown"    },
	{ ETOOMANYREFS,  "Too many references: cannot splice"               },
	{ ETIMEDOUT,     "Connection timed out"                             },
	{ EHOSTUNREACH,  "No route to host"                                 },
	{ EINPROGRESS,   "Operation now in progress"                        },
	{ EUCLEAN,       "Structure needs cleaning"                         },
	{ EDQUOT,        "Disk quota exceeded"                              },
	{ EHWPOISON,     "Memory page has hardware error"                   },
	{ 524,           "Unknown error 524"                                }, /* the kernel's own ENOTSUPP, which bpf(2) lets out */
};

const char *ctr_strerror(int code)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(words); i++)
		if (words[i].code == code)
			return words[i].words;
	return strerror(code);
}
