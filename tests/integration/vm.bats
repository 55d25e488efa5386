# shellcheck shell=bash disable=SC2154
# A bundle in a virtual machine, by binary translation: QEMU's q35 with the distribution's
# kernel. A boot takes seconds, so a test does with one machine what it can.
load helper

# GUEST=microvm runs the same on KVM
GUEST=${GUEST:-vm}

# what runs in a machine; a mark in the guest that no process of this host has
machine() {
  need root qemu-system-x86_64 mkfs.erofs
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 120 ] || CTR_TIMEOUT=120
  [ "$GUEST" = microvm ] || config '.annotations["org.ctr.accel"] = "tcg"'
}

await() { # TEXT - until the container has written it
  eventually grep -q -- "$1" "$OUT" || {
    cat "$OUT"
    return 1
  }
}

@test "vm: environment, user, limits, names, streams and status are the bundle's" {
  machine
  # with what this host has; the other tests ask for translation
  config 'del(.annotations)'
  config '.process.env = ["PATH=/bin", "A=b c"] | .process.cwd = "/tmp" | .hostname = "inside"
    | .process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}
    | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 78}]'
  shell 'echo "$A:$(pwd):$(id -u):$(id -G):$(ulimit -n):$(hostname):$$"; cat; echo err >&2
    grep -c processor /proc/cpuinfo; ls /proc/1/root >/dev/null 2>&1; exit 42'
  run ctr run -b "$BUNDLE" --isolation "$GUEST" "$ID" <<<'from stdin'
  expect_status 42
  expect_match 'b c:/tmp:7:8 9:77:inside:1'
  expect_match 'from stdin'
  expect_match 'err'
}

@test "fault 17: vm: nothing for the guest is written into its root, nor through links there" {
  machine
  local outside=$BATS_TEST_TMPDIR/outside link
  mkdir "$outside"
  for link in ctr .krun_config.json init; do
    ln -s "$outside" "$BUNDLE/rootfs/$link"
  done
  tree() { (cd "$BUNDLE" && find rootfs "$outside" -printf '%p %y %s %T@ %C@ %l\n' | sort); }
  tree >"$BATS_TEST_TMPDIR/before"
  shell 'cat /etc/resolv.conf; echo "in the guest"'
  run -0 ctr run -b "$BUNDLE" --isolation "$GUEST" "$ID"
  expect_match 'in the guest'
  tree | diff "$BATS_TEST_TMPDIR/before" -
}

