#!/usr/bin/env bash
# lab.sh - a Debian 13 guest under QEMU, for what a build machine may lack:
# cgroup v2 only, systemd as PID 1, loadable modules, CRIU, Podman, containerd,
# Docker, /dev/kvm.
#
#   lab.sh build [-f]     make the guest image (cached; -f makes it anew)
#   lab.sh start          boot it in the background, return when it takes commands
#   lab.sh run -- CMD...  run CMD as root in /host of the guest; standard input,
#                         output, error and the exit status pass through
#                         (255: the command channel itself failed)
#   lab.sh user -- CMD... the same as the user `lab`, in a cgroup that systemd
#                         has delegated to it
#   lab.sh shell          interactive root shell
#   lab.sh chroot -- CMD...  run CMD on this host, at native speed, in the guest's file
#                         system (read-only) with the shared directory at /host: what
#                         links Debian 13's libraries is built like this. It runs in a
#                         container of $CTR that may do nearly everything, as containers
#                         are made and tested in it; needs jq.
#   lab.sh box start      boot it on this host, at native speed, in such a container with
#                         systemd as its init; `box run -- CMD...`, `box user -- CMD...`,
#                         `box status` and `box stop` are what they are for the guest
#   lab.sh status         0 when the guest runs
#   lab.sh stop           end it; whatever was written to its disk is dropped
#
# There is one guest for each shared directory; they do not disturb each other.
#
# Settings, from the environment:
#   LAB_SUITE    of Debian (trixie); sid has the newest engines
#   LAB_DIR      image, tools and state      (/var/cache/ctr-lab, of sid /var/cache/ctr-lab-sid)
#   LAB_SHARE    host directory, read-write at /host in the guest (.)
#   LAB_MEM      guest memory (8G)           LAB_CPUS  guest CPUs (2)
#   LAB_TIMEOUT  seconds start may take (300)
#   LAB_APPEND   more kernel arguments       LAB_CPU   QEMU CPU model
#   LAB_ACCEL    QEMU accelerator (tried: kvm where it works, else tcg)
#
# QEMU 10 and virtiofsd of the guest's file system also run on the host, through
# the guest's ld.so: the host needs only mmdebstrap, ssh and mke2fs, and the
# QEMU 7.2 of Debian 12 with its TCG bugs is out of the way. The cloud kernel has
# ext4, NVMe and virtiofs built in, so it boots without an initrd.
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
LAB_SUITE=${LAB_SUITE:-trixie}
[ "$LAB_SUITE" = trixie ] && OF_SUITE='' || OF_SUITE=-$LAB_SUITE
LAB_DIR=${LAB_DIR:-/var/cache/ctr-lab$OF_SUITE}
LAB_SHARE=$(realpath "${LAB_SHARE:-.}")
LAB_MEM=${LAB_MEM:-8G} LAB_CPUS=${LAB_CPUS:-2}
LAB_TIMEOUT=${LAB_TIMEOUT:-300} LAB_APPEND=${LAB_APPEND:-}
ROOT=$LAB_DIR/rootfs IMAGE=$LAB_DIR/root.img KERNEL=$ROOT/boot/vmlinux
KEY=$LAB_DIR/id_ed25519
RUN=$LAB_DIR/run/$(sha256sum <<<"$LAB_SHARE" | cut -c1-12)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# shellcheck source=tests/lab/image.sh
. "$HERE/image.sh"
# shellcheck source=tests/lab/box.sh
. "$HERE/box.sh"

die() {
  printf 'lab.sh: %s\n' "$*" >&2
  exit 1
}

# tool PATH ARG... - become a program of the guest's file system, on this host
tool() {
  local lib=$ROOT/usr/lib/x86_64-linux-gnu bin=$ROOT$1
  shift
  QEMU_MODULE_DIR=$lib/qemu TMPDIR=$RUN \
    exec "$ROOT/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib" "$bin" "$@"
}

