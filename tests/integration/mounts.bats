#!/usr/bin/env bats
# mounts[], the root file system, propagation, and what links in the image do to them.

# shellcheck disable=SC2016,SC2030,SC2031 # scripts for the shell inside; sub-shells on purpose
load helper

# options_of PATH - of the mount there, in the mountinfo that is the output
options_of() { awk -v path="$1" '$5 == path { options = $6 } END { print options }' <<<"$output"; }

# is_mounted PATH WORD... - it has the options, and none of those after `not`
is_mounted() {
  local options no='' word
  options=,$(options_of "$1"),
  [ "$options" != ,, ] || {
    echo "nothing is mounted on $1"
    show_result
    return 1
  }
  shift
  for word; do
    [ "$word" != not ] || {
      no=no
      continue
    }
    if { [[ $options == *,$word,* ]] && [ -n "$no" ]; } ||
      { [[ $options != *,$word,* ]] && [ -z "$no" ]; }; then
      echo "$no $word: $options"
      return 1
    fi
  done
}

mountinfo() {
  command_is cat /proc/self/mountinfo
  run_bundle
  expect_status 0
}

# a directory of the host's with a file, made by the test
volume() {
  VOLUME=$BATS_TEST_TMPDIR/volume
  mkdir -p "$VOLUME/dir"
  echo content | tee "$VOLUME/file" >"$VOLUME/dir/file"
}

# ---------------------------------------------------------------- kinds and options

# bats test_tags=core,mount_setattr,move_mount,open_tree,openat2
@test "mount options: flags of file systems and of binds" {
  need root
  volume
  mount_at /fs1 tmpfs tmpfs ro nosuid nodev noexec noatime nodiratime sync dirsync size=64k
  mount_at /fs2 tmpfs tmpfs nosuid nodev noexec suid dev exec ro rw atime relatime diratime async
  mount_at /fs3 tmpfs tmpfs strictatime lazytime nosymfollow silent mode=700 nr_inodes=50
  mount_at /fs4 tmpfs tmpfs defaults loud norelatime nostrictatime nolazytime symfollow iversion
  mount_at /b1 - "$VOLUME" bind ro nosuid nodev noexec noatime nodiratime
  mount_at /b2 - "$VOLUME" bind strictatime nosymfollow
  mount_at /b3 none "$VOLUME" rbind rw exec suid dev relatime
  mount_at /b4 bind "$VOLUME" nosuid
  mount_at /b4 - - remount ro nodev noexec
  config '.root.readonly = false'
  mountinfo
  is_mounted /fs1 ro nosuid nodev noexec noatime nodiratime
  is_mounted /fs2 rw relatime not nosuid nodev noexec nodiratime
  is_mounted /fs3 rw nosymfollow not noatime relatime
  is_mounted /fs4 rw not nosuid
  is_mounted /b1 ro nosuid nodev noexec noatime nodiratime
  is_mounted /b2 nosymfollow not noatime relatime ro
  is_mounted /b3 rw relatime not noexec nosuid nodev
  is_mounted /b4 ro nosuid nodev noexec
  expect_match ' /fs1 .* - tmpfs tmpfs .*sync.*size=64k'
  expect_match ' /fs3 .* - tmpfs .*mode=700'
  # and they hold
  shell '(echo x >/b1/file) 2>&- || echo ro; cp /bin/busybox /fs3/; (exec /fs1/busybox) 2>&- || echo noexec
    ln -s busybox /fs3/link; (cat /fs3/link >/dev/null) 2>&- || echo nosymfollow'
  run_bundle
  expect_output 'ro
noexec
nosymfollow'
}

# bats test_tags=core
@test "file systems: proc, sysfs, devpts, mqueue, cgroup, tmpfs, as the default document has them" {
  shell 'mount | cut -d" " -f3,5 | sort; ls -d /proc/self /sys/kernel /dev/pts/ptmx /dev/mqueue
    echo $(($(stat -f -c %S /dev/shm) * $(stat -f -c %b /dev/shm)))
    stat -c %a /dev/shm; for link in ptmx fd stdin stdout stderr; do readlink /dev/$link; done'
  run_bundle
  expect_status 0
  for mount in '/ ' '/proc proc' '/dev tmpfs' '/dev/pts devpts' '/dev/shm tmpfs' '/dev/mqueue mqueue' \
    '/sys '; do
    expect_match $'(^|\n)'"$mount"
  done
  expect_match $'\n''67108864'$'\n''1777'$'\n''pts/ptmx'$'\n''/proc/self/fd'$'\n''/proc/self/fd/0'
  # /dev/ptmx is the container's own, so its first terminal has number 0
  config '.process.terminal = true'
  command_is tty
  run -0 "$PROBE" pty -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_match '/dev/pts/0'
}

