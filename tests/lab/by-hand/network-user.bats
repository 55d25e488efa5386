#!/usr/bin/env bats
# The network of a user's container, by pasta and a real session:
#   tests/lab/lab.sh user -- env CTR=/opt/ctr/bin/ctr bats tests/lab/by-hand/network-user.bats

load ../../integration/helper

@test "rootless: --net bridge, a published port, exec sees its network, nothing is left" {
  [ "$(id -u)" != 0 ]
  command -v pasta
  ctr run --detach --net bridge --publish 18080:80 --rootfs "$BUNDLE/rootfs" -- \
    busybox httpd -f -p 80 -h /etc </dev/null >"$OUT" 2>&1 3>&-
  id=$(ctr list -q)
  run ctr exec "$id" ip addr
  expect_match 'inet6? .* scope (global|link)'
  for _ in $(seq 100); do busybox wget -qO- http://127.0.0.1:18080/passwd >"$OUT" 2>/dev/null && break || sleep 0.1; done
  grep -q ^root: "$OUT"
  pid=$(cat "$STATE/$id/pasta.pid")
  ctr delete --force "$id"
  [ ! -d "/proc/$pid" ]
  run ! busybox wget -qO- http://127.0.0.1:18080/passwd
}
