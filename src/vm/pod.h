/*
 * Pods of Kubernetes. Its engines make a sandbox, which holds namespaces, and ask the pod's
 * containers to join them. A machine can be such a container as long as it is the only one there:
 * it stands in the pod's network, has the names that the pod has, and shares System V IPC with
 * nobody, as nobody else is there.
 */
#pragma once

#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;
struct ctr_machine;

enum ctr_pod_part {
	CTR_POD_NONE,
	CTR_POD_SANDBOX,
	CTR_POD_CONTAINER,
};

/* What the container of @spec is in a pod, by the annotation io.kubernetes.cri.container-type
 * (containerd) or io.kubernetes.cri-o.ContainerType (CRI-O), or, where io.container.manager tells
 * of Podman, io.kubernetes.cri-o.SandboxID (of all but infra containers). */
enum ctr_pod_part ctr_pod_part(const struct ctr_spec *spec);

/* Is @spec a container that joins a pod's network? Then it may join namespaces ipc and uts. */
bool ctr_pod_joins(const struct ctr_spec *spec);

enum { CTR_POD_PARAMETERS = 13, CTR_POD_TEXT = 128 };

/* What the namespaces uts and ipc have that a document joins; "": none, or it joins none. */
struct ctr_pod {
	char hostname[CTR_POD_TEXT], domainname[CTR_POD_TEXT];
	char parameters[CTR_POD_PARAMETERS][CTR_POD_TEXT]; /* of IPC */
	char host[CTR_POD_PARAMETERS][CTR_POD_TEXT];       /* the same out here */
};

/* Read those that @machine->host_spec joins. They are entered for that, and left. 0, or -1 and
 * @err. */
int ctr_pod_read(const struct ctr_machine *machine, struct ctr_pod *out, struct ctr_error *err);
/* Give @guest, the guest's view of the document, what was found: the names, unless the document has
 * others, and parameters of IPC that differ from those out here, unless it sets them. */
void ctr_pod_apply(const struct ctr_pod *found, struct ctr_spec *guest, struct ctr_arena *arena);

/* In a pod's network namespace: be its only machine, for as long as the descriptor is open. -errno;
 * -EADDRINUSE: there is one. */
int ctr_pod_claim(void);
