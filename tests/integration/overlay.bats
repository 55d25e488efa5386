#!/usr/bin/env bats
# A writable layer over a root file system that is never written.

# shellcheck disable=SC2016 # they are jq's and the container's
load helper

eval "base_$(declare -f setup)"
setup() {
  base_setup
  config '.root.readonly = false'
}

# What the root file system is: names, types, owners, modes, contents.
fingerprint() { (cd "$1" && find . -printf '%p %y %U %G %m %l\n' -type f -exec cksum {} + | sort); }

@test "ephemeral: files come, change and go, and the root file system stays as it was" {
  need root
  fingerprint "$BUNDLE/rootfs" >"$BATS_TEST_TMPDIR/before"
  shell 'echo new >/new; echo more >>/etc/passwd; rm /etc/group; rmdir /tmp; mkdir /tmp; touch /tmp/x
    mkdir /etc/dir; mv /etc/dir /etc/moved; ls /new /etc /tmp'
  run -0 ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_match $'/etc:\nmoved\npasswd'
  fingerprint "$BUNDLE/rootfs" | diff "$BATS_TEST_TMPDIR/before" -
  run -0 ctr run -b "$BUNDLE" --overlay=ephemeral "$ID"
}

@test "ephemeral: mount points that are missing are made in the layer" {
  need root
  mount_at /made/for/it tmpfs tmpfs rw
  shell 'ls -d /made/for/it'
  run -0 ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  [ ! -e "$BUNDLE/rootfs/made" ]
}

@test "containers on one root file system do not see each other's files" {
  need root
  command_is sleep 100
  for i in 1 2 3; do detached "$ID-$i" --overlay ephemeral; done
  for i in 1 2 3; do ctr exec "$ID-$i" sh -c "echo $i >/who"; done
  for who in 1 2 3; do # `run` has an i of its own
    run -0 ctr exec "$ID-$who" cat /who
    expect_output "$who"
  done
  [ ! -e "$BUNDLE/rootfs/who" ]
  for i in 1 2 3; do ctr delete --force "$ID-$i"; done
}

@test "a directory keeps the layer from one container to the next" {
  need root
  shell 'cat /count 2>/dev/null; echo x >>/count; rm -f /etc/group; ls /etc'
  run -0 ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/layer" "$ID"
  expect_output passwd
  run -0 ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/layer" "$ID"
  expect_output $'x\npasswd'
  [ "$(cat "$BATS_TEST_TMPDIR/layer/upper/count")" = $'x\nx' ]
  [ ! -e "$BUNDLE/rootfs/count" ]
}

@test "owner and mode of / are the root file system's" {
  need root
  chmod 1751 "$BUNDLE/rootfs"
  chown 12:34 "$BUNDLE/rootfs"
  shell 'stat -c "%a %u %g" /'
  for layer in ephemeral "$BATS_TEST_TMPDIR/layer"; do
    run -0 ctr run -b "$BUNDLE" --overlay "$layer" "$ID"
    expect_output '1751 12 34'
  done
}

@test "paths that look like options of overlayfs" {
  need root
  odd="$BATS_TEST_TMPDIR/a:b,c=\\d,upperdir= e"
  mkdir "$odd"
  cp -al "$BUNDLE/rootfs" "$odd/rootfs:x,y"
  config --arg p "$odd/rootfs:x,y" '.root.path = $p'
  shell 'echo 1 >/new; ls /new'
  run -0 ctr run -b "$BUNDLE" --overlay "$odd/layer:1,2" "$ID"
  expect_output /new
  [ -f "$odd/layer:1,2/upper/new" ]
  run -0 ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_output /new
  [ ! -e "$odd/rootfs:x,y/new" ]
}

@test "a read-only root file system stays read-only" {
  need root
  config '.root.readonly = true'
  shell 'echo 1 >/new'
  run -1 ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_match 'Read-only file system'
}

@test "in a user namespace of its own" {
  need root
  mapped_root
  shell 'echo 1 >/new; rmdir /tmp; mkdir /tmp; stat -c %u / /new /tmp'
  run -0 ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_output $'0\n0\n0'
  [ ! -e "$BATS_TEST_TMPDIR/mapped/new" ]
}

@test "a layer in memory that cannot be mounted" {
  need root strace
  run strace -f -qq -o /dev/null -e trace=mount -e inject=mount:error=ENOMEM:when=2 \
    "$CTR" --root "$STATE" run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_status 125
  expect_match "--overlay: cannot mount a tmpfs for the layer \\('ephemeral' over '.*/rootfs'\\): Cannot allocate"
}

