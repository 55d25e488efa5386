# box.sh - the box: the lab's file system, booted by its systemd in a container of $CTR, at native
# speed. For lab.sh.
#
# Nothing is emulated, so the kernel is the host's, and so are the controllers of cgroup v2: on a
# host that has them on v1 the box has none. For systemd, its user managers and a cgroup v2 that is
# all there is, it does what the guest does.
# shellcheck shell=bash disable=SC2154 # lab.sh sets ROOT, RUN, OF_SUITE, LAB_SHARE and CAPABILITIES

BOX=lab-box-${RUN##*/}$OF_SUITE

need_ctr() { # COMMAND
  [ -x "${CTR:-}" ] || die "$1: CTR names no program: '${CTR:-}'"
  [ -d "$ROOT" ] || die "no image in $LAB_DIR: run lab.sh build"
}

# lab_bundle DIRECTORY WORD... - the lab's file system for a container that may do nearly
# everything, with the shared directory at /host
lab_bundle() {
  local bundle=$1 word words=() options=()
  shift
  for word; do # jq 1.6 of Debian 12 takes no words that begin with a dash
    options+=(--arg "w${#words[@]}" "$word")
    words+=("\$w${#words[@]}")
  done
  "$CTR" spec --bundle "$bundle"
  jq --arg root "$ROOT" --arg share "$LAB_SHARE" --arg caps "${CAPABILITIES[*]}" "${options[@]}" '
    .root = { path: $root, readonly: true } | .hostname = "lab" |
    .process.terminal = false | .process.cwd = "/host" |
    ($caps | split(" ")) as $all | .process.capabilities =
      { bounding: $all, effective: $all, permitted: $all } |
    .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
    (.mounts[] | select(.type == "cgroup") | .options) -= ["ro"] |
    .process.args = ['"$(
    IFS=,
    echo "${words[*]}"
  )"'] |
    .mounts += [
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] },
      { destination: "/host", type: "bind", source: $share, options: ["rbind"] }
    ]' <"$bundle/config.json" >"$bundle/config"
  mv "$bundle/config" "$bundle/config.json"
}

box_status() { [ "$("$CTR" state "$BOX" 2>/dev/null | jq -r .status)" = running ]; }

# /run is systemd's own; lab.service is about the devices of the guest
box_start() {
  local bundle end=$((SECONDS + 180)) state=''
  if box_status; then return 0; fi
  box_stop
  bundle=$(mktemp -d)
  lab_bundle "$bundle" /lib/systemd/systemd systemd.mask=lab.service --log-level=warning
  jq '.process.cwd = "/" | .process.noNewPrivileges = false | .root.readonly = false |
    .process.env += ["container=ctr"] | del(.process.rlimits) |
    (.mounts[] | select(.destination == "/sys") | .options) -= ["ro"] |
    .linux.resources.devices = [{ allow: true, access: "rwm" }] |
    .linux.namespaces |= map(select(.type != "cgroup")) + [{ type: "cgroup" }] |
    .mounts += [{ destination: "/run", type: "tmpfs", source: "tmpfs", options: ["mode=755"] }]
    ' <"$bundle/config.json" >"$bundle/config"
  mv "$bundle/config" "$bundle/config.json"
  mkdir -p "$RUN"
  "$CTR" run --detach --overlay ephemeral --bundle "$bundle" "$BOX" </dev/null \
    >"$RUN/box.log" 2>&1 || die "box: $(tail -n3 "$RUN/box.log")"
  rm -rf "$bundle"
  until [ "$state" = running ] || [ "$state" = degraded ]; do
    [ $SECONDS -lt $end ] || {
      box_stop
      die "box: systemd is not up after 180 s, but '$state'"
    }
    sleep 0.2
    state=$("$CTR" exec "$BOX" systemctl is-system-running 2>/dev/null) || true
  done
  "$CTR" exec "$BOX" loginctl enable-linger lab
}

# Mounts of the command's own, propagating like a host's: those of services come and go.
# shellcheck disable=SC2016 # the inner shell expands it
box_run() {
  "$CTR" exec "$BOX" unshare --mount --propagation private sh -c \
    'mount --make-rshared / && cd /host && exec "$@"' sh "$@"
}

# shellcheck disable=SC2016
box_user() {
  box_run sh -c 'until [ -S /run/user/1000/bus ]; do sleep 0.1; done; exec "$@"' sh \
    "${AS_LAB[@]}" "$@"
}

box_stop() { "$CTR" delete --force "$BOX"; }

cmd_box() {
  local verb=${1:-}
  need_ctr box
  case $verb in
    start | stop | status) ;;
    run | user)
      box_status || die 'the box does not run: lab.sh box start'
      [ "${2:-}" != -- ] || set -- "$1" "${@:3}"
      [ $# -gt 1 ] || die "box $verb: no command"
      ;;
    *) die "box: start, run, user, status or stop, not '$verb'" ;;
  esac
  "box_$verb" "${@:2}"
}
