#!/usr/bin/env bats
# The process: terminal, signals, working directory, environment, ids, limits; exec's flags.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper

# bats test_tags=core
@test "fault 65: every byte of a terminal arrives, at its end as well" {
  config '.process.terminal = true'
  shell 'stty -opost; probe flood 307200'
  run -0 sh -c '"$0" pty -- "$@" | wc -c' "$PROBE" "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_output 307200
}

@test "fault 64: a reader that takes nothing does not keep signals from the process" {
  config '.process.terminal = true'
  config '.root.readonly = false'
  shell 'trap "exit 5" TERM; stty -opost; probe flood 100000 & touch /begun; while :; do sleep 0.05; done'
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  exec 7<>"$BATS_TEST_TMPDIR/pipe"
  "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/pipe" 2>"$OUT" 3>&- 7>&- &
  PID=$!
  eventually test -e "$BUNDLE/rootfs/begun"
  sleep 0.5
  kill -TERM "$PID"
  ended "$PID"
  expect_status 5
  exec 7>&-
}

# bats test_tags=core
@test "fault 25: a console socket at a long path; fault 68: run's terminal is root's" {
  socket=$BATS_TEST_TMPDIR/$(printf 'a-long-name-%.0s' {1..12})/console
  mkdir "${socket%/*}"
  config '.process.terminal = true | .process.consoleSize = {height: 33, width: 77}'
  shell 'stty size; stat -c "%u %a" "$(tty)"'
  "$PROBE" console "$socket" >"$OUT" 3>&- &
  peer=$!
  eventually test -S "$socket"
  "$CTR" --root "$STATE" create --console-socket "$socket" -b "$BUNDLE" "$ID" </dev/null 3>&-
  ctr start "$ID"
  ended "$peer"
  grep -q '33 77' "$OUT" && grep -q '0 620' "$OUT"
  ctr delete --force "$ID"
}

# bats test_tags=core
@test "fault 68: the terminal of exec is its user's, whoever that is" {
  need root
  command_is sleep 1000
  detached "$ID"
  for user in 0 1000 4000000000:7; do
    run -0 "$PROBE" pty -- "$CTR" --root "$STATE" exec -t -u $user "$ID" \
      sh -c 'stat -c "%u %a" "$(tty)"; : <>"$(tty)"'
    expect_output "${user%:*} 620"$'\r'
  done
  ctr delete --force "$ID"
}

# bats test_tags=core
@test "fault 70: ignored and blocked signals are not inherited" {
  command_is grep -E 'Sig(Blk|Ign)' /proc/self/status
  run -0 "$PROBE" ignore 1 13 17 -- "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  [[ ${lines[0]} == *0000000000000000 ]] && [[ ${lines[1]} == *0000000000000000 ]]
}

# bats test_tags=core
@test "fault 71: a working directory of the user's alone, and one of root's alone" {
  need root
  mkdir -m 700 "$BUNDLE/rootfs/theirs" "$BUNDLE/rootfs/ours"
  chown 1000:1000 "$BUNDLE/rootfs/theirs"
  config '.process.user = {uid: 1000, gid: 1000}'
  command_is probe call getcwd b:100 100
  for cwd in /theirs /ours; do
    config --arg c $cwd '.process.cwd = $c'
    run -0 ctr run -b "$BUNDLE" "$ID"
  done
}

# bats test_tags=core
@test "fault 73: HOME is the user's, or /" {
  need root
  shell 'echo "$HOME"'
  for env in '[]' '["HOME="]'; do
    config --argjson e "$env" '.process.env = ["PATH=/bin"] + $e | .process.user = {uid: 1000, gid: 1000}'
    run -0 ctr run -b "$BUNDLE" "$ID"
    expect_output /home/user
  done
  config '.process.user.uid = 12345'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output /
  rm "$BUNDLE/rootfs/etc/passwd"
  mkfifo "$BUNDLE/rootfs/etc/passwd"
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output /
}

