#!/usr/bin/env bats
# `ctr run --from`: several containers of one image at once.

# shellcheck disable=SC2016 # the shells of containers and hooks expand them
load ../integration/helper
load criu

# hooked N - each restore writes when its hook begins and ends, which it does when N have begun; who
# would come too early does so in the second after that
hooked() {
  config --arg out "$BATS_TEST_TMPDIR/hooks" --arg n "$1" '.hooks.createRuntime = [{path: "/bin/sh",
    env: ["PATH=/usr/bin:/bin"], args: ["sh", "-c", "cat >/dev/null; echo begin >>\($out); i=0
      while [ $(grep -c begin \($out)) -lt \($n) ] && [ $i -lt 6000 ]; do i=$((i+1)); sleep 0.1; done
      sleep 1; echo end >>\($out)"]}]'
}

from() { "$@" "$CTR" --root "$STATE" run --detach --from "$IMAGE" "${IDS[@]}" </dev/null >"$OUT" 2>&1 3>&-; }

@test "as many at a time as there are CPUs" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  hooked 1
  IDS=("$ID-a" "$ID-b" "$ID-c")
  from taskset -c 0
  [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/hooks")" = 'begin end begin end begin end ' ]
  for id in "${IDS[@]}"; do ctr delete --force "$id"; done

  [ "$(nproc)" -gt 1 ] || skip 'there is but one CPU'
  rm "$BATS_TEST_TMPDIR/hooks"
  hooked 2
  from taskset -c 0,1
  [ "$(head -n2 "$BATS_TEST_TMPDIR/hooks" | tr '\n' ' ')" = 'begin begin ' ]
  [ "$(sed -n 4p "$BATS_TEST_TMPDIR/hooks")" != end ] || [ "$(sed -n 3p "$BATS_TEST_TMPDIR/hooks")" = end ]
  for id in "${IDS[@]}"; do
    counts "$id"
    ctr delete --force "$id"
  done
}

@test "the host name is the id, or what the kernel takes of it" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  IDS=("$ID-a" "$ID-$(printf 'long%.0s' {1..30})")
  from env || { cat "$OUT"; false; }
  for id in "${IDS[@]}"; do
    [ "$(ctr exec "$id" hostname)" = "${id:0:64}" ]
    ctr delete --force "$id"
  done
}

@test "some fail: the others run, each error has its id, in the order given" {
  counting
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  ln -s /nowhere/else "$IMAGE/work-$ID-c"
  IDS=("$ID-a" "$ID" "$ID-b" "$ID-c" "$ID-d")
  run from env
  expect_status 125
  run cat "$OUT"
  show_result
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} == *"container '$ID': container with given ID already exists"* ]]
  [[ ${lines[1]} == *"container '$ID-c': --work-path: cannot make '$IMAGE/work-$ID-c'"* ]]
  run ctr state "$ID-c"
  expect_match 'does not exist'
  for id in "$ID" "$ID-a" "$ID-b" "$ID-d"; do
    counts "$id"
    ctr delete --force "$id"
  done
  rm "$IMAGE/work-$ID-c"
  run find "$IMAGE" -name 'work-*'
  expect_output ''
}

@test "nothing is begun for ids that are none, and one pid file is not for two" {
  image
  mkdir "$IMAGE"
  run ctr run --detach --from "$IMAGE" "$ID-a" a/b
  expect_status 125
  expect_match 'invalid container ID format'
  run ctr run --detach --from "$IMAGE" -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID-a" "$ID-b"
  expect_status 125
  expect_match 'run: --pid-file is for one container, not for 2'
}

@test "a process that restores is killed: its container is told, the others run" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  # the first hook kills what runs it
  config --arg out "$BATS_TEST_TMPDIR/once" '.hooks.createRuntime = [{path: "/bin/sh", env: ["PATH=/usr/bin:/bin"],
    args: ["sh", "-c", "cat >/dev/null; mkdir \($out) 2>/dev/null && kill -9 $PPID; true"]}]'
  IDS=("$ID-a" "$ID-b")
  run from taskset -c 0
  expect_status 125
  run cat "$OUT"
  show_result
  expect_match "container '$ID-a': what restored it was ended by signal 9"
  ctr delete --force "$ID-a"
  counts "$ID-b"
  ctr delete --force "$ID-b"
}

drawn() { cat "$BUNDLE/drawn/"* | sort; }

# The C library keeps the state of its random numbers in an area that CRIU 4.1 takes for any other.
@test "what is drawn at random: each container of an image, and each child, draws its own" {
  image
  host_network
  guest_rootfs
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  chown -hR 100000:100000 "$BUNDLE/rootfs"
  mkdir -m777 "$BUNDLE/drawn"
  mount_at /drawn bind "$BUNDLE/drawn" bind rprivate
  programmed <<'P'
import os, time
os.urandom(8)
open("/tmp/ready", "w").close()
while not os.path.exists("/drawn/go"):
    time.sleep(0.1)
end, other = os.pipe()
if os.fork() == 0:
    os.write(other, os.urandom(8))
    os._exit(0)
mine = os.urandom(8).hex()
with open(f"/drawn/{os.uname().nodename}", "w") as file:
    file.write(f"{mine}\n{os.read(end, 8).hex()}\n")
time.sleep(10**6)
P
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  # an image of what comes out of an image
  ctr checkpoint --image-path "$IMAGE" "$ID"
  IDS=("$ID-a" "$ID-b")
  from env || { cat "$OUT"; false; }
  touch "$BUNDLE/drawn/go"
  four() { [ "$(drawn | wc -l)" = 4 ]; }
  eventually four
  drawn
  [ -z "$(drawn | uniq -d)" ]
  for id in "${IDS[@]}"; do ctr delete --force "$id"; done
}
