#!/usr/bin/env bats
# The networks that ctr makes (--net bridge, linux.netDevices) around a checkpoint, in a namespace
# that stands for the host: by hand, in the box (`lab.sh box run`) or the guest.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../../integration/network
load ../criu

# serves ID - what answers on port 80 of the restored container
serves() {
  ctr exec -d "$1" nc -ll -p 80 -e sh -c 'echo i am inside' </dev/null >/dev/null 2>&1 3>&-
}

# Nothing of the container is in the host: no interface, no rule, no lease.
is_clean() { [ -z "$(network_leaks)" ]; }
address() { ctr exec "$1" ip -o -4 addr show dev eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p'; }

# A container on a bridge is in the images, and has ended.
taken_on_bridge() {
  bridges
  image
  counter
  detached "$ID" --net bridge
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
}

@test "--net bridge: another address and other ports, reachable; gone after delete" {
  bridges
  image
  counter
  detached "$ID" --net bridge --publish 8080:80
  first=$(address "$ID")
  serves "$ID"
  eventually answers 127.0.0.1 8080 inside
  # what exec has started is no part of it
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  is_clean

  restored "$ID-2" --net bridge --ip 10.77.0.99 --publish 8090:80 -p 127.0.0.1:8091:80
  [ "$(address "$ID-2")" = 10.77.0.99 ]
  [ "$first" != 10.77.0.99 ]
  counts "$ID-2"
  serves "$ID-2"
  eventually answers 10.77.0.99 80 inside
  ctr exec "$ID-2" nc 127.0.0.1 80 </dev/null | grep -qx 'i am inside'
  answers 127.0.0.1 8090 inside
  answers 127.0.0.1 8091 inside
  run answer_of 127.0.0.1 8080
  refuse_match inside
  ctr exec "$ID-2" ip route | grep -q '^default via 10.77.0.1'
  ctr exec "$ID-2" grep -q '^10.77.0.99' /etc/hosts
  ctr delete --force "$ID-2"
  is_clean
}

@test "--net bridge: a server goes on" {
  bridges
  able sockets
  image
  shell 'exec nc -ll -p 80 -e sh -c "echo i am inside"'
  detached "$ID" --net bridge --publish 8080:80
  eventually answers 127.0.0.1 8080 inside
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID-2" --net bridge --publish 8090:80
  eventually answers 127.0.0.1 8090 inside
  ctr delete --force "$ID-2"
  is_clean
}

@test "--net bridge with --leave-running: both are there" {
  bridges
  image
  counter
  detached "$ID" --net bridge --publish 8080:80
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  serves "$ID"
  eventually answers 127.0.0.1 8080 inside
  # the port is taken: told, and nothing is left
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --net bridge -p 8080:80 "$ID-2"
  show_result
  expect_status 125
  expect_match "--publish: port 8080/tcp is container '$ID's"
  run ctr state "$ID-2"
  expect_match 'does not exist'
  restored "$ID-2" --net bridge -p 8090:80
  serves "$ID-2"
  eventually answers 127.0.0.1 8090 inside
  answers 127.0.0.1 8080 inside
  [ "$(address "$ID")" != "$(address "$ID-2")" ]
  ctr delete --force "$ID"
  answers 127.0.0.1 8090 inside
  ctr delete --force "$ID-2"
  is_clean
}

@test "--net bridge: the network is not asked for at the restore" {
  taken_on_bridge
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  show_result
  expect_status 125
  expect_match "--net: the checkpointed container had the network '--net bridge', this one has that of its conf"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --publish 80:80 "$ID"
  expect_status 125
  expect_match '--publish: needs --net bridge'
  restored "$ID" --net bridge
  counts "$ID"
  ctr delete --force "$ID"
}

@test "run --from --net bridge: each has an address of its own" {
  taken_on_bridge
  ctr run --detach --from "$IMAGE" --net bridge "$ID-a" "$ID-b" </dev/null >"$OUT" 2>&1 3>&-
  a=$(address "$ID-a") b=$(address "$ID-b")
  echo "$a $b"
  [ "$a" != "$b" ]
  # files of the network as well, and not the name of the image's
  [ "$(ctr exec "$ID-a" cat /etc/hostname)" = "$ID-a" ]
  [ "$(ctr exec "$ID-a" grep -w "$a" /etc/hosts)" = "$a $ID-a $ID-a" ]
  serves "$ID-a"
  serves "$ID-b"
  eventually answers "$a" 80 inside
  eventually answers "$b" 80 inside
  ctr exec "$ID-a" nc "$b" 80 </dev/null | grep -qx 'i am inside'
  ctr delete --force "$ID-a"
  ctr delete --force "$ID-b"
  is_clean
}

@test "linux.netDevices: an interface of the host's, again after the restore" {
  bridges
  image
  in_host ip link add one type veth peer name peer
  in_host ip addr add 192.0.2.1/24 dev peer
  in_host ip addr add 192.0.2.9/24 dev one
  in_host ip link set one up
  in_host ip link set peer up
  config '.linux.netDevices = {one: {name: "eth7"}}'
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  # the interface ends with the namespace; who restores has another one
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  show_result
  expect_status 125
  expect_match 'linux.netDevices.one: the host has no such interface'
  eventually is_clean
  in_host ip link add one type veth peer name peer
  in_host ip addr add 192.0.2.1/24 dev peer
  in_host ip addr add 192.0.2.9/24 dev one
  in_host ip link set one up
  in_host ip link set peer up
  restored "$ID"
  counts "$ID"
  serves "$ID"
  eventually answers 192.0.2.9 80 inside
  run ctr exec "$ID" ip -o addr
  expect_match 'eth7 +inet 192.0.2.9/24'
  ctr delete --force "$ID"
  eventually is_clean
}
