#!/usr/bin/env bats
# --net, --ip, --publish and linux.netDevices, in a network namespace that stands for the host: the
# real one is left alone.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper
load network

# A server: for each connection a line with its own name.
server() { # PORT
  shell "exec nc -ll -p $1 -e sh -c \"echo i am \$(cat /etc/hostname)\""
}

@test "none and host are the namespaces that they say" {
  need root
  shell 'ls /sys/class/net | tr "\n" " "; readlink /proc/self/ns/net'
  run -0 ctr run -b "$BUNDLE" --net none "$ID"
  expect_match '^lo net:'
  refuse_match "$(readlink "/proc/$NETNS/ns/net")"
  run -0 ctr run -b "$BUNDLE" --net host "$ID"
  expect_match "$(readlink "/proc/$NETNS/ns/net" | sed 's/[][]/\\&/g')"
}

@test "exec joins the network of run, whatever the configuration says" {
  need root
  command_is sleep 100
  detached "$ID" --net host
  run -0 ctr exec "$ID" readlink /proc/self/ns/net
  expect_output "$(readlink "/proc/$NETNS/ns/net")"
  ctr delete --force "$ID"
  config '.linux.namespaces |= map(select(.type != "network"))'
  detached "$ID" --net none
  run -0 ctr exec "$ID" readlink /proc/self/ns/net
  expect_output "$(readlink "/proc/$(pid_of "$ID")/ns/net")"
  [ "$output" != "$(readlink "/proc/$NETNS/ns/net")" ]
  ctr delete --force "$ID"
}

@test "bridge: two containers and the host reach each other, and nothing is left" {
  bridges
  command_is sleep 100
  detached "$ID-1" --net bridge
  detached "$ID-2" --net bridge
  first=$(ctr exec "$ID-1" hostname -i)
  second=$(ctr exec "$ID-2" hostname -i)
  [[ $first =~ ^[0-9.]+$ && $second =~ ^[0-9.]+$ && $first != "$second" ]]
  ctr exec "$ID-1" ping -c 1 -W 5 "$second"
  ctr exec "$ID-2" ping -c 1 -W 5 "$first"
  in_host busybox ping -c 1 -W 5 "$first"
  gateway=$(ctr exec "$ID-1" ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')
  ctr exec "$ID-2" ping -c 1 -W 5 "$gateway"
  [ "$(ctr exec "$ID-1" cat /proc/sys/net/ipv4/ping_group_range | tr '\t' ' ')" = '0 2147483647' ]
  ctr delete --force "$ID-1"
  [[ $(links) == *ctr0* ]]
  ctr delete --force "$ID-2"
  [ "$(links)" = 'lo ' ]
}

@test "fault 125: bridge: a container believes no other one that it is a router" {
  bridges
  [ -e /proc/sys/net/ipv6 ] || skip 'needs a kernel with IPv6'
  shell 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra'
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_output 0
}

@test "bridge: the files of name resolution" {
  bridges
  shell 'cat /etc/hosts; cat /etc/hostname; cat /etc/resolv.conf; echo x >>/etc/hosts'
  config '.hostname = "web"'
  run ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_match '127.0.0.1 localhost'
  expect_match $'\n[0-9.]+ web '"$ID"
  expect_match $'\nweb\n'
  expect_match 'Read-only file system'
  # shellcheck disable=SC2013 # they are words
  for server in $(sed -n 's/^nameserver \([0-9.]*\)$/\1/p' /etc/resolv.conf | grep -v '^127'); do
    expect_match "nameserver $server"
  done
  # What the configuration mounts there stays.
  echo mine >"$BATS_TEST_TMPDIR/mine"
  mount_at /etc/hosts bind "$BATS_TEST_TMPDIR/mine" bind
  shell 'cat /etc/hosts'
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_output mine
}

@test "published ports: from elsewhere, from the host, from localhost, from a container, from itself" {
  bridges
  server 80
  config '.hostname = "web"'
  detached "$ID" --net bridge --publish 8080:80 -p 127.0.0.1:8081:80
  ip=$(ctr exec "$ID" hostname -i)
  eventually answers "$ip" 80 web
  answers 127.0.0.1 8080 web
  answers 127.0.0.1 8081 web
  answers "${ip%.*}.1" 8080 web
  run answer_of "${ip%.*}.1" 8081
  refuse_match 'i am'

  # another machine
  unshare --net sleep 100 </dev/null >/dev/null 2>&1 3>&- &
  other=$!
  eventually has_own_network $other
  in_host ip link add host0 type veth peer name other0 netns $other
  in_host ip addr add 192.0.2.1/24 dev host0
  in_host ip link set host0 up
  nsenter -t $other -n ip addr add 192.0.2.2/24 dev other0
  nsenter -t $other -n ip link set other0 up
  run nsenter -t $other -n timeout 5 busybox nc 192.0.2.1 8080
  # the way out: masqueraded, for the other knows nothing of the bridge
  ctr exec "$ID" ping -c 3 -W 5 192.0.2.2 >"$OUT.ping" || true
  kill $other
  in_host ip link del host0 2>/dev/null || true
  expect_output 'i am web'
  grep -q '[1-3] packets received' "$OUT.ping"

  # by the host's port from a container, and back to itself
  run -0 ctr exec "$ID" timeout 5 sh -c "nc ${ip%.*}.1 8080 </dev/null"
  expect_output 'i am web'
  shell "timeout 5 nc ${ip%.*}.1 8080 </dev/null"
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID-2"
  expect_output 'i am web'
  ctr delete --force "$ID"
  run answer_of 127.0.0.1 8080
  [ "$status" != 0 ]
}

@test "udp ports" {
  bridges
  need python3
  command_is sleep 100
  detached "$ID" --net bridge --publish 5353:53/udp
  # a server in the container's namespace, and a client in the host's
  nsenter -t "$(pid_of "$ID")" -n timeout 20 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 53))
