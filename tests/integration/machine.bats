# shellcheck shell=bash disable=SC2154
# What a virtual machine has of the host's, and what happens where something is not there.
load helper

# by binary translation, with a cache of this file's tests
machine() {
  need root qemu-system-x86_64 mkfs.erofs
  export CTR_TIMEOUT=120 XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  config '.annotations["org.ctr.accel"] = "tcg"'
}

family() { # PID - it and all that it has started
  local child
  echo "$1"
  for child in $(pgrep -P "$1"); do family "$child"; done
}

@test "vm: neither the machine nor exec keeps descriptors, directories or mounts of its caller" {
  machine
  local held=$BATS_TEST_TMPDIR/held mnt=$BATS_TEST_TMPDIR/mnt monitor proxy pid fd
  mkdir "$mnt" "$BATS_TEST_TMPDIR/shared"
  echo >"$held"
  mount -t tmpfs busy "$mnt"
  config --arg dir "$BATS_TEST_TMPDIR/shared" '.mounts += [
    {"destination": "/rw", "source": $dir, "options": ["rbind"]}]'
  shell 'echo up; while :; do sleep 0.1; done'
  cd "$mnt"
  exec 9<"$held"
  detached "$ID" --isolation vm
  eventually grep -q up "$OUT"
  ctr exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
  exec 9<&-
  cd /
  monitor=$(pid_of "$ID") proxy=$(cat "$BATS_TEST_TMPDIR/pid")
  # monitor, QEMU, virtiofsd, and who stands for the one of exec
  [ "$(family "$monitor" | wc -l)" -ge 3 ]
  for pid in $(family "$monitor") "$proxy"; do
    for fd in /proc/"$pid"/fd/*; do
      [ "$(readlink "$fd")" != "$held" ] || { echo "$fd of $pid is the caller's"; false; }
    done
    [[ $(readlink "/proc/$pid/cwd") != "$mnt"* ]]
  done
  umount "$mnt"
  for pid in $(family "$monitor"); do
    run -1 grep -F " $mnt " "/proc/$pid/mountinfo"
  done
  # of the host's files QEMU sees what it came with
  pid=$(pgrep -P "$monitor" qemu)
  [ -d "/proc/$pid/root/usr" ]
  [ ! -e "/proc/$pid/root/etc/passwd" ]
  [ ! -e "/proc/$pid/root$BATS_TEST_TMPDIR" ]
  ctr delete --force "$ID"
}

@test "vm: an image that names other files is refused" {
  machine
  local image=$BATS_TEST_TMPDIR/image
  config --arg image "$image" '.vm = {hypervisor: {path: "/usr/bin/qemu-system-x86_64"},
    kernel: {path: "/boot/vmlinuz"}, image: {path: $image, format: "qcow2"}} | del(.vm.hypervisor)'
  config --arg kernel "$(ls /boot/vmlinuz-* | tail -n1)" '.vm.kernel.path = $kernel'
  { printf 'QFI\373\0\0\0\3\0\0\0\0\0\0\0\160\0\0\0\4'; head -c 4096 /dev/zero; } >"$image"
  run_bundle --isolation vm
  expect_status 125
  expect_output "ctr: vm.image.path: '$image': it names a backing file"
  config '.vm.image.format = "vmdk"'
  echo 'RW 63 FLAT "/etc/passwd" 0' >"$image"
  run_bundle --isolation vm
  expect_status 125
  expect_match 'only a vmdk of one file'
  config '.vm.image.path = "/dev/zero"'
  run_bundle --isolation vm
  expect_status 125
  expect_output "ctr: vm.image.path: '/dev/zero' is no regular file"
}

# in_mounts SCRIPT ARGUMENT... - ctr with these arguments where SCRIPT has changed the host's mounts
in_mounts() {
  local script=$1
  shift
  run unshare --mount --propagation private sh -ec "$script"'; exec "$@"' sh \
    "$CTR" --root "$STATE" "$@"
}

@test "vm: what is not there: /dev/kvm, a usable KVM, QEMU, a kernel, its modules" {
  machine
  local dev='mount -t tmpfs dev /dev; mknod -m666 /dev/null c 1 3; mknod -m666 /dev/urandom c 1 9'
  config 'del(.annotations)'
  in_mounts "$dev" run -b "$BUNDLE" --isolation microvm "$ID"
  expect_status 125
  expect_output "ctr: --isolation microvm: cannot open '/dev/kvm' (--isolation vm can do without it, slowly): No such file or directory"

  in_mounts "$dev; mknod -m666 /dev/kvm c 1 3; mount -t tmpfs m /sys/module; mkdir /sys/module/kvm_pvm" \
    run -b "$BUNDLE" --isolation microvm "$ID"
  expect_status 125
  expect_output "ctr: --isolation microvm: '/dev/kvm' is kvm_pvm's, which runs only kernels made for it (--isolation vm can do without, slowly)"

  config '.annotations["org.ctr.accel"] = "tcg"'
  run env PATH=/nowhere "$CTR" --root "$STATE" run -b "$BUNDLE" --isolation vm "$ID"
  expect_status 125
  expect_output 'ctr: --isolation vm: there is no qemu-system-x86_64 (package qemu-system-x86)'

  in_mounts 'mount -t tmpfs boot /boot' run -b "$BUNDLE" --isolation vm "$ID"
  expect_status 125
  expect_output 'ctr: no kernel with modules in /boot: install linux-image-cloud-amd64, or use --kernel'

  in_mounts 'mount -t tmpfs modules /lib/modules' run -b "$BUNDLE" --isolation vm "$ID"
  expect_status 125
  expect_match '^ctr: no kernel with modules in /boot'
  in_mounts 'mount -t tmpfs modules /lib/modules' run -b "$BUNDLE" --isolation vm \
    --kernel "$(ls /boot/vmlinuz-* | tail -n1)" "$ID"
  expect_status 125
  expect_match "^ctr: kernel: '/boot/vmlinuz-.*' has no modules: there is no '/lib/modules/"

  in_mounts 'for d in /lib/modules/*; do mount -t tmpfs m "$d"; done' \
    run -b "$BUNDLE" --isolation vm --kernel "$(ls /boot/vmlinuz-* | tail -n1)" "$ID"
  expect_status 125
  expect_match 'modules.dep'
  [ -z "$(states)" ]
}

@test "vm: a kernel that panics, a machine that is silent, a guest that does not read" {
  machine
  need /usr/bin/python3
  local kernel qemu
  kernel=$(ls /boot/vmlinuz-* | tail -n1) qemu=$(command -v qemu-system-x86_64)
  config --arg kernel "$kernel" --arg qemu "$qemu" '.vm = {hypervisor: {path: $qemu},
    kernel: {path: $kernel, parameters: ["rdinit=/nowhere"]}}'
  run_bundle --isolation vm
  expect_status 125
  expect_match '^ctr: virtual machine: its hypervisor ended with status 0; its kernel says: Kernel panic - not syncing'

  # -S: it waits for somebody to start it
  config '.vm.kernel.parameters = [] | .vm.hypervisor.parameters = ["-S"]
    | .annotations["org.ctr.boot-timeout"] = "3"'
  run_bundle --isolation vm
  expect_status 125
  expect_output 'ctr: virtual machine: the guest did not come up within 3 s'
  config '.annotations["org.ctr.boot-timeout"] = "soon"'
  run_bundle --isolation vm
  expect_status 125
  expect_match "annotations\[org.ctr.boot-timeout\]: 'soon' is not a number of seconds"

  # sessions of 16 MiB for a guest that is paused: more than 64 are not kept for it
  config 'del(.vm) | del(.annotations["org.ctr.boot-timeout"])'
  shell 'echo up; while :; do sleep 0.1; done'
  detached "$ID" --isolation vm
  eventually grep -q up "$OUT"
  ctr pause "$ID"
  (cd "$STATE/$ID" && /usr/bin/python3 - <<'PYTHON'
import array, os, socket, struct
for i in range(5):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("vmm")
    sync = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    plan = os.memfd_create("plan")
    os.truncate(plan, 16 << 20)
    null = os.open("/dev/null", os.O_RDWR)
    fds = array.array("i", [sync[0].fileno(), null, null, null, plan])
    try:
        s.sendmsg([struct.pack("=II", 2, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    except OSError:
        break
    globals()["keep%d" % i] = (s, sync)
try:
    s.recv(100)
except OSError:
    pass
PYTHON
  )
  eventually has_status "$ID" stopped
  eventually grep -q 'the guest does not read what it is sent' "$OUT"
  ctr delete "$ID"
}

@test "vm: vm of the document: hypervisor, kernel, initrd, image, vcpus, memory" {
  machine
  need /usr/bin/python3
  local dir=$BATS_TEST_TMPDIR kernel qemu
  kernel=$(ls /boot/vmlinuz-* | tail -n1) qemu=$(command -v qemu-system-x86_64)
  mkdir -p "$dir/own/bin" "$dir/tree"
  cp -a "$BUNDLE/rootfs/." "$dir/tree"
  echo 'in the image' >"$dir/tree/etc/mark"
  mkfs.erofs "$dir/raw" "$dir/tree" >/dev/null
  # a qcow2 of it: one table for all
  /usr/bin/python3 - "$dir/raw" "$dir/qcow2" <<'PYTHON'
import struct, sys
data = open(sys.argv[1], "rb").read()
cluster = 65536
n = (len(data) + cluster - 1) // cluster
header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, len(data), 0, 1, cluster,
                     2 * cluster, 1, 0, 0)
copied = 1 << 63
with open(sys.argv[2], "wb") as out:
    out.write(header.ljust(cluster, b"\0"))
    out.write(struct.pack(">Q", 3 * cluster | copied).ljust(cluster, b"\0"))
    out.write(b"\0" * cluster)
    out.write(b"".join(struct.pack(">Q", (4 + i) * cluster | copied) for i in range(n))
              .ljust(cluster, b"\0"))
    out.write(data.ljust(n * cluster, b"\0"))
PYTHON
  # an archive of one's own, which comes before those of ctr
  (cd "$dir/own" && echo x >extra && echo extra | cpio -o -H newc 2>/dev/null >"$dir/initrd") ||
    : >"$dir/initrd"
  config --arg dir "$dir" --arg kernel "$kernel" --arg qemu "$qemu" '.vm = {
    hypervisor: {path: $qemu, parameters: ["-name", "by-document", "-smbios", "type=1,serial=s3r1al"]},
    kernel: {path: $kernel, parameters: ["ctr.test=yes"], initrd: ($dir + "/initrd")},
    image: {path: ($dir + "/qcow2"), format: "qcow2"},
    hwConfig: {vcpus: 2, memory: 167772160}}'
  shell 'cat /etc/mark; grep -o ctr.test=yes /proc/cmdline; nproc
    cat /sys/class/dmi/id/product_serial; sed -n "s/MemTotal: *\(...\).*/\1/p" /proc/meminfo'
  run_bundle --isolation vm
  expect_status 0
  expect_match $'in the image\nctr.test=yes\n2\ns3r1al\n1[0-9][0-9]'
  local field
  for field in deviceTree=\"/x\" dtdevs='["x"]' irqs='[1]' iomems='[{"firstMFN":1,"nrMFNs":1}]'; do
    config --argjson value "${field#*=}" --arg key "${field%%=*}" \
      '.vm.hwConfig = {($key): $value}'
    run_bundle --isolation vm
    expect_status 125
    expect_output "ctr: vm.hwConfig.${field%%=*}: --isolation vm cannot do this"
  done
}
