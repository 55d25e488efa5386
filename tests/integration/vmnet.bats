#!/usr/bin/env bats
# Networks of virtual machines: what is plugged into the container's network namespace is the
# guest's. By User-Mode Linux, which starts fast, and once by QEMU.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper
load network

machine() { # ISOLATION
  KIND=$1
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 200 ] || CTR_TIMEOUT=200
  case $KIND in
  uml) need linux.uml mkfs.erofs ;;
  microvm) need qemu-system-x86_64 mkfs.erofs ;;
  vm)
    need qemu-system-x86_64 mkfs.erofs
    config '.annotations["org.ctr.accel"] = "tcg"'
    ;;
  esac
  config '.linux.namespaces |= map(select(.type != "time"))'
}

up() { grep -q "^up" "$OUT"; }
listens() { in_host cat /proc/net/tcp /proc/net/tcp6 | grep -q ":$(printf %04X "$1") .* 0A "; }

# Names, addresses, routes and name resolution of the guest, then a server at port 80.
guest() {
  shell 'ip -o link | sed "s/ qdisc.*//"; ip -o -4 addr show eth0; ip route; cat /etc/hosts
    cat /etc/resolv.conf; echo up
    exec nc -ll -p 80 -e sh -c "echo i am $(cat /etc/hostname)"'
}

bridged() { # ISOLATION
  bridges
  machine "$1"
  guest
  config '.hostname = "web"'
  detached "$ID" --isolation "$1" --net bridge --publish 8080:80 -p 127.0.0.1:8081:80
  eventually up
  local said ip
  said=$(cat "$OUT")
  echo "$said"
  ip=$(sed -n 's/.*inet \([0-9.]*\)\/24 brd.*/\1/p' "$OUT")
  [[ $ip =~ ^10\.77\.[0-9]+\.[0-9]+$ ]]
  [[ $said == *"default via ${ip%.*}.1 dev eth0"* ]]
  [[ $said == *"$ip web $ID"* ]]
  # the MAC is the one of the interface in the namespace
  [[ $(nsenter --target "$(pid_of "$ID")" --net ip -o link show eth0) =~ ether\ ([0-9a-f:]+) ]]
  [[ $(ctr exec "$ID" cat /sys/class/net/eth0/address) == "${BASH_REMATCH[1]}" ]]
  [ "$(ctr exec "$ID" cat /proc/sys/net/ipv4/ping_group_range | tr '\t' ' ')" = '0 2147483647' ]

  # nobody beside it is its router because he says so
  [ ! -e /proc/sys/net/ipv6 ] ||
    [ "$(ctr exec "$ID" cat /proc/sys/net/ipv6/conf/eth0/accept_ra)" = 0 ]

  in_host busybox ping -c 1 -W 10 "$ip"
  ctr exec "$ID" ping -c 1 -W 10 "${ip%.*}.1"
  eventually answers "$ip" 80 web
  eventually answers 127.0.0.1 8080 web
  eventually answers 127.0.0.1 8081 web
  # much at once, both ways
  local server
  head -c 3000000 /dev/urandom >"$OUT.data"
  in_host timeout "$CTR_TIMEOUT" busybox nc -l -p 82 <"$OUT.data" >"$OUT.back" 3>&- &
  server=$!
  eventually listens 82
  # (nc ends by the end of either of its inputs)
  ctr exec "$ID" sh -c "nc ${ip%.*}.1 82 >/got; md5sum </got" >"$OUT.sum" < <(sleep "$CTR_TIMEOUT" 3>&-)
  wait "$server"
  [ "$(cut -c -32 "$OUT.sum")" = "$(md5sum <"$OUT.data" | cut -c -32)" ]
  in_host timeout "$CTR_TIMEOUT" busybox nc -l -p 83 < <(sleep "$CTR_TIMEOUT" 3>&-) >"$OUT.back" 3>&- &
  server=$!
  eventually listens 83
  ctr exec "$ID" sh -c "nc ${ip%.*}.1 83 </got"
  wait "$server"
  cmp "$OUT.data" "$OUT.back"

  # beside it an ordinary container
  config 'del(.annotations)'
  command_is sleep 300
  detached "$ID-2" --net bridge
  ctr exec "$ID-2" ping -c 1 -W 10 "$ip"
  ctr exec "$ID" ping -c 1 -W 10 "$(ctr exec "$ID-2" hostname -i)"
  ctr delete --force "$ID-2"
  ctr delete --force "$ID"
  [ "$(links)" = 'lo ' ]
}

