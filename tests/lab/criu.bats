#!/usr/bin/env bats
# Checkpoint and restore, with the real CRIU: state after a restore is state before.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper

image() { IMAGE=$BATS_TEST_TMPDIR/image; }

# A process whose memory counts, and that writes where it stands.
counter() {
  shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
}
count() { ctr exec "$1" cat /dev/shm/n; }
counts() { # ID - does it go on?
  local before
  before=$(count "$1")
  eventually test "$(count "$1")" -gt "$before"
}

# restored ID ARGUMENT... - `ctr restore --detach`, standard streams in $OUT
restored() {
  local id=$1
  shift
  ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$@" "$id" </dev/null >"$OUT" 2>&1 3>&-
}

@test "a container goes on where it stood" {
  image
  mkdir -p "$BUNDLE/volume" "$BUNDLE/rootfs/real"
  ln -s real "$BUNDLE/rootfs/link"
  echo one >"$BUNDLE/volume/file"
  mount_at /link/v bind "$BUNDLE/volume" bind
  config '.linux.maskedPaths += ["/proc/meminfo"] | .linux.resources.memory.limit = 67108864'
  counter
  detached "$ID"
  eventually test -n "$(count "$ID")"
  before=$(count "$ID")
  ctr checkpoint --image-path "$IMAGE" "$ID"
  run ctr state "$ID"
  expect_match "container .$ID. does not exist"
  [ -e "$IMAGE/dump.log" ]
  [ "$(jq -r '.[0]' "$IMAGE/descriptors.json")" != null ]

  restored "$ID"
  [ "$(status_of "$ID")" = running ]
  [ "$(count "$ID")" -ge "$before" ]
  counts "$ID"
  run -0 ctr exec "$ID" sh -c 'cat /real/v/file; wc -c </proc/meminfo; cat /sys/fs/cgroup/memory.max'
  expect_output "one
0
67108864"
  grep -q "/ctr/$ID" "/proc/$(pid_of "$ID")/cgroup"
  ctr delete --force "$ID"
}

@test "under another id and bundle, with the first one running on" {
  image
  counter
  detached "$ID"
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  [ "$(status_of "$ID")" = running ]
  cp -a "$BUNDLE" "$BUNDLE.2"
  BUNDLE=$BUNDLE.2 restored "$ID-2" --pid-file "$BATS_TEST_TMPDIR/pid"
  [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(pid_of "$ID-2")" ]
  [ "$(ctr state "$ID-2" | jq -r .bundle)" = "$BUNDLE.2" ]
  counts "$ID"
  counts "$ID-2"
  ctr delete --force "$ID"
  ctr delete --force "$ID-2"
}

@test "pipes of the caller are new ones" {
  image
  shell 'while read -r line; do echo "got $line"; done; echo end'
  mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/in.2"
  # bats waits for whoever holds one of its descriptors
  sleep 100 >"$BATS_TEST_TMPDIR/in" 3>&- &
  feeder=$!
  cat "$BATS_TEST_TMPDIR/in" 3>&- | "$CTR" --root "$STATE" run -d -b "$BUNDLE" "$ID" 2>&1 3>&- | cat >"$OUT.1" 3>&- &
  eventually has_status "$ID" running
  ctr checkpoint --image-path "$IMAGE" "$ID"
  kill $feeder
  printf 'a\nb\n' | ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" 2>&1 3>&- | cat >"$OUT.2"
  [ "$(cat "$OUT.2")" = "got a
got b
end" ]
}

@test "images that are not there, a container that is not" {
  image
  command_is true
  run ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match "--image-path: cannot open '$IMAGE': No such file"
  mkdir "$IMAGE"
  run ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match 'there is no checkpoint in'
  run ctr checkpoint "$ID"
  expect_status 1
  expect_match "container .$ID. does not exist"
}

@test "the examples of the manual" {
  image
  run bash -c "env -i PATH='$PATH' CTR='$CTR' PROBE='$PROBE' CTR_TIMEOUT=$CTR_TIMEOUT \
    /usr/bin/bats --filter 'ctr-(checkpoint|restore)' '$BATS_TEST_DIRNAME/../integration/manual.bats'"
  show_result
  [ "$status" = 0 ]
  refuse_match skip
}