data, peer = s.recvfrom(99)
s.sendto(b"got " + data, peer)' 3>&- &
  server=$!
  run -0 in_host timeout 20 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.2)
while True:
    s.sendto(b"hello", ("127.0.0.1", 5353))
    try:
        print(s.recv(99).decode())
        break
    except OSError:
        pass'
  expect_output 'got hello'
  wait $server
  ctr delete --force "$ID"
}

@test "addresses: chosen, in use, kept until delete, given again" {
  bridges
  command_is sleep 100
  detached "$ID-1" --net bridge=br-$$ --ip 10.99.7.9
  [ "$(ctr exec "$ID-1" hostname -i)" = 10.99.7.9 ]
  for bad in "10.99.7.9|is in use" "10.99.7.1|is not for a container" "10.99.8.9|is not for a container" \
    "10.99.7.255|is not for a container" "10.99.7|is not an IPv4 address"; do
    run ctr run -b "$BUNDLE" --net bridge=br-$$ --ip "${bad%|*}" "$ID-2"
    expect_status 125
    expect_match "^ctr: --ip: '${bad%|*}' ${bad#*|}"
  done
  # Its process is gone, the container is not.
  ctr kill "$ID-1" KILL
  eventually has_status "$ID-1" stopped
  run ctr run -b "$BUNDLE" --net bridge=br-$$ --ip 10.99.7.9 "$ID-2"
  expect_status 125
  ctr delete "$ID-1"
  [ "$(links)" = 'lo ' ]
  command_is hostname -i
  run -0 ctr run -b "$BUNDLE" --net bridge=br-$$ --ip 10.99.7.9 "$ID-2"
  expect_output 10.99.7.9
}

# ---------------------------------------------------------------- IPv6

ipv6() {
  bridges
  in_host test -e /proc/sys/net/ipv6/conf/all/disable_ipv6 || skip 'needs a kernel with IPv6'
}

sysctl6() { in_host cat "/proc/sys/net/ipv6/conf/$1"; }
address6() { ctr exec "$1" ip -o -6 addr show dev eth0 scope global | sed 's/.*inet6 \([^/]*\).*/\1/'; }