# ---------------------------------------------------------------- build

# what the image depends on
stamp() {
  { declare -p "${!IMAGE_@}"; declare -f image_accounts image_files image_units \
    image_kernel image_setup; } | sha256sum | cut -d' ' -f1
}

# the Debian mirror that apt is set up with
mirror() {
  # shellcheck disable=SC2016 # apt expands it
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    grep -v security | head -n1
}

install_build_tools() {
  local missing=()
  command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
  command -v ssh >/dev/null || missing+=(openssh-client)
  command -v mke2fs >/dev/null || missing+=(e2fsprogs)
  command -v xz >/dev/null || missing+=(xz-utils)
  [ -e "$KEYRING" ] || missing+=(debian-archive-keyring)
  [ ${#missing[@]} -gt 0 ] || return 0
  apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
    "${missing[@]}" >&2
}

made() { [ "$(cat "$LAB_DIR/stamp" 2>/dev/null)" = "$1" ]; }

# discard DIRECTORY - also what an interrupted mmdebstrap has mounted there
discard() {
  awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
    xargs -r -n1 umount
  rm -rf --one-file-system "$1"
}

# bootstrap DIRECTORY - a mirror that stands still is as good as another: what it has is signed
bootstrap() {
  local tree
  tree=$(mirror)
  [ -n "$tree" ] || die 'apt knows no Debian mirror'
  echo "lab.sh: installing ${#IMAGE_PACKAGES[@]} packages of $IMAGE_SUITE and what they need" >&2
  INITRD=No mmdebstrap -q --mode=root --variant=minbase --format=directory \
    --include="$(
      IFS=,
      echo "${IMAGE_PACKAGES[*]}"
    )" \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$IMAGE_SUITE" "$1" "deb [signed-by=$KEYRING] $tree $IMAGE_SUITE main" >&2 9>&-
  : >"$1/etc/apt/sources.list"
}

cmd_build() {
  local want new=$LAB_DIR/new
  want=$(stamp)
  [ "${1:-}" = -f ] && rm -f "$LAB_DIR/stamp"
  if made "$want"; then return 0; fi
  [ "$(id -u)" = 0 ] || die 'build needs root'
  [ "$(uname -m)" = x86_64 ] || die 'the lab is made for x86_64'
  mkdir -p "$LAB_DIR"
  exec 9>"$LAB_DIR/lock"
  flock 9 # a second build waits, and then finds the image made
  if made "$want"; then return 0; fi
  install_build_tools
  [ -f "$KEY" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$KEY"
  # Made aside: a guest that runs keeps the old one until it is stopped.
  discard "$new"
  mkdir -p "$new"
  bootstrap "$new/rootfs"
  image_setup "$new/rootfs"
  install -d -m700 "$new/rootfs/root/.ssh"
  install -m600 "$KEY.pub" "$new/rootfs/root/.ssh/authorized_keys"
  mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -m0 \
    -d "$new/rootfs" "$new/root.img" "$IMAGE_SIZE" >&2
  rm -f "$LAB_DIR/stamp"
  discard "$ROOT"
  mv -f "$new/rootfs" "$ROOT"
  mv -f "$new/root.img" "$IMAGE"
  rmdir "$new"
  echo "$want" >"$LAB_DIR/stamp"
}

# ---------------------------------------------------------------- start

alive() { # PIDFILE PROGRAM - is that process still the one that was started?
  local pid
  pid=$(cat "$1" 2>/dev/null) && grep -qa -- "$ROOT$2" "/proc/$pid/cmdline" 2>/dev/null
}

cmd_status() { alive "$RUN/qemu.pid" /usr/bin/qemu-system-x86_64; }

# /dev/kvm may be there and writable, and still not run a guest: let a kernel speak.
kvm_works() {
  local pid i spoke=1
  [ -w /dev/kvm ] || return 1
  (tool /usr/bin/qemu-system-x86_64 -L "$ROOT/usr/share/qemu" \
    -L "$ROOT/usr/share/seabios" -nodefaults -no-user-config -display none \
    -no-reboot -M q35 -accel kvm -cpu host -m 256 -kernel "$KERNEL" \
    -append 'console=ttyS0 earlyprintk=ttyS0 panic=-1' -serial "file:$RUN/kvm") \
    </dev/null >/dev/null 2>&1 &
  pid=$!
  for ((i = 0; i < 50 && spoke == 1; i++)); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.2
    if grep -qs 'Linux version' "$RUN/kvm"; then spoke=0; fi
  done
  kill $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  return $spoke
}

pick_accel() {
  if [ -n "${LAB_ACCEL:-}" ]; then
    echo "$LAB_ACCEL"
  elif kvm_works; then
    echo kvm
  else
    echo tcg
  fi
}

# free_port - a loopback port that no one listens on
free_port() {
  local port=22022
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo $port
}

cmd_start() {
  local accel cpu port end=$((SECONDS + LAB_TIMEOUT))
  [ -s "$LAB_DIR/stamp" ] || die "no image in $LAB_DIR: run lab.sh build"
  if cmd_status; then
    if cmp -s "$LAB_DIR/stamp" "$RUN/stamp"; then return 0; fi
    cmd_stop # it runs an image that has been replaced
  fi
  rm -rf "$RUN" && mkdir -p "$RUN"
  cp "$LAB_DIR/stamp" "$RUN/stamp"
  port=$(free_port)
  echo "$port" >"$RUN/port"
  accel=$(pick_accel)
  case $accel in
    kvm) cpu=host ;;
    tcg)
      accel=tcg,thread=multi,tb-size=1024
      # EPYC offers SVM; the rest are features TCG lacks and would warn about
      cpu=EPYC,+svm,+npt,-fxsr-opt,-misalignsse,-osvw,-topoext,-nrip-save,-xsavec
      ;;
    *) cpu=max ;;
  esac
  (tool /usr/libexec/virtiofsd --socket-path="$RUN/fs.sock" --sandbox=none \
    --shared-dir="$LAB_SHARE" --cache=auto) </dev/null >"$RUN/virtiofsd.log" 2>&1 &
  echo $! >"$RUN/virtiofsd.pid"
  until [ -S "$RUN/fs.sock" ]; do
    if ! kill -0 $! 2>/dev/null; then die "virtiofsd: $(cat "$RUN/virtiofsd.log")"; fi
    sleep 0.1
  done
  (tool /usr/bin/qemu-system-x86_64 -L "$ROOT/usr/share/qemu" \
    -L "$ROOT/usr/share/seabios" -nodefaults -no-user-config -display none \
    -no-reboot -M q35,usb=off,vmport=off,sata=off,smbus=off -accel "$accel" \
    -cpu "${LAB_CPU:-$cpu}" -smp "$LAB_CPUS" -m "$LAB_MEM" \
    -object "memory-backend-memfd,id=mem,size=$LAB_MEM,share=on" \
    -numa node,memdev=mem -kernel "$KERNEL" -append "root=/dev/nvme0n1 \
rootfstype=ext4 rw console=ttyS0 quiet net.ifnames=0 mitigations=off nokaslr \
init_on_alloc=0 audit=0 panic=-1 $LAB_APPEND" \
    -drive "file=$IMAGE,if=none,id=root,format=raw,snapshot=on,cache=unsafe" \
    -device nvme,drive=root,serial=lab \
    -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:22" \
    -device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci \
    -chardev "socket,id=fs,path=$RUN/fs.sock" \
    -device vhost-user-fs-pci,chardev=fs,tag=host \
    -serial "file:$RUN/console" -monitor "unix:$RUN/monitor,server,nowait") \
    </dev/null >"$RUN/qemu.log" 2>&1 &
  echo $! >"$RUN/qemu.pid"
  # the sub-shell turns into QEMU
  until cmd_status || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
  until grep -qs LAB-READY "$RUN/console"; do
    cmd_status || die "QEMU ended: $(tail -n3 "$RUN/qemu.log")"
    if [ $SECONDS -ge $end ]; then
      tail -n20 "$RUN/console" >&2
      cmd_stop
      die "the guest did not boot in $LAB_TIMEOUT s"
    fi
    sleep 0.2
  done
  cmd_run -- true || {
    cmd_stop
    die 'ssh does not answer'
  }
}

