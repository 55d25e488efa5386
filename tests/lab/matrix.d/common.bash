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
  tar -C "$WORK/rootfs" --owner=0 --group=0 -cf "$WORK/box.tar" . # root's, whoever made it
  chmod -R a+rX "$WORK"
}

# What the cgroups of this system can limit: the box has no controllers where its host has them on v1.
CONTROLLERS=$(grep -w memory /sys/fs/cgroup/cgroup.controllers)
# limits, more_limits - rows about limits: where there are no controllers, they are left out
limits() { [ -z "$CONTROLLERS" ] || row "$@"; }
more_limits() { [ -z "$CONTROLLERS" ] || more "$@"; }
# limited OPTION... - nothing, where nothing can be limited
limited() { [ -z "$CONTROLLERS" ] || printf '%s\n' "$@"; }

# soon COMMAND... - within three minutes, for the guest on a busy host
soon() {
  local end=$((SECONDS + 180))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || {
      echo "never came true: $*"
      return 1
    }
    sleep 0.2
  done
}

# Containers that count in /dev/shm/n: a suite says how to see a file of theirs (`see WHAT PATH`), and
# what lets them count.
count() { # WHAT - where it stands; the file is empty for a moment each time
  local n _
  for _ in {1..20}; do
    n=$(see "$1" /dev/shm/n 2>/dev/null)
    [ -z "$n" ] || break
    sleep 0.1
  done
  echo "$n"
}
at_least() { [ "$(count "$1")" -ge "$2" ]; } 2>/dev/null
on() { # WHAT BEFORE - it counts, from where it stood before
  local now
  now=$(count "$1")
  if [ "${now:-0}" -ge "$2" ]; then
    soon at_least "$1" $((now + 2)) && echo on
  else
    echo "it stands at '$now', and stood at '$2'"
  fi
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

# as_lab_user - this suite as the user `lab`, who writes to the same results
as_lab_user() {
  in_lab_user env RUNTIME="$RUNTIME" PROBE="$PROBE" QUICK="$QUICK" ONLY="$ONLY" ROW_LIMIT="$ROW_LIMIT" \
    RUNS="${RUNS:-}" PARALLEL="${PARALLEL:-}" MATRIX_RESULTS="$RESULTS" "$HERE/matrix" "$SUITE"
}

# containerd_has MAJOR - is it of this version?
containerd_has() { [ "$(containerd --version | awk '{ sub("^v", "", $3); print int($3) }')" = "$1" ]; }

# cri_begin - from here on call() asks the engine at CRI_SOCKET
cri_begin() {
  python3 "$HERE/cri.py" --serve "$WORK/cri.sock" &
  echo $! >"$WORK/cri.pid"
  soon test -S "$WORK/cri.sock"
}
# call METHOD [JSON] - of the container runtime interface; the answer, or an error and 1
call() {
  local answer
  answer=$(printf '%s %s' "$1" "${2:-}" | socat -t $((${CRI_SECONDS:-200} + 50)) - "UNIX:$WORK/cri.sock")
  if [ "${answer%%$'\n'*}" = 0 ]; then
    printf '%s\n' "${answer#*$'\n'}"
  else
    printf '%s\n' "${answer#*$'\n'}" >&2
    return 1
  fi
}