# bats test_tags=core
@test "a mount that cannot be made is an error with its number, and what it is" {
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  n=$(jq '.mounts | length' "$BUNDLE/config.json")
  command_is true
  expect_mount_error() { # REGEX MOUNT...
    local regex=$1
    shift
    cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
    mount_at "$@"
    run_bundle
    expect_status 125
    expect_match "mounts\[$n\]"
    expect_match "$regex"
  }
  expect_mount_error "/x.*[Nn]o such device" /x nosuchfs none
  expect_mount_error "/no/such/source.*No such file" /x bind /no/such/source bind
  expect_mount_error "/x" /x tmpfs tmpfs size=bogus
  expect_mount_error "bogus" /x tmpfs tmpfs bogus
  expect_mount_error "/etc/passwd" /etc/passwd/x tmpfs tmpfs
  expect_mount_error "is required" /x - /tmp ro
  expect_mount_error "source.*required" /x bind -
  expect_mount_error "bind mount takes no such option" /x bind /tmp bind size=4k
  expect_mount_error "takes no value" /x tmpfs tmpfs ro=1
  expect_mount_error "empty" '' tmpfs tmpfs
  expect_mount_error "tmpcopyup" /x bind /tmp bind tmpcopyup
}

@test "overlay: a private layer over a read-only directory" {
  need root
  volume
  mkdir "$BATS_TEST_TMPDIR"/{upper,work}
  mount_at /data overlay overlay "lowerdir=$VOLUME" "upperdir=$BATS_TEST_TMPDIR/upper" \
    "workdir=$BATS_TEST_TMPDIR/work"
  config '.root.readonly = false'
  shell 'cat /data/file; echo changed >/data/file; cat /data/file'
  run_bundle
  expect_status 0
  expect_output content$'\n'changed
  [ "$(cat "$VOLUME/file")" = content ] && [ "$(cat "$BATS_TEST_TMPDIR/upper/file")" = changed ]
}

@test "cgroup: the container's own cgroup is the root of what it sees, read-only if asked" {
  need root cgroup2
  shell 'cat /proc/self/cgroup | grep ^0; ls /sys/fs/cgroup/cgroup.procs; (mkdir /sys/fs/cgroup/x) 2>&- || echo ro'
  config '.linux.namespaces |= map(select(.type != "cgroup")) + [{"type": "cgroup"}]'
  jq -e 'any(.mounts[]; .type == "cgroup")' "$BUNDLE/config.json" >/dev/null ||
    mount_at /sys/fs/cgroup cgroup cgroup ro nosuid noexec nodev
  run_bundle
  expect_status 0
  expect_output '0::/
/sys/fs/cgroup/cgroup.procs
ro'
  # writable: and what it makes there goes with it
  config '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
  shell 'mkdir /sys/fs/cgroup/x && echo 0 >/sys/fs/cgroup/x/cgroup.procs && cat /proc/self/cgroup | grep ^0'
  run_bundle
  expect_output '0::/x'
  # without a namespace of its own it sees the host's, itself included
  config '.linux.namespaces |= map(select(.type != "cgroup"))'
  shell 'cat /proc/self/cgroup | grep ^0'
  run_bundle
  expect_match "$ID"
}

# ---------------------------------------------------------------- destinations

# bats test_tags=core,openat2
@test "fault 29: a bind on a link in the image lands on what it names" {
  volume
  mkdir -p "$BUNDLE/rootfs/usr/share/zoneinfo" "$BUNDLE/rootfs/there"
  echo UTC >"$BUNDLE/rootfs/usr/share/zoneinfo/UTC"
  ln -s /usr/share/zoneinfo/UTC "$BUNDLE/rootfs/etc/localtime"
  ln -s ../there "$BUNDLE/rootfs/etc/dir"
  mount_at /etc/localtime bind "$VOLUME/file" bind
  mount_at /etc/dir bind "$VOLUME" bind
  shell 'cat /etc/localtime /usr/share/zoneinfo/UTC /there/file; readlink /etc/localtime'
  run_bundle
  expect_status 0
  expect_output 'content
content
content
/usr/share/zoneinfo/UTC'
  [ "$(cat "$BUNDLE/rootfs/usr/share/zoneinfo/UTC")" = UTC ]
}

# bats test_tags=core,openat2
@test "fault 31: a link that leads nowhere: what it names is made, inside of the root" {
  volume
  config '.root.readonly = false'
  ln -s ../usr/share/zoneinfo/Europe/Berlin "$BUNDLE/rootfs/etc/localtime"
  ln -s /a/b "$BUNDLE/rootfs/dangling"
  ln -s dangling "$BUNDLE/rootfs/twice"
  ln -s loop "$BUNDLE/rootfs/loop"
  mount_at /etc/localtime bind "$VOLUME/file" bind ro
  mount_at /twice/c bind "$VOLUME" rbind
  shell 'cat /usr/share/zoneinfo/Europe/Berlin /a/b/c/file'
  run_bundle
  expect_status 0
  expect_output content$'\n'content
  [ -f "$BUNDLE/rootfs/usr/share/zoneinfo/Europe/Berlin" ] && [ -d "$BUNDLE/rootfs/a/b/c" ]
  [ ! -e /usr/share/zoneinfo/Europe/Berlin/x ] && [ ! -e /a/b ]
  mount_at /loop/x tmpfs tmpfs
  run_bundle
  expect_status 125
  expect_match '/loop/x.*symbolic links'
}