@test "uml: a bridge, published ports, name resolution, and nothing is left" { bridged uml; }
@test "vm: a bridge, published ports, name resolution, and nothing is left" { bridged "${GUEST:-vm}"; }

# The network of a pod, as an engine makes it: two interfaces, an address of IPv6, a route more.
pod() {
  PODNS=$BATS_TEST_TMPDIR/pod
  touch "$PODNS"
  in_host unshare --net="$PODNS" true
  local in_pod=(nsenter --net="$PODNS")
  for i in 0 1; do
    in_host ip link add "host$i" type veth peer name "peer$i"
    in_host ip link set "peer$i" netns "$PODNS"
    "${in_pod[@]}" ip link set "peer$i" name "net$i"
    in_host ip addr add "10.66.$i.1/24" dev "host$i"
    in_host ip link set "host$i" up
    "${in_pod[@]}" ip addr add "10.66.$i.2/24" brd + dev "net$i"
    "${in_pod[@]}" ip link set "net$i" mtu 1400 up
  done
  in_host ip addr add fd00:66::1/64 dev host0 nodad
  "${in_pod[@]}" ip addr add fd00:66::2/64 dev net0 nodad
  "${in_pod[@]}" ip route add default via 10.66.0.1 metric 100
  "${in_pod[@]}" ip route add 10.67.0.0/16 via 10.66.1.1
  "${in_pod[@]}" ip -6 route add default via fd00:66::1
  config --arg path "$PODNS" \
    '.linux.namespaces |= map(if .type == "network" then .path = $path else . end)'
}

unpod() {
  umount "$PODNS"
  eventually pod_is_gone
}
pod_is_gone() { [ "$(links)" = 'lo ' ]; }

@test "a network namespace that was joined: its interfaces are the guest's, and are given back" {
  bridges
  machine uml
  pod
  shell 'ip route; ip -6 route; ip -o addr; cat /sys/class/net/net1/mtu; echo up; sleep 1000'
  detached "$ID" --isolation uml || cat "$OUT"
  eventually up
  cat "$OUT"
  grep -q 'default via 10.66.0.1 dev net0 .*metric 100' "$OUT"
  grep -q '10.67.0.0/16 via 10.66.1.1 dev net1' "$OUT"
  grep -q 'default via fd00:66::1 dev net0' "$OUT"
  grep -q '^1400$' "$OUT"
  for host in 10.66.0.2 10.66.1.2 fd00:66::2; do
    in_host busybox ping -c 1 -W 10 $host
  done
  # nobody else can have them now
  run ctr run -b "$BUNDLE" --isolation uml "$ID-2"
  expect_status 125
  expect_match "interface 'net0' is another machine's"
  in_host busybox ping -c 1 -W 10 10.66.0.2
  # without warning
  kill -9 "$(pid_of "$ID")"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  [ "$(nsenter --net="$PODNS" tc qdisc show | grep -c ingress)" = 0 ]
  [ "$(nsenter --net="$PODNS" ip -o link | grep -c ctrtap)" = 0 ]
  # the namespace is as it was: an ordinary container has it
  command_is ping -c 1 -W 10 10.66.0.1
  run_bundle
  expect_status 0
  unpod
}

