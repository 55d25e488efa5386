#!/usr/bin/env bats
# What a container must not be able to do to the host, and what is taken away from its
# process: descriptors, capabilities, system calls, devices, paths.

# shellcheck disable=SC2016,SC2030,SC2031 # scripts for the shell inside; sub-shells on purpose
load helper

all_caps() {
  config --argjson caps "$(jq -c .linux.capabilities <("$CTR" features))" \
    '.process.capabilities |= (.bounding = $caps | .effective = $caps | .permitted = $caps)'
}

# ---------------------------------------------------------------- the runtime itself

# CVE-2019-5736
# bats test_tags=core,memfd_create
@test "fault 1: nobody can write to what the container sees as the runtime" {
  need root
  sum=$(sha256sum "$CTR")
  command_is sleep 1000
  created "$ID"
  pid=$(pid_of "$ID")
  # as the host's root, who may do more than any container; the file is one that nothing
  # else is started from
  exe=$(readlink "/proc/$pid/exe")
  [ "$exe" != "$(realpath "$CTR")" ]
  [[ " ${WITHOUT:-} " == *" memfd_create "* || $exe == '/memfd:ctr-init (deleted)' ]]
  run sh -c "echo x >/proc/$pid/exe"
  [ "$status" -ne 0 ]
  # also by a descriptor that was opened for reading first
  run sh -c "exec 9</proc/$pid/exe; echo x >/proc/self/fd/9"
  [ "$status" -ne 0 ]
  ctr delete --force "$ID"

  # from within: catch each process that joins, by any means
  all_caps
  config '.root.readonly = false'
  shell 'echo ready
    while :; do
      for p in /proc/[2-9] /proc/[1-9][0-9]*; do
        case $(readlink $p/exe 2>&-) in *busybox|"") continue ;; esac
        echo "saw $(readlink $p/exe)"
        (echo x >$p/exe) 2>&- && echo WROTE
        (exec 9<$p/exe && echo x >/proc/self/fd/9) 2>&- && echo WROTE
      done
    done'
  detached "$ID"
  eventually grep -q ready "$OUT"
  for i in 1 2 3 4 5 6; do ctr exec "$ID" true; done
  ctr delete --force "$ID"
  [ "$(grep -c WROTE "$OUT")" = 0 ]
  [ "$(sha256sum "$CTR")" = "$sum" ]
}

@test "fault 1: /proc/self/exe as the process is not the runtime, either" {
  sum=$(sha256sum "$CTR")
  command_is /proc/self/exe
  run -127 ctr run -b "$BUNDLE" "$ID"
  printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/script"
  chmod +x "$BUNDLE/rootfs/bin/script"
  command_is /bin/script
  run -127 ctr run -b "$BUNDLE" "$ID"
  command_is sleep 1000
  detached "$ID"
  run -127 ctr exec "$ID" /proc/self/exe
  run -127 ctr exec "$ID" /bin/script
  ctr delete --force "$ID"
  [ "$(sha256sum "$CTR")" = "$sum" ]
}

# CVE-2024-21626
# bats test_tags=core
@test "fault 2: no descriptor of the host's serves as working directory" {
  echo secret >"$BATS_TEST_TMPDIR/secret"
  up=../../../../../../../../../..
  command_is sleep 1000
  detached "$ID"
  for n in {3..16}; do
    for base in /proc/self/fd /proc/1/fd /proc/thread-self/fd; do
      config --arg cwd "$base/$n" '.process.cwd = $cwd'
      command_is sh -c "cat $up$BATS_TEST_TMPDIR/secret /proc/self/cwd/$up$BATS_TEST_TMPDIR/secret"
      run ctr run -b "$BUNDLE" "$ID-2"
      [ "$status" -ne 0 ]
      refuse_match '^secret'
      [ "$base" = /proc/self/fd ] || break
      run ctr exec --cwd "$base/$n" "$ID" cat "$up$BATS_TEST_TMPDIR/secret"
      [ "$status" -ne 0 ]
      refuse_match '^secret'
    done
  done
  ctr delete --force "$ID"
}