@test "IPv6: a chosen address, its network, and what is not for a container" {
  ipv6
  command_is sleep 100
  detached "$ID-1" --net bridge --ip fd12:3456:789a:1::9 --ip 10.99.7.9
  [ "$(address6 "$ID-1")" = fd12:3456:789a:1::9 ]
  [ "$(ctr exec "$ID-1" ip -o -4 addr show dev eth0 | sed 's/.*inet \([^/]*\).*/\1/')" = 10.99.7.9 ]
  in_host ip -o -6 addr show dev ctr0 | grep -q 'inet6 fd12:3456:789a:1::1/64'
  ctr exec "$ID-1" ip -6 route | grep -q '^default via fd12:3456:789a:1::1 '
  ctr exec "$ID-1" cat /etc/hosts | grep -q "^fd12:3456:789a:1::9 .*$ID-1"
  # who does not ask has one as well, and it is the next one's no more
  detached "$ID-2" --net bridge
  second=$(address6 "$ID-2")
  [[ $second == fd12:3456:789a:1::* ]]
  ctr exec "$ID-1" ping -6 -c 1 -W 5 "$second"
  ctr exec "$ID-2" ping -6 -c 1 -W 5 fd12:3456:789a:1::9
  in_host busybox ping -6 -c 1 -W 5 "$second"
  ctr exec "$ID-2" ping -6 -c 1 -W 5 fd12:3456:789a:1::1
  for bad in "fd12:3456:789a:1::9|is in use" "fd12:3456:789a:1::1|is not for a container" \
    "fd12:3456:789a:1::|is not for a container" "fd12:3456:789a:2::9|is not for a container"; do
    run ctr run -b "$BUNDLE" --net bridge --ip "${bad%|*}" "$ID-3"
    expect_status 125
    expect_match "^ctr: --ip: '${bad%|*}' ${bad#*|}"
  done
  for bad in fe80::1 ff02::1 ::1 ::ffff:1.2.3.4 fd00::g; do
    run ctr run -b "$BUNDLE" --net bridge --ip "$bad" "$ID-3"
    expect_status 125
    expect_match "^ctr: --ip: '$bad' is not an IPv4 address, nor one of IPv6"
  done
  run ctr run -b "$BUNDLE" --net bridge --ip fd00::2 --ip fd00::3 "$ID-3"
  expect_match "^ctr: --ip: 'fd00::3': there is one already, 'fd00::2'"
  # the first that had it goes first: the table stays for the other
  ctr delete --force "$ID-1"
  in_host nft list tables | grep -q 'table ip6 ctr-ctr0'
  ctr delete --force "$ID-2"
  [ "$(links)" = 'lo ' ]
}

@test "IPv6: only who asks makes a network of it, and the host keeps its routers" {
  ipv6
  in_host ip link add host0 type bridge
  command_is sleep 100
  detached "$ID" --net bridge
  [ -z "$(address6 "$ID")" ]
  [ "$(sysctl6 ctr0/accept_ra)" = 0 ]
  [ "$(sysctl6 all/forwarding)" = 0 ]
  in_host nft list tables | grep ip6 && return 1
  # on the bridge that is there already
  detached "$ID-2" --net bridge --ip ::
  [[ $(address6 "$ID-2") =~ ^fd[0-9a-f:]+$ ]]
  [ "$(sysctl6 all/forwarding)" = 1 ]
  [ "$(sysctl6 host0/accept_ra)" = 2 ]
  [ "$(sysctl6 ctr0/accept_ra)" = 0 ]
  [ "$(sysctl6 default/accept_ra)" = 1 ]
  # the last with IPv6 takes its table along
  ctr delete --force "$ID-2"
  in_host nft list tables | grep ip6 && return 1
  [[ $(in_host nft list tables) == *'table ip ctr-ctr0'* ]]
  ctr delete --force "$ID"
  in_host ip link del host0
}