# bats test_tags=core,move_mount,open_tree,openat2
@test "fault 32: a mount on / is the root from then on" {
  mkdir "$BATS_TEST_TMPDIR/volume"
  cp -al "$BUNDLE/rootfs/." "$BATS_TEST_TMPDIR/volume"
  touch "$BATS_TEST_TMPDIR/volume/new" "$BUNDLE/rootfs/old"
  config --arg s "$BATS_TEST_TMPDIR/volume" \
    '.mounts = [{"destination": "/", "type": "bind", "source": $s, "options": ["rbind"]}] + .mounts'
  mount_at /mnt/inside tmpfs tmpfs
  config '.root.readonly = false'
  shell 'ls -d /new /old /proc/self /dev/null /mnt/inside 2>&-; touch /written; mount | grep -c " on / "'
  run_bundle
  expect_output '/dev/null
/mnt/inside
/new
/proc/self
1'
  [ -e "$BATS_TEST_TMPDIR/volume/written" ] && [ ! -e "$BUNDLE/rootfs/mnt" ]
  # read-only by the mount, and by root.readonly
  config '.mounts[0].options += ["ro"]'
  shell '(touch /x) 2>&- || echo ro'
  run_bundle
  expect_output ro
  config '.mounts[0].options = ["rbind"] | .root.readonly = true'
  run_bundle
  expect_output ro
}

# bats test_tags=core
@test "fault 34: slashes in a row, at the end, dots: one and the same path" {
  config '.root.readonly = false'
  mount_at //a///b// tmpfs tmpfs
  mount_at /c/./d/../e/ tmpfs tmpfs
  mount_at /../../f tmpfs tmpfs
  mountinfo
  for path in /a/b /c/e /f; do is_mounted $path rw; done
}

# bats test_tags=core
@test "fault 35: a relative destination is taken from the root, with a warning" {
  config '.root.readonly = false'
  mount_at data/sub tmpfs tmpfs
  command_is cat /proc/self/mountinfo
  run -0 ctr --log-level warning --log "$BATS_TEST_TMPDIR/log" run -b "$BUNDLE" "$ID"
  is_mounted /data/sub rw
  grep -q 'mounts\[[0-9]*\].destination.*relative' "$BATS_TEST_TMPDIR/log"
}

@test "sources: relative to the bundle, links of the host, files, sockets, pipes, devices" {
  need root
  volume
  mkdir "$BUNDLE/near"
  echo near >"$BUNDLE/near/file"
  # fault 46
  ln -s "$VOLUME/dir" "$BATS_TEST_TMPDIR/link"
  mkfifo "$VOLUME/fifo"
  "$PROBE" console "$VOLUME/socket" >/dev/null 2>&1 3>&- &
  peer=$!
  eventually test -S "$VOLUME/socket"
  mknod "$VOLUME/null" c 1 3
  config '.root.readonly = false'
  mount_at /near bind near bind
  mount_at /linked bind "$BATS_TEST_TMPDIR/link" bind
  mount_at /run/socket bind "$VOLUME/socket" bind
  mount_at /run/fifo bind "$VOLUME/fifo" bind
  mount_at /run/null bind "$VOLUME/null" bind
  mount_at /run/file bind "$VOLUME/file" bind ro
  shell 'cat /near/file /linked/file /run/file; stat -c %F /run/socket /run/fifo /run/null; head -c1 /run/null'
  run_bundle
  kill $peer
  expect_status 0
  expect_output 'near
content
content
socket
fifo
character special file'
}

@test "links: src-nofollow, dest-nofollow, copy-symlink" {
  volume
  ln -s file "$VOLUME/link"
  ln -s /etc/passwd "$BUNDLE/rootfs/etc/link"
  config '.root.readonly = false'
  mount_at /copy bind "$VOLUME/link" bind copy-symlink
  command_is readlink /copy
  run_bundle
  expect_status 0
  expect_output file
  rm "$BUNDLE/rootfs/copy"
  # there is no mount whose propagation and attributes could be changed
  config '.mounts[-1].options += ["rprivate", "rro"]'
  run_bundle
  expect_status 0
  expect_output file
  rm "$BUNDLE/rootfs/copy"
  mount_at /etc/link bind "$VOLUME/file" bind dest-nofollow
  run_bundle
  expect_status 125
  expect_match '/etc/link'
}