# bats test_tags=core,close_range
@test "the process gets descriptors 0, 1, 2 and what is asked to be passed" {
  command_is probe fds
  exec 4<"$BUNDLE/config.json" 5<"$BUNDLE" 6</ 8<"$BUNDLE/config.json"
  output=$("$CTR" --root "$STATE" run -b "$BUNDLE" "$ID")
  expect_output '0 1 2 '
  # a terminal is no exception
  config '.process.terminal = true'
  run -0 "$PROBE" pty -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_match '^0 1 2 .?$'
  config '.process.terminal = false'
  output=$("$CTR" --root "$STATE" run --preserve-fds 3 -b "$BUNDLE" "$ID" 3<"$BUNDLE/config.json")
  expect_output '0 1 2 3 4 5 '
  command_is sleep 1000
  detached "$ID" 4<&- 5<&- 6<&- 8<&-
  output=$("$CTR" --root "$STATE" exec "$ID" probe fds)
  expect_output '0 1 2 '
  output=$("$CTR" --root "$STATE" exec --preserve-fds=2 "$ID" probe fds 3</dev/null)
  expect_output '0 1 2 3 4 '
  # what is passed is the same open file
  output=$(echo passed | "$CTR" --root "$STATE" exec --preserve-fds=1 "$ID" probe cat 3 3<&0)
  expect_output passed
  exec 4<&- 5<&- 6<&- 8<&-
  ctr delete --force "$ID"

  run "$CTR" --root "$STATE" run --preserve-fds 200 -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'preserve-fds.*not open'
}

# Who executes something in it and may trace there would find them.
@test "a container that waits for its start has nothing open of the caller's but what is passed" {
  local missing passed
  command_is true
  for missing in '' close_range; do
    # shellcheck disable=SC2086 # none or many words
    ${missing:+"$HIDE" $missing --} "$CTR" --root "$STATE" create --preserve-fds 1 -b "$BUNDLE" "$ID" \
      </dev/null >"$OUT" 2>&1 3<"$BUNDLE/config.json" 9<"$BUNDLE"
    passed=$(find "/proc/$(pid_of "$ID")/fd" -lname "$BUNDLE*" -printf '%f %l\n')
    [ "$passed" = "3 $BUNDLE/config.json" ] || {
      echo "$passed"
      return 1
    }
    ctr delete --force "$ID"
  done
}

# ---------------------------------------------------------------- links in the image

# CVE-2025-31133
# bats test_tags=core
@test "fault 4: a null device that is none is never used to mask" {
  need root
  config '.mounts |= map(select(.destination | startswith("/dev") | not)) |
    .linux.maskedPaths = ["/proc/uptime"] | .root.readonly = false'
  command_is true
  # in the image
  for what in 'ln -s /proc/sysrq-trigger' 'ln -s /etc/passwd' 'touch' 'mkdir' 'mkfifo'; do
    $what "$BUNDLE/rootfs/dev/null"
    run_bundle
    expect_status 125
    expect_match '/dev/null'
    rm -rf "$BUNDLE/rootfs/dev" && mkdir "$BUNDLE/rootfs/dev"
  done
  # in a directory that is bound, where nothing is made
  mkdir "$BATS_TEST_TMPDIR/dev"
  config --arg dev "$BATS_TEST_TMPDIR/dev" \
    '.mounts += [{"destination": "/dev", "type": "bind", "source": $dev, "options": ["rbind"]}]'
  for what in 'ln -s /proc/sysrq-trigger' touch; do
    $what "$BATS_TEST_TMPDIR/dev/null"
    run_bundle
    expect_status 125
    expect_match 'maskedPaths\[0\].*/dev/null'
    rm "$BATS_TEST_TMPDIR/dev/null"
  done
}

# CVE-2025-52565
@test "fault 5: the console is bound on no link, and comes from no link" {
  config '.mounts |= map(select(.destination | startswith("/dev") | not)) |
    .process.terminal = true | .root.readonly = false'
  mkdir "$BUNDLE/rootfs/dev/pts"
  command_is sh -c 'cat /etc/passwd | wc -l'
  # no devpts at all
  run "$PROBE" pty -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  # a ptmx that is something else
  ln -s /etc/passwd "$BUNDLE/rootfs/dev/pts/ptmx"
  run "$PROBE" pty -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  rm "$BUNDLE/rootfs/dev/pts/ptmx"
  # a console that leads elsewhere
  config '.mounts += [{"destination": "/dev/pts", "type": "devpts", "source": "devpts",
    "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}]'
  ln -s ../etc/passwd "$BUNDLE/rootfs/dev/console"
  run "$PROBE" pty -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match '/dev/console'
  [ "$(wc -l <"$BUNDLE/rootfs/etc/passwd")" = 2 ]
}

# CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642
# bats test_tags=core
@test "fault 7: nothing is mounted in the place of /proc or inside of it" {
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  mkdir "$BATS_TEST_TMPDIR/volume"
  for place in /proc /proc/sys /proc/self /proc/self/attr /proc/1/../sys //proc/./sysrq-trigger \
    /tmp/../proc/kcore; do
    jq --arg d "$place" '.mounts += [{"destination": $d, "type": "tmpfs", "source": "tmpfs"}]' \
      "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
    run_bundle
    expect_status 125
    expect_match "mounts\[$(jq '.mounts | length - 1' "$BUNDLE/config.json")\]"
    jq --arg d "$place" --arg s "$BATS_TEST_TMPDIR/volume" \
      '.mounts += [{"destination": $d, "type": "bind", "source": $s, "options": ["bind"]}]' \
      "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
    run_bundle
    expect_status 125
  done

  # by a link
  ln -s /proc "$BUNDLE/rootfs/link"
  jq '.mounts += [{"destination": "/link/sys", "type": "tmpfs", "source": "tmpfs"}]' \
    "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run_bundle
  expect_status 125
  expect_match 'mounts\[[0-9]+\].*/link/sys'

  # files that lxcfs stands in for are fine
  need root
  echo fake >"$BATS_TEST_TMPDIR/uptime"
  jq --arg s "$BATS_TEST_TMPDIR/uptime" '.process.args = ["cat", "/proc/uptime"] |
    .mounts += [{"destination": "/proc/uptime", "type": "bind", "source": $s, "options": ["bind"]}]' \
    "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
  run_bundle
  expect_status 0
  expect_output fake
}

# bats test_tags=core,openat2
@test "fault 8: /proc and /sys that are links in the image" {
  mkdir -p "$BUNDLE/rootfs/evil/self/attr"
  config '.mounts = [{"destination": "/evil", "type": "tmpfs", "source": "tmpfs"}] + .mounts'
  command_is true
  for name in proc sys; do
    rmdir "$BUNDLE/rootfs/$name"
    for target in /evil evil ../evil /tmp; do
      ln -s $target "$BUNDLE/rootfs/$name"
      run_bundle
      expect_status 125
      expect_match "/$name.*must be mounted on ordinary directory"
      rm "$BUNDLE/rootfs/$name"
    done
    mkdir "$BUNDLE/rootfs/$name"
  done
  run_bundle
  expect_status 0
}

# CVE-2024-45310 and its like
# bats test_tags=core,openat2,move_mount
@test "fault 13: links in the image lead nothing out of the root" {
  host=$BATS_TEST_TMPDIR/host
  mkdir "$host" "$BATS_TEST_TMPDIR/volume"
  echo volume >"$BATS_TEST_TMPDIR/volume/file"
  ln -s "$host" "$BUNDLE/rootfs/absolute"
  ln -s "../../../../../../../../..$host" "$BUNDLE/rootfs/tmp/relative"
  ln -s /proc/self/root/../../.. "$BUNDLE/rootfs/magic"
  config --arg volume "$BATS_TEST_TMPDIR/volume" --arg host "$host" '.root.readonly = false |
    .process.cwd = "/absolute/cwd/made" | .mounts += [
      {"destination": "/absolute/a/b", "type": "bind", "source": $volume, "options": ["bind"]},
      {"destination": "/tmp/relative/c/d", "type": "tmpfs", "source": "tmpfs"},
      {"destination": "/absolute/file", "type": "bind", "source": ($volume + "/file"), "options": ["bind"]},
      {"destination": "/tmp/../../../../../../..\($host)/up", "type": "tmpfs", "source": "tmpfs"}]'
  command_is sh -c "cd $host && cat a/b/file file && ls -d c/d up && pwd"
  run_bundle
  expect_status 0
  [ "${lines[0]}" = volume ] && [ "${lines[1]}" = volume ] && [ "${lines[2]}" = c/d ]
  [ -z "$(ls -A "$host")" ]
  # they were made in the image, where they belong
  [ -d "$BUNDLE/rootfs$host/a/b" ] && [ -f "$BUNDLE/rootfs$host/file" ]

  config '.process.cwd = "/" | .mounts |= map(select(.destination | startswith("/absolute") | not))
    | .mounts += [{"destination": "/magic/x", "type": "tmpfs", "source": "tmpfs"}]'
  run_bundle
  [ ! -e /x ]
}

