# image.sh - the recipe of the lab's guest image; read by lab.sh, not run by itself.
#
# lab.sh hashes the lists and functions of this file as bash sees them (comments
# and layout do not count), and rebuilds the image when the hash changes.
# shellcheck shell=bash disable=SC2034 # lab.sh uses the lists

IMAGE_SUITE=$LAB_SUITE
IMAGE_SIZE=12G

IMAGE_PACKAGES=(
  # base system
  linux-image-cloud-amd64 systemd systemd-sysv systemd-container udev kmod dbus
  dbus-user-session libpam-systemd openssh-server iproute2 iptables nftables
  procps psmisc bsdextrautils less cpio zstd xz-utils e2fsprogs squashfs-tools
  erofs-utils attr acl socat busybox-static iputils-ping tcpdump
  # the runtimes and engines to compare with and to be driven by
  crun runc podman conmon netavark aardvark-dns passt fuse-overlayfs catatonit
  uidmap buildah containerd containernetworking-plugins docker.io docker-cli criu qemu-system-x86 virtiofsd
  user-mode-linux
  # real workloads
  redis-server redis-tools postgresql iperf3 python3
  # a client of the container runtime interface
  python3-grpcio python3-protobuf
  # build and test tools
  gcc g++ make autoconf automake libtool pkg-config libc6-dev libseccomp-dev musl-dev
  libyajl-dev libmnl-dev libsystemd-dev libcriu-dev libcmocka-dev
  strace gdb bpftool jq bats git
)

# Nothing of this is wanted in a guest that lives for minutes.
IMAGE_MASKED=(
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
  e2scrub_all.timer e2scrub_reap.service podman-auto-update.timer
  podman-restart.service podman-clean-transient.service
  getty@tty1.service serial-getty@ttyS0.service ldconfig.service
)

# Daemons that tests start themselves; at boot they would cost seconds each.
IMAGE_DISABLED=(
  containerd.service docker.service docker.socket podman.socket
  redis-server.service postgresql.service iperf3.service
)

image_accounts() { # ROOT - root by key, `lab` for everything rootless
  passwd -q --root "$1" -d root
  useradd --root "$1" -m -u 1000 -s /bin/bash lab
  passwd -q --root "$1" -d lab
}

image_files() { # ROOT
  local etc=$1/etc
  echo lab >"$etc/hostname"
  echo '127.0.0.1 localhost lab' >"$etc/hosts"
  echo 'nameserver 10.0.2.3' >"$etc/resolv.conf"
  : >"$etc/fstab"
  echo 0123456789abcdef0123456789abcdef >"$etc/machine-id"
  # no PAM: a session would start a user manager for root, which takes 5 s
  printf '%s\n' 'UseDNS no' 'UsePAM no' 'PrintMotd no' 'PrintLastLog no' 'MaxSessions 100' \
    >"$etc/ssh/sshd_config.d/lab.conf"
  install -d "$etc/systemd/system/user@.service.d"
  printf '[Service]\nDelegate=cpu cpuset io memory pids\n' \
    >"$etc/systemd/system/user@.service.d/delegate.conf"
}

image_units() { # ROOT
  local units=$1/etc/systemd/system
  cat >"$units/lab.service" <<-'UNIT'
	[Unit]
	Description=network and shared directory of the lab
	DefaultDependencies=no
	Before=ssh.service
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/sh -ec 'modprobe virtio_net; mkdir -p /host; mount -t virtiofs host /host; ip link set lo up; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2'
	[Install]
	WantedBy=sysinit.target
	UNIT
  cat >"$units/lab-ready.service" <<-'UNIT'
	[Unit]
	Description=tell the host that ssh answers
	After=ssh.service lab.service systemd-user-sessions.service
	Requires=ssh.service lab.service
	[Service]
	Type=oneshot
	ExecStart=/bin/sh -c 'echo; echo LAB-READY'
	StandardOutput=tty
	TTYPath=/dev/ttyS0
	[Install]
	WantedBy=multi-user.target
	UNIT
  systemctl -q --root="$1" enable lab.service lab-ready.service
  systemctl -q --root="$1" disable "${IMAGE_DISABLED[@]}"
  systemctl -q --root="$1" mask "${IMAGE_MASKED[@]}"
  systemctl -q --root="$1" set-default multi-user.target
}

# Unpacked modules and an unpacked kernel: decompression is dear when every
# instruction is emulated. The cloud kernel is a bzImage around a zstd stream.
image_kernel() { # ROOT
  local root=$1 version offset
  version=$(basename "$root"/usr/lib/modules/*)
  find "$root/usr/lib/modules/$version" -name '*.ko.xz' -exec xz -d {} +
  chroot "$root" depmod "$version"
  offset=$(LC_ALL=C grep -abo -m1 -P '\x28\xb5\x2f\xfd' "$root/boot/vmlinuz-$version" |
    head -n1 | cut -d: -f1)
  # zstd reports the bytes that follow the stream; the ELF magic decides
  { tail -c "+$((offset + 1))" "$root/boot/vmlinuz-$version" |
    chroot "$root" zstd -dcq || true; } >"$root/boot/vmlinux" 2>/dev/null
  if [ "$(head -c4 "$root/boot/vmlinux" | tail -c3)" != ELF ]; then
    cp "$root/boot/vmlinuz-$version" "$root/boot/vmlinux"
  fi
}

image_setup() { # ROOT - configure the tree that mmdebstrap has filled
  image_accounts "$1"
  image_files "$1"
  image_units "$1"
  image_kernel "$1"
  # nothing to do at first boot
  touch "$1/etc/.updated" "$1/var/.updated"
}
