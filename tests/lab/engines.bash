# engines.bash - for the tests that drive ctr by an engine: `load engines`.
#
# $CTR is the runtime. Every file makes one image, `box`, out of busybox: there is no
# registry in the lab.
# shellcheck shell=bash disable=SC2154 # bats sets status, output, lines

bats_require_minimum_version 1.5.0
load ../integration/helper

# No bundles here: what the helper does for each test is not wanted.
setup_file() {
  need_programs
  make_rootfs "$BATS_FILE_TMPDIR/rootfs"
  tar -C "$BATS_FILE_TMPDIR/rootfs" -cf "$BATS_FILE_TMPDIR/box.tar" .
  export IMAGE=$BATS_FILE_TMPDIR/box.tar
  engine_setup
}

teardown_file() { engine_teardown; }
setup() { NAME=box$$-$BATS_TEST_NUMBER; }
teardown() { engine_cleanup; }

engine_setup() { :; }
engine_teardown() { :; }
engine_cleanup() { :; }

# lab COMMAND... - as the user `lab`, with a cgroup of its own
as_lab() {
  loginctl enable-linger lab
  eventually test -S /run/user/1000/bus
  setpriv --reuid lab --regid lab --init-groups env -i PATH=/usr/bin:/usr/sbin \
    HOME=/home/lab USER=lab LOGNAME=lab LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/1000 \
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus \
    systemd-run --user --scope -q -p Delegate=yes -- "$@"
}