@test "IPv6: published ports, and the way out" {
  ipv6
  need python3
  server() { # 6: IPv6 alone
    nsenter -t "$(pid_of "$1")" -n timeout 60 python3 -c '
import socket
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 80))
s.listen()
while True:
    c, peer = s.accept()
    c.sendall(b"i am %s, you are %s" % (b"web", peer[0].encode()))
    c.close()' 3>&- &
    SERVER=$!
  }
  ask() { # NSENTER-TARGET ADDRESS PORT
    nsenter -t "$1" -n timeout 10 python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
print(s.recv(99).decode())' "$2" "$3"
  }
  # another machine, that knows nothing of the bridge
  unshare --net sleep 100 </dev/null >/dev/null 2>&1 3>&- &
  other=$!
  eventually has_own_network $other
  in_host ip link add host0 type veth peer name other0 netns $other
  in_host ip addr add 2001:db8::1/64 dev host0 nodad
  in_host ip addr add 2001:db8::3/64 dev host0 nodad
  in_host ip link set host0 up
  nsenter -t $other -n ip addr add 2001:db8::2/64 dev other0 nodad
  nsenter -t $other -n ip link set other0 up

  command_is sleep 100
  detached "$ID" --net bridge --ip fd12::9 --publish 8080:80 -p '[2001:db8::3]:8081:80'
  server "$ID"
  listens() { ask "$NETNS" fd12::9 80; }
  eventually listens
  # one that fails takes nothing from others
  run ctr run -b "$BUNDLE" --net bridge --ip fd12::1 "$ID-3"
  expect_match "--ip: 'fd12::1' is not for a container"
  run -0 ask "$NETNS" fd12::1 8080
  expect_match 'i am web'
  run -0 ask "$NETNS" 2001:db8::3 8081
  expect_match 'i am web'
  run ask "$NETNS" 2001:db8::1 8081
  [ "$status" != 0 ]
  # 127.0.0.1 leads there by IPv4
  run -0 ask "$NETNS" 127.0.0.1 8080
  expect_match 'i am web'
  run ask $other 2001:db8::1 8080
  elsewhere=$output
  run ask $other 2001:db8::1 8081
  refused=$status
  ctr exec "$ID" ping -6 -c 3 -W 5 2001:db8::2 >"$OUT.ping" || true
  kill $other
  in_host ip link del host0 2>/dev/null || true
  [[ $elsewhere == 'i am web, you are 2001:db8::2' ]]
  [ "$refused" != 0 ]
  grep -q '[1-3] packets received' "$OUT.ping"

  # by the host's port from a container, and back to itself
  detached "$ID-2" --net bridge
  run -0 ask "$(pid_of "$ID-2")" fd12::1 8080
  expect_match 'i am web'
  run -0 ask "$(pid_of "$ID")" fd12::1 8080
  expect_match 'i am web'
  kill $SERVER
  ctr delete --force "$ID-2"
  ctr delete --force "$ID"
  run ask "$NETNS" fd12::1 8080
  [ "$status" != 0 ]
}

@test "IPv6: disabled on the host, or not on the administrator's bridge" {
  ipv6
  in_host ip link add mine type bridge
  in_host ip addr add 10.55.0.1/16 dev mine
  in_host ip link set mine up
  run ctr run -b "$BUNDLE" --net bridge=mine --ip fd00::5 "$ID"
  expect_status 125
  expect_match "--net: bridge 'mine' has no IPv6 address, or no room for others"
  in_host ip addr add fd55::1/64 dev mine nodad
  shell 'ip -o -6 addr show dev eth0 scope global'
  run -0 ctr run -b "$BUNDLE" --net bridge=mine "$ID"
  expect_match 'inet6 fd55::a37:2/64'
  in_host ip link del mine
  in_host sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
  run ctr run -b "$BUNDLE" --net bridge --ip fd00::5 "$ID"
  expect_status 125
  expect_match "^ctr: --ip: IPv6 is disabled on this host \('/proc/sys/net/ipv6/conf/all/disable_ipv6' is 1\)"
  run ctr run -b "$BUNDLE" --net bridge --publish '[fd00::1]:80:80' "$ID"
  expect_match '^ctr: --publish: IPv6 is disabled on this host'
  command_is hostname -i
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_output 10.77.0.2
}

@test "explain: other kinds of isolation, a cgroup that is not to be had, a missing root file system" {
  if is_root; then # the others' bundle has a user namespace, which these kinds have not
    run -0 ctr explain -b "$BUNDLE" --isolation process --json
    expect_match '"isolation": "process"'
    expect_match '"namespaces": "none"'
    run -1 ctr explain -b "$BUNDLE" --isolation process --net none
    expect_match "--isolation process stays in its caller's network"
  fi
  if is_root && command -v linux.uml >/dev/null && command -v mkfs.erofs >/dev/null; then
    run -0 ctr explain -b "$BUNDLE" --isolation uml
    expect_match 'boot a machine: uml'
    expect_match 'ctr-init does, in the machine:'
  fi
  run -1 ctr explain -b "$BUNDLE" --isolation jail
  expect_match "unknown isolation 'jail'"
  mv "$BUNDLE/rootfs" "$BUNDLE/elsewhere"
  run -1 ctr explain -b "$BUNDLE"
  expect_match "root.path: '$BUNDLE/rootfs': No such file or directory"
  mv "$BUNDLE/elsewhere" "$BUNDLE/rootfs"
  # what explain says of the cgroup is what a container gets
  command_is sleep 1000
  cgroup=$(ctr explain -b "$BUNDLE" --json | jq -r '.actions.cgroup // empty')
  detached "$ID"
  pid=$(pid_of "$ID")
  if [ -n "$cgroup" ]; then
    grep -qx "$pid" "${cgroup%ctr-ID}ctr-$ID/cgroup.procs"
  else
    run -0 cat "/proc/$pid/cgroup"
    refuse_match "ctr-$ID"
  fi
  ctr delete --force "$ID"
}