# CVE-2026-41579, CVE-2026-47766
# bats test_tags=core,openat2
@test "fault 14: a /dev that is a link is not followed" {
  host=$BATS_TEST_TMPDIR/host
  mkdir "$host"
  rmdir "$BUNDLE/rootfs/dev"
  ln -s "$host" "$BUNDLE/rootfs/dev"
  mkdir -p "$BUNDLE/rootfs$host"
  config --arg host "$host" '.root.readonly = false |
    .mounts |= map(select(.destination | startswith("/dev") | not)) |
    .mounts += [{"destination": $host, "type": "bind", "source": $host, "options": ["bind"]}]'
  command_is true
  run_bundle
  expect_status 125
  expect_match '/dev'
  [ -z "$(ls -A "$host")" ]
}

# ---------------------------------------------------------------- paths

# bats test_tags=core
@test "masked paths are empty, read-only paths cannot be written, absent ones do not matter" {
  mkdir -p "$BUNDLE/rootfs/secret/deep" "$BUNDLE/rootfs/fixed/deep"
  echo hidden | tee "$BUNDLE/rootfs/secret/file" >"$BUNDLE/rootfs/hidden"
  echo fixed | tee "$BUNDLE/rootfs/fixed/file" >"$BUNDLE/rootfs/stays"
  ln -s secret "$BUNDLE/rootfs/link"
  config '.root.readonly = false |
    .linux.maskedPaths += ["/secret", "/hidden", "/absent", "/etc/passwd/absent", "/link"] |
    .linux.readonlyPaths += ["/fixed", "/stays", "/absent", "/etc/group/absent"]'
  shell 'echo "masked: $(ls -A /secret) $(ls -A /link/) $(cat /hidden)"
    echo x >/hidden; cat /hidden
    (echo x >/secret/x) 2>&- || echo masked directories stay empty
    (echo x >/fixed/file) 2>&- || (touch /fixed/deep/x) 2>&- || (rm -r /fixed/deep) 2>&- ||
      (echo x >/stays) 2>&- || cat /fixed/file /stays
    echo x >/writable && echo the rest can be written'
  run_bundle
  expect_status 0
  expect_output 'masked:   
masked directories stay empty
fixed
fixed
the rest can be written'
  # those of the default document
  shell 'head -c1 /proc/kcore 2>&- | wc -c; (echo 1 >/proc/sysrq-trigger) 2>&- || echo refused
    ls -A /proc/acpi /proc/scsi /sys/firmware 2>&- | grep -v : | wc -w
    (echo 0 >/proc/sys/kernel/panic) 2>&- || echo refused'
  run_bundle
  expect_output '0
refused
0
refused'
}

@test "root.readonly holds, for all but what is mounted on it" {
  config '.root.readonly = true'
  shell '(touch /x) 2>&- || echo refused; touch /dev/shm/x && echo there; mount | grep " / "'
  run_bundle
  [ "${lines[0]}" = refused ] && [ "${lines[1]}" = there ]
  [[ ${lines[2]} =~ \(ro, ]]
  [ ! -e "$BUNDLE/rootfs/x" ]
}

# ---------------------------------------------------------------- capabilities

cap_sets() { sed -n 's/^Cap\(...\):\t/\1 /p'; }

# bats test_tags=core
@test "capabilities: five sets, each as configured" {
  config '.process.capabilities = {
    "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID"],
    "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], "effective": ["CAP_CHOWN"],
    "inheritable": ["CAP_KILL", "CAP_SETUID"], "ambient": ["CAP_KILL"]} |
    .process.noNewPrivileges = true'
  command_is cat /proc/self/status
  output=$(ctr run -b "$BUNDLE" "$ID" | cap_sets)
  # execve gives root what is permitted; 0 CHOWN, 5 KILL, 7 SETUID, 13 NET_RAW
  [[ $output == *'Inh 00000000000000a0'* && $output == *'Bnd 00000000000020a1'* ]]
  [[ $output == *'Amb 0000000000000020'* ]]
  is_root || return 0

  # another user keeps what is ambient
  config '.process.user = {"uid": 1000, "gid": 1000}'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match $'CapPrm:\t0000000000000020'
  expect_match $'CapEff:\t0000000000000020'
  expect_match $'NoNewPrivs:\t1'

  # none asked for: none, the bounding set included
  config 'del(.process.capabilities) | .process.noNewPrivileges = false |
    .process.user = {"uid": 0, "gid": 0}'
  run -0 ctr run -b "$BUNDLE" "$ID"
  for set in Inh Prm Eff Bnd Amb; do expect_match "Cap$set:"$'\t'0000000000000000; done
  expect_match $'NoNewPrivs:\t0'
}