# A copy of "/" has the container's own root on it.
# bats test_tags=core,open_tree,move_mount
@test "the host's root with all below it is the host's, not the container's" {
  need root
  ln -s / "$BATS_TEST_TMPDIR/slash"
  local source options
  for source in / "$BATS_TEST_TMPDIR/slash"; do
    for options in rbind 'rbind ro rslave' 'rbind rprivate'; do
      cp "$TEMPLATE/config.json" "$BUNDLE/config.json"
      # shellcheck disable=SC2086 # words
      mount_at /tmp bind "$source" $options
      command_is ls -d "/tmp$BATS_TEST_TMPDIR" /tmp/proc/self/status
      run_bundle
      expect_status 0
      expect_output $'/tmp/proc/self/status\n'"/tmp$BATS_TEST_TMPDIR"
    done
  done
}

@test "a file on a directory, a directory on a file" {
  mount_at /tmp bind /etc/passwd bind
  run_bundle
  expect_status 125
  expect_match "mounts\[[0-9]+\]: cannot bind '/etc/passwd' on '/tmp': Is a directory"
  config '.mounts[-1] |= (.source = "/etc" | .destination = "/bin/busybox")'
  run_bundle
  expect_status 125
  expect_match "mounts\[[0-9]+\]: cannot bind '/etc' on '/bin/busybox': Not a directory"
}

# bats test_tags=core
@test "fault 47: nothing is made in a /dev that is bound; a read-only one is read-only at the end" {
  need root
  mkdir "$BATS_TEST_TMPDIR/dev"
  mknod "$BATS_TEST_TMPDIR/dev/null" c 1 3
  chmod 666 "$BATS_TEST_TMPDIR/dev/null"
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  config --arg dev "$BATS_TEST_TMPDIR/dev" '.mounts |= (map(select(.destination | startswith("/dev") | not)) +
    [{"destination": "/dev", "type": "bind", "source": $dev, "options": ["bind"]}])'
  command_is ls /dev
  run_bundle
  expect_status 0
  expect_output null
  [ "$(ls "$BATS_TEST_TMPDIR/dev")" = null ]

  jq '.mounts |= map(if .destination == "/dev" then .options += ["ro"] else . end)' \
    "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  shell 'ls -d /dev/null /dev/ptmx /dev/fd; echo x >/dev/null; (touch /dev/x) 2>&- || echo ro; touch /dev/shm/x'
  run_bundle
  expect_status 0
  expect_output '/dev/fd
/dev/null
/dev/ptmx
ro'
}

# bats test_tags=core,mount_setattr,move_mount,open_tree,openat2
@test "a read-only tmpfs is read-only at the end: mounts and devices have their place in it" {
  need root
  volume
  mount_at /ro tmpfs tmpfs ro
  mount_at /ro/dir tmpfs tmpfs rro
  mount_at /ro/dir/rw tmpfs tmpfs
  mount_at /ro/file bind "$VOLUME/file" bind
  mount_at /changed tmpfs tmpfs ro
  mount_at /changed - - remount rw
  config '.linux.devices += [{path: "/ro/null", type: "c", major: 1, minor: 3}]'
  shell 'cat /ro/file; echo x >/ro/null
    for dir in /ro /ro/dir /ro/dir/rw /changed; do (: >$dir/new) 2>&- && echo $dir; done'
  run_bundle
  expect_status 0
  expect_output 'content
/ro/dir/rw
/changed'
}

# Engines leave that to the runtime; what is masked is not entered because it was made before.
@test "a working directory that is missing is made before its file system is read-only" {
  need root
  mount_at /ro tmpfs tmpfs ro
  config '.root.readonly = true'
  for cwd in /new/directory /ro/new; do
    config --arg cwd "$cwd" '.process.cwd = $cwd'
    shell 'pwd; : >file'
    run_bundle
    expect_match "^$cwd
.*Read-only file system"
  done
  mkdir "$BUNDLE/rootfs/masked"
  touch "$BUNDLE/rootfs/masked/secret"
  config '.process.cwd = "/masked" | .linux.maskedPaths += ["/masked"]'
  command_is ls
  run_bundle
  expect_status 0
  expect_output ''
}

# bats test_tags=core
@test "fault 52: a bind by its type alone, and by its option alone" {
  volume
  mkdir -p "$BATS_TEST_TMPDIR/x"
  config --arg v "$VOLUME" '.root.readonly = false | .mounts += [
    {"destination": "/m1", "type": "bind", "source": $v},
    {"destination": "/m2", "source": $v, "options": ["rbind"]},
    {"destination": "/m3", "type": "none", "source": $v, "options": ["bind"]},
    {"destination": "/m4", "type": "rbind", "source": $v, "options": []}]'
  command_is cat /m1/file /m2/file /m3/file /m4/file
  run_bundle
  expect_status 0
  [ "${#lines[@]}" = 4 ]
}