@test "fault 73: no /etc/passwd is read without end" {
  need root
  shell 'echo "$HOME"'
  config '.process.env = ["PATH=/bin"] | .process.user.uid = 12345'
  # a line without end, then far too many lines, then none at all
  truncate -s 1T "$BUNDLE/rootfs/etc/passwd"
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output /
  yes user:x:1000:1000:user:/home/user:/bin/sh | head -c 20M >"$BUNDLE/rootfs/etc/passwd"
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output /
  rm "$BUNDLE/rootfs/etc/passwd"
  ln -s /dev/zero "$BUNDLE/rootfs/etc/passwd"
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output /
}

# bats test_tags=core
@test "a caller in two thousand groups" {
  need root python3
  shell 'id -G'
  in_groups() {
    python3 -c 'import os, sys; os.setgroups(range(10000, 12000)); os.execvp(sys.argv[1], sys.argv[1:])' "$@"
  }
  run -0 in_groups timeout "$CTR_TIMEOUT" "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  refuse_match 11999
}

@test "fault 74: additional groups are those asked for, and none is inherited" {
  need root
  config '.process.user.additionalGids = [10, 20]'
  command_is grep Groups: /proc/self/status
  run -0 ctr run -b "$BUNDLE" "$ID"
  [[ $output =~ Groups:.10\ 20 ]]
  config 'del(.process.user.additionalGids)'
  run -0 setpriv --groups 5,6 "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  [[ ! $output =~ [56] ]]
}

# bats test_tags=core
@test "fault 16: of exec --user nothing becomes 0 by mistake" {
  need root
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec -u 1 "$ID" id -u
  expect_output 1
  run -0 ctr exec -u 1:2 "$ID" id -g
  expect_output 2
  for user in 1: :1 nobody-here root: 4294967295 4294967296 -1 '' 1:2:3 1x; do
    run -255 ctr exec --user="$user" "$ID" id -u
    refuse_match '^0'
  done
  ctr delete --force "$ID"
}

# ids USER ARGUMENT... - uid, gid and all groups of a process that is executed as that
ids() {
  local user=$1
  shift
  run ctr exec -u "$user" "$@" "$ID" sh -c 'exec 2>/dev/null; echo $(id -u) $(id -g) $(sed -n "s/^Groups://p" /proc/self/status)'
}

# bats test_tags=core
@test "exec --user: names are those of the container, with their groups" {
  need root call:openat2
  local etc=$BUNDLE/rootfs/etc
  printf '%s\n' '' '#' lost:x ':x:7:7' root:x:0:0:root:/root:/bin/sh web:x:33:34::/: web:x:5:5::/: \
    'bad:x:one:1::/:' 'gone:x:4294967295:1::/:' 'long:x:11111111111111111:1' last:x:44:45 >"$etc/passwd"
  truncate -s -1 "$etc/passwd"
  printf '%s\n' 'root:x:0:' ':x:9:web' 'audio:x:63:web,other' 'odd:x:-1:web' 'video:x:64:other,web' 'no:x:65:webs,we' \
    'short:x' >"$etc/group"
  config '.process.user.additionalGids = [8]'
  command_is sleep 1000
  detached "$ID"
  ids web && expect_output '33 34 9 63 64'
  ids web -g 7 && expect_output '33 34 7 8'
  ids web:audio && expect_output '33 63 8'
  ids web:1 && expect_output '33 1 8'
  ids 33:video && expect_output '33 64 8'
  ids 33 && expect_output '33 0 8'
  ids root && expect_output '0 0'
  ids last && expect_output '44 45'
  # a name of the host alone is none
  ids daemon && expect_status 255
  expect_match "--user: there is no user 'daemon' in the container's /etc/passwd$"
  ids web:daemon && expect_status 255
  expect_match "there is no group 'daemon' in the container's /etc/group$"
  for user in bad gone long; do
    ids $user && expect_status 255
    expect_match "the line of user '$user' in the container's /etc/passwd has no number"
  done
  ids lost && expect_status 255
  ctr delete --force "$ID"
}

