#!/usr/bin/env bats
# Flags of checkpoint and restore, by what they do, or by the error that names them.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper
load criu

# bats test_tags=guest
@test "--tcp-skip-in-flight: a connection that nobody has accepted" {
  able sockets
  image
  host_network
  guest_rootfs
  programmed <<'P'
import os, socket, time
listener = socket.create_server(("127.0.0.1", 7011))
client = socket.create_connection(("127.0.0.1", 7011))
open("/tmp/ready", "w").close()
while not os.path.exists("/tmp/go"):
    time.sleep(0.1)
peer = listener.accept()[0]
while True:
    time.sleep(0.1)
    open("/tmp/accepted", "w").close()
P
  dumped --tcp-established
  expect_status 1
  expect_match 'a TCP connection is about to be made \(--tcp-skip-in-flight\)'
  dumped --tcp-established --tcp-skip-in-flight
  expect_status 0
  restored "$ID" --tcp-established --tcp-skip-in-flight
  [ "$(status_of "$ID")" = running ]
  ctr delete --force "$ID"
}

@test "--empty-ns: a network without anything" {
  image
  counter
  detached "$ID"
  eventually count "$ID"
  ctr exec "$ID" ip link set lo up
  dumped --empty-ns ipc
  expect_status 1
  expect_match "--empty-ns: 'ipc' is not network"
  ctr checkpoint --image-path "$IMAGE" --empty-ns network --leave-running "$ID"
  restored "$ID-2" --empty-ns network
  run ctr exec "$ID-2" ip addr
  refuse_match '127.0.0.1'
  counts "$ID-2"
  ctr delete --force "$ID-2"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID-2"
  run ctr exec "$ID-2" ip addr
  expect_match '127.0.0.1'
  ctr delete --force "$ID-2"
}

@test "--lsm-profile, --lsm-mount-context: what this kernel has not" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile nonsense "$ID"
  show_result
  expect_status 125
  expect_match "--lsm-profile: 'nonsense' is not"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile selinux:a:b:c "$ID"
  show_result
  expect_status 125
  expect_match '^ctr: --lsm-profile: SELinux is not enabled on this host$'
  if ! grep -qs Y /sys/module/apparmor/parameters/enabled; then
    run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile apparmor:docker-default "$ID"
    show_result
    expect_status 125
    expect_match '^ctr: --lsm-profile: AppArmor is not enabled on this host$'
  fi
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-mount-context a:b:c "$ID"
  show_result
  expect_status 125
  expect_match '^ctr: --lsm-mount-context: SELinux is not enabled on this host$'
  run ctr state "$ID"
  expect_match 'does not exist'
  run ctr restore --lsm-mount-context
  expect_status 125
  expect_match 'flag needs an argument: --lsm-mount-context'
}

@test "--console-socket, --pidfd-socket, --no-pivot, --no-subreaper on restore; two terminals" {
  image
  host_network
  config '.process.terminal = true'
  shell 'n=0; while read -r line; do n=$((n+1)); echo "$n:$line" >/dev/shm/n; done'
  beside "$PROBE" console "$BATS_TEST_TMPDIR/c1" >/dev/null 2>&1
  eventually test -S "$BATS_TEST_TMPDIR/c1"
  detached "$ID" --console-socket "$BATS_TEST_TMPDIR/c1"
  # a process that somebody's exec has left behind with its terminal
  script -qefc "$CTR --root $STATE exec -t $ID sh -c 'trap \"\" HUP; (while sleep 1; do :; done) & readlink /proc/\$!/fd/1 >/dev/shm/second'" \
    /dev/null </dev/null >/dev/null 2>&1 3>&- || true
  [ "$(ctr exec "$ID" cat /dev/shm/second)" = /dev/pts/1 ]
  dumped
  expect_status 0
  beside "$PROBE" console "$BATS_TEST_TMPDIR/c2" >"$OUT.console" 2>&1
  eventually test -S "$BATS_TEST_TMPDIR/c2"
  beside "$PROBE" pidfd "$BATS_TEST_TMPDIR/p" >"$OUT.pidfd" 2>&1
  eventually test -S "$BATS_TEST_TMPDIR/p"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --no-pivot --no-subreaper \
    --console-socket "$BATS_TEST_TMPDIR/c2" --pidfd-socket "$BATS_TEST_TMPDIR/p" "$ID-2" </dev/null 3>&-
  show_result
  expect_status 0
  cat "$OUT.console" "$OUT.pidfd"
  eventually test -s "$OUT.console"
  eventually test -s "$OUT.pidfd"
  [ "$(status_of "$ID-2")" = running ]
  ctr delete --force "$ID-2"
}

@test "--file-locks: a lock is held again" {
  image
  host_network
  guest_rootfs
  programmed <<'P'
import fcntl, time
file = open("/tmp/lock", "w")
fcntl.flock(file, fcntl.LOCK_EX)
open("/tmp/ready", "w").close()
while True:
    time.sleep(0.1)
P
  dumped
  expect_status 1
  expect_match 'the container holds file locks \(--file-locks\)'
  dumped --file-locks
  expect_status 0
  restored "$ID" --file-locks
  run ctr exec "$ID" flock --nonblock /tmp/lock true
  expect_status 1
  ctr delete --force "$ID"
}