# ---------------------------------------------------------------- recursive attributes

# bats test_tags=core
@test "recursive attributes reach what is mounted below, plain ones do not" {
  need root call:mount_setattr
  volume
  mount -t tmpfs tmpfs "$VOLUME/dir"
  mount_at /plain bind "$VOLUME" rbind ro nosuid
  mount_at /rro bind "$VOLUME" rbind rro rnosuid rnodev rnoexec rnosymfollow
  mount_at /atime bind "$VOLUME" rbind rnoatime rnodiratime
  mount_at /back bind "$VOLUME" rbind ro rrw
  config '.root.readonly = false'
  mountinfo
  umount "$VOLUME/dir"
  is_mounted /plain ro nosuid
  is_mounted /plain/dir rw not nosuid
  for path in /rro /rro/dir; do is_mounted $path ro nosuid nodev noexec nosymfollow; done
  for path in /atime /atime/dir; do is_mounted $path rw noatime nodiratime; done
  for path in /back /back/dir; do is_mounted $path rw; done
}

# bats test_tags=core
@test "recursively read-only, what is needed still: /dev and the root at the end" {
  need root call:mount_setattr
  volume
  mkdir -p "$BATS_TEST_TMPDIR/root/sub"
  cp -a "$BUNDLE/rootfs/." "$BATS_TEST_TMPDIR/root"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/root/sub"
  config --arg r "$BATS_TEST_TMPDIR/root" '.root.readonly = false | .mounts |=
    [{destination: "/", type: "bind", source: $r, options: ["rbind", "rro"]}] +
    map(if .destination == "/dev" then .options = ["rro", "mode=755"] else . end)'
  mountinfo
  umount "$BATS_TEST_TMPDIR/root/sub"
  is_mounted / ro
  is_mounted /sub ro
  is_mounted /dev ro
  is_mounted /dev/pts rw
}

# bats test_tags=core
@test "tmpcopyup on the root: what it holds is copied, and can be written" {
  mount_at / tmpfs tmpfs tmpcopyup
  config '.root.readonly = false | .mounts |= [.[-1]] + .[:-1]'
  shell 'echo x >/etc/new && cat /etc/new; ls -d /bin/busybox'
  run_bundle
  expect_status 0
  expect_output $'x\n/bin/busybox'
  [ ! -e "$BUNDLE/rootfs/etc/new" ]
}

# bats test_tags=core
@test "fault 37: recursive attributes on files, sockets, pipes and devices" {
  need root call:mount_setattr
  volume
  mkfifo "$VOLUME/fifo"
  config '.root.readonly = false'
  for source in "$VOLUME/file" "$VOLUME/fifo" /dev/null; do
    mount_at "/run/${source##*/}" bind "$source" bind rro rnosuid
  done
  mountinfo
  for name in file fifo null; do is_mounted /run/$name ro nosuid; done
}

# bats test_tags=core
@test "fault 38: the recursive atime family is one field" {
  need root call:mount_setattr
  volume
  config '.root.readonly = false'
  mount_at /m1 bind "$VOLUME" bind noatime rrelatime
  mount_at /m2 bind "$VOLUME" bind noatime ratime
  mount_at /m3 bind "$VOLUME" bind rstrictatime
  mount_at /m4 bind "$VOLUME" bind rnoatime
  mount_at /m5 bind "$VOLUME" bind rnoatime rnorelatime rnostrictatime rstrictatime
  mountinfo
  is_mounted /m1 relatime not noatime
  is_mounted /m2 relatime not noatime
  is_mounted /m3 not noatime relatime
  is_mounted /m4 noatime not relatime
  is_mounted /m5 not noatime relatime
}

@test "recursive attributes where the kernel has none: an error, not silence" {
  volume
  [[ " ${WITHOUT:-} " == *" mount_setattr "* ]] || skip 'is about kernels without mount_setattr'
  mount_at /m bind "$VOLUME" rbind rro
  run_bundle
  expect_status 125
  expect_match 'mounts\['
}

# ---------------------------------------------------------------- modes and copies

# bats test_tags=core
@test "fault 40: a tmpfs has the mode of the directory below it, unless told otherwise" {
  chmod 1777 "$BUNDLE/rootfs/tmp"
  mkdir -m 750 "$BUNDLE/rootfs/private"
  config '.root.readonly = false'
  mount_at /tmp tmpfs tmpfs
  mount_at /private tmpfs tmpfs size=64k
  mount_at /new tmpfs tmpfs
  mount_at /var tmpfs tmpfs mode=711
  command_is stat -c '%n %a' /tmp /private /new /var
  umask 077
  run_bundle
  expect_output '/tmp 1777
/private 750
/new 1777
/var 711'
}