@test "vm: create, start, exec, pause, signals and delete" {
  machine
  config '.root.readonly = false'
  shell 'trap "echo got term; exit 9" TERM; echo up > /mark; echo up; while :; do sleep 0.1; done'
  ctr create -b "$BUNDLE" --isolation "$GUEST" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" \
    </dev/null >"$OUT" 2>&1 3>&-
  run ctr state "$ID"
  expect_match '"status": "created"'
  ctr start "$ID"
  await up

  # in the guest, not beside its monitor: there is the mark, and no process of this host
  run ctr exec "$ID" sh -c 'cat /mark; cat /proc/1/comm; exit 5'
  expect_status 5
  expect_output $'up\nsh'
  run ctr exec "$ID" cat <<<'through a pipe'
  expect_output 'through a pipe'
  run ctr exec "$ID" sh -c 'kill -9 $$'
  expect_status 137
  run ctr exec "$ID" /no/such
  expect_status 255
  run ctr exec "$ID" sh -c 'head -c 300000 /dev/zero | wc -c'
  expect_output 300000
  [ "$(ctr exec "$ID" head -c 300000 /dev/zero | wc -c)" = 300000 ]

  ctr pause "$ID"
  run ctr state "$ID"
  expect_match '"status": "paused"'
  ctr resume "$ID"
  run ctr exec "$ID" echo again
  expect_output again

  # limits are the guest's; memory that it is not to have any more is the host's again
  local before less=100000
  # on nested KVM, emulated, a guest gives 10 MB a minute
  [ "$GUEST" = vm ] || less=10000
  total() { ctr exec "$ID" sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo; }
  before=$(total)
  ctr update --memory 50m --pids-limit 20 "$ID"
  shrinks() { [ "$(total)" -lt $((before - less)) ]; }
  eventually shrinks
  [ "$(ctr events --stats "$ID" | jq -c '.data.guest | [.memory.limit, .pids.limit,
    .memory.usage > 0, .memory.usage < .memory.total, .cpu.total > 0]')" = \
    '[52428800,20,true,true,true]' ]
  ctr update --memory 100m "$ID"
  ctr update --memory -1 --pids-limit -1 "$ID"
  [ "$(ctr events --stats "$ID" | jq -c '.data.guest.pids.limit')" = 0 ]
  run ctr update --memory 200m "$ID"
  expect_status 1
  expect_output "ctr: linux.resources.memory.limit: 209715200: the guest was started with 256 MiB, 64 of them for its kernel"
  run ctr update --memory-swap 100m "$ID"
  expect_status 1
  expect_output "ctr: linux.resources.memory.swap: --isolation $GUEST cannot change it while it runs"
  ctr update --memory 100m --memory-swap 200m "$ID"
  run ctr update --memory-reservation 10m "$ID"
  expect_status 1
  expect_output "ctr: linux.resources.memory.reservation: --isolation $GUEST cannot change it while it runs"

  run ctr delete "$ID"
  expect_match 'that is not stopped: running'
  ctr kill "$ID" TERM
  await 'got term'
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "vm: kill -9 of the hypervisor or of the monitor leaves nothing that runs" {
  machine
  shell 'echo up; while :; do sleep 0.1; done'
  # what the caller has in its environment is no affair of a hypervisor that a guest has taken over
  export SECRET=of-the-caller
  detached "$ID" --isolation "$GUEST"
  await up
  local monitor hypervisor
  monitor=$(ctr state "$ID" | jq .pid)
  hypervisor=$(pgrep -P "$monitor")
  grep -qz SECRET "/proc/$monitor/environ"
  run tr '\0' '\n' <"/proc/$hypervisor/environ"
  expect_match '^PATH='
  refuse_match SECRET
  kill -9 "$hypervisor"
  eventually has_status "$ID" stopped
  grep -q 'hypervisor was killed by signal 9' "$OUT"
  ctr delete "$ID"
  : >"$OUT"

  detached "$ID" --isolation "$GUEST"
  await up
  monitor=$(ctr state "$ID" | jq .pid)
  hypervisor=$(pgrep -P "$monitor")
  kill -9 "$monitor"
  is_gone() { ! kill -0 "$hypervisor" 2>/dev/null; }
  eventually is_gone
  ctr delete "$ID"
}

@test "vm: what a virtual machine cannot honour is refused by name" {
  machine
  local filter
  cp "$BUNDLE/config.json" "$BUNDLE/config.json.kept"
  while read -r filter; do
    config "${filter#* }"
    run_bundle --isolation "$GUEST"
    cp "$BUNDLE/config.json.kept" "$BUNDLE/config.json"
    expect_status 125
    expect_match "^ctr: ${filter%% *}.*--isolation $GUEST cannot"
  done <<'ROWS'
linux.namespaces .linux.namespaces -= [{"type": "network"}]
linux.namespaces .linux.namespaces |= map(if .type == "ipc" then .path = "/proc/1/ns/ipc" else . end)
linux.resources.blockIO .linux.resources.blockIO = {"weight": 10}
linux.resources.unified .linux.resources.unified = {"memory.max": "1"}
linux.resources.memory.reservation .linux.resources.memory = {"limit": 100000000, "reservation": 50000000}
linux.resources.memory.swappiness .linux.resources.memory.swappiness = 60
linux.resources.memory.disableOOMKiller .linux.resources.memory.disableOOMKiller = true
linux.devices .linux.devices = [{"type": "b", "path": "/dev/sda", "major": 8, "minor": 0}]
hooks.createContainer .hooks.createContainer = [{"path": "/bin/true"}]
mounts .mounts += [{"destination": "/x", "source": "/dev/null", "options": ["bind"]}]
ROWS
  rm "$BUNDLE/config.json.kept"
}

@test "vm: no kernel, no modules, no hypervisor, too little memory: errors that say so" {
  machine
  echo no kernel >"$BATS_TEST_TMPDIR/kernel"
  run_bundle --isolation "$GUEST" --kernel "$BATS_TEST_TMPDIR/kernel"
  expect_status 125
  expect_output "ctr: kernel: '$BATS_TEST_TMPDIR/kernel' is not a Linux kernel"
  config '.vm = {"hypervisor": {"path": "/no/such"}, "kernel": {"path": "/boot/vmlinuz"}}'
  run_bundle --isolation "$GUEST"
  expect_status 125
  expect_match "vm.hypervisor.path: cannot execute '/no/such'"
  config '.vm = {"kernel": {"path": "/boot/vmlinuz"}, "hwConfig": {"memory": 1000000}}'
  run_bundle --isolation "$GUEST"
  expect_status 125
  expect_match 'vm.hwConfig.memory: 1000000 bytes are too little for a guest'
  # more than the host has
  config --arg kernel "$(ls /boot/vmlinuz-* | tail -n1)" \
    '.vm = {"kernel": {"path": $kernel}, "hwConfig": {"memory": 70368744177664}}'
  run_bundle --isolation "$GUEST"
  expect_status 125
  # who overcommits without limits hears of it from the processor
  expect_match 'hypervisor ended with status 1: .*(cannot set up guest memory.*Cannot allocate memory|phys-bits)'
  # none of ctr's own files, which are not there yet
  config --arg none "$STATE/$ID/../none" 'del(.vm) | .mounts += [
    {"destination": "/x", "source": $none, "options": ["bind", "ro"]}]'
  run_bundle --isolation "$GUEST"
  expect_status 125
  expect_match "^ctr: mounts\[[0-9]+\]: cannot open '$STATE/$ID/../none'"
}