@test "--link-remap: a name of an open file is gone, another is there" {
  image
  host_network
  guest_rootfs
  programmed <<'P'
import os, time
fd = os.open("/root/name", os.O_RDWR | os.O_CREAT)
os.write(fd, b"kept")
os.link("/root/name", "/root/other")
os.unlink("/root/name")
open("/tmp/ready", "w").close()
while True:
    time.sleep(0.1)
    if os.path.exists("/tmp/go"):
        open("/tmp/out", "w").write(f"{os.pread(fd, 9, 0).decode()} {os.fstat(fd).st_nlink}")
        os.unlink("/tmp/go")
P
  dumped
  expect_status 1
  expect_match 'a file is open that was deleted \(--link-remap\)'
  dumped --link-remap
  expect_status 0
  ls -A "$BUNDLE/rootfs/root"
  restored "$ID" --link-remap
  ctr exec "$ID" touch /tmp/go
  eventually ctr exec "$ID" test -s /tmp/out
  [ "$(ctr exec "$ID" cat /tmp/out)" = 'kept 1' ]
  [ "$(ls -A "$BUNDLE/rootfs/root")" = other ]
  ctr delete --force "$ID"
}

@test "--ext-unix-sk: a socket connected to one of the host's" {
  image
  host_network
  mkdir -m777 "$BUNDLE/work"
  guest_rootfs
  # CRIU connects by the name that the other has
  mount_at "$BUNDLE/work" bind "$BUNDLE/work" bind rprivate
  beside python3 -c '
import socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1] + "/socket")
out = open(sys.argv[1] + "/log", "wb", 0)
while True:
    out.write(server.recv(99))' "$BUNDLE/work"
  eventually test -S "$BUNDLE/work/socket"
  programmed <<P
import os, socket, time
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.connect("$BUNDLE/work/socket")
client.send(b"before")
open("/tmp/ready", "w").close()
while True:
    time.sleep(0.1)
    if os.path.exists("/tmp/go"):
        os.unlink("/tmp/go")
        client.send(b"after")
P
  eventually grep -q before "$BUNDLE/work/log"
  dumped
  expect_status 1
  expect_match 'a unix socket is connected to a process outside of the container \(--ext-unix-sk\)'
  dumped --ext-unix-sk
  expect_status 0
  restored "$ID" --ext-unix-sk
  ctr exec "$ID" touch /tmp/go
  eventually grep -q after "$BUNDLE/work/log"
  ctr delete --force "$ID"
}

# bats test_tags=guest
@test "--auto-dedup: pages that are written anew leave the parent's images" {
  able tracking
  image
  host_network
  guest_rootfs
  programmed <<'P'
import os, time
memory = bytearray(os.urandom(1 << 24))
open("/tmp/ready", "w").close()
while True:
    time.sleep(0.05)
    for i in range(0, len(memory), 4096):
        memory[i] = (memory[i] + 1) % 256
    open("/tmp/round", "w").close()
P
  ctr checkpoint --image-path "$IMAGE.1" --pre-dump "$ID"
  before=$(du -sk "$IMAGE.1" | cut -f1)
  [ "$before" -gt 16384 ]
  ctr exec "$ID" rm -f /tmp/round
  eventually ctr exec "$ID" test -e /tmp/round
  IMAGE=$IMAGE.2 dumped --parent-path ../image.1 --leave-running
  expect_status 0
  [ "$(du -sk "$IMAGE.1" | cut -f1)" = "$before" ]
  IMAGE=$IMAGE.3 dumped --parent-path ../image.1 --auto-dedup
  expect_status 0
  echo "$before, then $(du -sk "$IMAGE.1" | cut -f1)"
  [ "$(du -sk "$IMAGE.1" | cut -f1)" -lt $((before - 15000)) ]
  IMAGE=$IMAGE.3 restored "$ID"
  ctr exec "$ID" rm -f /tmp/round
  eventually ctr exec "$ID" test -e /tmp/round
  ctr delete --force "$ID"
}

listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }

@test "--page-server without --lazy-pages: memory goes there; --status-fd" {
  image
  mkdir "$IMAGE.there"
  beside criu page-server --address 127.0.0.1 --port 7003 -D "$IMAGE.there" >"$OUT.server" 2>&1
  counting
  eventually listens 7003
  dumped --lazy-pages --page-server 127.0.0.1:7004 --status-fd 9
  expect_status 1
  expect_match '--status-fd: descriptor 9: Bad file descriptor'
  dumped --lazy-pages --page-server 127.0.0.1:7004 --status-fd 9 9</dev/null
  expect_status 1
  expect_match '--status-fd: descriptor 9 is not open for writing'
  counts "$ID"
  # nobody waits for that one
  dumped --page-server 127.0.0.1:7003 --status-fd 9
  expect_status 0
  wait "$BESIDE"
  run ls "$IMAGE"
  refuse_match 'pages-|pagemap-'
  cp "$IMAGE.there"/page*.img "$IMAGE"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}