# bats test_tags=core
@test "fault 28: capabilities that do not exist or cannot be had are a warning" {
  config '.process.capabilities.bounding += ["CAP_BOGUS", "chown"] |
    .process.capabilities.ambient = ["CAP_CHOWN"]'
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output ''
  run -0 ctr --log-level warning run -b "$BUNDLE" "$ID"
  expect_match "warning: .*process.capabilities.bounding.*CAP_BOGUS"
  expect_match "warning: .*process.capabilities.ambient: cannot grant CAP_CHOWN"
  jq -e '.process.capabilities.bounding | index("CAP_BOGUS")' "$BUNDLE/config.json"
  run -0 ctr lint "$BUNDLE"
  expect_match CAP_BOGUS
}

# CVE-2022-24769, CVE-2022-29162, CVE-2022-27650
# bats test_tags=core
@test "fault 11: exec --cap adds to three sets, to ambient only what is inheritable" {
  config '.process.capabilities |= (.inheritable = [] | .ambient = [])'
  command_is sleep 1000
  detached "$ID"
  output=$(ctr exec --cap CAP_NET_RAW "$ID" cat /proc/self/status | cap_sets)
  [[ $output == *'Inh 0000000000000000'* && $output == *'Amb 0000000000000000'* ]]
  expect_match 'Prm 000000002000242[0-9]'
  expect_match 'Bnd 000000002000242[0-9]'
  run ctr exec --cap CAP_BOGUS "$ID" true
  expect_status 255
  expect_match "CAP_BOGUS"
  ctr delete --force "$ID"

  config '.process.capabilities |= (.inheritable = ["CAP_NET_RAW"] | .bounding += ["CAP_NET_RAW"])'
  detached "$ID"
  output=$(ctr exec --cap CAP_NET_RAW "$ID" cat /proc/self/status | cap_sets)
  [[ $output == *'Inh 0000000000002000'* && $output == *'Amb 0000000000002000'* ]]
  ctr delete --force "$ID"
}

# ---------------------------------------------------------------- seccomp

# seccomp DEFAULT RULES - a profile: rules as jq's, the default action as it is called
seccomp() {
  config --arg default "$1" ".linux.seccomp = {\"defaultAction\": \$default,
    \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_AARCH64\"], \"syscalls\": [$2]}"
}

# bats test_tags=core
@test "seccomp: actions and their errors" {
  seccomp SCMP_ACT_ALLOW '
    {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"},
    {"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
    {"names": ["sync"], "action": "SCMP_ACT_KILL_PROCESS"},
    {"names": ["umount2"], "action": "SCMP_ACT_TRAP"},
    {"names": ["unshare"], "action": "SCMP_ACT_KILL_THREAD"},
    {"names": ["getpriority"], "action": "SCMP_ACT_LOG"},
    {"names": ["add_key"], "action": "SCMP_ACT_TRACE", "errnoRet": 7}'
  config '.process.args = ["sh", "-c", "for c in sethostname chroot add_key; do
      probe call $c s:/ 1; done; probe call getpriority 0 0; probe call mkdirat -100 s:/x 0; [ ! -e /x ] && echo not made
      grep Seccomp: /proc/self/status"] | .root.readonly = false'
  run -0 ctr run -b "$BUNDLE" "$ID"
  # getpriority(2) gives 20 - nice
  expect_output "EPERM
ENOSYS
ENOSYS
$((20 - $(nice)))
0
not made
Seccomp:	2"
  for call in sync umount2 unshare; do
    command_is probe call $call 0
    run -159 ctr run -b "$BUNDLE" "$ID"
  done
  # with no_new_privs the filter comes later, and has the same effect
  config '.process.noNewPrivileges = true'
  run -159 ctr run -b "$BUNDLE" "$ID"
}

# bats test_tags=core
@test "seccomp: a profile of what is allowed, with arguments" {
  # what a static program needs, and its parts of interest
  seccomp SCMP_ACT_ERRNO '
    {"names": ["execve", "brk", "mmap", "mprotect", "munmap", "read", "write", "exit_group",
      "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink",
      "readlinkat", "getrandom", "newfstatat", "fstat", "futex", "uname", "ioctl", "close",
      "prctl", "fcntl", "getcwd", "chdir", "capset", "setresuid", "setresgid", "setgroups",
      "faccessat2", "faccessat", "recvmsg", "sendmsg", "umask", "openat2", "openat", "accept4",
      "close_range", "getdents64"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 4294967295, "op": "SCMP_CMP_EQ"}]},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
    {"names": ["kill"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},
    {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}, {"index": 0, "value": 1, "op": "SCMP_CMP_NE"}]},
    {"names": ["getpriority"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 2, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"},
              {"index": 1, "value": 4294967296, "op": "SCMP_CMP_GE"}]},
    {"names": ["setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13,
     "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_LT"}]}'
  command_is sleep 1000
  check() { # RESULT CALL ARGUMENT...
    local want=$1
    shift
    command_is probe call "$@"
    run -0 ctr run -b "$BUNDLE" "$ID"
    expect_output "$want"
  }
  check 0 personality 0xffffffff
  check EPERM personality 7
  check 0 kill 1 0
  check EPERM kill 1 1
  check EPERM kill 2 0
  check EACCES setns 4 0
  check EPERM setns 5 0
  check EPERM getpriority 0 0
  check EINVAL getpriority 4 4294967296
  check EPERM getpriority 4 4294967295
  check EPERM getpriority 2 4294967296
}

