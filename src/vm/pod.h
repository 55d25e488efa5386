/*
 * Pods of Kubernetes. Its engines make a sandbox, which holds namespaces, and ask the pod's
 * containers to join them. A machine can be such a container as long as it is the only one there:
 * it stands in the pod's network, has the names that the pod has, and shares System V IPC with
 * nobody, as nobody else is there.
 */
#pragma once

#include "oci/spec.h"

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

/*
 * Give @guest and its @config, the guest's view of @machine->spec, what the namespaces uts and ipc
 * have that the document joins: the names, unless the document has others, and parameters of IPC
 * that differ from those out here. They are entered for that, and left. 0, or -1 and @err.
 */
int ctr_pod_read(const struct ctr_machine *machine, struct ctr_spec *guest,
		 struct ctr_linux *config, struct ctr_error *err);

/* In a pod's network namespace: be its only machine, for as long as the descriptor is open. -errno;
 * -EADDRINUSE: there is one. */
int ctr_pod_claim(void);