@test "explain shows what --net and --overlay would do, and does nothing" {
  need root
  run -0 ctr explain -b "$BUNDLE" --net bridge=br-$$ --ip 10.9.9.9 --ip fd00::9 -p 80:81 --overlay "$BATS_TEST_TMPDIR/layer"
  expect_match "make eth0, a port of bridge br-$$, .*# --net"
  expect_match 'IPv4 address 10.9.9.9'
  expect_match 'IPv6 address fd00::9 *# --ip'
  expect_match 'lead ports 80:81 to the container *# --publish'
  expect_match "mount an overlay, $BATS_TEST_TMPDIR/layer/upper over [^ ]*/rootfs, .*# --overlay"
  expect_match '/etc/hosts'
  [ ! -e "$BATS_TEST_TMPDIR/layer" ]
  [ "$(links)" = 'lo ' ]
  run -0 ctr explain --json -b "$BUNDLE" --net bridge -p 80:81 --overlay ephemeral
  [ "$(jq -c '[.actions.network, .actions.overlay]' <<<"$output")" = \
    '[{"mode":"bridge","bridge":"ctr0","ip":[],"publish":["80:81"]},"ephemeral"]' ]
  run -0 ctr explain -b "$BUNDLE" --net host
  refuse_match 'unshare network'
  refuse_match 'clone.*network'
  config '.linux.netDevices = {one: {}}'
  run -0 ctr explain -b "$BUNDLE"
  expect_match 'move interface one to the container *# linux.netDevices.one'
  run ctr explain -b "$BUNDLE" --publish 80:80
  expect_status 1
  expect_match '^ctr: --publish: needs --net bridge'
}

@test "many at once have different addresses" {
  bridges
  command_is sleep 100
  for who in 1 2 3 4 5 6; do
    ctr run --detach -b "$BUNDLE" --net bridge "$ID-$who" </dev/null >"$OUT-$who" 2>&1 3>&- &
    pids[who]=$!
  done
  for who in 1 2 3 4 5 6; do wait "${pids[who]}"; done
  for who in 1 2 3 4 5 6; do ctr exec "$ID-$who" hostname -i; done | sort >"$OUT"
  [ "$(uniq "$OUT" | wc -l)" = 6 ]
  for who in 1 2 3 4 5 6; do ctr delete --force "$ID-$who"; done
}

@test "a bridge of the administrator is used and left" {
  bridges
  in_host ip link add mine type bridge
  in_host ip addr add 10.55.0.1/16 dev mine
  in_host ip link set mine up
  command_is hostname -i
  run -0 ctr run -b "$BUNDLE" --net bridge=mine "$ID"
  expect_output 10.55.0.2
  [[ $(links) == 'lo mine ' ]]
  in_host ip addr flush dev mine
  run ctr run -b "$BUNDLE" --net bridge=mine "$ID"
  expect_status 125
  expect_match "--net: bridge 'mine' has no IPv4 address"
  run ctr run -b "$BUNDLE" --net bridge=lo "$ID"
  expect_match "--net: 'lo' is an interface, but no bridge"
  in_host ip link del mine
}

@test "networks that are in use are not taken" {
  bridges
  in_host ip link add dummy0 type bridge
  in_host ip addr add 10.77.0.1/23 dev dummy0
  in_host ip link set dummy0 up
  command_is hostname -i
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_output 10.77.2.2
  run ctr run -b "$BUNDLE" --net bridge --ip 10.77.1.5 "$ID"
  expect_status 125
  expect_match "--ip: '10.77.1.5' is of a network that the host uses"
  in_host ip link del dummy0
}