# The namespaces of a pod, as an engine of Kubernetes makes them, which its container is to join.
kubernetes() {
  pod
  touch "$PODNS.uts" "$PODNS.ipc"
  unshare --uts="$PODNS.uts" --ipc="$PODNS.ipc" sh -c 'hostname the-pod
    echo 1 >/proc/sys/kernel/shm_rmid_forced; echo 4321 >/proc/sys/kernel/msgmax'
  nsenter --net="$PODNS" sh -c 'cd /proc/sys/net/ipv4; echo 79 >ip_unprivileged_port_start
    echo "40000 50000" >ip_local_port_range'
  config --arg path "$PODNS" 'del(.hostname) | .linux.namespaces |=
    map(if .type == "uts" or .type == "ipc" then .path = $path + "." + .type else . end)'
}

@test "a pod of Kubernetes: its name and parameters, one machine at a time, a sandbox that is none" {
  bridges
  machine uml
  kubernetes
  shell 'echo never'
  run_bundle --isolation uml
  expect_status 125
  expect_match "^ctr: linux.namespaces\[[0-9]\].path: --isolation uml cannot join '$PODNS.(ipc|uts)'"

  config '.annotations["io.kubernetes.cri.container-type"] = "container"'
  shell 'hostname; cd /proc/sys/kernel; cat shm_rmid_forced msgmax; cd ../net/ipv4
    cat ip_unprivileged_port_start ip_local_port_range; echo up; exec sleep 1000'
  detached "$ID" --isolation uml || cat "$OUT"
  eventually up
  [ "$(tr '\n\t' '  ' <"$OUT")" = 'the-pod 1 4321 79 40000 50000 up ' ]
  run ctr exec "$ID" hostname
  expect_output the-pod
  in_host busybox ping -c 1 -W 10 10.66.0.2
  # of the host's ctr nothing has stayed in there
  [ "$(hostname)" != the-pod ]

  # what they would share, machines do not: not even where there is no interface to take
  nsenter --net="$PODNS" ip link set net0 down
  nsenter --net="$PODNS" ip link set net1 down
  run ctr run -b "$BUNDLE" --isolation uml "$ID-2"
  expect_status 125
  expect_match "'$PODNS' is another machine's: with --isolation uml a pod has one container at a time"
  ctr delete --force "$ID"
  shell 'hostname; exit 3'
  run_bundle --isolation uml
  expect_status 3
  expect_output the-pod

  # as Podman says it; and where the namespaces are not a pod's
  config 'del(.annotations["io.kubernetes.cri.container-type"])
    | .annotations += {"io.kubernetes.cri-o.SandboxID": "abc", "io.container.manager": "libpod"}'
  run_bundle --isolation uml
  expect_status 3
  expect_output the-pod
  config '.linux.namespaces |= map(if .type == "uts" then .path = "/proc/self/ns/uts" else . end)'
  run_bundle --isolation uml
  expect_status 125
  expect_match "linux.namespaces\[[0-9]\].path: '/proc/self/ns/uts' is the host's own: --isolation uml cannot share it"
  config '.linux.namespaces |= map(if .type == "uts" then del(.path) else . end)'

  # of the processes of another nothing can be seen in a guest
  config '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/1/ns/pid" else . end)'
  run_bundle --isolation uml
  expect_status 125
  expect_match "linux.namespaces\[[0-9]\].path: --isolation uml cannot join '/proc/1/ns/pid'"

  # the sandbox holds the namespaces, on the host's kernel
  ln -s "$CTR" "$BATS_TEST_TMPDIR/ctr-vm"
  config '.annotations = {"io.kubernetes.cri.container-type": "sandbox"}
    | .linux.namespaces |= map(del(.path))'
  command_is cat /proc/version
  CTR=$BATS_TEST_TMPDIR/ctr-vm run_bundle
  expect_status 0
  expect_output "$(cat /proc/version)"
  umount "$PODNS.uts" "$PODNS.ipc"
  unpod
}