# bats test_tags=core
@test "fault 109: calls that are newer than the profile do not exist" {
  seccomp SCMP_ACT_ERRNO '{"names": ["read", "write", "execve", "exit_group", "brk", "mmap",
    "mprotect", "munmap", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
    "prlimit64", "readlink", "readlinkat", "getrandom", "newfstatat", "fstat", "futex", "close",
    "prctl", "fcntl", "chdir", "capset", "setresuid", "setresgid", "setgroups", "getcwd",
    "faccessat2", "recvmsg", "sendmsg", "umask", "openat2", "openat", "ioctl", "uname",
    "close_range", "getdents64"], "action": "SCMP_ACT_ALLOW"}'
  # 440 process_madvise, 448 process_mrelease, far beyond, and an old one that is refused
  for call in 448 460 468 2000; do
    command_is probe call $call
    run -0 ctr run -b "$BUNDLE" "$ID"
    expect_output ENOSYS
  done
  command_is probe call chroot s:/
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output EPERM
}

# bats test_tags=core
@test "fault 110: names of calls that nobody knows are skipped" {
  seccomp SCMP_ACT_ALLOW '{"names": ["bogus_call", "sethostname", "another_one"],
    "action": "SCMP_ACT_ERRNO", "errnoRet": 5}'
  command_is probe call sethostname s:x 1
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output EIO
}

# bats test_tags=core,pidfd_open
@test "fault 112: the listener of a profile is sent, also when it watches what sends it" {
  need call:pidfd_open
  socket=$BATS_TEST_TMPDIR/$(printf 'a-long-name-%.0s' {1..12})/listener
  mkdir "${socket%/*}"
  seccomp SCMP_ACT_ALLOW '{"names": ["sendmsg", "close", "sethostname"], "action": "SCMP_ACT_NOTIFY"}'
  config --arg socket "$socket" '.linux.seccomp.listenerPath = $socket |
    .linux.seccomp.listenerMetadata = "some text"'
  for nnp in false true; do
    config ".process.noNewPrivileges = $nnp"
    "$PROBE" listener "$socket" 107 >"$BATS_TEST_TMPDIR/heard" 3>&- &
    peer=$!
    eventually test -S "$socket"
    command_is probe call sethostname s:x 1
    run -0 ctr run -b "$BUNDLE" "$ID"
    expect_output ENOTCONN
    ended $peer
    head -n1 "$BATS_TEST_TMPDIR/heard" | jq -e --arg id "$ID" '.fds == ["seccompFd"] and
      .ociVersion == "1.3.0" and .pid > 1 and .metadata == "some text" and .state.id == $id and
      .state.status == "creating" and .state.pid == .pid and (.state.bundle | startswith("/"))'
    grep -q '^call' "$BATS_TEST_TMPDIR/heard"
    rm "$socket"
  done

  # one that nobody listens to
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match "linux.seccomp.listenerPath.*$socket"
  # a profile that ends who has loaded it: not the listener is what is missing
  seccomp SCMP_ACT_KILL_PROCESS '{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}'
  config --arg socket "$socket" '.linux.seccomp.listenerPath = $socket'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  # (taken before the end came, it is one that nobody listens to)
  expect_match 'killed by signal 31 while it set up the container|linux.seccomp.listenerPath: cannot connect'
  # before Linux 6.9 who has ended has no such descriptor (EBADF), which is no reason to wait for it
  run "$HIDE" pidfd_getfd=9 -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'killed by signal 31 while it set up the container'
  # what would block the runtime itself
  seccomp SCMP_ACT_ALLOW '{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match "linux.seccomp.syscalls\[0\]"
}

