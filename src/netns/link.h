/* Network interfaces: finding, making, changing. All return 0 or -errno unless told otherwise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ctr_rtnl;

enum { CTR_LINK_NAME = 16 };

struct ctr_link {
	int index;
	bool up;
	char name[CTR_LINK_NAME];
	char kind[CTR_LINK_NAME]; /* "bridge", "veth"; empty: hardware */
};

/* The interface called @name; -ENODEV: there is none. */
int ctr_link_find(struct ctr_rtnl *rtnl, const char *name, struct ctr_link *out);

/* A bridge with MAC address @mac. */
int ctr_link_make_bridge(struct ctr_rtnl *rtnl, const char *name, const uint8_t mac[6]);
/* A veth called @name, its other end @peer in the namespace of descriptor @netns. */
int ctr_link_make_veth(struct ctr_rtnl *rtnl, const char *name, const char *peer, int netns);
/* Make it a port of bridge @master that may send back where it came from. */
int ctr_link_join_bridge(struct ctr_rtnl *rtnl, int index, int master);

int ctr_link_set_up(struct ctr_rtnl *rtnl, int index, bool up);
/* What `ip link` shows besides. */
int ctr_link_set_alias(struct ctr_rtnl *rtnl, int index, const char *alias);
/* To the namespace of descriptor @netns, called @name there ("%d" in it: the first free number);
 * it is down there. -EEXIST: that name is taken. */
int ctr_link_move(struct ctr_rtnl *rtnl, int index, int netns, const char *name);
int ctr_link_delete(struct ctr_rtnl *rtnl, int index);
