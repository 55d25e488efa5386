#!/usr/bin/env bats
# The configurations of engines in README.md and contrib/kubernetes, used as they stand there.

bats_require_minimum_version 1.5.0
load ../integration/helper

ROOT=$BATS_TEST_DIRNAME/../..

# snippet FILE - the block of README.md after the first paragraph that names FILE
snippet() {
  awk -v file="\`$1\`" '
    index($0, file) { named = 1 }
    /^```/ { if (inside) exit; if (named) { inside = 1; next } }
    inside' "$ROOT/README.md"
}

setup_file() {
  need_programs
  make_rootfs "$BATS_FILE_TMPDIR/rootfs"
  tar -C "$BATS_FILE_TMPDIR/rootfs" -cf "$BATS_FILE_TMPDIR/box.tar" .
  cp "$CTR" /usr/local/bin/ctr # where the snippets say it is
}

setup() { :; }

teardown_file() { rm -f /usr/local/bin/ctr; }

teardown() {
  [ -z "${FILE:-}" ] || rm -f "$FILE" /etc/containerd/conf.d/ctr.toml
  # shellcheck disable=SC2086 # words are what is wanted
  [ -z "${SERVICE:-}" ] || systemctl stop $SERVICE
}

# write FILE - the snippet, to where it belongs
write() {
  FILE=$1
  mkdir -p "${FILE%/*}"
  snippet "$FILE" >"$FILE"
  test -s "$FILE"
}

@test "Podman" {
  write /etc/containers/containers.conf
  podman import "$BATS_FILE_TMPDIR/box.tar" box >/dev/null
  run -0 podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
  expect_output 'ctr /usr/local/bin/ctr'
  run -0 podman run --rm --network none box echo hello
  expect_output hello
  # the log of the runtime is what tells: without it the text comes from conmon
  run -127 podman run --rm --network none box /no/such/command
  expect_match '/no/such/command'
}

# cri METHOD JSON
cri() { python3 "$BATS_TEST_DIRNAME/cri.py" "$@"; }

# sandbox CGROUP-PARENT - a pod with the runtime `ctr`, and its end
sandbox() {
  local pause id
  SERVICE=containerd
  systemctl start containerd
  podman import --change 'CMD ["sleep", "1000"]' "$BATS_FILE_TMPDIR/box.tar" box >/dev/null
  podman save -q --format docker-archive -o "$BATS_TEST_TMPDIR/image.tar" box
  /usr/bin/ctr -n k8s.io image import "$BATS_TEST_TMPDIR/image.tar" >/dev/null
  pause=$(containerd config dump | sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p')
  /usr/bin/ctr -n k8s.io image tag --force localhost/box:latest "$pause"
  id=$(cri RunPodSandbox '{"runtime_handler": "ctr", "config": {
    "metadata": {"name": "a", "uid": "a", "namespace": "a"}, "linux": {"cgroup_parent": "'"$1"'",
    "security_context": {"namespace_options": {"network": 2}}}}}' | jq -r .pod_sandbox_id)
  /usr/local/bin/ctr --root /run/containerd/runc/k8s.io state "$id" | jq -r .status
  cat "/proc/$(/usr/local/bin/ctr --root /run/containerd/runc/k8s.io state "$id" | jq .pid)/cgroup"
  cri StopPodSandbox "{\"pod_sandbox_id\": \"$id\"}" >/dev/null
  cri RemovePodSandbox "{\"pod_sandbox_id\": \"$id\"}" >/dev/null
}

@test "containerd" {
  write /etc/containerd/config.toml
  run -0 sandbox /readme
  [ "${lines[0]}" = running ]
  [[ ${lines[1]} == 0::/readme/* ]]
  run -0 /usr/bin/ctr -n k8s.io run --rm --runc-binary /usr/local/bin/ctr localhost/box:latest \
    "box$$" echo hello
  expect_output hello
}

@test "containerd of a Kubernetes node" {
  FILE=/etc/containerd/config.toml
  mkdir -p /etc/containerd/conf.d
  cp "$ROOT/contrib/kubernetes/containerd-1.7.toml" /etc/containerd/conf.d/ctr.toml
  # as its first lines say
  sed -n 's/^#   //p' /etc/containerd/conf.d/ctr.toml >"$FILE"
  run -0 containerd config dump
  expect_match 'BinaryName = "/usr/local/bin/ctr-vm"'
  run -0 sandbox readme.slice
  [ "${lines[0]}" = running ]
  [[ ${lines[1]} == 0::/readme.slice/cri-containerd-* ]]
}

@test "Docker" {
  write /etc/docker/daemon.json
  SERVICE='docker.service docker.socket containerd'
  systemctl start docker
  docker import "$BATS_FILE_TMPDIR/box.tar" box >/dev/null
  run -0 docker run --rm --runtime ctr --network none box echo hello
  expect_output hello
  run -0 docker run --rm --runtime ctr box cat /proc/net/dev
  expect_match eth0
}

@test "CRI-O, which is not packaged: at least its files can be read" {
  write /etc/crio/crio.conf.d/50-ctr.conf
  run -0 python3 -c '
import sys, tomllib
for name in sys.argv[1:]:
    runtimes = tomllib.load(open(name, "rb"))["crio"]["runtime"]["runtimes"]
    print(runtimes["ctr"]["runtime_path"], runtimes["ctr"]["runtime_type"])
' "$FILE" "$ROOT/contrib/kubernetes/crio.conf"
  [ "${lines[0]}" = '/usr/local/bin/ctr oci' ]
  [ "${lines[1]}" = '/usr/local/bin/ctr oci' ]
}
