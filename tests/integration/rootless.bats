#!/usr/bin/env bats
# Unprivileged callers. Run by root, as `nobody`, whose id alone is mapped; a user with sub-ids maps
# those as well.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper

# A place of its own that the other user can reach; bats' directories are root's.
unprivileged() {
  need root
  PLACE=$(mktemp -d /tmp/ctr-rootless.XXXXXX)
  export PLACE
  cp -r "$TEMPLATE/rootfs" "$PLACE/rootfs"
  cp "$CTR" "$PLACE/ctr"
  chmod 755 "$PLACE"
  chown -R 65534:65534 "$PLACE"
  as_nobody "$PLACE/ctr" spec --rootless -b "$PLACE"
  jq '.process.terminal = false' "$PLACE/config.json" >"$PLACE/new"
  change "$PLACE/new"
}

change() { mv "$1" "$PLACE/config.json" && chown 65534 "$PLACE/config.json"; }
edit() { jq "$@" <"$PLACE/config.json" >"$PLACE/new" && change "$PLACE/new"; }
script() { edit --arg script "$1" '.process.args = ["sh", "-c", $script]'; }

as_nobody() {
  timeout --foreground "$CTR_TIMEOUT" setpriv --reuid 65534 --regid 65534 --clear-groups \
    env -i PATH=/usr/bin:/bin:/usr/sbin "$@"
}
nobody_ctr() { as_nobody "$PLACE/ctr" --root "$PLACE/state" "$@"; }

teardown() {
  local id
  for id in $(ls "${PLACE:-/nowhere}/state" 2>/dev/null); do nobody_ctr delete --force "$id" || true; done
  [ -z "${PLACE:-}" ] || rm -rf --one-file-system "$PLACE"
}

@test "run: root inside, nobody outside, its exit status" {
  unprivileged
  script 'id -u; id -g; cat /proc/self/uid_map /proc/self/setgroups; exit 3'
  run -3 nobody_ctr run -b "$PLACE" "$ID"
  [ "${lines[0]}" = 0 ]
  [ "${lines[1]}" = 0 ]
  [[ ${lines[2]} =~ ^\ +0\ +65534\ +1$ ]]
  [ "${lines[3]}" = deny ]
  run ls "$PLACE/state"
  expect_output ''
}

@test "checkpoint, restore: CRIU needs root, which is said before anything is made" {
  unprivileged
  script 'while :; do sleep 1; done'
  nobody_ctr run -d -b "$PLACE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  run nobody_ctr checkpoint --image-path "$PLACE/image" "$ID"
  expect_status 1
  expect_match 'CRIU needs root outside of user namespaces for containers: its --unprivileged mode has no namespaces: Operation not permitted'
  [ "$(nobody_ctr state "$ID" | jq -r .status)" = running ]
  nobody_ctr delete --force "$ID"
  run nobody_ctr restore -b "$PLACE" --image-path "$PLACE/image" "$ID"
  expect_status 125
  expect_match 'CRIU needs root'
  run -1 nobody_ctr state "$ID"
  [ ! -e "$PLACE/image" ]
}

@test "a caller whose umask leaves nobody any right" {
  unprivileged
  script 'echo well'
  umask 777
  run -0 nobody_ctr run -b "$PLACE" "$ID"
  expect_output well
  nobody_ctr create -b "$PLACE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  nobody_ctr start "$ID"
  nobody_ctr delete --force "$ID"
  umask 022
}

@test "create, start, exec, kill, delete" {
  unprivileged
  script 'while :; do sleep 0.1; done'
  nobody_ctr create -b "$PLACE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  nobody_ctr start "$ID"
  run -0 nobody_ctr exec "$ID" sh -c 'id -u; readlink /proc/self/ns/user'
  [ "${lines[0]}" = 0 ]
  pid=$(nobody_ctr state "$ID" | jq .pid)
  [ "${lines[1]}" = "$(readlink "/proc/$pid/ns/user")" ]
  [ "$(stat -c %u "/proc/$pid")" = 65534 ]
  nobody_ctr kill "$ID" KILL
  nobody_ctr delete --force "$ID"
  run nobody_ctr state "$ID"
  expect_status 1
  expect_match 'does not exist'
}

@test "delete: networks that root has made for others are no concern of a user's" {
  unprivileged
  local leases
  leases=/run/ctr-net-$(stat -Lc %i /proc/self/ns/net)
  mkdir -p -m 700 "$leases"
  as_nobody mkdir -p -m 700 "$PLACE/state/damaged"
  as_nobody sh -c "echo id=damaged >'$PLACE/state/damaged/record'"
  run nobody_ctr delete --force damaged
  rmdir "$leases" || true # another test may use it
  expect_status 0
}

@test "without a user namespace: an error that says what to do" {
  unprivileged
  edit 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)'
  run nobody_ctr run -b "$PLACE" "$ID"
  expect_status 125
  expect_match 'user namespace.*ctr spec --rootless'
}

@test "ids that nobody gave: newuidmap's refusal is quoted" {
  unprivileged
  need newuidmap
  edit '.linux.uidMappings = [{containerID: 0, hostID: 500000, size: 100}] | .linux.gidMappings = .linux.uidMappings'
  script true
  run nobody_ctr run -b "$PLACE" "$ID"
  expect_status 125
  expect_match "linux.uidMappings: 'newuidmap' refused"
}

@test "fault 74: additional groups where setgroups is denied" {
  unprivileged
  edit '.process.user.additionalGids = [10]'
  run nobody_ctr run -b "$PLACE" "$ID"
  expect_status 125
  expect_match 'process.user.additionalGids'
}

@test "fault 49: sysfs of another network namespace is bound, read-only" {
  unprivileged
  script 'touch /sys/x 2>/dev/null || echo read-only; ls /sys | grep -c kernel'
  run -0 nobody_ctr run -b "$PLACE" "$ID"
  expect_output $'read-only\n1'
}

@test "a bare root file system, without any configuration" {
  unprivileged
  run -0 nobody_ctr run --rootfs "$PLACE/rootfs" -- sh -c 'id -u; pwd'
  expect_output $'0\n/'
}

@test "sub-ids by newuidmap" {
  need root newuidmap
  local user
  user=$(awk -F: '$3 >= 65536 && $1 !~ /^[0-9]/ { print $1; exit }' /etc/subuid)
  [ -n "$user" ] && id "$user" >/dev/null 2>&1 || skip 'needs a user with sub-ids in /etc/subuid'
  unprivileged
  chown -R "$user" "$PLACE"
  edit --argjson uid "$(id -u "$user")" --argjson gid "$(id -g "$user")" \
    --argjson first "$(awk -F: -v u="$user" '$1 == u { print $2; exit }' /etc/subuid)" \
    --argjson gfirst "$(awk -F: -v u="$user" '$1 == u { print $2; exit }' /etc/subgid)" '
    .linux.uidMappings = [{containerID: 0, hostID: $uid, size: 1}, {containerID: 1, hostID: $first, size: 1000}] |
    .linux.gidMappings = [{containerID: 0, hostID: $gid, size: 1}, {containerID: 1, hostID: $gfirst, size: 1000}] |
    .process.user = {uid: 5, gid: 5, additionalGids: [7]}'
  script 'id -u; cat /proc/self/uid_map'
  chown -R "$user" "$PLACE"
  run -0 timeout --foreground 60 setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
    env -i PATH=/usr/bin:/bin:/usr/sbin "$PLACE/ctr" --root "$PLACE/state" run -b "$PLACE" "$ID"
  [ "${lines[0]}" = 5 ]
  [ ${#lines[@]} = 3 ]
}