@test "a machine that does not start gives back what it took" {
  bridges
  machine uml
  pod
  printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/kernel"
  shell 'echo never'
  # it dies after its network was made
  config '.linux.resources = {} | .vm = {kernel: {path: "/usr/bin/linux.uml",
    parameters: ["mem=1M"]}}'
  run_bundle --isolation uml
  expect_status 125
  [ "$(nsenter --net="$PODNS" tc qdisc show | grep -c ingress)" = 0 ]
  unpod
}

@test "hooks find the namespace, and what they plug in is the guest's" {
  bridges
  machine uml
  cat >"$BATS_TEST_TMPDIR/hook" <<'HOOK'
#!/bin/sh
pid=$(sed 's/.*"pid": *\([0-9]*\).*/\1/')
exec 2>&1
ip link add host0 type veth peer name eth0 netns $pid
ip addr add 10.66.0.1/24 dev host0
ip link set host0 up
nsenter --target $pid --net sh -c 'ip addr add 10.66.0.2/24 dev eth0; ip link set eth0 up'
HOOK
  chmod +x "$BATS_TEST_TMPDIR/hook"
  config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $hook,
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]'
  shell 'ping -c 1 -W 10 10.66.0.1'
  run_bundle --isolation uml
  expect_status 0
  eventually pod_is_gone
}

@test "none is lo, host and the host's own namespace are refused by name" {
  need root
  machine uml
  shell 'ls /sys/class/net | tr "\n" " "; ping -c 1 127.0.0.1 >/dev/null && echo up'
  run_bundle --isolation uml --net none
  expect_status 0
  expect_match 'lo'
  refuse_match 'eth|vec'
  expect_match up
  run_bundle --isolation uml --net host
  expect_status 125
  expect_output "ctr: --net host: --isolation uml cannot share the host's network"
  config '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net"
    else . end)'
  run_bundle --isolation uml
  expect_status 125
  expect_match "^ctr: linux.namespaces\[[0-9]\].path: '/proc/self/ns/net' is the host's own"
}

@test "what a guest cannot have is refused by name" {
  bridges
  machine uml
  pod
  shell 'echo never'
  nsenter --net="$PODNS" ip route add 10.68.0.0/16 nexthop via 10.66.0.1 nexthop via 10.66.1.1
  run_bundle --isolation uml
  expect_status 125
  expect_match 'network: --isolation uml: the network namespace has a route that a guest cannot'
  unpod
}

@test "rootless: passt, with published ports; gone with the machine" {
  # translated: who runs it may not open /dev/kvm
  [ "$CTR_TIMEOUT" -ge 100 ] || export CTR_TIMEOUT=100
  need root nft passt qemu-system-x86_64 mkfs.erofs
  local failed='' id out
  place_for_nobody
  in_host timeout "$CTR_TIMEOUT" busybox nc -l -p 82 </dev/null >"$OUT.said" 2>&1 3>&- &
  nobody run --detach --isolation vm --net bridge --publish 8080:80 --rootfs "$place/rootfs" -- \
    sh -c 'ip -o addr; ip route; cat /etc/resolv.conf; echo from inside | nc 192.0.2.1 82; echo up
      exec nc -ll -p 80 -e echo i am inside' </dev/null >"$OUT" 2>&1 3>&- ||
    failed="run: $(cat "$OUT")"
  if [ -z "$failed" ]; then
    eventually up && eventually answers 127.0.0.1 8080 inside || failed="no answer: $(cat "$OUT")"
    eventually grep -q 'from inside' "$OUT.said" || failed+=' nothing heard'
    id=$(nobody list -q)
    nobody exec "$id" ip -o addr | grep -q 'inet 10.0.2.15/24' || failed+=' no address'
    out=$(nobody run --isolation vm --net bridge -p 8080:81 --rootfs "$place/rootfs" true 2>&1 || true)
    [[ $out == *"--net bridge: passt: "* ]] || failed+=" a port twice: $out"
    nobody delete --force "$id" || failed+=' delete'
    eventually refuses 8080 || failed+=' passt is left'
  fi
  no_place_for_nobody
}

refuses() { ! in_host busybox nc -z 127.0.0.1 "$1" 2>/dev/null; }