@test "vm: a fifo in the place of a kernel, an initrd or a module is an error, and waits for nobody" {
  machine
  shell 'echo never'
  local fifo=$BATS_TEST_TMPDIR/fifo tree=$BATS_TEST_TMPDIR/tree kernel version
  mkfifo "$fifo"
  run_bundle --isolation "$GUEST" --kernel "$fifo"
  expect_status 125
  expect_output "ctr: kernel: cannot read '$fifo': not a regular file"
  kernel=$(find /boot -name 'vmlinuz-*cloud*' | head -n 1)
  version=${kernel#/boot/vmlinuz-}
  config --arg kernel "$kernel" --arg fifo "$fifo" '.vm = {kernel: {path: $kernel, initrd: $fifo}}'
  run_bundle --isolation "$GUEST"
  expect_status 125
  expect_output "ctr: vm.kernel.initrd: cannot read '$fifo': not a regular file"
  config 'del(.vm)'
  mkdir -p "$tree/boot" "$tree/lib/modules/$version"
  cp "$kernel" "$tree/boot"
  sed 's/:.*/:/' "/lib/modules/$version/modules.dep" >"$tree/lib/modules/$version/modules.dep"
  while read -r name; do
    mkdir -p "$tree/lib/modules/$version/${name%/*}"
    mkfifo "$tree/lib/modules/$version/$name"
  done < <(sed -n 's/:.*//p' "/lib/modules/$version/modules.dep" | grep -E '/(erofs|virtio[^/]*|overlay)\.ko')
  cp "/lib/modules/$version/modules.builtin" "$tree/lib/modules/$version"
  run_bundle --isolation "$GUEST" --kernel "$tree/boot/${kernel##*/}"
  expect_status 125
  expect_match "^ctr: module: cannot read '$tree/.*': not a regular file"
}

@test "vm: directories and files of the host, live, and copies of small ones" {
  machine
  mkdir "$BATS_TEST_TMPDIR/shared"
  echo 'from the host' >"$BATS_TEST_TMPDIR/shared/file"
  echo single >"$BATS_TEST_TMPDIR/single"
  echo small >"$BATS_TEST_TMPDIR/small"
  config --arg dir "$BATS_TEST_TMPDIR" '.root.readonly = false | .mounts += [
    {"destination": "/small", "source": ($dir + "/small"), "options": ["bind", "ro"]},
    {"destination": "/single", "source": ($dir + "/single"), "options": ["bind"]},
    {"destination": "/rw", "source": ($dir + "/shared"), "options": ["rbind"]},
    {"destination": "/ro", "source": ($dir + "/shared"), "options": ["rbind", "ro"]}]'
  shell 'cat /small /single /rw/file /ro/file; echo from the guest >/rw/new; echo changed >/single
    echo x 2>/dev/null >/ro/x || echo read-only'
  run_bundle --isolation "$GUEST"
  expect_status 0
  expect_output $'small\nsingle\nfrom the host\nfrom the host\nread-only'
  [ "$(cat "$BATS_TEST_TMPDIR/shared/new")" = 'from the guest' ]
  [ "$(cat "$BATS_TEST_TMPDIR/single")" = changed ]
}

