#!/usr/bin/env bats
# A real distribution: the lab's Debian 13, read-only, with programs of some size.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper

debian() { # SCRIPT
  need root
  local rootfs=${LAB_DIR:-/var/cache/ctr-lab}/rootfs
  [ -x "$rootfs/usr/bin/python3" ] || skip "needs the lab's root file system ($rootfs)"
  config --arg rootfs "$rootfs" '.root = {path: $rootfs, readonly: true} |
    .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"},
                {destination: "/run", type: "tmpfs", source: "tmpfs"}]'
  shell "$1"
}

@test "python: threads, processes, sockets" {
  debian 'python3 -c "
import hashlib, multiprocessing, socket, threading
server = socket.create_server((\"127.0.0.1\", 0))
def serve():
    peer, _ = server.accept()
    peer.sendall(b\"over loopback\")
    peer.close()
threading.Thread(target=serve).start()
print(socket.create_connection(server.getsockname()).recv(64).decode())
with multiprocessing.Pool(2) as pool:
    print(sum(pool.map(abs, range(-100, 0))))
print(hashlib.sha256(b\"ctr\").hexdigest()[:8])
"'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = 'over loopback' ]
  [ "${lines[1]}" = 5050 ]
}

@test "apt and dpkg work on a writable copy of their state" {
  debian 'set -e
    cp -r /var/lib/dpkg /tmp/dpkg
    dpkg --admindir=/tmp/dpkg --get-selections bash
    apt-get -o Dir::State=/tmp/apt -o Dir::Cache=/tmp/cache --version | head -n 1'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match 'bash.*install'
  expect_match 'apt [0-9]'
}

@test "nothing of it can be written" {
  debian 'touch /etc/x 2>&1; mount -o remount,rw / 2>&1; echo x >/proc/sysrq-trigger'
  run ctr run -b "$BUNDLE" "$ID"
  expect_match 'Read-only file system'
  [ ! -e "${LAB_DIR:-/var/cache/ctr-lab}/rootfs/etc/x" ]
}
