# containerd.bash - what the suites of containerd share: its own client, through the shim for runc.
# shellcheck shell=bash
C=mx$$

client() { /usr/bin/ctr "$@"; } # it has the same name as the runtime
# Without being told otherwise the client asks for CPU shares, which takes a controller.
SHARES=$([ -n "$CONTROLLERS" ] || echo --cpu-shares=0)
# shellcheck disable=SC2086 # an option or none
run_box() { client run --runc-binary "$RUNTIME" $SHARES "$@"; }
IMAGE=localhost/lab/box:latest
# stay WHAT OPTION... - a container that stays
stay() { run_box -d "${@:2}" $IMAGE "$C-$1" sleep 10000; }
in_task() { client task exec --exec-id "e$RANDOM" "$C-$1" "${@:2}"; }
status_of() { client task ls | awk -v id="$C-$1" '$1 == id { print $3 }'; }
is() { [ "$(status_of "$1")" = "$2" ]; }
gone() {
  client task kill -s KILL "$C-$1" || true
  soon is "$1" STOPPED
  client task rm "$C-$1" && client container rm "$C-$1"
}

clean_up() {
  systemctl stop containerd
  rm -rf --one-file-system "$WORK"
}

containerd_begin() {
  make_image
  systemctl start containerd
  podman import "$WORK/box.tar" lab/box >/dev/null 2>&1
  podman save --format docker-archive -o "$WORK/image.tar" lab/box >/dev/null 2>&1
  client image import "$WORK/image.tar" >/dev/null
}