# bats test_tags=core
@test "fault 113: the personality is set although the filter forbids it" {
  seccomp SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
  config '.linux.personality = {"domain": "LINUX32"}'
  shell 'uname -m; probe call personality 0'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" != "$(uname -m)" ]
  [ "${lines[1]}" = EPERM ]
}

@test "exec runs under the container's filter" {
  seccomp SCMP_ACT_ALLOW '{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}'
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec "$ID" probe call sethostname s:x 1
  expect_output EIO
  ctr delete --force "$ID"
}

# ---------------------------------------------------------------- devices

# bats test_tags=core
@test "devices: the default ones work, nodes that are made in the container do not open" {
  need root own-cgroup
  config '.process.capabilities |= (.bounding += ["CAP_MKNOD"] | .effective += ["CAP_MKNOD"] |
    .permitted += ["CAP_MKNOD"]) | .linux.resources.devices = [{"allow": false, "access": "rwm"}]'
  shell 'for d in null zero full random urandom tty; do stat -c "%n %t:%T %a" /dev/$d; done
    head -c3 /dev/zero | wc -c; echo x >/dev/null
    mknod /dev/kmsg c 1 11 && mknod /dev/disk b 254 0 && echo made
    (exec 3</dev/kmsg) 2>&1 | grep -o "not permitted"
    (exec 3</dev/disk) 2>&1 | grep -o "not permitted"'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output '/dev/null 1:3 666
/dev/zero 1:5 666
/dev/full 1:7 666
/dev/random 1:8 666
/dev/urandom 1:9 666
/dev/tty 5:0 666
3
made
not permitted
not permitted'
  # a rule lets one in, for reading
  config '.linux.resources.devices += [{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]'
  shell 'mknod /dev/kmsg c 1 11; (exec 3</dev/kmsg) && echo read; (exec 3>/dev/kmsg) || echo no more'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = read ] && [ "${lines[-1]}" = 'no more' ]
  # and exec is under the same rules
  command_is sleep 1000
  detached "$ID"
  run -1 ctr exec --cap CAP_MKNOD "$ID" sh -c 'mknod /dev/disk b 254 0; (exec 3</dev/disk) 2>&1'
  expect_match 'not permitted'
  ctr delete --force "$ID"
}

@test "devices: a filter that is too long for the kernel is named" {
  need root strace cgroup2
  run strace -qq -o /dev/null -e trace=bpf -e inject=bpf:error=E2BIG \
    "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.resources.devices: the rules are more than the kernel verifies \([0-9]+ instructions\)'
}

@test "linux.devices: made with their mode and owner, anything else in the place is an error" {
  need root
  config '.root.readonly = false | .linux.devices = [
    {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 432, "uid": 7, "gid": 8},
    {"path": "/dev/sub/loop0", "type": "b", "major": 7, "minor": 0},
    {"path": "/fifo", "type": "p", "fileMode": 384},
    {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 438}]'
  umask 077
  shell 'stat -c "%n %F %t:%T %a %u:%g" /dev/fuse /dev/sub/loop0 /fifo /dev/null'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [[ ${lines[0]} == '/dev/fuse character special file a:e5 660 7:8' ]]
  [[ ${lines[1]} =~ ^/dev/sub/loop0\ block\ special\ file\ 7:0 ]]
  [[ ${lines[2]} =~ ^/fifo\ fifo\ .*600\ 0:0 ]]
  [[ ${lines[3]} == '/dev/null character special file 1:3 666 0:0' ]]
  # a second time the fifo is there already
  run -0 ctr run -b "$BUNDLE" "$ID"
  config '.linux.devices = [{"path": "/etc/passwd", "type": "c", "major": 1, "minor": 3}]'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "linux.devices\[0\].*/etc/passwd"
  [ "$(wc -l <"$BUNDLE/rootfs/etc/passwd")" = 2 ]
}

