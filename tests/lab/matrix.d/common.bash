# common.bash - what the suites of the matrix share. Everything defined here and in a suite is
# exported to the shells of the rows.
# shellcheck shell=bash

WORK=$(mktemp -d /tmp/matrix.XXXXXX)
NAME=${RUNTIME##*/}
CTR=$RUNTIME

bats_require_minimum_version() { :; }

# shellcheck source=tests/integration/helper.bash
. "${HELPER:-$HERE/../integration/helper.bash}"

# box.tar - an image of busybox and the probe
make_image() {
  need_programs || exit
  make_rootfs "$WORK/rootfs"
  mkdir -p "$WORK/rootfs/home/user"
  chmod 1777 "$WORK/rootfs/tmp"
  tar -C "$WORK/rootfs" -cf "$WORK/box.tar" .
  chmod -R a+rX "$WORK"
}

# soon COMMAND... - within a minute
soon() {
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || {
      echo "never came true: $*"
      return 1
    }
    sleep 0.2
  done
}

# A suite that has more to take back says so.
clean_up() { rm -rf --one-file-system "$WORK"; }

# in_lab_user COMMAND... - as the user `lab`, in a scope of its own manager
in_lab_user() {
  loginctl enable-linger lab
  soon test -S /run/user/1000/bus
  (cd / && exec setpriv --reuid lab --regid lab --init-groups env -i PATH=/usr/bin:/usr/sbin \
    HOME=/home/lab USER=lab LOGNAME=lab LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/1000 \
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus \
    systemd-run --user --scope -q -p Delegate=yes -- "$@")
}