@test "ports that are taken" {
  need python3
  bridges
  command_is sleep 100
  detached "$ID-1" --net bridge --publish 8080:80
  run ctr run -b "$BUNDLE" --net bridge --publish 127.0.0.1:8080:81 "$ID-2"
  expect_status 125
  expect_match "--publish: port 8080/tcp is container '$ID-1's"
  run ctr run -b "$BUNDLE" --net bridge -p 9:9 -p 9:10 "$ID-2"
  expect_match '--publish: port 9/tcp is given twice'
  nsenter --target "$NETNS" --net busybox nc -l -p 8082 </dev/null >/dev/null 2>&1 3>&- &
  listener=$!
  listens() { in_host grep -q ':1F92 [0:]* 0A' /proc/self/net/tcp /proc/self/net/tcp6; }
  eventually listens
  run ctr run -b "$BUNDLE" --net bridge --publish 8082:80 "$ID-2"
  expect_status 125
  expect_match '--publish: port 8082/tcp of the host: Address already in use'
  kill $listener
  # of IPv6 alone
  nsenter --target "$NETNS" --net python3 -c 'import socket, time
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(("::", 8083)); s.listen(); time.sleep(60)' 3>&- &
  listener=$!
  listens() { in_host grep -q ':1F93 [0:]* 0A' /proc/self/net/tcp6; }
  eventually listens
  run ctr run -b "$BUNDLE" --net bridge --publish 8083:80 "$ID-2"
  expect_status 125
  expect_match '--publish: port 8083/tcp of the host: Address already in use'
  kill $listener
  ctr delete --force "$ID-1"
}

@test "a ctr that was killed leaves what delete removes" {
  bridges
  command_is sleep 100
  nsenter --target "$NETNS" --net "$CTR" --root "$STATE" run -b "$BUNDLE" --net bridge \
    --publish 8080:80 "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  PID=$!
  eventually has_status "$ID" running
  kill -9 "$PID"
  ended "$PID" 2>/dev/null
  [[ $(links) == *ctr0* ]]
  ctr delete --force "$ID"
  [ "$(links)" = 'lo ' ]
}

@test "what has made half a bridge was killed: it is made anew" {
  bridges
  shell 'ping -c 1 -W 5 "$(ip route | sed -n "s/^default via \([0-9.]*\).*/\1/p")"'
  mkdir -p "$LEASES/ctr0"
  touch "$LEASES/ctr0/made"
  in_host ip link add ctr0 type bridge
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
  # one that has its address, and is not up
  mkdir -p "$LEASES/ctr0"
  touch "$LEASES/ctr0/made"
  in_host ip link add ctr0 type bridge
  in_host ip addr add 10.77.0.1/24 dev ctr0
  run -0 ctr run -b "$BUNDLE" --net bridge "$ID"
}

@test "a ctr that was killed while it makes the network: who deletes it waits for that" {
  bridges
  local deleting net
  making() {
    net=$(pgrep -f "ctr-net attach $STATE/$ID ")
  }
  command_is sleep 100
  detached "$ID-1" --net bridge
  # nobody gets a lease meanwhile
  exec 8<"$LEASES"
  flock 8
  nsenter --target "$NETNS" --net "$CTR" --root "$STATE" run -b "$BUNDLE" --net bridge \
    --publish 8080:80 "$ID" </dev/null >"$OUT" 2>&1 3>&- 8>&- &
  PID=$!
  eventually making
  kill -STOP "$net"
  kill -9 "$PID"
  ended "$PID" 2>/dev/null
  exec 8>&-
  ctr delete --force "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  deleting=$!
  sleep 1
  kill -0 $deleting
  kill -CONT "$net"
  ended $deleting
  expect_status 0
  [ "$(find "$LEASES" -type f ! -name made | wc -l)" = 1 ]
  ctr delete --force "$ID-1"
}

@test "a record that is damaged: the network goes as well" {
  bridges
  command_is sleep 100
  detached "$ID" --net bridge
  echo rubbish >"$STATE/$ID/record"
  ctr delete --force "$ID"
}