@test "linux.devices in a user namespace: the host's node, if it is that device" {
  need root
  [ -c /dev/fuse ] || skip 'needs /dev/fuse on the host'
  config '.root.readonly = false | .linux.namespaces += [{"type": "user"}] |
    .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
    .linux.gidMappings = .linux.uidMappings |
    .linux.devices = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 384}]'
  chmod 755 "$BATS_TEST_TMPDIR"
  shell 'stat -c "%n %F %t:%T" /dev/fuse /dev/null'
  run -0 ctr --log-level warning run -b "$BUNDLE" "$ID"
  expect_match '/dev/fuse character special file a:e5'
  expect_match '/dev/null character special file 1:3'
  expect_match "linux.devices\[0\]: '/dev/fuse' is the host's in a user namespace"
  for path in /etc/hostname /dev/zero /no/such/device; do
    config --arg p $path '.linux.devices[0] |= {path: $p, type: "c", major: 1, minor: 7}'
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match "linux.devices\[0\]: cannot create device '$path'"
    [ ! -e "$BUNDLE/rootfs/etc/hostname" ]
  done
}

# ---------------------------------------------------------------- sysctl

# bats test_tags=core
# Every mixture of the flags that exec lays over the process, with a document that has both labels.
@test "fault 79: exec with labels from flags and from a document" {
  need root
  command_is sleep 1000
  detached "$ID"
  local document=$BATS_TEST_TMPDIR/process.json apparmor selinux from rest wanted
  jq '.process | .args = ["true"]' "$BUNDLE/config.json" >"$document.none"
  jq '.apparmorProfile = "of-document" | .selinuxLabel = "of:the:document:s0"' "$document.none" \
    >"$document.both"
  for from in none both; do
    for apparmor in '' --apparmor=of-flag --apparmor=; do
      for selinux in '' --process-label=of:the:flag:s0; do
        for rest in '' '--no-new-privs --cap CAP_KILL --env A=1 --user 5:6 --cwd /tmp --tty=false'; do
          wanted=255
          [ "$from$apparmor$selinux" != none ] && [ "$from$apparmor$selinux" != none--apparmor= ] || wanted=0
          # shellcheck disable=SC2086 # none or many words
          run ctr exec $apparmor $selinux $rest --process "$document.$from" "$ID"
          expect_status $wanted
          [ "$status" -eq 0 ] || expect_match '(AppArmor|SELinux) is not enabled|process.(apparmorProfile|selinuxLabel)'
        done
      done
    done
  done
  ctr delete --force "$ID"
}

@test "fault 115: a profile whose name begins with unconfined is one" {
  need root
  command_is echo well
  config '.process.apparmorProfile = "unconfined"'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output well
  config '.process.apparmorProfile = "unconfined_web"'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "process.apparmorProfile: .*unconfined_web'"
}

@test "fault 116: a host without keys for us is a warning" {
  need root
  command_is echo well
  run -0 --separate-stderr "$HIDE" keyctl -- \
    "$CTR" --root "$STATE" --log-level warning run -b "$BUNDLE" "$ID"
  expect_output well
  # shellcheck disable=SC2154 # bats sets it
  [[ $stderr == *"cannot join session keyring '_ses.$ID': Function not implemented"* ]]
}

@test "fault 61: sysctls of the host are refused, with the reason" {
  need root
  command_is true
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  while IFS=@ read -r filter reason; do
    jq "$filter" "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
    echo "$filter"
    run ctr run -b "$BUNDLE" "$ID"
    expect_status 125
    expect_match 'linux.sysctl'
    expect_match "$reason"
  done <<'REFUSED'
.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))@network namespace
.linux.sysctl = {"kernel.shmmax": "1"} | .linux.namespaces |= map(select(.type != "ipc"))@ipc namespace
.linux.sysctl = {"vm.swappiness": "1"}@host
.linux.sysctl = {"kernel.panic": "1"}@host
.linux.sysctl = {"kernel.hostname": "x"}@hostname
.linux.sysctl = {"user.max_user_namespaces": "1"}@user namespace
.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/net" else . end)@host
.linux.sysctl = {"fs.mqueue.../../vm/swappiness": "1"}@
.linux.sysctl = {"net.../vm.swappiness": "1"}@
REFUSED
}

# bats test_tags=core
@test "fault 62: sysctls by dots and by slashes, of every namespace" {
  need root
  config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/conf/lo/forwarding": "0",
    "kernel.domainname": "from.sysctl", "kernel.msgmax": "9000", "fs.mqueue.msg_max": "20",
    "net.ipv4.conf.lo.rp_filter": "2"}'
  before=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)
  shell 'cd /proc/sys && cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/domainname \
    kernel/msgmax fs/mqueue/msg_max net/ipv4/conf/lo/rp_filter'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output '1
0
from.sysctl
9000
20
2'
  [ "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)" = "$before" ]
  config '.linux.sysctl = {"net.ipv4.no_such": "1"}'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "linux.sysctl.*net/ipv4/no_such.*No such file"
}