# bats test_tags=core
@test "fault 41: the caller's umask changes nothing" {
  need root
  config '.root.readonly = false | .process.user.umask = 63 | .process.cwd = "/made/for/cwd" |
    .linux.devices = [{"path": "/dev/x", "type": "c", "major": 1, "minor": 5, "fileMode": 438}]'
  mkdir -m 775 "$BUNDLE/rootfs/data"
  install -m 664 /dev/null "$BUNDLE/rootfs/data/file"
  mount_at /data tmpfs tmpfs tmpcopyup
  mount_at /a/b/c tmpfs tmpfs
  shell 'umask; stat -c "%n %a" /dev/x /dev/null /data /data/file /a /a/b /made/for/cwd'
  umask 077
  run_bundle
  expect_output '0077
/dev/x 666
/dev/null 666
/data 775
/data/file 664
/a 755
/a/b 755
/made/for/cwd 755'
}

# bats test_tags=core,openat2
@test "tmpcopyup: contents, modes, owners, times, links of all sorts" {
  data=$BUNDLE/rootfs/data
  mkdir -p "$data/deep/er" "$data/empty"
  head -c 300000 /dev/urandom >"$data/deep/er/big"
  echo x >"$data/file"
  if is_root; then chown 5:6 "$data/file"; fi
  chmod 4750 "$data/file"
  chmod 700 "$data/empty"
  touch -d '2001-02-03 04:05:06' "$data/file"
  mkfifo "$data/fifo"
  # fault 50: a link has no mode that could be set
  ln -s /etc/passwd "$data/link"
  ln -s nowhere "$data/dangling"
  if is_root; then chown -h 7:8 "$data/link"; fi
  (cd "$data" && find . -exec stat -c '%n %a %F %s' {} + | grep -v ' directory ' | sort) >"$BATS_TEST_TMPDIR/want"
  mount_at /data tmpfs tmpfs tmpcopyup nodev
  shell 'cd /data && find . | while read f; do stat -c "%n %a %F %s" "$f"; done | grep -v " directory " | sort'
  run_bundle
  expect_status 0
  expect_output "$(cat "$BATS_TEST_TMPDIR/want")"
  shell 'cd /data && stat -c "%a %Y %u:%g" file; stat -c %u:%g link; stat -c %a empty; sha256sum deep/er/big
    echo changed >deep/er/big; touch new; mount | grep -c "/data type tmpfs"'
  run_bundle
  [[ ${lines[0]} =~ ^4750\ $(stat -c %Y "$data/file")\ $(is_root && echo 5:6) ]]
  [ "${lines[2]}" = 700 ]
  [ "${lines[3]%% *}" = "$(sha256sum "$data/deep/er/big" | cut -d' ' -f1)" ]
  [ "${lines[4]}" = 1 ]
  [ "$(stat -c %s "$data/deep/er/big")" = 300000 ] && [ ! -e "$data/new" ]
  # read-only comes after the copy
  config '.mounts |= map(if .destination == "/data" then .options += ["ro"] else . end)'
  shell 'stat -c %s /data/file; (touch /data/x) 2>&- || echo ro'
  run_bundle
  expect_output 2$'\n'ro
}

# ---------------------------------------------------------------- mapped ids

# A kernel or a file system may refuse; tmpfs takes part since 6.3.
need_idmap() {
  need root call:open_tree call:mount_setattr
}

# bats test_tags=core
@test "idmap: mappings of the mount's own, seen and written through" {
  need_idmap
  volume
  chown 100:200 "$VOLUME/file"
  config '.root.readonly = false | .process.capabilities |= (.bounding += ["CAP_CHOWN"] |
    .effective += ["CAP_CHOWN"] | .permitted += ["CAP_CHOWN"])'
  mount_at /data bind "$VOLUME" bind idmap
  config '.mounts[-1] += {uidMappings: [{containerID: 0, hostID: 1000, size: 1000}],
    gidMappings: [{containerID: 0, hostID: 2000, size: 1000}]}'
  shell 'stat -c %u:%g /data/file; (chown 1005:2006 /data/dir/file) && stat -c %u:%g /data/dir/file'
  run_bundle
  expect_status 0
  expect_output '1100:2200
1005:2006'
  [ "$(stat -c %u:%g "$VOLUME/dir/file")" = 5:6 ]
  # on a mount that is no bind mount, with one of two maps, without anything to map by
  mount_at /x tmpfs tmpfs idmap
  run_bundle
  expect_status 125
  config '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind", "idmap"],
    uidMappings: [{containerID: 0, hostID: 1000, size: 1000}]}'
  run_bundle
  expect_status 125
  expect_match 'mounts\[[0-9]+\].gidMappings'
  config '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind", "idmap"]}'
  run_bundle
  expect_status 125
  expect_match "mounts\[[0-9]+\].options.*'idmap' needs"
}

