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
    ! grep -F " $mnt " "/proc/$pid/mountinfo"
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
