#!/usr/bin/env bats
# Bad input: a message that names file, line and field; the right status; nothing left.

# shellcheck disable=SC2016 # jq's
load helper

# bats test_tags=core
@test "bundles: missing, without a document, not JSON, cut, empty, null, too deep" {
  run -125 ctr run -b "$BATS_TEST_TMPDIR/nowhere" "$ID"
  expect_match "bundle .*/nowhere.: No such file"
  file=$BUNDLE/config.json
  for text in '' null '[]' '{' '{"ociVersion": "1.0.2",}' 'hello' $'{"a":1\n"b":2}'; do
    printf '%s' "$text" >"$file"
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match "$file:[0-9]+:[0-9]+: "
  done
  head -c 100000 /dev/zero | tr '\0' '[' >"$file"
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "config.json:1:"
}

# bats test_tags=core
@test "faults 19, 20, 22: values of the wrong type, out of range, unknown: file, line, field" {
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  while IFS=@ read -r filter field; do
    jq "$filter" "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
    echo "$filter"
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match "config.json:[0-9]+:[0-9]+: $field"
  done <<'BAD'
.mounts = [null]@mounts\[0\]
.process.args = [null]@process.args\[0\]
.process.args = "sh"@process.args
.process.args = []@process.args
.process.user.uid = -1@process.user.uid
.process.user.uid = 1.5@process.user.uid
.process.user.uid = 4294967296@process.user.uid
.process.cwd = "relative"@process.cwd
.process.env = ["NOEQUALS"]@process.env\[0\]
.process.rlimits = [{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}]@process.rlimits\[0\].type
.process.oomScoreAdj = 5000@process.oomScoreAdj
.linux.namespaces += [{"type": "bogus"}]@linux.namespaces
.linux.namespaces += [{"type": "pid"}]@linux.namespaces
.linux.seccomp = {"defaultAction": "SCMP_ACT_BOGUS"}@linux.seccomp.defaultAction
.ociVersion = "2.0.0"@ociVersion
BAD
  # null is absent
  config '.process.env = null | .linux.resources = null | .process.rlimits = null'
  jq '.process.env = null | .linux.resources = null | .process.args = ["true"]' \
    "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run -0 ctr run -b "$BUNDLE" "$ID"
  # jq would make a finite number of it
  jq '.linux.resources.pids.limit = "HUGE"' "$BATS_TEST_TMPDIR/good.json" |
    sed 's/"HUGE"/1e400/' >"$BUNDLE/config.json"
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'config.json:[0-9]+:[0-9]+: linux.resources.pids.limit: .*1e400'
  run -125 ctr run --preserve-fds 99999999999 -b "$BUNDLE" "$ID"
  expect_match 'preserve-fds'
}

@test "a terminal without a console socket, and a socket without a terminal" {
  config '.process.terminal = true'
  run -1 ctr create -b "$BUNDLE" "$ID"
  expect_match 'console socket'
  run -125 ctr run --detach -b "$BUNDLE" "$ID"
  expect_match 'cannot allocate tty if ctr will detach without setting console socket'
  config '.process.terminal = false'
  run -1 ctr create --console-socket /x -b "$BUNDLE" "$ID"
  expect_match 'console-socket'
}

@test "fault 10: thousands of id maps, and a namespace path of 70,000 characters" {
  need root
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  config '.linux.namespaces += [{type: "user"}] | [range(5000) | {containerID: ., hostID: (100000 + .), size: 1}] as $m |
    .linux.uidMappings = $m | .linux.gidMappings = $m'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'linux.uidMappings'
  jq '.linux.namespaces += [{type: "cgroup", path: ("/" + "a" * 70000)}] |
    .linux.namespaces |= map(select(.type != "cgroup" or .path))' "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'linux.namespaces'
}

@test "messages carry the name it is called by" {
  ln -s "$CTR" "$BATS_TEST_TMPDIR/octr"
  run -1 "$BATS_TEST_TMPDIR/octr" --root "$STATE" state "$ID"
  expect_output "octr: container \`$ID\` does not exist"
  run -1 "$BATS_TEST_TMPDIR/octr" start
  expect_match '^octr: .*usage: octr start'
  run -0 "$BATS_TEST_TMPDIR/octr" --version
  expect_match '^octr version '
}

@test "run --from: images that nothing can be written beside, and none that is written to" {
  need root
  run ctr run --from "$BATS_TEST_TMPDIR/image" "$ID"
  expect_status 125
  expect_output "ctr: --from: cannot open '$BATS_TEST_TMPDIR/image': No such file or directory"
  mkdir "$BATS_TEST_TMPDIR/image"
  run ctr run --from "$BATS_TEST_TMPDIR/image" "$ID"
  expect_status 125
  expect_output "ctr: --from: there is no checkpoint in '$BATS_TEST_TMPDIR/image' (inventory.img)"
  touch "$BATS_TEST_TMPDIR/image/inventory.img" "$BATS_TEST_TMPDIR/image/dump.log"
  run ctr run --from "$BATS_TEST_TMPDIR/image" "$ID"
  expect_status 125
  expect_match "'$BATS_TEST_TMPDIR/image' does not tell of which bundle it is"
  [ -e "$BATS_TEST_TMPDIR/image/dump.log" ]
  run timeout -k 5 "$CTR_TIMEOUT" unshare -m sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&
    exec "$2" --root "$3" run --detach -b "$4" --from "$1" "$5-a" "$5-b"' sh \
    "$BATS_TEST_TMPDIR/image" "$CTR" "$STATE" "$BUNDLE" "$ID"
  expect_status 125
  expect_output "ctr: --from: cannot write to '$BATS_TEST_TMPDIR/image': Read-only file system"
}