@test "of a failure nothing is left" {
  bridges
  command_is no-such-program
  run -127 ctr run -b "$BUNDLE" --net bridge --publish 8080:80 "$ID"
  network_leaks | diff /dev/null -
  command_is true
  config '.hooks.createRuntime = [{path: "/bin/false"}]'
  run ctr run -b "$BUNDLE" --net bridge "$ID"
  expect_status 125
  network_leaks | diff /dev/null -
  # the last step fails
  config 'del(.hooks)'
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\ngrep -q dport "$2" && { echo broken >&2; exit 1; }; exec %s "$@"\n' \
    "$(command -v nft)" >"$BATS_TEST_TMPDIR/bin/nft"
  chmod +x "$BATS_TEST_TMPDIR/bin/nft"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run ctr run -b "$BUNDLE" --net bridge --publish 8080:80 "$ID"
  expect_status 125
  expect_match '--net bridge: nft: broken'
  network_leaks | diff /dev/null -
  # it cannot be run at all
  run without_nft "$CTR" --root "$STATE" run -b "$BUNDLE" --net bridge --publish 8080:80 "$ID"
  expect_status 125
  expect_output "ctr: --net bridge: cannot run the program 'nft': Permission denied"
}

# shellcheck disable=SC2016 # a shell of its own
without_nft() {
  nsenter --target "$NETNS" --net unshare --mount sh -ec '
    for dir in /usr/sbin /sbin /usr/bin /bin; do
      [ ! -e $dir/nft ] || mount --bind /dev/null "$(readlink -f $dir/nft)"
    done
    exec "$@"' sh "$@"
}

@test "what cannot be taken back of a failure is told of, and delete --force does it" {
  bridges
  command_is true
  # rules are made, and cannot be removed
  config '.hooks.createRuntime = [{path: "/bin/false"}]'
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\ngrep -q dport "$2" || { echo broken >&2; exit 1; }; exec %s "$@"\n' \
    "$(command -v nft)" >"$BATS_TEST_TMPDIR/bin/nft"
  chmod +x "$BATS_TEST_TMPDIR/bin/nft"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run ctr run -b "$BUNDLE" --net bridge --publish 8080:80 "$ID"
  expect_status 125
  expect_match "--net bridge: nft: broken: .delete --force $ID. removes what is left"
  expect_match 'error running createRuntime hook #0'
  has_status "$ID" stopped
  ctr delete --force "$ID"
  network_leaks | diff /dev/null -
}

@test "as many ports as anybody wants" {
  bridges
  local ports=() port
  for port in $(seq 10000 13999); do ports+=(--publish "$port:80"); done
  command_is nc -ll -p 80 -e echo i am many
  detached "$ID" --net bridge "${ports[@]}"
  eventually answers 127.0.0.1 10000 many
  answers 127.0.0.1 13999 many
  ctr delete --force "$ID"
}

@test "create and start, in a user namespace of its own" {
  bridges
  mapped_root
  shell 'hostname -i >/dev/shm/ip; ping -c 1 -W 5 10.77.0.1 >/dev/shm/ping; sleep 100'
  created "$ID" --net bridge || { cat "$OUT"; false; }
  [[ $(links) == *ctr0* ]]
  ctr start "$ID"
  reached() { ctr exec "$ID" grep -q '1 packets received' /dev/shm/ping; }
  eventually reached
  ctr delete --force "$ID"
}

@test "what is not to be understood" {
  need root
  for bad in 'bridge=|is not the name' 'bridge=a/b|is not the name' 'bridges|is not none, host' \
    '|is not none, host'; do
    run ctr run -b "$BUNDLE" --net "${bad%|*}" "$ID"
    expect_status 125
    expect_match "--net: .* ${bad#*|}"
  done
  for bad in 80 80:0 0:80 80:65536 :80 80: 1.2.3:80:80 80:80/sctp 80:80: a:b:80:80 '[::1]:80:80' '[fe80::1]:80:80' '[fd00::1:80:80' '[fd00::1]80:80' '' 80:8x; do
    run ctr run -b "$BUNDLE" --net bridge --publish "$bad" "$ID"
    expect_status 125
    expect_match "^ctr: --publish: '"
  done
  run ctr run -b "$BUNDLE" --publish 80:80 "$ID"
  expect_match '--publish: needs --net bridge'
  run ctr run -b "$BUNDLE" --net host --ip 10.0.0.1 "$ID"
  expect_match '--ip: needs --net bridge'
}

# ---------------------------------------------------------------- linux.netDevices