@test "exec --user: files of the container that are none lead nowhere" {
  need root mkfifo
  local passwd=$BUNDLE/rootfs/etc/passwd
  echo evil:x:66:66 >"$BATS_TEST_TMPDIR/passwd"
  command_is sleep 1000
  detached "$ID"
  for kind in none link climb fifo directory device loop; do
    rm -rf "$passwd"
    case $kind in
      link) ln -s "$BATS_TEST_TMPDIR/passwd" "$passwd" ;;
      climb) ln -s "../../../../../../../../../../..$BATS_TEST_TMPDIR/passwd" "$passwd" ;;
      fifo) mkfifo "$passwd" ;;
      directory) mkdir "$passwd" ;;
      device) mknod "$passwd" c 1 5 ;;
      loop) ln -s passwd "$passwd" ;;
    esac
    run timeout -s KILL 20 "$CTR" --root "$STATE" exec -u evil "$ID" id -u
    expect_status 255
    expect_match "--user: the container's /etc/passwd: "
  done
  rm "$passwd"
  # sparse, and longer than is read
  truncate -s 5G "$passwd"
  ids evil && expect_status 255
  expect_match 'longer than [0-9]+ bytes'
  # inside, links are good
  rm "$passwd"
  echo evil:x:67:68 >"$BUNDLE/rootfs/etc/real"
  ln -s /etc/real "$passwd"
  rm "$BUNDLE/rootfs/etc/group"
  ids evil && expect_output '67 68'
  ctr delete --force "$ID"
}

@test "exec --user: of a name's groups those that the user namespace has" {
  local etc=$BUNDLE/rootfs/etc
  need root
  echo root:x:0:0 >"$etc/passwd"
  printf '%s\n' in:x:3:root out:x:70000:root >"$etc/group"
  config '.linux.namespaces += [{type: "user"}] |
    .linux |= (.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .gidMappings = .uidMappings)'
  command_is sleep 1000
  detached "$ID"
  ids root && expect_output '0 0 3'
  ctr delete --force "$ID"
}

@test "exec --user root without privileges, where no groups can be set" {
  need rootless
  echo root:x:0:0 >"$BUNDLE/rootfs/etc/passwd"
  echo bin:x:1:root >"$BUNDLE/rootfs/etc/group"
  command_is sleep 1000
  detached "$ID"
  ids root && expect_match '^0 0'
  ctr delete --force "$ID"
}

@test "exec --env NAME has the caller's value" {
  command_is sleep 1000
  detached "$ID"
  MINE='a value' run -0 ctr exec -e MINE -e EMPTY= "$ID" sh -c 'echo "$MINE ${EMPTY-unset}"'
  expect_output 'a value '
  run -255 ctr exec -e THERE_IS_NONE "$ID" true
  expect_match "--env: 'THERE_IS_NONE' is not NAME=VALUE, and the caller's environment has no"
  for bad in '' =x =; do
    run -255 ctr exec -e "$bad" "$ID" true
    expect_match "--env: '$bad' is not NAME=VALUE$"
  done
  ctr delete --force "$ID"
}

# bats test_tags=core
@test "fault 80: exec --env adds; fault 82: a missing binary is 255 in the log as well; --cwd" {
  config '.process.env += ["SPEC=1"]'
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec -e A=1 --cwd /tmp "$ID" sh -c 'echo "$SPEC $A $PWD"'
  expect_output '1 1 /tmp'
  log=$BATS_TEST_TMPDIR/log
  for detach in --detach=false --detach; do
    run ctr --log "$log" --log-format json exec $detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" /no/such
    expect_status 255
    expect_match '/no/such.*[Nn]o such file'
    [ ! -e "$BATS_TEST_TMPDIR/pid" ]
  done
  jq -se 'length == 2 and all(.[]; .msg | contains("/no/such"))' "$log"
  ctr delete --force "$ID"
}