@test "ridmap maps what is mounted below as well, idmap does not" {
  need_idmap
  volume
  mount -t tmpfs tmpfs "$VOLUME/dir"
  touch "$VOLUME/dir/below"
  config '.root.readonly = false'
  for option in idmap ridmap; do
    mount_at /$option bind "$VOLUME" rbind $option
    config '.mounts[-1] += {uidMappings: [{containerID: 0, hostID: 1000, size: 1000}],
      gidMappings: [{containerID: 0, hostID: 1000, size: 1000}]}'
  done
  command_is stat -c '%n %u' /idmap/file /idmap/dir/below /ridmap/file /ridmap/dir/below
  run_bundle
  umount "$VOLUME/dir"
  [[ $output != *'Invalid argument'* ]] || skip 'this kernel maps no ids on tmpfs'
  expect_output '/idmap/file 1000
/idmap/dir/below 0
/ridmap/file 1000
/ridmap/dir/below 1000'
}

# bats test_tags=core
@test "idmap: by the container's user namespace" {
  need_idmap
  volume
  chmod 777 "$VOLUME"
  mkdir "$BUNDLE/rootfs/data" "$BUNDLE/rootfs/plain"
  config '.root.readonly = false'
  maps '[{"containerID": 0, "hostID": 100000, "size": 1000}]'
  mount_at /data bind "$VOLUME" bind idmap
  mount_at /plain bind "$VOLUME" bind
  shell 'stat -c %u /data/file /plain/file; touch /data/new; stat -c %u /data/new'
  run_bundle
  expect_status 0
  expect_output '0
65534
0'
  [ "$(stat -c %u "$VOLUME/new")" = 0 ]
}

# ---------------------------------------------------------------- propagation

# A shared mount on the host; PEER is its place.
shared_volume() {
  need root
  VOLUME=$BATS_TEST_TMPDIR/shared
  mkdir "$VOLUME"
  mount -t tmpfs tmpfs "$VOLUME"
  mount --make-shared "$VOLUME"
  mkdir "$VOLUME/sub" "$VOLUME/out"
}

# bats test_tags=core,open_tree,move_mount,mount_setattr
@test "fault 44: a slave mount shows what the host mounts later, a private one does not" {
  shared_volume
  config '.root.readonly = false'
  mount_at /slave bind "$VOLUME" rbind rslave
  mount_at /private bind "$VOLUME" rbind rprivate
  mount_at /default bind "$VOLUME" rbind
  # what is there already, by a container that is only created
  command_is sleep 1000
  created "$ID"
  mount -t tmpfs tmpfs "$VOLUME/sub"
  echo later >"$VOLUME/sub/file"
  ctr start "$ID"
  run -0 ctr exec "$ID" sh -c 'for d in slave private; do ls /$d/sub; done'
  expect_output file
  run -0 ctr exec "$ID" cat /proc/self/mountinfo
  expect_match ' /slave [^-]*master:'
  [[ $(grep ' /private ' <<<"$output") != *master:* ]]
  umount "$VOLUME/sub"
  run -0 ctr exec "$ID" ls /slave/sub
  expect_output ''
  ctr delete --force "$ID"
  umount "$VOLUME"
}

# bats test_tags=core
@test "a shared mount shows the host what the container mounts, others do not" {
  need call:open_tree
  shared_volume
  config '.root.readonly = false'
  mount_at /shared bind "$VOLUME" rbind rshared
  mount_at /slave bind "$VOLUME" rbind rslave
  config '.process.capabilities |= (.bounding += ["CAP_SYS_ADMIN"] | .effective += ["CAP_SYS_ADMIN"] |
    .permitted += ["CAP_SYS_ADMIN"])'
  shell 'mount -t tmpfs tmpfs /shared/out; echo visible >/shared/out/file; mount -t tmpfs tmpfs /slave/sub
    touch /slave/sub/secret; sleep 1000'
  detached "$ID"
  eventually test -e "$VOLUME/out/file"
  eventually ctr exec "$ID" ls /slave/sub/secret
  [ ! -e "$VOLUME/sub/secret" ]
  ctr delete --force "$ID"
  umount "$VOLUME/out" "$VOLUME"
}

# bats test_tags=core
@test "nothing but a propagation: what is mounted there gets it" {
  mount_at /t tmpfs tmpfs rslave
  mount_at /t - - rshared
  mount_at / - - rshared
  mountinfo
  expect_match ' /t [^ ]* shared:'
  expect_match ' / [^ ]* shared:'
}

