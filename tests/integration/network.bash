# shellcheck shell=bash disable=SC2154,SC2034
# A network namespace that stands for the host: the real one is left alone. To be loaded after
# helper.

eval "base_$(declare -f setup)"
eval "base_$(declare -f teardown)"
eval "base_$(declare -f ctr)"

setup() {
  place=''
  base_setup
  is_root || return 0
  unshare --net sleep 10000 </dev/null >/dev/null 2>&1 3>&- &
  NETNS=$!
  eventually has_own_network "$NETNS"
  LEASES=/run/ctr-net-$(stat -Lc %i "/proc/$NETNS/ns/net")
  in_host ip link set lo up
  for applet in nc ping; do ln -sf busybox "$BUNDLE/rootfs/bin/$applet"; done
  config '.root.readonly = false |
    .process.capabilities[] |= (. + ["CAP_NET_RAW"]) | .process.user = {uid: 0, gid: 0}'
}

has_own_network() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

teardown() {
  local left=''
  if [ -n "${NETNS:-}" ]; then
    [ -z "${place:-}" ] || clear_place
    [ -z "${BATS_TEST_COMPLETED:-}" ] || left=$(network_leaks)
    [ -z "$left" ] || force_cleanup
    rm -rf --one-file-system "$LEASES"
    kill "$NETNS"
  fi
  base_teardown
  [ -z "$left" ] || {
    printf 'left behind:\n%s\n' "$left"
    return 1
  }
}

in_host() { nsenter --target "$NETNS" --net "$@"; }
ctr() {
  [ -n "${NETNS:-}" ] || { base_ctr "$@" && return; }
  timeout --foreground -k 5 "$CTR_TIMEOUT" nsenter --target "$NETNS" --net "$CTR" \
    --root "$STATE" "$@"
}

links() { in_host ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort | tr '\n' ' '; }

network_leaks() {
  links | grep -vx 'lo \(host0 \)\?' | sed 's/^/links: /'
  in_host nft list ruleset | sed 's/^/rules: /'
  [ ! -e "$LEASES" ] || echo "leases: $LEASES"
}

# What a user without privileges works with, at $place, and an uplink of the host: pasta makes the
# container's interface like that, and passt wants to know where it leads.
place_for_nobody() {
  place=$(mktemp -d /tmp/ctr-network.XXXXXX)
  cp -r "$BUNDLE/rootfs" "$place/rootfs"
  cp "$CTR" "$place/ctr"
  chown -hR 65534:65534 "$place"
  chmod 755 "$place"
  in_host ip link add host0 type bridge
  in_host ip addr add 192.0.2.1/24 dev host0
  in_host ip link set host0 up
  in_host ip route add default via 192.0.2.254
}

nobody() {
  in_host timeout --foreground "$CTR_TIMEOUT" setpriv --reuid 65534 --regid 65534 --clear-groups \
    env -i PATH="${NOBODY_PATH:-/usr/bin:/bin}" XDG_CACHE_HOME="$place/cache" \
    "$place/ctr" --root "$place/state" "$@"
}

# Also for a test that has failed.
clear_place() {
  local id
  for id in $(ls "$place/state" 2>/dev/null || true); do nobody delete --force "$id" || true; done
  rm -rf --one-file-system "$place"
  place=''
}

# Fails with what $failed says, or when a container is left.
no_place_for_nobody() {
  local left
  left=$(ls "$place/state" 2>/dev/null || true)
  in_host ip link del host0
  clear_place
  [ -z "$failed$left" ] || {
    echo "$failed left: $left"
    return 1
  }
}

bridges() {
  need root nft ip nsenter
  in_host ip link add bridgetest type bridge 2>/dev/null || skip 'needs a kernel with bridges'
  in_host ip link del bridgetest
}

answer_of() { # HOST PORT - from the host, a line
  in_host timeout 5 busybox nc "$1" "$2" </dev/null
}

answers() { # HOST PORT NAME
  [ "$(answer_of "$1" "$2")" = "i am $3" ]
}