@test "the caller's ambient capabilities are none of the process's" {
  need root setpriv
  config '.process.capabilities |= map_values(["CAP_NET_RAW"]) | .process.capabilities.ambient = []'
  command_is grep Cap /proc/self/status
  run -0 setpriv --inh-caps +net_raw --ambient-caps +net_raw "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_match 'CapInh:.*2000.*CapAmb:.0000000000000000'
}

@test "a limit of descriptors that the kernel has for nobody, by run and by exec" {
  need root
  config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 9007199254740992, hard: 9007199254740992}]'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'process.rlimits\[0\]: .* \(more than fs.nr_open allows,'
  jq .process "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process.json"
  config 'del(.process.rlimits)'
  command_is sleep 1000
  detached "$ID"
  run -255 ctr exec --process "$BATS_TEST_TMPDIR/process.json" "$ID"
  expect_match 'process.rlimits\[0\]: .* \(more than fs.nr_open allows,'
  ctr delete --force "$ID"
}

@test "limits that nothing could be set up under are the process's alone" {
  need root
  config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3, hard: 3}, {type: "RLIMIT_FSIZE", soft: 0, hard: 0}]
    | .hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo data >/tmp/hook; exec 9</dev/null"]}],
        createContainer: [{path: "/bin/true"}]}
    | .root.readonly = false
    | .mounts += [{destination: "/etc", type: "tmpfs", options: ["tmpcopyup"]}]'
  command_is sh -c 'ulimit -n; ulimit -f; [ -s /etc/passwd ] && [ -s /tmp/hook ] && echo copied'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output $'3\n0\ncopied'
  # its own output is a file there
  config '.process.rlimits[1].hard = 100000 | .process.rlimits[1].soft = 100000'
  created "$ID"
  ctr start "$ID"
  eventually has_status "$ID" stopped
  grep -q copied "$OUT"
  ctr delete "$ID"

  # in a user namespace they come from outside, and by a profile that does not know of them
  config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings | del(.hooks) | .process.noNewPrivileges = true
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["prlimit64", "setrlimit"], action: "SCMP_ACT_ERRNO"}]}
    | .process.args = ["probe", "fds"]'
  run -0 ctr run -b "$BUNDLE" "$ID"
  rm -r "${STATE:?}/-seccomp"

  # nothing but the end is left
  config 'del(.linux.seccomp) | .process.rlimits = [{type: "RLIMIT_CPU", soft: 0, hard: 0}]
    | .process.args = ["sh", "-c", "while :; do :; done"]'
  run -137 ctr run -b "$BUNDLE" "$ID"

  # not even the program has room: the kernel ends it before its first instruction
  for type in AS DATA; do
    config --arg type "RLIMIT_$type" '.process.rlimits = [{type: $type, soft: 4096, hard: 4096}]'
    run -139 ctr run -b "$BUNDLE" "$ID"
    expect_match "process.rlimits\[0\]: .*SIGSEGV: with RLIMIT_$type at 4096 bytes there may be no room"
  done
  command_is sleep 1000
  config 'del(.process.rlimits)'
  detached "$ID"
  jq '.process | .rlimits = [{type: "RLIMIT_AS", soft: 4096, hard: 4096}] | .args = ["true"]' \
    "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/process"
  run -139 ctr exec --process "$BATS_TEST_TMPDIR/process" "$ID"
  expect_match 'process.rlimits\[0\]: .*SIGSEGV: with RLIMIT_AS at 4096 bytes'
  ctr delete --force "$ID"
  config '.process.args = ["sh", "-c", "exit 139"]'
  run -139 ctr run -b "$BUNDLE" "$ID"
  expect_output ''
}

# bats test_tags=core
@test "limits, umask, scores: as configured" {
  config '.process.user.umask = 23 | .process.oomScoreAdj = 77 | .process.rlimits = [
    {type: "RLIMIT_NOFILE", soft: 123, hard: 234}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
  shell 'umask; cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output '0027
77
123
234'
}