# ---------------------------------------------------------------- the rest

lab_ssh() {
  ssh -i "$KEY" -p "$(cat "$RUN/port")" -o LogLevel=ERROR -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o ControlMaster=auto -o IdentitiesOnly=yes \
    -o ControlPath="$RUN/ssh" -o ControlPersist=yes -o ConnectTimeout=60 "$@"
}

need_guest() {
  cmd_status || {
    echo 'lab.sh: the guest does not run: lab.sh start' >&2
    exit 255
  }
}

cmd_run() {
  [ "${1:-}" = -- ] && shift
  [ $# -gt 0 ] || die 'run: no command'
  need_guest
  lab_ssh root@127.0.0.1 "cd /host && $(printf '%q ' "$@")"
}

# In a scope below the user's own manager: its cgroup belongs to `lab`, with the controllers that
# delegate.conf hands down.
AS_LAB=(
  setpriv --reuid lab --regid lab --init-groups env -i PATH=/usr/bin:/usr/sbin
  HOME=/home/lab USER=lab LOGNAME=lab SHELL=/bin/bash TERM=dumb LANG=C.UTF-8
  XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus
  systemd-run --user --scope -q -p Delegate=yes --
)

cmd_user() {
  [ "${1:-}" = -- ] && shift
  [ $# -gt 0 ] || die 'user: no command'
  need_guest
  lab_ssh root@127.0.0.1 "loginctl enable-linger lab && cd /host &&
    until [ -S /run/user/1000/bus ]; do sleep 0.1; done &&
    exec $(printf '%q ' "${AS_LAB[@]}" "$@")"
}

CAPABILITIES=(
  CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID
  CAP_SETUID CAP_SETPCAP CAP_NET_BIND_SERVICE CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK
  CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_ADMIN CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME
  CAP_MKNOD CAP_AUDIT_WRITE CAP_SETFCAP CAP_BPF CAP_PERFMON CAP_CHECKPOINT_RESTORE
)

cmd_chroot() {
  local bundle status=0
  [ "${1:-}" = -- ] && shift
  [ $# -gt 0 ] || die 'chroot: no command'
  need_ctr chroot
  bundle=$(mktemp -d)
  lab_bundle "$bundle" "$@"
  "$CTR" run --bundle "$bundle" "lab-$$" || status=$?
  rm -rf "$bundle"
  return $status
}

cmd_shell() {
  need_guest
  lab_ssh -t root@127.0.0.1 'cd /host && exec bash -l'
}

cmd_stop() {
  local p
  [ -S "$RUN/ssh" ] && lab_ssh -O exit root@127.0.0.1 2>/dev/null
  for p in qemu:/usr/bin/qemu-system-x86_64 virtiofsd:/usr/libexec/virtiofsd; do
    if alive "$RUN/${p%%:*}.pid" "${p#*:}"; then
      kill "$(cat "$RUN/${p%%:*}.pid")"
      while alive "$RUN/${p%%:*}.pid" "${p#*:}"; do sleep 0.1; done
    fi
    rm -f "$RUN/${p%%:*}.pid"
  done
}

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }

case ${1:-} in
  build | start | run | user | chroot | box | shell | status | stop)
    command=$1
    shift
    "cmd_$command" "$@"
    ;;
  -h | --help) usage ;;
  *)
    usage >&2
    exit 2
    ;;
esac
