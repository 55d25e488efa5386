# cri.bash - what the suites of Kubernetes' interface share: a containerd, and its calls.
# shellcheck shell=bash
IMAGE=localhost/lab/box:latest
STATE_DIR=/run/${WORK##*/}
LOGS=$WORK/logs
CRI=$(containerd_has 2 && echo io.containerd.cri.v1.runtime || echo io.containerd.grpc.v1.cri)

# pod NAME MANAGER [NETWORK [NAMESPACES [LINUX [HOSTNAME]]]] - a sandbox on the host's network (2) or one
# of its own (0); its id. NAMESPACES and LINUX: more members of its namespace options, of what it says of
# Linux
pod() {
  local parent=/matrix handler=$NAME
  [ "$2" != vm ] || handler=$NAME-vm
  [ "$2" != systemd ] || parent=matrix.slice handler=$NAME-systemd
  POD="{\"metadata\": {\"name\": \"$1\", \"uid\": \"$1-uid\", \"namespace\": \"default\"},
    \"log_directory\": \"$LOGS\", \"hostname\": \"${6:-}\", \"linux\": {\"cgroup_parent\": \"$parent\",
    \"security_context\": {\"privileged\": ${privileged:-false}, \"namespace_options\": {\"network\": ${3:-2} ${4:-}}} ${5:-}}}"
  echo "$POD" >"$WORK/pod-$1"
  call RunPodSandbox "{\"config\": $POD, \"runtime_handler\": \"$handler\"}" | jq -r .pod_sandbox_id
}

# container POD-NAME POD-ID NAME MORE COMMAND... - create and start; its id. MORE: members of
# its configuration
container() {
  local id
  id=$(call CreateContainer "{\"pod_sandbox_id\": \"$2\", \"sandbox_config\": $(cat "$WORK/pod-$1"),
    \"config\": {\"metadata\": {\"name\": \"$3\"}, \"image\": {\"image\": \"$IMAGE\"},
    \"log_path\": \"$3.log\", $4 \"command\": $(printf '%s\0' "${@:5}" | jq -Rsc 'split("\u0000")[:-1]')}}" |
    jq -r .container_id) && call StartContainer "{\"container_id\": \"$id\"}" >/dev/null && echo "$id"
}

# exec_sync ID COMMAND... - its output and exit status
exec_sync() {
  local answer
  answer=$(call ExecSync "{\"container_id\": \"$1\", \"timeout\": ${EXEC_SECONDS:-60},
    \"cmd\": $(printf '%s\0' "${@:2}" | jq -Rsc 'split("\u0000")[:-1]')}") || return 99
  jq -r '.stdout, .stderr | @base64d' <<<"$answer"
  return "$(jq .exit_code <<<"$answer")"
}

# streams METHOD JSON [ROWSxCOLUMNS] - as kubectl exec and attach
streams() {
  python3 "$HERE/cri-stream.py" "$(call "$1" "$2" | jq -r .url)" "${@:3}"
}

state() { call ContainerStatus "{\"container_id\": \"$1\"}" | jq -c '[.status.state, .status.exit_code]'; }
state_is() { [ "$(state "$1")" = "$2" ]; }
has_image() { call ListImages | grep -q box; }
cgroup_of() { # ID - of a container or pod, in the file system
  find /sys/fs/cgroup -type d -name "*$1*" | head -n1
}

clean_up() {
  kill "$(cat "$WORK/cri.pid")"
  kill "$(cat "$WORK/containerd.pid")"
  soon test ! -e "/proc/$(cat "$WORK/containerd.pid")"
  umount -R "$STATE_DIR"
  ip link del matrix0
  rm -rf --one-file-system "$WORK" "$STATE_DIR"
}

# without_limits FILE - has a runtime be called FILE that is asked for no limits: where there are no
# controllers, since containerd 2 gives each sandbox CPU shares
without_limits() {
  cat >"$1" <<-SH
	#!/bin/sh -e
	for word; do
	  if [ "\$last" = --bundle ]; then
	    jq "del(.linux.resources.cpu)" <"\$word/config.json" >"\$word/config.new"
	    mv "\$word/config.new" "\$word/config.json"
	  fi
	  last=\$word
	done
	exec "$RUNTIME" "\$@"
	SH
  chmod +x "$1"
}

# cri_settings MORE - of the plugin for Kubernetes, which containerd 2 has divided in two; MORE: of its
# part for runtimes
cri_settings() {
  if containerd_has 2; then
    printf '%s\n' '[plugins."io.containerd.cri.v1.images".pinned_images]' "sandbox = \"$IMAGE\"" \
      "[plugins.\"$CRI\"]" "$1" "[plugins.\"$CRI\".cni]" 'bin_dirs = ["/usr/lib/cni"]'
  else
    printf '%s\n' "[plugins.\"$CRI\"]" "sandbox_image = \"$IMAGE\"" "$1" \
      "[plugins.\"$CRI\".cni]" 'bin_dir = "/usr/lib/cni"'
  fi
  printf '%s\n' "conf_dir = \"$WORK/cni\"" "[plugins.\"$CRI\".containerd]" "default_runtime_name = \"$NAME\""
}

# cri_containerd - a containerd of our own, with the image, and call() for it. It limits each sandbox
# and spares it from the OOM killer; where that cannot be, it is told to leave it, or another does.
cri_containerd() {
  local unlimited='' binary=$RUNTIME
  if [ -z "$CONTROLLERS" ] && containerd_has 2; then
    binary=$WORK/runtime
  elif [ -z "$CONTROLLERS" ]; then
    unlimited='disable_cgroup = true'
  fi
  choom -n -998 true 2>/dev/null || unlimited+=$'\nrestrict_oom_score_adj = true'
  make_image
  without_limits "$WORK/runtime"
  ln -s "$RUNTIME" "$WORK/$NAME-vm"
  for handler in "$NAME false" "$NAME-systemd true" "$NAME-vm false"; do
    cat <<-CONF
	[plugins."$CRI".containerd.runtimes.${handler% *}]
	runtime_type = "io.containerd.runc.v2"
	[plugins."$CRI".containerd.runtimes.${handler% *}.options]
	BinaryName = "$(case $handler in *-vm*) echo "$WORK/$NAME-vm" ;; *) echo "$binary" ;; esac)"
	SystemdCgroup = ${handler#* }
	CONF
  done >"$WORK/runtimes.toml"
  {
    printf '%s\n' "version = $(containerd_has 2 && echo 3 || echo 2)" "root = \"$WORK/containerd\"" "state = \"$STATE_DIR\""
    cri_settings "$unlimited"
    printf '%s\n' '[grpc]' "address = \"$STATE_DIR/containerd.sock\""
    cat "$WORK/runtimes.toml"
  } >"$WORK/containerd.toml"
  mkdir "$WORK/cni"
  cat >"$WORK/cni/10-matrix.conflist" <<-CONF
	{"cniVersion": "1.0.0", "name": "matrix", "plugins": [{"type": "bridge", "bridge": "matrix0",
	  "isGateway": true, "ipam": {"type": "host-local", "dataDir": "$WORK/leases",
	  "ranges": [[{"subnet": "10.88.99.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
	CONF
  CRI_SOCKET=$STATE_DIR/containerd.sock
  containerd --config "$WORK/containerd.toml" >"$WORK/containerd.log" 2>&1 &
  echo $! >"$WORK/containerd.pid"
  cri_begin
  soon call Version
  podman import --change 'CMD ["/bin/sleep", "100000"]' --change 'ENV PATH=/bin' "$WORK/box.tar" lab/box >/dev/null 2>&1
  podman save --format docker-archive -o "$WORK/image.tar" lab/box >/dev/null 2>&1
  /usr/bin/ctr -a "$CRI_SOCKET" -n k8s.io image import "$WORK/image.tar" >/dev/null
}
