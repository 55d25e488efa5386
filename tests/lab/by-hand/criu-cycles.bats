#!/usr/bin/env bats
# Many checkpoints and restores of one container: nothing becomes more, less or other. In the guest or
# the box, by hand: `lab.sh run -- env CTR=... CYCLES=50 bats tests/lab/by-hand/criu-cycles.bats`,
# a fifth of them in the two variants.

# shellcheck disable=SC2016 # jq and awk expand them
load ../../integration/helper
load ../criu

HERE=$BATS_TEST_DIRNAME/..

# snapshot FILE - of the container and of what is around it, and of its state directory
snapshot() {
  {
    python3 "$HERE/criu-snapshot.py" "$(pid_of "$ID")"
    find "$STATE" -printf 'state %P %y %m %u\n'
    find "$BUNDLE" -path "$BUNDLE/rootfs" -prune -o -printf 'bundle %P %y\n'
    ctr state "$ID" | jq -c 'del(.pid, .created)' | sed 's/^/state document /'
  } | LC_ALL=C sort >"$1"
}

# The first restore puts the container into a time namespace of CRIU's. Where /sys is the host's, the
# container's cgroup is then in the place of all cgroups below its own mount, too, and CRIU leaves out
# tracefs. That is no drift.
without_first() {
  sed -Ei '/ namespace time|^host namespaces time |^mount inside \/sys 0 [^ ]+ \/sys\/fs\/cgroup /d
    /^mount inside \/sys 0 \/ \/sys\/kernel\/tracing /d
    s/^(mount inside \/sys\/fs\/cgroup 0 .* - cgroup2) .*/\1/' "$1"
}

# What comes and goes beside the container may be there for a moment.
is_as_before() { snapshot "$OUT.now" && without_first "$OUT.now" && diff "$OUT.before" "$OUT.now" >"$OUT.diff"; }

# asked - what the workload finds of its own
asked() {
  rm -f "$WORK/answer"
  touch "$WORK/ask"
  eventually test -e "$WORK/answer" && cat "$WORK/answer"
}

# cycles N FLAG... - with the flags of ctr itself
cycles() {
  local n=$1 i began
  shift
  criu check >/dev/null # keeps what it knows of the kernel in a file of /run
  WORK=$BATS_TEST_TMPDIR/work
  image
  mkdir -m777 "$WORK"
  guest_rootfs
  mount_at /prog bind "$(realpath "$HERE")" bind ro
  mount_at /work bind "$WORK" bind
  command_is python3 /prog/criu-tree.py /work
  # as engines bind; of a slave all of its source must be open to the user
  config '(.mounts[] | select(.type == "bind") | .options) += ["rprivate"]'
  [ -z "${OWNER:-}" ] || chown -R "$OWNER" "$BUNDLE/rootfs"
  ctr "$@" run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually test -S "$WORK/socket"
  [ "$(asked)" = 'ok 1' ]
  snapshot "$OUT.before"
  without_first "$OUT.before"
  lines=$(grep -c . "$OUT.before")
  for ((i = 1; i <= n; i++)); do
    began=$(date +%s%N)
    ctr "$@" checkpoint --image-path "$IMAGE" "$ID"
    ctr "$@" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&- || {
      cat "$OUT"
      return 1
    }
    echo "cycle $i: $((($(date +%s%N) - began) / 1000000)) ms, $(du -sk "$IMAGE" | cut -f1) KiB" | tee -a "$OUT.times"
    eventually is_as_before || {
      cat "$OUT.diff"
      return 1
    }
    answer=$(asked)
    echo "$answer"
    [ "$answer" = "ok $((i + 1))" ]
  done
  echo "# $lines things are as before the first cycle" >&3
  sed 's/^/# /' "$OUT.times" | sed -n '1p;$p' >&3
  ctr "$@" delete --force "$ID"
}

# limited FILTER - where anything can be: the box may have no controllers
limited() {
  if has_controller memory && has_controller pids; then
    config "$1"
  else
    echo '# without limits, which this system has not' >&3
  fi
}

@test "cycles of a container with namespaces of its own" {
  limited '.linux.resources.memory.limit = 268435456 | .linux.resources.pids.limit = 50'
  cycles "${CYCLES:-50}"
}

@test "cycles in a user namespace" {
  host_network
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  OWNER=100000:100000 cycles $((${CYCLES:-50} / 5))
}

@test "cycles under the systemd manager" {
  host_network
  limited '.linux.resources.pids.limit = 50'
  cycles $((${CYCLES:-50} / 5)) --systemd-cgroup
}