@test "vm: terminals of run and exec, and their sizes" {
  machine
  need /usr/bin/python3
  config '.process.terminal = true | .root.readonly = false'
  shell 'stty size; until [ "$(stty size)" = "44 111" ]; do sleep 0.1; done; stty size; read a; exit 6'
  run /usr/bin/python3 - "$CTR" "$STATE" "$BUNDLE" "$ID" "$GUEST" <<'PYTHON'
import fcntl, os, pty, select, struct, sys, termios, time

ctr, state, bundle, name, guest = sys.argv[1:]

def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

def play(arguments, steps):
    """Run ctr on a terminal; each step waits for a text, then does something with it."""
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.5)
        os.execv(ctr, [ctr, "--root", state] + arguments)
    size(fd, 33, 99)
    said, end = b"", time.time() + int(os.environ["CTR_TIMEOUT"]) * 5 / 6
    while time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            said += data
        if steps and steps[0][0] in said:
            steps.pop(0)[1](fd)
    return said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def inside(fd):
    said, status = play(["exec", "-t", name, "sh", "-c", "stty size; read x; echo got $x; exit 4"],
                        [(b"33 99", lambda fd: os.write(fd, b"word\n"))])
    assert b"got word" in said and status == 4, (said, status)
    os.write(fd, b"\n")

said, status = play(["run", "-b", bundle, "--isolation", guest, name],
                    [(b"33 99", lambda fd: size(fd, 44, 111)), (b"44 111", inside)])
assert b"44 111" in said and status == 6, (said, status)
PYTHON
  expect_status 0
}

@test "vm: an image that was damaged is made again; a full disk leaves nothing" {
  machine
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  shell 'echo up'
  run_bundle --isolation "$GUEST"
  expect_status 0
  expect_output up
  # a byte of it, and the rest of the initramfs
  truncate -s 1M "$XDG_CACHE_HOME"/ctr/initramfs-*[0-9a-f]
  printf x | dd of="$(echo "$XDG_CACHE_HOME"/ctr/root-*.erofs)" bs=1 seek=5000 conv=notrunc 2>/dev/null
  run_bundle --isolation "$GUEST"
  expect_status 0
  expect_output up

  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/full
  mkdir "$XDG_CACHE_HOME"
  mount -t tmpfs -o size=64k full "$XDG_CACHE_HOME"
  run_bundle --isolation "$GUEST"
  local left
  left=$(find "$XDG_CACHE_HOME" -type f ! -size 0)
  umount "$XDG_CACHE_HOME"
  expect_status 125
  expect_match 'No space left on device'
  [ -z "$left" ]
}