# bats test_tags=core,open_tree,move_mount,mount_setattr
@test "fault 43: every propagation of the root, below a shared mount, with and without a pivot" {
  shared_volume
  mv "$BUNDLE/rootfs" "$VOLUME/rootfs"
  config --arg root "$VOLUME/rootfs" '.root.path = $root | .root.readonly = false |
    .process.capabilities |= (.bounding += ["CAP_SYS_ADMIN"] | .effective += ["CAP_SYS_ADMIN"] |
    .permitted += ["CAP_SYS_ADMIN"])'
  shell 'grep " / / \| /rootfs / " /proc/self/mountinfo; mkdir -p /inside; mount -t tmpfs tmpfs /inside && touch /inside/x'
  before=$(mounts)
  for propagation in "" private rprivate slave rslave shared rshared unbindable runbindable; do
    config --arg p "$propagation" 'if $p == "" then del(.linux.rootfsPropagation) else .linux.rootfsPropagation = $p end'
    for pivot in "" --no-pivot; do
      # shellcheck disable=SC2086
      run ctr run $pivot -b "$BUNDLE" "$ID"
      echo "$propagation $pivot"
      expect_status 0
      case $propagation in
        *shared) expect_match 'shared:' ;;
        *slave) expect_match 'master:' ;;
        *unbindable) expect_match 'unbindable' ;;
        *) refuse_match 'shared:|master:' ;;
      esac
      [ ! -e "$VOLUME/rootfs/inside/x" ]
      [ "$(mounts)" = "$before" ]
    done
  done
  config '.linux.rootfsPropagation = "bogus"'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'linux.rootfsPropagation.*bogus'
  mv "$VOLUME/rootfs" "$BUNDLE/"
  umount "$VOLUME"
}

@test "the host's mounts are left behind, also without pivot_root" {
  mkdir -p "$BUNDLE/rootfs/mnt"
  for pivot in "" --no-pivot; do
    command_is cat /proc/self/mountinfo
    # shellcheck disable=SC2086
    run -0 ctr run $pivot -b "$BUNDLE" "$ID"
    refuse_match "$BATS_TEST_TMPDIR [^-]* - tmpfs"
    shell 'ls /; ls -d /../bin/busybox'
    # shellcheck disable=SC2086
    run -0 ctr run $pivot -b "$BUNDLE" "$ID"
    refuse_match 'boot|usr'
  done
}

# ---------------------------------------------------------------- sysfs, the root

# bats test_tags=core
@test "fault 49: sysfs without a network namespace of one's own: the host's, and as read-only as asked" {
  need call:open_tree
  need root
  config '.linux.namespaces |= map(select(.type != "network"))'
  maps '[{"containerID": 0, "hostID": 100000, "size": 1000}]'
  mountinfo
  is_mounted /sys ro nosuid noexec nodev
  # what is mounted in it, too
  while read -r path; do
    is_mounted "$path" ro
  done < <(awk '$5 ~ "^/sys/" && $5 !~ "firmware" { print $5 }' <<<"$output")
  config '.mounts |= map(if .type == "sysfs" then .options -= ["ro"] else . end)'
  mountinfo
  is_mounted /sys rw nosuid
}

@test "the root: '.', a path of its own, one that is not there, one that is no directory" {
  command_is true
  (
    cd "$BUNDLE/rootfs"
    jq '.root.path = "."' ../config.json >config.json
    run -0 ctr run "$ID"
  )
  rm "$BUNDLE/rootfs/config.json"
  config --arg p "$BUNDLE/rootfs" '.root.path = $p'
  run_bundle
  expect_status 0
  config '.root.path = "rootfs/../rootfs/"'
  run_bundle
  expect_status 0
  for path in absent rootfs/etc/passwd ''; do
    config --arg p "$path" '.root.path = $p'
    run_bundle
    expect_status 125
    expect_match 'root.path'
  done
  config 'del(.root)'
  run_bundle
  expect_status 125
  expect_match 'root: .*(required|missing)'
}

@test "a root file system on tmpfs, and one with mounts below it" {
  need root
  mkdir "$BATS_TEST_TMPDIR/ram"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/ram"
  cp -a "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/ram/rootfs"
  mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/ram/rootfs/var"
  touch "$BATS_TEST_TMPDIR/ram/rootfs/var/below"
  config --arg p "$BATS_TEST_TMPDIR/ram/rootfs" '.root.path = $p'
  command_is ls /var
  for pivot in "" --no-pivot; do
    # shellcheck disable=SC2086
    run -0 ctr run $pivot -b "$BUNDLE" "$ID"
    expect_output below
  done
  umount "$BATS_TEST_TMPDIR/ram/rootfs/var" "$BATS_TEST_TMPDIR/ram"
}

@test "10,000 mounts are made, or refused, and go away" {
  need root
  volume
  config --arg v "$VOLUME/file" '.mounts += [range(10000) | {destination: "/mnt/\(.)", type: "bind",
    source: $v, options: ["bind", "ro"]}]'
  mkdir "$BUNDLE/rootfs/mnt"
  config '.mounts = .mounts[0:7] + [{destination: "/mnt", type: "tmpfs", source: "tmpfs"}] + .mounts[7:]'
  shell 'grep -c /mnt/ /proc/self/mountinfo; cat /mnt/9999'
  run_bundle
  expect_status 0
  expect_output 10000$'\n'content
}
