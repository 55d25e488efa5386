#!/usr/bin/env bats
# Who may write to a container's cgroup, and from where it can be entered.

load ../integration/helper

# A user's directory comes and goes with its sessions.
mounts() { cut -d' ' -f3- /proc/self/mountinfo | grep -v ' /run/user/' | sort; }

in_userns() {
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.gidMappings = .linux.uidMappings'
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_RUN_TMPDIR"
}

writable() { # the mount of the cgroup, and a cgroup namespace
  config '.linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}] |
    (.mounts[] | select(.type | startswith("cgroup")) | .options) -= ["ro"]'
}

cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$1")/cgroup")"; }

# owners ID - of the files that are not root's
owners() { find "$(cgroup_of "$1")" -maxdepth 1 -not -uid 0 -printf '%f:%U\n' | sort | tr '\n' ' '; }

run_detached() { ctr "${MANAGER[@]}" run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-; }

@test "root of a user namespace owns its cgroup, and the files that the kernel lists" {
  local file
  in_userns
  writable
  command_is sleep 1000
  for MANAGER in --cgroup-manager=cgroupfs --systemd-cgroup; do
    run_detached
    run -0 owners "$ID"
    expect_match "^(ctr-)?$ID(.scope)?:100000 |cgroup.procs:100000 "
    while read -r file; do
      [ ! -e "$(cgroup_of "$ID")/$file" ] || expect_match "$file:100000"
    done </sys/kernel/cgroup/delegate
    refuse_match 'memory.max|pids.max|cgroup.freeze|cgroup.kill'
    run -0 ctr exec "$ID" sh -c 'cd /sys/fs/cgroup && mkdir own && echo 1 >own/cgroup.procs &&
      cat /proc/1/cgroup && ! (echo max >pids.max) 2>/dev/null'
    expect_output '0::/own'
    # its own sub-cgroups do not keep others from entering and ending it
    run -0 ctr exec "$ID" sh -c '(echo +pids >/sys/fs/cgroup/cgroup.subtree_control) 2>/dev/null;
      cat /proc/self/cgroup'
    expect_output '0::/'
    ctr pause "$ID"
    ctr delete --force "$ID"
  done
}

@test "it owns nothing where the mount is read-only or the cgroup namespace is the host's" {
  in_userns
  command_is sleep 1000
  MANAGER=(--cgroup-manager=cgroupfs)
  run_detached
  run -0 owners "$ID"
  expect_output ''
  ctr delete --force "$ID"
  writable
  config '.linux.namespaces |= map(select(.type != "cgroup"))'
  run_detached
  run -0 owners "$ID"
  expect_output ''
  ctr delete --force "$ID"
}

@test "another process.user of the user namespace owns it, if it is the first one's" {
  in_userns
  writable
  command_is sleep 1000
  config '.process.user = {uid: 1000, gid: 1000}'
  MANAGER=(--cgroup-manager=cgroupfs)
  run_detached
  run -0 owners "$ID"
  expect_match 'cgroup.procs:101000'
  ctr delete --force "$ID"
}

# as_user COMMAND... - the user lab, in a cgroup that is not the user's: like a login session
as_user() {
  systemd-run --quiet --scope --uid=1000 --gid=1000 env -C / HOME=/home/lab PATH="$PATH" \
    XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
}

user_bundle() {
  loginctl enable-linger lab
  until [ -S /run/user/1000/bus ]; do sleep 0.1; done
  rm -rf /home/lab/"$ID"
  cp -a "$BUNDLE" /home/lab/"$ID"
  rm /home/lab/"$ID"/config.json
  chown -R 1000:1000 /home/lab/"$ID"
  as_user "$CTR" spec --rootless --bundle /home/lab/"$ID"
  jq '.process.terminal = false | .process.args = ["sleep", "1000"]' /home/lab/"$ID"/config.json \
    >"$OUT.json"
  cp "$OUT.json" /home/lab/"$ID"/config.json
}

@test "a user's session that may not enter the unit: systemd does it for create and exec" {
  user_bundle
  as_user "$CTR" --systemd-cgroup run --detach -b /home/lab/"$ID" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  pid=$(as_user "$CTR" state "$ID" | jq .pid)
  grep -q "/user@1000.service/user.slice/ctr-$ID.scope\$" "/proc/$pid/cgroup"
  run -0 as_user "$CTR" exec "$ID" sh -c 'sleep 1; echo joined'
  expect_output joined
  as_user "$CTR" exec --detach --pid-file "/home/lab/$ID/pid" "$ID" sleep 1000 </dev/null >"$OUT" 2>&1 3>&-
  [ "$(cat "/proc/$(cat "/home/lab/$ID/pid")/cgroup")" = "$(cat "/proc/$pid/cgroup")" ]
  as_user "$CTR" delete --force "$ID"
  rm -rf --one-file-system /home/lab/"$ID"
}

@test "the same without systemd is an error that says why, and leaves nothing" {
  user_bundle
  jq --arg path "/user.slice/user-1000.slice/user@1000.service/$ID" '.linux.cgroupsPath = $path' \
    "$OUT.json" >/home/lab/"$ID"/config.json
  run as_user "$CTR" run -b /home/lab/"$ID" "$ID"
  expect_status 125
  expect_match "cannot start in the container's cgroup: .*Permission denied"
  [ -z "$(cgroups)" ]
  rm -rf --one-file-system /home/lab/"$ID"
}

@test "a user without a delegated cgroup: a container without limits goes without a cgroup" {
  user_bundle
  as_user "$CTR" run --detach -b /home/lab/"$ID" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  as_user "$CTR" delete --force "$ID"
  jq '.linux.resources = {pids: {limit: 10}}' "$OUT.json" >/home/lab/"$ID"/config.json
  run as_user "$CTR" run -b /home/lab/"$ID" "$ID"
  expect_status 125
  expect_match 'unable to apply cgroup configuration'
  rm -rf --one-file-system /home/lab/"$ID"
}

@test "CVE-2023-25809: without a cgroup namespace nobody writes to the user's own cgroups" {
  local bound
  user_bundle
  for bound in false true; do
    jq --argjson bound "$bound" '.linux.namespaces |= map(select(.type != "cgroup")) |
      .process.args = ["sh", "-c", "mkdir /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/x"] |
      if $bound then .linux.namespaces |= map(select(.type != "network")) |
        .mounts |= map(select(.destination | startswith("/sys") | not)) +
          [{destination: "/sys", type: "none", source: "/sys", options: ["rbind", "ro"]}]
      else .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end) end' \
      "$OUT.json" >/home/lab/"$ID"/config.json
    run as_user "$CTR" run -b /home/lab/"$ID" "$ID"
    [ "$status" -ne 0 ]
    expect_match 'Read-only file system'
    [ ! -e /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/x ]
  done
  rm -rf --one-file-system /home/lab/"$ID"
}
