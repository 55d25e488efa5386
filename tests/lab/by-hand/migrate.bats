#!/usr/bin/env bats
# A container moves over ssh (contrib/migrate): to another state root and another bundle here, by
# the sshd of this host.

load ../../integration/helper
load ../criu
KEYS=/root/.ssh/authorized_keys

two_hosts() {
  MIGRATE=$BATS_TEST_DIRNAME/../../../contrib/migrate
  cp "$KEYS" "$BATS_TEST_TMPDIR/keys"
  ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key"
  cat "$BATS_TEST_TMPDIR/key.pub" >>"$KEYS"
  config 'del(.linux.namespaces[] | select(.type == "network"))'
  shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.2; done'
  cp -a "$BUNDLE" "$BUNDLE.there"
}

teardown() {
  [ ! -e "$BATS_TEST_TMPDIR/keys" ] || cat "$BATS_TEST_TMPDIR/keys" >"$KEYS"
  there delete --force "$ID-2" 2>/dev/null || true
  rm -rf --one-file-system "$BUNDLE.there"
  helper_teardown
}

# The device is the same there, whoever starts it.
started() { ctr run --detach -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-; }
there() { "$CTR" --root "$BATS_TEST_TMPDIR/state-there" "$@"; }
count() { "$1" exec "$2" cat /dev/shm/n 2>/dev/null; }
is_beyond() { [ "$(count "$1" "$2")" -gt "$3" ]; } 2>/dev/null

migrate() { # OPTION...
  CTR="$CTR --root $STATE" THERE_CTR="$CTR --root $BATS_TEST_TMPDIR/state-there" \
    SSH="ssh -q -i $BATS_TEST_TMPDIR/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null" \
    timeout 380 "$MIGRATE" --as "$ID-2" --images "$BATS_TEST_TMPDIR/images" \
    --images-there "$BATS_TEST_TMPDIR/images-there" "$@" "$ID" root@localhost </dev/null 3>&-
}

moved() { # OPTION...
  local before
  two_hosts
  started
  eventually is_beyond ctr "$ID" 1
  before=$(count ctr "$ID")
  run migrate --bundle "$BUNDLE.there" "$@"
  show_result
  expect_match "container '$ID' stood still for [0-9]+ ms"
  run ctr state "$ID"
  expect_match 'does not exist'
  eventually is_beyond there "$ID-2" "$before"
  [ "$(there state "$ID-2" | jq -r .bundle)" = "$BUNDLE.there" ]
  there delete --force "$ID-2"
  [ ! -e "$BATS_TEST_TMPDIR/images" ]
  [ ! -e "$BATS_TEST_TMPDIR/images-there" ]
}

@test "two copies of the memory while it runs, the rest by the page server" { moved; }

@test "memory follows when it is used" { moved --lazy --pre-dumps 0; }

# CRIU is killed when the other side asks it for memory
@test "memory that stops to follow: it goes on here, and nothing is left there" {
  two_hosts
  shell 'dd if=/dev/urandom of=/dev/shm/much bs=1M count=64 2>/dev/null; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.2; done'
  config '(.mounts[] | select(.destination == "/dev/shm") | .options) += ["size=128m"]'
  cp "$BUNDLE/config.json" "$BUNDLE.there/config.json"
  started
  eventually is_beyond ctr "$ID" 1
  before=$(count ctr "$ID")
  mkdir "$BATS_TEST_TMPDIR/bin"
  cat >"$BATS_TEST_TMPDIR/bin/criu" <<C
#!/bin/sh
# that of the host it leaves
/usr/sbin/criu "\$@" &
until [ -e "$BATS_TEST_TMPDIR/images-there/work/lazy.log" ]; do kill -0 \$! || exit; sleep 0.01; done
kill -9 \$!
C
  chmod +x "$BATS_TEST_TMPDIR/bin/criu"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 migrate --bundle "$BUNDLE.there" --lazy --pre-dumps 0
  show_result
  expect_match "its memory could not be sent to .*, and it goes on here"
  eventually is_beyond ctr "$ID" "$before"
  run there state "$ID-2"
  expect_match 'does not exist'
  [ ! -e "$BATS_TEST_TMPDIR/images" ]
  ctr delete --force "$ID"
}

@test "what cannot be restored there goes on here; nothing is stopped for a host without the bundle" {
  two_hosts
  started
  eventually is_beyond ctr "$ID" 1
  run -1 migrate --bundle "$BUNDLE.nowhere"
  expect_match "there is no '$BUNDLE.nowhere/config.json'"
  rm "$BUNDLE.there/rootfs/bin/busybox"
  before=$(count ctr "$ID")
  run -1 migrate --bundle "$BUNDLE.there" --pre-dumps 1
  show_result
  expect_match 'could not be restored on .*, and goes on here'
  eventually is_beyond ctr "$ID" "$before"
  ctr delete --force "$ID"
}