@test "a layer belongs to one container at a time" {
  need root
  command_is sleep 100
  detached "$ID" --overlay "$BATS_TEST_TMPDIR/layer"
  run ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/../${BATS_TEST_TMPDIR##*/}/layer" "$ID-2"
  expect_status 125
  expect_match "--overlay: '$BATS_TEST_TMPDIR/layer' is the layer of container '$ID'"
  ctr delete --force "$ID"
  command_is true
  run -0 ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/layer" "$ID"
}

@test "what cannot be done is said, and leaves nothing" {
  need root
  run ctr run -b "$BUNDLE" --overlay '' "$ID"
  expect_status 125
  expect_match '--overlay: empty'
  cd "$BATS_TEST_TMPDIR"
  run ctr run -b "$BUNDLE" --overlay ephemera "$ID"
  expect_status 125
  expect_match "--overlay: 'ephemera' is neither 'ephemeral' nor a directory; './ephemera' is one"
  [ ! -e ephemera ]
  run ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/no/such" "$ID"
  expect_status 125
  expect_match "--overlay: cannot make '$BATS_TEST_TMPDIR/no/such': No such file"
  run ctr run -b "$BUNDLE" --overlay "$BUNDLE/config.json" "$ID"
  expect_status 125
  expect_match "--overlay: cannot open '$BUNDLE/config.json': Not a directory"
  # Where no layer can be: the directories that were made for it are gone again.
  run ctr run -b "$BUNDLE" --overlay "$BUNDLE/rootfs/inside" "$ID"
  expect_status 125
  expect_match 'overlap'
  [ ! -e "$BUNDLE/rootfs/inside" ]
  # The program is not there: neither is what was made for it.
  command_is no-such-program
  run -127 ctr run -b "$BUNDLE" --overlay "$BATS_TEST_TMPDIR/fresh" "$ID"
  [ ! -e "$BATS_TEST_TMPDIR/fresh" ]
  config '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] |
    del(.linux.maskedPaths, .linux.readonlyPaths)'
  run ctr run -b "$BUNDLE" --overlay ephemeral "$ID"
  expect_status 125
  expect_match '--overlay: the container has no mount namespace of its own'
}

@test "of a ctr that was killed nothing is left but its record" {
  need root
  command_is sleep 100
  in_background run -b "$BUNDLE" --overlay ephemeral "$ID"
  eventually has_status "$ID" running
  kill -9 "$PID"
  ended "$PID" 2>/dev/null
  ctr delete --force "$ID"
}

@test "rootless, on a root file system that is its own and on one that is root's" {
  need root
  place=$(mktemp -d /tmp/ctr-overlay.XXXXXX)
  cp -r "$BUNDLE/rootfs" "$place/rootfs"
  cp -r "$BUNDLE/rootfs" "$place/shared"
  cp "$CTR" "$place/ctr"
  chmod 755 "$place"
  chown 65534:65534 "$place"
  chown -hR 65534:65534 "$place/rootfs"
  nobody() {
    timeout --foreground 30 setpriv --reuid 65534 --regid 65534 --clear-groups \
      env -i PATH=/usr/bin:/bin "$place/ctr" --root "$place/state" "$@"
  }
  status=0
  for layer in ephemeral "$place/layer"; do
    run nobody run --overlay "$layer" --rootfs "$place/rootfs" -- \
      sh -c 'echo 1 >/new; rm /etc/group; rmdir /tmp; mkdir /tmp; touch /tmp/x; ls /etc; stat -c %u / /new'
    [ "$status" = 0 ] && [ "$output" = $'passwd\n0\n0' ] || break
  done
  first="$status $output"
  run nobody run --overlay ephemeral --rootfs "$place/shared" -- \
    sh -c 'echo 1 >/new; stat -c %u / /new /etc; rm /etc/group'
  left=$(ls "$place/state")
  [ ! -e "$place/rootfs/new" ] && [ -e "$place/rootfs/etc/group" ]
  rm -rf --one-file-system "$place"
  [ "$first" = $'0 passwd\n0\n0' ]
  expect_status 1 # /etc is nobody's here: rm must fail, and did
  expect_match $'0\n0\n65534\n'
  [ -z "$left" ]
}
