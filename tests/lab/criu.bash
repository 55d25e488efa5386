# criu.bash - for the tests of checkpoints, after the helper: `load criu`.
# shellcheck shell=bash disable=SC2034,SC2016 # $IMAGE is theirs; the shells of containers expand

# CRIU mounts cgroup2 once more, without options, and thereby takes those (nsdelegate) from the only
# super block there is: no mount, and none of ours.
mounts() { cut -d' ' -f3- /proc/self/mountinfo | sed 's/ - cgroup2 .*/ - cgroup2/' | sort; }

# beside COMMAND... - a process that the test needs beside it, which ends with it at the latest; its
# pid in $BESIDE
beside() {
  "$@" 3>&- &
  BESIDE=$!
  echo "$BESIDE" >>"$BATS_TEST_TMPDIR/.beside"
}

eval "criu_base_$(declare -f teardown)"
teardown() {
  local pid
  for pid in $(cat "$BATS_TEST_TMPDIR/.beside" 2>/dev/null); do
    # no child of this shell any more: the number is another's
    [ "$(ps -o ppid= -p "$pid" | tr -d ' ')" != $$ ] || kill "$pid"
  done
  criu_base_teardown
}

image() { IMAGE=$BATS_TEST_TMPDIR/image; }

# able WHAT... - skip the test where CRIU on this kernel, with what we may, is not able to do that
able() {
  local what
  for what; do
    case $what in
      tracking) criu check --feature mem_dirty_track >/dev/null 2>&1 || skip 'this kernel does not track changes of memory' ;;
      sockets)
        python3 -c 'import socket; socket.socket().getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)' 2>/dev/null ||
          skip 'this kernel needs a newer CRIU for sockets of the network'
        ;;
      limits) # of processes of other users
        (($(sed -n 's/^CapEff:\t/0x/p' /proc/self/status) & 1 << 24)) || skip 'needs CAP_SYS_RESOURCE'
        ;;
    esac
  done
}

# A network namespace is what CRIU takes longest for.
host_network() { config 'del(.linux.namespaces[] | select(.type == "network"))'; }

# A process whose memory counts, and that writes where it stands.
counter() {
  shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
}
count() { ctr exec "$1" cat /dev/shm/n 2>/dev/null; }
is_beyond() { [ "$(count "$1")" -gt "$2" ]; } 2>/dev/null
counts() { # ID - does it go on?
  local before
  before=$(count "$1")
  eventually is_beyond "$1" "${before:-0}"
}

# counting - a container counts, with the host's network
counting() {
  image
  host_network
  counter
  detached "$ID"
  eventually count "$ID"
}

# counts_on - it counts, also after a checkpoint and a restore
counts_on() {
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  counts "$ID"
}

# programmed - a container runs the program of Python on standard input, which makes /tmp/ready; after
# guest_rootfs
programmed() {
  config '.root.readonly = false'
  cat >"$BUNDLE/rootfs/program.py"
  command_is python3 /program.py
  detached "$ID"
  eventually ctr exec "$ID" test -e /tmp/ready
}

# dumped FLAG... - a checkpoint; its error in $output
dumped() {
  run ctr checkpoint --image-path "$IMAGE" "$@" "$ID"
  show_result
}

# restored ID ARGUMENT... - `ctr restore --detach`, standard streams in $OUT
restored() {
  local id=$1
  shift
  ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$@" "$id" </dev/null >"$OUT" 2>&1 3>&- || {
    cat "$OUT"
    return 1
  }
}

# A root file system of the guest's own programs.
guest_rootfs() {
  local directory
  rm -rf "$BUNDLE/rootfs"
  mkdir -p "$BUNDLE"/rootfs/{usr,etc,proc,sys,dev,tmp,run,var,root}
  for directory in bin sbin lib lib64; do ln -s usr/$directory "$BUNDLE/rootfs/$directory"; done
  mount_at /usr bind /usr rbind ro
  mount_at /etc bind /etc rbind ro
  for directory in tmp run var; do mount_at /$directory tmpfs tmpfs mode=1777; done
}

# works CASE... - the container does this work (criu-work.py), with $WORK to talk of it
works() {
  WORK=$BATS_TEST_TMPDIR/work
  mkdir "$WORK"
  guest_rootfs
  cp "$(dirname "${BASH_SOURCE[0]}")/criu-work.py" "$BUNDLE/rootfs/work.py"
  config '.root.readonly = false'
  mount_at /work bind "$WORK" bind
  command_is python3 /work.py /work "$@"
}

# It has set up; or it tells why not.
is_ready() { [ -e "$WORK/ready" ] || [ -e "$WORK/result" ]; }
work_begins() {
  detached "$ID"
  eventually is_ready
  [ -e "$WORK/ready" ] || {
    cat "$WORK/result"
    return 1
  }
}

# kept CASE... - work survives
kept() {
  image
  host_network
  works "$@"
  work_begins
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  work_ends "$@"
  ctr delete --force "$ID"
}

# work_ends CASE... - each finds all as it was
work_ends() {
  touch "$WORK/go"
  eventually test -e "$WORK/result"
  cat "$WORK/result"
  [ "$(cat "$WORK/result")" = "$(printf '%s ok\n' "$@")" ]
}