@test "vm: what makes the image sees the tree, and no other file that a link there could name" {
  machine
  # as mkfs.erofs does where a file became a link after it was looked at
  mkdir "$BATS_TEST_TMPDIR/tools"
  echo of-the-host >"$BATS_TEST_TMPDIR/secret"
  echo of-the-tree >"$BUNDLE/rootfs/file"
  # mkfs.erofs tells of each of these: more than a pipe holds
  mkdir "$BUNDLE/rootfs/many"
  (cd "$BUNDLE/rootfs/many" && seq 4000 | xargs touch)
  cat >"$BATS_TEST_TMPDIR/tools/mkfs.erofs" <<END
#!/bin/sh
cat $BATS_TEST_TMPDIR/secret 2>/dev/null || cat /etc/passwd 2>/dev/null || cat /proc/1/comm 2>/dev/null && exit 1
exec $(command -v mkfs.erofs) "\$@"
END
  chmod 755 "$BATS_TEST_TMPDIR/tools/mkfs.erofs"
  shell 'cat /file'
  PATH=$BATS_TEST_TMPDIR/tools:$PATH run_bundle --isolation "$GUEST"
  expect_status 0
  expect_output of-the-tree
}

@test "vm: a kernel that cannot be unpacked is so by the guest, and the log says why" {
  machine
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  mkdir "$BATS_TEST_TMPDIR/bin"
  local program
  for program in gzip lz4 xz zstd; do
    printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/$program"
    chmod 755 "$BATS_TEST_TMPDIR/bin/$program"
  done
  # modules are packed as well, so the archive with them is there before
  shell 'echo up'
  run_bundle --isolation "$GUEST"
  expect_status 0
  rm -f "$XDG_CACHE_HOME"/ctr/kernel-*
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run ctr --log-level info run -b "$BUNDLE" --isolation "$GUEST" "$ID"
  expect_status 0
  expect_match $'(^|\n)up(\n|$)'
  [ "$GUEST" = microvm ] || expect_match "the guest unpacks '/boot/vmlinuz-.*' itself: .*cannot unpack it"

  # Neither that has room, nor the file that machines share.
  mount -t tmpfs -o size=8m small "$XDG_CACHE_HOME"
  run ctr --log-level info run -b "$BUNDLE" --isolation "$GUEST" "$ID"
  umount "$XDG_CACHE_HOME"
  expect_status 0
  expect_match $'(^|\n)up(\n|$)'
  [ "$GUEST" = microvm ] || expect_match "the guest unpacks '/boot/vmlinuz-.*' itself: .*has no room for [0-9]{8} bytes"
  expect_match "each machine has '/boot/vmlinuz-.*' for itself: .*No space left on device"
}

@test "vm: other hypervisors: one that is missing, and what they cannot do" {
  need root jq
  config '.vm = {hypervisor: {path: "/no/such/firecracker"}, kernel: {path: "/boot/vmlinuz"}}'
  run_bundle --isolation "$GUEST"
  expect_status 125
  expect_match "vm.hypervisor.path: cannot execute '/no/such/firecracker'"
  local name
  for name in firecracker cloud-hypervisor; do
    cp "$(type -P true)" "$BATS_TEST_TMPDIR/$name"
    config --arg path "$BATS_TEST_TMPDIR/$name" \
      '.vm = {hypervisor: {path: $path}, kernel: {path: "/boot/vmlinuz"}}'
    # they are micro-VMs only
    run_bundle --isolation vm
    expect_status 125
    expect_output "ctr: --isolation vm: vm.hypervisor.path: '$BATS_TEST_TMPDIR/$name' cannot do this"
  done
}
