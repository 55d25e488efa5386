/*
 * A container that is being made: what create and run share, up to CREATED, with the undo stack
 * that takes back what was made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/container.h"
#include "core/handover.h"
#include "core/launch.h"
#include "core/limits.h"
#include "core/machine.h"
#include "core/network.h"
#include "core/newnet.h"
#include "core/notify.h"
#include "core/overlay.h"
#include "ns/plan.h"

struct ctr_context;
struct ctr_create_options;
struct ctr_error;
struct ctr_spec;

enum { CTR_UNDO_MAX = 12 };

struct ctr_creation {
	struct ctr_context *context;
	const struct ctr_create_options *options;
	bool run;                    /* the parent stays: no gate */
	const struct ctr_spec *spec; /* as this host carries it out */
	struct ctr_machine machine;  /* has what is planned */
	const char *config;          /* the document, for the copy */
	size_t config_len;
	struct ctr_container container;
	struct ctr_limits limits;
	struct ctr_resctrl resctrl;
	uint64_t oom_kills; /* in the cgroup before */
	int memory_events;  /* its file, opened while nobody waits for us; -1: there is none */
	struct ctr_actions actions;
	struct ctr_launch launch;
	struct ctr_newnet newnet;
	struct ctr_network network;
	struct ctr_overlay overlay;
	struct ctr_plan_options plan_options;
	struct ctr_handover handover;
	struct ctr_notify notify;
	int gate, child_sync;
	void (*undo[CTR_UNDO_MAX])(struct ctr_creation *creation);
	size_t nundo;
	bool poststop_due; /* hooks have heard of its making, or its start */
	bool stays; /* not all could be taken back: the state directory stays for delete --force */
};

/* Nothing is made yet. @run: the parent stays until the end, so there is no gate. */
struct ctr_creation ctr_creation_init(struct ctr_context *context,
				      const struct ctr_create_options *options, bool run);

/* Read and decode the bundle, and learn the rest of what the host is. 0 or -1. */
int ctr_creation_load(struct ctr_creation *creation, struct ctr_error *err);

/*
 * The steps of a making, for what makes a process in another way (restore.c). Each 0 or -1.
 * _place: layer, state directory, record, cgroup with its limits. _keep: the copy of the
 * configuration and the record, now with the pid of ->launch. _finish: pidfd and pid file.
 */
int ctr_creation_place(struct ctr_creation *creation, struct ctr_error *err);
int ctr_creation_keep(struct ctr_creation *creation, struct ctr_error *err);
int ctr_creation_finish(struct ctr_creation *creation, struct ctr_error *err);
/* A directory for the socket of notifications, and with ->run the socket. */
int ctr_creation_notify(struct ctr_creation *creation, struct ctr_error *err);
/* The network where ctr makes it, prestart and createRuntime hooks, of a container whose namespaces
 * process @pid is in. */
int ctr_creation_hooks(struct ctr_creation *creation, pid_t pid, struct ctr_error *err);
/* The process of ->launch ends when the creation fails. */
void ctr_creation_undo_child(struct ctr_creation *creation);

/* restore.c: the same as ctr_creation_make() by the image of ->options->restore: the container
 * runs. */
int ctr_creation_restore(struct ctr_creation *creation, struct ctr_error *err);

/* From nothing to CREATED; with ->run not to CREATED where the child asks for nothing. 0 or -1:
 * then ctr_creation_undo() is due. */
int ctr_creation_make(struct ctr_creation *creation, struct ctr_error *err);

/* @undo is to be called, before all that were pushed earlier, when the creation fails. */
void ctr_creation_push_undo(struct ctr_creation *creation, void (*undo)(struct ctr_creation *));
void ctr_creation_undo(struct ctr_creation *creation);

/* Run the poststop hooks; what fails is logged. */
void ctr_creation_poststop(struct ctr_creation *creation);

/* Close what is open; the container stays. */
void ctr_creation_release(struct ctr_creation *creation);
