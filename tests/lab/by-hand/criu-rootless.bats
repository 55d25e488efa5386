#!/usr/bin/env bats
# What a user can checkpoint who has CAP_CHECKPOINT_RESTORE, by files that have it (setcap): nothing of
# ctr's, and what of CRIU. As root in the box or the guest; the user is `lab`.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

user() { # COMMAND...
  (cd / && exec timeout -k 5 "$CTR_TIMEOUT" setpriv --reuid lab --regid lab --init-groups env -i HOME=/home/lab USER=lab \
    XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus \
    PATH="$PROGRAMS/bin:/usr/sbin:/usr/bin" "$@")
}
user_ctr() { user "$PROGRAMS/bin/ctr" --root "$HOME_OF_LAB/state" "$@"; }
status_of() { user_ctr state "$1" | jq -r .status; }
count() { user_ctr exec "$1" cat /dev/shm/n 2>/dev/null; }

# programs - ctr, its helpers and CRIU for the user alone
programs() {
  PROGRAMS=/opt/capable.$ID HOME_OF_LAB=$(mktemp -d /home/lab/criu.XXXXXX)
  cp -a "$(dirname "$CTR")/.." "$PROGRAMS"
  cp "$(command -v criu)" "$PROGRAMS/bin/criu"
  chown -R lab:lab "$HOME_OF_LAB"
}
# What a test that has passed leaves behind is told, by the helper as well: the bundle is there for it
# to know processes by.
eval "criu_$(declare -f teardown)"
teardown() {
  local left='' status=0
  if [ -n "${PROGRAMS:-}" ]; then
    left=$(
      ls "$HOME_OF_LAB/state" 2>/dev/null | grep -v ^-
      pgrep -u lab -af "$HOME_OF_LAB|$PROGRAMS"
    ) || true
    [ -z "$left" ] || user_ctr delete --force "$ID" || true
  fi
  criu_teardown || status=$?
  [ -z "${PROGRAMS:-}" ] || rm -rf --one-file-system "$PROGRAMS" "$HOME_OF_LAB"
  [ -n "${BATS_TEST_COMPLETED:-}" ] || return 0
  [ -z "$left" ] || {
    printf 'left behind:\n%s\n' "$left"
    return 1
  }
  return $status
}

# rootless - a container of the user's that counts
rootless() {
  BUNDLE=$HOME_OF_LAB/bundle
  rm -rf "$BUNDLE" "$HOME_OF_LAB/config.json"
  cp -a "$TEMPLATE" "$BUNDLE"
  chown -R lab:lab "$BUNDLE"
  user_ctr spec --rootless --bundle "$HOME_OF_LAB"
  jq ".process.terminal = false | ${FILTER:-.}" "$HOME_OF_LAB/config.json" >"$BUNDLE/config.json"
  counter
  user_ctr run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
  eventually count "$ID"
}

# wide - more than the user's own ids
wide() { FILTER='.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 65535}] | .linux.gidMappings = .linux.uidMappings'; }

# unprivileged_dump PID PATTERN... - it fails with these errors, and the container runs on
unprivileged_dump() {
  local pattern image=$HOME_OF_LAB/image.2
  run user criu dump --unprivileged --tree "$1" --images-dir "$image" --log-file dump.log -v4 --root "$BUNDLE/rootfs" \
    --manage-cgroups=ignore --network-lock skip --enable-external-masters --external 'mnt[]:m'
  grep Error "$image/dump.log"
  expect_status 1
  shift
  for pattern; do grep -q "Error .*$pattern" "$image/dump.log"; done
  counts "$ID"
}

refuses() {
  run user_ctr checkpoint --image-path "$HOME_OF_LAB/image" "$ID"
  show_result
  expect_status 1
  expect_match 'CRIU needs root outside of user namespaces for containers: its --unprivileged mode has no namespaces'
  [ ! -e "$HOME_OF_LAB/image" ]
  counts "$ID"
}

@test "without root: the error, and the container runs on; with the capability likewise" {
  programs
  rootless
  refuses
  run user_ctr restore --detach --bundle "$BUNDLE" --image-path "$HOME_OF_LAB" "$ID-2" </dev/null
  expect_status 125
  expect_match 'CRIU needs root outside of user namespaces'
  setcap cap_checkpoint_restore+eip "$PROGRAMS/bin/criu"
  setcap cap_checkpoint_restore+eip "$PROGRAMS/bin/ctr"
  setcap cap_checkpoint_restore+eip "$PROGRAMS/libexec/ctr/ctr-criu"
  refuses
  user_ctr delete --force "$ID"
}

# If this fails one day, CRIU can do more than ctr lets it.
@test "CRIU itself with the capability: a process yes, a container no" {
  programs
  setcap cap_checkpoint_restore+eip "$PROGRAMS/bin/criu"
  local image=$HOME_OF_LAB/image pid loop='echo [$]i >[$]HOME/n'
  user mkdir "$image" "$image.2"
  # no descriptor of bats, whose files are for root alone
  user setsid -f sh -c 'i=0; while :; do i=$((i+1)); echo $i >$HOME/n; sleep 0.1; done' </dev/null >/dev/null 2>&1 \
    3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  eventually pgrep -u lab -f "$loop" >/dev/null
  pid=$(pgrep -u lab -of "$loop")
  run user criu dump --unprivileged --tree "$pid" --images-dir "$image" --log-file dump.log -v4
  grep Error "$image/dump.log" || true
  expect_status 0
  [ ! -e "/proc/$pid" ]
  # who cannot drop capabilities from its bounding set must have all that were there
  if setpriv --reuid lab --regid lab --clear-groups grep -q '^CapBnd:.000001ffffffffff$' /proc/self/status; then
    run user criu restore --unprivileged --restore-detached --images-dir "$image" --log-file restore.log -v4
    grep Error "$image/restore.log" || true
    expect_status 0
    pgrep -u lab -f "$loop"
    pkill -9 -u lab -f "$loop"
  else
    echo '# its restore was not tried: this system has not all capabilities' >&3
  fi

  rootless
  pid=$(user_ctr state "$ID" | jq .pid)
  unprivileged_dump "$pid" "Unable to drop supplementary groups" "One or more namespaces doesn't belong to the target user namespace"
  # with two more, nearly those of root, it cannot look into the mounts
  setcap cap_checkpoint_restore,cap_setuid,cap_setgid+eip "$PROGRAMS/bin/criu"
  user_ctr delete --force "$ID"
  wide
  rootless
  unprivileged_dump "$(user_ctr state "$ID" | jq .pid)" "Can't setns .*mnt: Operation not permitted" 'Unable to dump a file system'
  user_ctr delete --force "$ID"
}