interface() { # NAME - with addresses, up
  in_host ip link add "$1" type veth peer name "$1-peer"
  in_host ip addr add 192.0.2.9/24 dev "$1"
  in_host ip addr add 192.0.2.10/24 dev "$1"
  in_host ip -6 addr add 2001:db8::9/64 dev "$1" nodad
  in_host ip link set "$1" up
}

devices_are_gone() { [ "$(links)" = 'lo ' ]; }

@test "netDevices: moved with addresses and a new name" {
  bridges
  interface one
  interface two
  config '.linux.netDevices = {one: {name: "net%d"}, two: {}}'
  shell 'ip addr'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match 'net0[^:]*: <[A-Z,-]*UP'
  expect_match 'two[^:]*: <[A-Z,-]*UP'
  [ "$(grep -c 'inet 192.0.2.9/24' <<<"$output")" = 2 ]
  [ "$(grep -c 'inet 192.0.2.10/24' <<<"$output")" = 2 ]
  [ "$(grep -c 'inet6 2001:db8::9/64' <<<"$output")" = 2 ]
  # they end with the container, in time: the kernel moves back hardware only
  eventually devices_are_gone
}

@test "netDevices: errors name the field, and all are back as they were" {
  bridges
  interface one
  interface two
  before=$(in_host ip -o addr show scope global | sed 's/^[0-9]*: //' | sort)
  back() {
    in_host ip -o addr show scope global | sed 's/^[0-9]*: //' | sort | diff <(echo "$before") -
    in_host ip -o link show one | grep -q '[<,]UP[,>]'
  }
  config '.linux.netDevices = {one: {name: "eth7"}, absent: {}}'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match '^ctr: linux.netDevices.absent: the host has no such interface'
  back
  config '.linux.netDevices = {one: {}, two: {name: "lo"}}'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match "^ctr: linux.netDevices.two.name: the container has an interface 'lo' already"
  back
  config '.linux.netDevices = {lo: {name: "lo9"}}'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match "^ctr: linux.netDevices.lo: cannot move it to the container as 'lo9'"
  back
  # what fails later
  config '.linux.netDevices = {one: {name: "eth7"}, two: {}} | .process.args = ["no-such-program"]'
  run -127 ctr run -b "$BUNDLE" "$ID"
  back
  in_host ip link del one
  in_host ip link del two
}

# ---------------------------------------------------------------- without privileges

@test "rootless: pasta, with published ports; gone with the container" {
  need root nft
  [ -c /dev/net/tun ] || skip 'needs /dev/net/tun'
  place_for_nobody
  in_host ip addr add 2001:db8::1/64 dev host0 nodad
  in_host ip -6 route add default via 2001:db8::254
  failed=
  if command -v pasta >/dev/null; then
    nobody run --detach --net bridge --publish 8080:80 -p '[2001:db8::1]:8081:80' \
      --rootfs "$place/rootfs" -- \
      nc -ll -p 80 -e echo i am inside </dev/null >"$place/out" 2>&1 3>&- ||
      failed="run: $(cat "$place/out")"
    [ -n "$failed" ] || eventually answers 127.0.0.1 8080 inside || failed='no answer'
    [ -n "$failed" ] || eventually answers 2001:db8::1 8081 inside || failed='no answer by IPv6'
    id=$(nobody list -q)
    pid=$(cat "$place/state/$id/pasta.pid")
    nobody exec "$id" ip addr | grep -q 'inet 192.0.2.1/24' || failed+=' no address'
    nobody delete --force "$id" || failed+=' delete'
    # (whoever adopted it has to collect it)
    eventually test ! -d "/proc/$pid" || failed+=" pasta $pid is left"
    run nobody run --net bridge -p 80:80 --rootfs "$place/rootfs" -- true
    [[ $output == *"pasta: Failed to bind"*net.ipv4.ip_unprivileged_port_start* ]] ||
      failed+=" port 80: $output"
  fi
  mkdir "$place/empty"
  NOBODY_PATH=$place/empty run nobody run --net bridge --rootfs "$place/rootfs" -- true
  without=$output
  run nobody run --net bridge=x --rootfs "$place/rootfs" -- true
  no_place_for_nobody
  expect_match '--net bridge=NAME: needs root'
  output=$without
  expect_match "needs the program 'pasta' \(package passt\), which is not there"
}
