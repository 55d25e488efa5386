#!/usr/bin/env bats
# From create to delete: the verbs, what they print, and what is left when one is interrupted.
# The texts are what engines look for: containerd-shim, CRI-O, conmon and Podman, buildah.

# shellcheck disable=SC2016,SC2030,SC2031 # scripts for the shell inside; sub-shells on purpose
load helper

# a payload that ends when it is asked to
waits='trap "exit 3" TERM; while :; do sleep 0.05; done'

expect_gone() { # ID
  run ctr state "$1"
  expect_status 1
  expect_match "container \`$1\` does not exist"
}

# ---------------------------------------------------------------- state

# bats test_tags=core
@test "state: the members that engines read" {
  config '.annotations = {"org.example.key": "value / \"quoted\""}'
  shell "$waits"
  created "$ID" --pid-file "$BATS_TEST_TMPDIR/pid"
  ctr state "$ID" >"$BATS_TEST_TMPDIR/created.json"
  ctr start "$ID"
  ctr state "$ID" >"$BATS_TEST_TMPDIR/running.json"
  ctr kill "$ID" TERM
  eventually has_status "$ID" stopped
  ctr state "$ID" >"$BATS_TEST_TMPDIR/stopped.json"
  ctr delete "$ID"

  for status in created running stopped; do
    jq -e --arg id "$ID" --arg bundle "$BUNDLE" --arg status "$status" '
      .ociVersion == "1.3.0" and .id == $id and .bundle == $bundle and
      .rootfs == $bundle + "/rootfs" and .status == $status and
      .annotations == {"org.example.key": "value / \"quoted\""} and
      (.created | test("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]+Z$")) and
      (.owner | type) == "string"
    ' "$BATS_TEST_TMPDIR/$status.json"
  done
  pid=$(cat "$BATS_TEST_TMPDIR/pid")
  jq -e --argjson pid "$pid" '.pid == $pid' "$BATS_TEST_TMPDIR/created.json"
  jq -e --argjson pid "$pid" '.pid == $pid' "$BATS_TEST_TMPDIR/running.json"
  jq -e '.pid == 0' "$BATS_TEST_TMPDIR/stopped.json"
}

@test "state racing with the end of the container never fails" {
  command_is sleep 0.3
  detached "$ID"
  for ((i = 0; i < 40; i++)); do
    run -0 ctr state "$ID"
    expect_match '"status": "(running|stopped)"'
    [[ $output != *stopped* ]] || break
  done
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

# ---------------------------------------------------------------- create and start

# bats test_tags=core
@test "create then start: the process begins only then, and its status is told by no one" {
  shell 'echo begun'
  created "$ID"
  sleep 0.2
  [ ! -s "$OUT" ]
  run -0 ctr start "$ID"
  expect_output ''
  eventually has_status "$ID" stopped
  [ "$(cat "$OUT")" = begun ]
  run ctr start "$ID"
  expect_status 1
  expect_match 'cannot start a container that has stopped'
  ctr delete "$ID"
}

@test "start: refused when it runs, when it is paused, when there is none" {
  shell "$waits"
  detached "$ID"
  run ctr start "$ID"
  expect_status 1
  expect_match 'cannot start an already running container'
  if has_own_cgroup; then
    ctr pause "$ID"
    run ctr start "$ID"
    expect_status 1
    expect_match 'cannot start a container in the paused state'
    ctr resume "$ID"
  fi
  ctr delete --force "$ID"
  run ctr start "$ID"
  expect_status 1
  expect_match "container \`$ID\` does not exist"
}

@test "start twice at once: exactly one of them starts it" {
  shell 'echo begun; sleep 100'
  created "$ID"
  jobs=()
  for i in 1 2 3 4; do
    (ctr start "$ID" 2>>"$BATS_TEST_TMPDIR/errors" && echo "$i" >>"$BATS_TEST_TMPDIR/winners") 3>&- &
    jobs+=($!)
  done
  wait "${jobs[@]}" || true
  [ "$(wc -l <"$BATS_TEST_TMPDIR/winners")" = 1 ]
  [ "$(grep -c 'cannot start' "$BATS_TEST_TMPDIR/errors")" = 3 ]
  eventually grep -q begun "$OUT"
  [ "$(grep -c begun "$OUT")" = 1 ]
  ctr delete --force "$ID"
}

@test "create twice at once: exactly one of them gets the id" {
  shell "$waits"
  jobs=()
  for i in 1 2 3 4; do
    (OUT=$OUT.$i && created "$ID" && echo "$i" >>"$BATS_TEST_TMPDIR/winners") 3>&- &
    jobs+=($!)
  done
  wait "${jobs[@]}" || true
  [ "$(wc -l <"$BATS_TEST_TMPDIR/winners")" = 1 ]
  [ "$(cat "$OUT".* | grep -c "container with given ID already exists")" = 3 ]
  has_status "$ID" created
  ctr delete "$ID"
}

@test "start: what execve finds fault with is told by start" {
  # found when created, gone when started
  cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/bin/fleeting"
  command_is /bin/fleeting
  created "$ID"
  rm "$BUNDLE/rootfs/bin/fleeting"
  run ctr start "$ID"
  expect_status 1
  expect_match "exec /bin/fleeting: [Nn]o such file or directory"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "a program of another architecture or without an interpreter" {
  printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0\1\0\0\0' >"$BUNDLE/rootfs/bin/riscv"
  head -c 200 /dev/zero >>"$BUNDLE/rootfs/bin/riscv"
  printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
  chmod +x "$BUNDLE/rootfs/bin/riscv" "$BUNDLE/rootfs/bin/script"
  command_is /bin/riscv
  run_bundle
  expect_status 126
  expect_match 'exec /bin/riscv: [Ee]xec format error'
  command_is /bin/script
  run -127 ctr run -b "$BUNDLE" "$ID"
  expect_match '/bin/script.*[Nn]o such file or directory'
}

# What Podman and Docker choose 126 and 127 by.
# bats test_tags=core
@test "a command that is absent, a directory, or not executable" {
  command_is nosuchcommand
  run -127 ctr run -b "$BUNDLE" "$ID"
  expect_match 'executable file `nosuchcommand` not found in \$PATH: No such file or directory'
  command_is /no/such/command
  run -127 ctr run -b "$BUNDLE" "$ID"
  expect_match '/no/such/command.*[Nn]o such file or directory'
  command_is /etc
  run_bundle
  expect_status 126
  expect_match '/etc.*(is a directory|is not a regular file)'
  command_is /etc/passwd
  run_bundle
  expect_status 126
  expect_match 'exec /etc/passwd: [Pp]ermission denied'

  # create is where an engine hears of it
  command_is /no/such/command
  run created "$ID"
  expect_status 1
  grep -q '/no/such/command.*o such file or directory' "$OUT"
}

# ---------------------------------------------------------------- ids

# bats test_tags=core
@test "fault 26: ids that could be paths are refused before any file is touched" {
  touch "$BATS_TEST_TMPDIR/witness"
  mkdir -p "$STATE"
  long=$(printf 'a%.0s' {1..1025})
  for id in . .. a/b ../x /x "$long" 'sp ace' 'a;b' $'new\nline' 'ä' "${long:0:300}/"; do
    for verb in create state start kill delete exec ps pause resume; do
      arguments=("$id")
      [ $verb != create ] || arguments=(-b "$BUNDLE" "$id")
      [ $verb != exec ] || arguments+=(true)
      run ctr "$verb" "${arguments[@]}"
      [ "$status" -ne 0 ]
      expect_match 'invalid container ID format'
    done
    run ctr delete --force "$id"
    [ "$status" -ne 0 ]
    expect_match 'invalid container ID format'
  done
  run ctr delete --force -- -x
  [ "$status" -ne 0 ]
  expect_match 'invalid container ID format'
  run ctr state ''
  [ "$status" -ne 0 ]
  expect_match 'container id cannot be empty'
  run ctr create -b "$BUNDLE"
  expect_match 'container id cannot be empty'
  [ -e "$BATS_TEST_TMPDIR/witness" ] && [ -d "$STATE" ]

  # and those that only look strange are fine
  command_is true
  for id in "$ID.x" "$ID+y_z-" "_$ID" "...$ID"; do
    run -0 ctr run -b "$BUNDLE" "$id"
  done
}

@test "an id in use is refused, whatever the container is doing, and nothing happens to it" {
  shell "$waits"
  created "$ID"
  pid=$(pid_of "$ID")
  for verb in create run; do
    run ctr $verb -b "$BUNDLE" "$ID"
    [ "$status" -ne 0 ]
    expect_match "container with given ID already exists"
    has_status "$ID" created
  done
  ctr start "$ID"
  run ctr create -b "$BUNDLE" "$ID"
  expect_status 1
  has_status "$ID" running
  [ "$(pid_of "$ID")" = "$pid" ]
  ctr kill "$ID" TERM
  eventually has_status "$ID" stopped
  run ctr create -b "$BUNDLE" "$ID"
  expect_status 1
  ctr delete "$ID"
  # free again
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
}

# ---------------------------------------------------------------- kill

# bats test_tags=core,pidfd_open
@test "fault 106: kill of what has ended or never was says what engines look for" {
  run ctr kill "$ID" TERM
  expect_status 1
  expect_match "container \`$ID\` does not exist"
  command_is true
  detached "$ID"
  eventually has_status "$ID" stopped
  for args in "" TERM 9 KILL; do
    # shellcheck disable=SC2086
    run ctr kill "$ID" $args
    expect_status 1
    expect_match 'container not running'
  done
  # the shim does this when init of a shared PID namespace has ended
  run -0 ctr kill --all "$ID" 9
  ctr delete "$ID"
}

@test "kill: signals by number and name in every spelling, TERM by default" {
  shell 'for s in HUP USR1 USR2 TERM WINCH 37; do trap "echo got $s" $s; done
         echo ready; while :; do sleep 0.05; done'
  detached "$ID"
  eventually grep -q ready "$OUT"
  sent=0
  got_all() { [ "$(grep -c got "$OUT")" = $sent ]; }
  for signal in HUP SIGUSR1 usr2 sigterm 28 RTMIN+3 SIGRTMIN+3 37 ''; do
    # shellcheck disable=SC2086
    ctr kill "$ID" $signal
    sent=$((sent + 1))
    # one that comes while the same one is pending is lost
    eventually got_all
  done
  [ "$(grep -c 'got TERM' "$OUT")" = 2 ]
  [ "$(grep -c 'got 37' "$OUT")" = 3 ]
  for signal in BOGUS 0x9 65 -1 SIG; do
    run ctr kill "$ID" -- "$signal"
    expect_status 1
    expect_match "(unknown signal|not a signal).*"
  done
  ctr delete --force "$ID"
}

# bats test_tags=pidfd_open
@test "fault 103: kills in the moment of the end succeed or say that it is not running" {
  command_is sleep 0.2
  detached "$ID"
  jobs=()
  for ((i = 0; i < 4; i++)); do
    while :; do
      out=$(ctr kill "$ID" 0 2>&1) || {
        echo "$out"
        break
      }
    done >"$BATS_TEST_TMPDIR/kill.$i" 3>&- &
    jobs+=($!)
  done
  wait "${jobs[@]}"
  for ((i = 0; i < 4; i++)); do
    grep -q 'container not running' "$BATS_TEST_TMPDIR/kill.$i"
  done
  ctr delete "$ID"
}

@test "fault 103: a process that has got the number of an ended init is left alone" {
  command_is sleep 1000
  detached "$ID"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  # somebody else, as the number would be after all others were used
  sleep 1000 3>&- &
  other=$!
  sed -i "s/^pid=.*/pid=$other/" "$STATE/$ID/record"
  has_status "$ID" stopped
  run ctr kill "$ID" KILL
  expect_status 1
  expect_match 'container not running'
  ctr delete "$ID"
  kill -0 $other
  kill $other
}

@test "SIGKILL reaches all processes where the PID namespace is the host's" {
  need root own-cgroup
  config '.linux.namespaces |= map(select(.type != "pid"))'
  shell 'probe fork 5 1000; sleep 1000'
  detached "$ID"
  eventually sh -c "[ \$('$CTR' --root '$STATE' ps -f json '$ID' | jq length) = 6 ]"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  eventually sh -c "[ -z \"\$(cat $(cgroup2)$(sed -n 's/^cgroup.path=//p' "$STATE/$ID/record")/cgroup.procs)\" ]"
  ctr delete "$ID"
}

# ---------------------------------------------------------------- delete

# bats test_tags=core
@test "delete: what is not there, what runs, what was never started" {
  run ctr delete "$ID"
  expect_status 1
  expect_match "container \`$ID\` does not exist"
  run -0 ctr delete --force "$ID"
  expect_output ''

  shell "$waits"
  created "$ID"
  run -0 ctr delete "$ID"
  expect_output ''
  expect_gone "$ID"

  detached "$ID"
  run ctr delete "$ID"
  expect_status 1
  expect_match "cannot delete container $ID that is not stopped: running"
  has_status "$ID" running
  run -0 ctr delete --force "$ID"
  expect_output ''
  expect_gone "$ID"
}

# bats test_tags=core
@test "fault 85: delete --force ends a paused container" {
  need own-cgroup
  shell 'probe fork 3 1000; sleep 1000'
  detached "$ID"
  ctr pause "$ID"
  run ctr delete "$ID"
  expect_status 1
  expect_match 'that is not stopped: paused'
  run -0 ctr delete --force "$ID"
}

# bats test_tags=core
@test "fault 83: delete ends what a container without its own PID namespace left running" {
  need root own-cgroup
  config '.linux.namespaces |= map(select(.type != "pid"))'
  # some in cgroups of their own, below the container's
  shell 'probe fork 3 1000'
  detached "$ID"
  eventually has_status "$ID" stopped
  cgroup=$(cgroup2)$(sed -n 's/^cgroup.path=//p' "$STATE/$ID/record")
  [ "$(wc -l <"$cgroup/cgroup.procs")" = 3 ]
  mkdir -p "$cgroup/a/b" "$cgroup/c"
  head -n1 "$cgroup/cgroup.procs" >"$cgroup/a/b/cgroup.procs"
  ctr delete "$ID"
  [ ! -e "$cgroup" ]

  # and the same at the end of run
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "delete works without an environment, and with closed standard streams" {
  command_is sleep 1000
  detached "$ID"
  env -i "$CTR" --root "$STATE" delete --force "$ID"
  detached "$ID"
  # shellcheck disable=SC2094
  "$CTR" --root "$STATE" delete --force "$ID" <&- >&- 2>&-
  expect_gone "$ID"
}

@test "fault 88: a kill that fails half-way leaves nobody frozen" {
  need root own-cgroup
  shell "$waits"
  detached "$ID"
  run "$HIDE" kill -- "$CTR" --root "$STATE" kill --all "$ID" TERM
  expect_status 1
  expect_match 'cannot signal the processes of cgroup .*: Function not implemented'
  has_status "$ID" running
  ctr delete --force "$ID"
}

@test "fault 89: a cgroup that is gone already is no reason to fail" {
  need root own-cgroup
  command_is true
  detached "$ID"
  eventually has_status "$ID" stopped
  # a process may leave it a moment after its end was told
  eventually rmdir "$(cgroup2)$(sed -n 's/^cgroup.path=//p' "$STATE/$ID/record")"
  ctr state "$ID"
  ctr delete "$ID"
}

# ---------------------------------------------------------------- pause and resume

# bats test_tags=core
@test "pause and resume" {
  need own-cgroup
  config '.root.readonly = false'
  shell 'while :; do echo tick; sleep 0.02; done'
  detached "$ID"
  run ctr resume "$ID"
  expect_status 1
  expect_match 'container not paused'
  run -0 ctr pause "$ID"
  expect_output ''
  has_status "$ID" paused
  size=$(stat -c %s "$OUT")
  sleep 0.3
  [ "$(stat -c %s "$OUT")" = "$size" ]
  run -0 ctr list
  expect_match "$ID +[0-9]+ +paused"
  run ctr pause "$ID"
  expect_status 1
  run ctr exec "$ID" true
  expect_status 255
  expect_match 'cannot exec in a paused container'
  # what is allowed to join waits with it
  in_background exec --ignore-paused "$ID" touch /late
  sleep 0.2
  [ ! -e "$BUNDLE/rootfs/late" ]
  run -0 ctr resume "$ID"
  has_status "$ID" running
  ended "$PID"
  expect_status 0
  [ -e "$BUNDLE/rootfs/late" ]
  eventually sh -c "[ \$(stat -c %s '$OUT') -gt $size ]"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  run ctr pause "$ID"
  expect_status 1
  run ctr exec "$ID" true
  expect_status 255
  expect_match 'cannot exec in a stopped container'
  ctr delete "$ID"
  for verb in pause resume; do
    run ctr $verb "$ID"
    expect_status 1
    expect_match "does not exist"
  done
}

@test "what ends while it is paused is not running" {
  need root strace own-cgroup
  command_is sleep 1000
  detached "$ID"
  # it stops where the write to cgroup.freeze has failed
  strace -o "$OUT.trace" -e trace=write -e inject=write:error=ENODEV:signal=STOP:when=1 \
    "$CTR" --root "$STATE" pause "$ID" </dev/null >"$OUT.pause" 2>&1 3>&- &
  PID=$!
  eventually grep -qs 'stopped by SIGSTOP' "$OUT.trace"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  pkill -CONT -P "$PID"
  ended "$PID"
  expect_status 1
  grep "container '$ID': container not running: stopped" "$OUT.pause"
  ctr delete "$ID"
}

@test "what is killed while it is paused has stopped" {
  need own-cgroup
  command_is sleep 1000
  detached "$ID"
  ctr pause "$ID"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  run ctr resume "$ID"
  expect_status 1
  expect_match 'container not paused: stopped'
  ctr delete "$ID"
}

# ---------------------------------------------------------------- list and ps

# bats test_tags=core
@test "list: table, ids, JSON, and nothing" {
  mkdir -p "$STATE"
  run -0 ctr list
  expect_match '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
  run -0 ctr list -q
  expect_output ''
  run -0 ctr list --format=json
  expect_output '[]'
  command_is sleep 1000
  detached "$ID-b"
  created "$ID-a"
  run -0 ctr list -q
  expect_output "$ID-a"$'\n'"$ID-b"
  run -0 ctr list
  [[ ${lines[1]} =~ ^$ID-a\ +$(pid_of "$ID-a")\ +created\ +$BUNDLE\ +20.*Z\ +[a-z] ]]
  [[ ${lines[2]} =~ ^$ID-b\ +[0-9]+\ +running ]]
  ctr list -f json | jq -e --arg id "$ID-a" 'length == 2 and .[0].id == $id and
    .[0].status == "created" and (.[1].pid > 1)'
  run ctr list -f yaml
  expect_status 1
  expect_match yaml
  ctr delete "$ID-a"
  ctr delete --force "$ID-b"
}

@test "list: a terminal obeys nothing that is in the path of a bundle" {
  local odd=$BATS_TEST_TMPDIR/odd$'\e[31m\n'
  command_is sleep 1000
  mv "$BUNDLE" "$odd"
  BUNDLE=$odd detached "$ID"
  run -0 ctr list
  [ "${#lines[@]}" = 2 ]
  expect_match 'odd\?\[31m\?'
  ctr delete --force "$ID"
}

@test "list: damaged, foreign and half-made entries do not break it" {
  command_is sleep 1000
  detached "$ID"
  mkdir "$STATE/damaged" "$STATE/empty" "$STATE/not an id"
  echo 'id=damaged' >"$STATE/damaged/record"
  touch "$STATE/file"
  run -0 --separate-stderr ctr list -q
  [[ $output == *"$ID"* && $output != *"not an id"* && $output != *file* ]]
  # shellcheck disable=SC2154
  [[ $stderr == *damaged* ]]
  run -0 --separate-stderr ctr list -f json
  jq -e . <<<"$output"
  run -0 ctr delete --force empty
  run -0 ctr delete --force damaged
  ctr delete --force "$ID"
  rm -r "$STATE/not an id" "$STATE/file"
}

# bats test_tags=core
@test "ps: JSON for engines, a table for people" {
  shell 'sleep 1000 & sleep 1000 & wait'
  detached "$ID"
  if has_own_cgroup; then
    eventually sh -c "[ \$('$CTR' --root '$STATE' ps --format json '$ID' | jq length) = 3 ]"
  fi
  pid=$(pid_of "$ID")
  ctr ps --format json "$ID" | jq -e --argjson pid "$pid" 'index($pid) != null'
  if command -v ps >/dev/null; then
    run -0 ctr ps "$ID"
    [[ ${lines[0]} == *PID* ]]
    expect_match "$pid"
    refuse_match 'bats'
    run -0 ctr ps --format table "$ID" -o pid,comm
    [[ ${lines[0]} =~ PID ]]
    expect_match "$pid"
    # shellcheck disable=SC2126
    if has_own_cgroup; then [ "${#lines[@]}" = 4 ]; fi
  fi
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  run -0 ctr ps --format json "$ID"
  expect_output '[]'
  run ctr ps -f xml "$ID"
  expect_status 1
  ctr delete "$ID"
  run ctr ps -f json "$ID"
  expect_status 1
  expect_match 'does not exist'
}

# ---------------------------------------------------------------- files

# bats test_tags=core
@test "fault 100: the pid file is the number and nothing else, replaced as a whole" {
  cd "$BATS_TEST_TMPDIR"
  echo -n 12345678901234567890 >pid
  ln pid old
  command_is sleep 1000
  # a path relative to the caller, not to the bundle
  created "$ID" --pid-file pid
  [ "$(cat pid; echo x)" = "$(pid_of "$ID")x" ]
  # a reader of the old file never sees a mixture
  [ "$(cat old)" = 12345678901234567890 ]
  [ "$(echo *pid*)" = pid ]
  ctr start "$ID"
  ctr exec --detach --pid-file exec.pid "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
  [[ "$(cat exec.pid; echo x)" =~ ^[0-9]+x$ ]]
  [ "$(tr '\0' ' ' <"/proc/$(cat exec.pid)/cmdline")" = 'sleep 1000 ' ]
  ctr delete --force "$ID"

  # no file of a container that did not come to be
  command_is /no/such
  rm pid
  run created "$ID" --pid-file pid
  [ "$status" -ne 0 ] && [ ! -e pid ]
  run ctr create -b "$BUNDLE" --pid-file /no/such/dir/pid "$ID"
  [ "$status" -ne 0 ]
  command_is true
  run ctr create -b "$BUNDLE" --pid-file /no/such/dir/pid "$ID"
  expect_status 1
  expect_match "--pid-file: .*'/no/such/dir/pid'.*No such file"
  # what is no file is not replaced by one
  mkfifo pid
  run ctr create -b "$BUNDLE" --pid-file pid "$ID"
  expect_status 1
  expect_match "--pid-file: 'pid' is not a regular file"
  [ -p pid ]
}

# bats test_tags=core
@test "the log is one JSON object, and standard error has the text" {
  log=$BATS_TEST_TMPDIR/log.json
  run ctr --log "$log" --log-format json create -b "$BATS_TEST_TMPDIR/nowhere" "$ID"
  expect_status 1
  # whoever has a log puts his own words around it
  expect_match "^bundle '.*nowhere': No such file or directory$"
  [ "$(wc -l <"$log")" = 1 ]
  jq -e '.level == "error" and (.msg | contains("/nowhere")) and
    (.time | sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601 > 1600000000)' "$log"
  # a second one is appended
  run ctr --log="$log" --log-format=json state "no-such-$ID"
  jq -se 'length == 2 and .[1].msg == "container `no-such-'"$ID"'` does not exist"' "$log"
  # nothing is said of what went well
  rm "$log"
  command_is true
  run -0 ctr --log "$log" --log-format json run -b "$BUNDLE" "$ID"
  [ ! -s "$log" ]
  run -0 ctr --log "$log" --log-format json --debug run -b "$BUNDLE" "$ID"
  jq -se 'all(.[]; .level != "error")' "$log"
  rm -f "$log"
  run ctr --log "$log" state "$ID"
  [[ "$(cat "$log")" =~ ^time=\"20.*\"\ level=error\ msg=\" ]]
  run ctr --log /no/such/dir/log state "$ID"
  expect_match "--log: cannot open '/no/such/dir/log'"
}

# ---------------------------------------------------------------- run

# bats test_tags=core
@test "run: exit statuses pass as they are" {
  for code in 0 1 2 100 124 125 126 127 128 137 200 254 255; do
    shell "exit $code"
    run "-$code" ctr run -b "$BUNDLE" "$ID"
    expect_output ''
  done
  # 125 is ctr's own
  run -125 ctr run -b "$BATS_TEST_TMPDIR/nowhere" "$ID"
  run -125 ctr run --no-such-flag -b "$BUNDLE" "$ID"
  expect_match 'no-such-flag'
}

# bats test_tags=core
@test "run: a signal that ends the process is 128 and its number" {
  # nothing protects process 1 of the host's PID namespace from itself
  need root
  config '.linux.namespaces |= map(select(.type != "pid"))'
  for signal in 1 2 6 9 10 13 15; do
    shell "kill -$signal \$\$"
    run "-$((128 + signal))" ctr run -b "$BUNDLE" "$ID"
  done
}

# bats test_tags=core
@test "run: signals are forwarded, but those about ctr itself" {
  shell 'for s in HUP INT QUIT USR1 USR2 ALRM CONT RTMIN; do trap "echo $s" $s; done
         trap "echo WINCH" WINCH; trap "exit 7" TERM
         echo ready; while :; do sleep 0.05; done'
  in_background run -b "$BUNDLE" "$ID"
  eventually grep -q ready "$OUT"
  # fault 67: WINCH without a terminal is nobody's concern
  for signal in WINCH CHLD PIPE HUP INT QUIT USR1 USR2 ALRM CONT; do
    kill "-$signal" "$PID"
    # of several that are pending the shell takes TERM first
    case $signal in WINCH | CHLD | PIPE) sleep 0.1 ;; *) eventually grep -qx $signal "$OUT" ;; esac
  done
  kill -TERM "$PID"
  ended "$PID"
  expect_status 7
  [ "$(grep -c WINCH "$OUT")" = 0 ]
}

@test "run --keep, run --detach, and ids that are made up" {
  shell 'exit 5'
  run -5 ctr run --keep -b "$BUNDLE" "$ID"
  has_status "$ID" stopped
  run ctr run --keep -b "$BUNDLE" "$ID"
  expect_match 'already exists'
  ctr delete "$ID"

  command_is sleep 1000
  ctr run --detach "$BUNDLE" </dev/null >"$OUT" 2>&1 3>&-
  id=$(cat "$OUT")
  [[ $id =~ ^[0-9a-f]{12}$ ]]
  has_status "$id" running
  ctr delete --force "$id"

  # a bundle directory and an id, in this order
  command_is hostname
  cd "$BUNDLE"
  run -0 ctr run . "$ID"
  run -0 ctr run "$ID"
  cd "$BATS_TEST_TMPDIR"
  run -0 ctr run bundle "$ID"
  run -0 ctr run bundle/ "$ID"
  run -0 ctr run ./bundle
  run -0 ctr run -f "$BUNDLE/config.json" -b "$BUNDLE" "$ID"
  run ctr run bundle "$ID" more
  [ "$status" -eq 125 ]
  expect_match "unexpected argument 'more'"
  run ctr run --detach --keep nowhere/
  expect_status 125
}

# bats test_tags=core
@test "run --rootfs DIR -- COMMAND" {
  run -0 ctr run --rootfs "$BUNDLE/rootfs" -- sh -c 'echo "$0 $1 $HOME $PWD"' --flag -x
  expect_output '--flag -x /root /'
  run -3 ctr run --rootfs "$BUNDLE/rootfs" -- sh -c 'exit 3'
  cd "$BUNDLE"
  run -0 ctr run --rootfs rootfs -- sh -c 'echo relative'
  expect_output relative
  output=$(echo 'echo a shell by default' | ctr run --rootfs rootfs)
  expect_output 'a shell by default'
  run -125 ctr run --rootfs /no/such -- true
  expect_match '/no/such'
  run -125 ctr run --rootfs rootfs -b . -- true
  run -127 ctr run --rootfs rootfs -- nosuch
}

@test "standard streams that are closed become /dev/null" {
  config '.root.readonly = false'
  shell 'ls -l /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 >/seen; cat; echo x; echo y >&2'
  "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID" <&- >&- 2>&-
  [ "$(grep -c '/dev/null' "$BUNDLE/rootfs/seen")" -ge 2 ]
}

# ---------------------------------------------------------------- interruption

# The record is written before anything else is there to be cleaned, so the moment of the
# death does not matter: at any system call of `create`.
# bats test_tags=core
@test "fault 101: create killed at any point leaves what delete --force cleans" {
  need root strace
  command_is sleep 1000
  config '.hooks.createRuntime = [{"path": "/bin/true"}]'
  # counting them once also shows that it can be traced
  strace -o "$BATS_TEST_TMPDIR/trace" "$CTR" --root "$STATE" create -b "$BUNDLE" "$ID" \
    </dev/null >/dev/null 2>&1 3>&- || skip 'strace cannot trace here'
  ctr delete "$ID"
  calls=$(wc -l <"$BATS_TEST_TMPDIR/trace")
  first=$(grep -n mkdirat "$BATS_TEST_TMPDIR/trace" | head -n1 | cut -d: -f1)
  step=$(((calls - first) / 24 + 1))
  for ((n = first; n <= calls + step; n += step)); do
    strace -o /dev/null -e inject=all:signal=KILL:when=$n "$CTR" --root "$STATE" create \
      -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- || true
    run -0 ctr list -f json
    jq -e 'all(.[]; .status == "creating" or .status == "created" or .status == "stopped")' <<<"$output"
    run -0 ctr delete --force "$ID"
    left=$(leaks)
    [ -z "$left" ] || {
      echo "killed at call $n of $calls ($(sed -n "${n}p" "$BATS_TEST_TMPDIR/trace")): $left"
      return 1
    }
  done
}

@test "fault 101: run killed in the foreground: the container can be deleted" {
  command_is sleep 1000
  in_background run -b "$BUNDLE" "$ID"
  eventually has_status "$ID" running 2>/dev/null
  kill -9 "$PID"
  ended "$PID"
  run -0 ctr list -q
  expect_output "$ID"
  ctr delete --force "$ID"
}

@test "fault 101: delete killed half-way can be done again" {
  need root strace
  command_is sleep 1000
  for n in 40 60 70 80 90 100; do
    detached "$ID"
    strace -o /dev/null -e inject=all:signal=KILL:when=$n "$CTR" --root "$STATE" \
      delete --force "$ID" </dev/null >/dev/null 2>&1 3>&- || true
    run -0 ctr list
    run -0 ctr delete --force "$ID"
    [ -z "$(leaks)" ]
  done
}

# bats test_tags=core
@test "fault 104: a create that fails leaves nothing, wherever it fails" {
  need root
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  command_is true
  while read -r filter; do
    jq "$filter" "$BATS_TEST_TMPDIR/good.json" >"$BUNDLE/config.json"
    run created "$ID"
    [ "$status" -ne 0 ] || {
      echo "was created: $filter"
      ctr delete --force "$ID"
      return 1
    }
    left=$(leaks)
    [ -z "$left" ] || {
      echo "after $filter: $left"
      return 1
    }
  done <<'FAILURES'
.root.path = "absent"
.process.args = ["/absent"]
.process.cwd = "/etc/passwd"
.mounts += [{"destination": "/x", "type": "nosuchfs", "source": "x"}]
.mounts += [{"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]}]
.mounts += [{"destination": "/etc/passwd/x", "type": "tmpfs", "source": "x"}]
.mounts += [{"destination": "/x", "type": "tmpfs", "source": "x", "options": ["size=bogus"]}]
.linux.namespaces += [{"type": "cgroup", "path": "/no/such"}]
.linux.namespaces += [{"type": "cgroup", "path": "/proc/self/ns/net"}]
.linux.sysctl = {"kernel.msgmax": "not a number"}
.linux.devices = [{"path": "/etc/passwd", "type": "c", "major": 1, "minor": 3}]
.hooks.prestart = [{"path": "/bin/false"}]
.hooks.createRuntime = [{"path": "/bin/true"}, {"path": "/bin/false"}]
.hooks.createContainer = [{"path": "/no/such/hook"}]
.hostname = "0123456789012345678901234567890123456789012345678901234567890123456789"
FAILURES
}

# ---------------------------------------------------------------- processes

# bats test_tags=core
@test "fault 107: what create leaves behind is init and nothing else, a child of the reaper" {
  command_is sleep 1000
  run -0 "$PROBE" reaper "$CTR" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null 3>&-
  [ "${#lines[@]}" = 1 ]
  ctr delete "$ID"

  run -0 "$PROBE" reaper "$CTR" --root "$STATE" run --detach -b "$BUNDLE" "$ID" </dev/null 3>&-
  expect_output sleep
  ctr delete "$ID"
}

@test "fault 107: many execs leave no process behind" {
  command_is sleep 1000
  detached "$ID"
  run -0 "$PROBE" reaper sh -c 'i=0; while [ $i -lt 15 ]; do i=$((i + 1)); "$@" || exit; done' \
    sh "$CTR" --root "$STATE" exec "$ID" true
  expect_output ''
  run -0 "$PROBE" reaper "$CTR" --root "$STATE" exec --detach "$ID" sleep 500 </dev/null 3>&-
  expect_output sleep
  ctr delete --force "$ID"
}

# ---------------------------------------------------------------- the command line

# bats test_tags=core
@test "help ends well, unknown flags are named, missing values are told in runc's words" {
  for verb in run create start state kill delete exec list ps pause resume spec features explain lint; do
    run -0 ctr $verb --help
    expect_match "Usage: .*$verb"
    run ctr $verb --invalidflag
    [ "$status" -ne 0 ]
    expect_match 'unknown flag: --invalidflag'
  done
  run -0 ctr --help
  run -0 ctr help run
  run ctr bogus
  expect_status 1
  expect_match "unknown command 'bogus'"
  run ctr delte x
  expect_match "did you mean 'delete'"
  run ctr create --bundle
  [ "$status" -ne 0 ]
  expect_match 'flag needs an argument: --bundle'
  run -0 ctr --version
  [[ ${lines[0]} =~ ^ctr\ version\ [0-9]+\.[0-9]+ ]]
  [[ ${lines[1]} =~ ^commit:\  ]]
  [[ ${lines[2]} == 'spec: 1.3.0' ]]
  for flag in -v version; do run -0 ctr $flag; done
}

@test "wrong words: where a flag belongs, what a word was taken for, what cannot be made" {
  run -1 ctr list --log /dev/null
  expect_match 'unknown flag: --log \(it stands before the verb: ctr --log ... list\)'
  run -125 ctr run --rootfs "$BUNDLE/rootfs" ls -l
  expect_match 'unknown flag: -l \(flags of a command stand behind --\)'
  mkdir "$BATS_TEST_TMPDIR/elsewhere"
  cd "$BATS_TEST_TMPDIR/elsewhere"
  run -125 ctr run nosuch
  expect_match "run: 'nosuch' is no bundle, so it is taken for an id"
  run -125 ctr run -b "$BATS_TEST_TMPDIR/elsewhere" nosuch
  expect_match "cannot open .*/elsewhere/config.json': No such file"
  # words in one column
  for verb in run create explain; do
    run -0 ctr $verb --help
    columns=$(sed -n 's/^\(  .* --.*  \)[^ ].*/\1/p' <<<"$output" | awk '{ print length }')
    [ "$(wc -l <<<"$columns")" -gt 5 ]
    [ "$(sort -u <<<"$columns" | wc -l)" = 1 ]
  done
  mkdir "$BATS_TEST_TMPDIR/elsewhere/no"
  mount_at /elsewhere bind "$BATS_TEST_TMPDIR/elsewhere" bind ro
  config '.root.readonly = false | .process.cwd = "/elsewhere/no/such"'
  run_bundle
  expect_status 125
  expect_match "process.cwd: cannot change to directory '/elsewhere/no/such': it is missing and cannot be made: Read-only"
}

@test "what was typed and what was meant: commands, flags, words of the document" {
  run ctr strat
  expect_match "unknown command 'strat', did you mean 'start'\?$"
  run ctr --rot x list
  expect_match "unknown flag: --rot, did you mean '--root'\?$"
  run ctr run --bundel=x
  expect_match "unknown flag: --bundel, did you mean '--bundle'\?$"
  run ctr run --colour
  expect_match 'unknown flag: --colour$'
  config '.linux.namespace = [] | .process.capabilities.bounding += ["NET_RAW"]'
  run -0 ctr lint "$BUNDLE"
  expect_match "linux: unknown property 'namespace' is ignored, did you mean 'namespaces'\?"
  expect_match "unknown capability 'NET_RAW' is ignored, did you mean 'CAP_NET_RAW'\?"
  command_is sleep 1000
  detached "$ID"
  run -255 ctr exec --cap NET_RAW "$ID" true
  expect_match "unknown capability 'NET_RAW', did you mean 'CAP_NET_RAW'\?"
  ctr delete --force "$ID"
}

@test "words in the wrong place, and empty ones, are told" {
  run -1 ctr kill KILL "$ID"
  expect_match "kill: unknown signal '$ID' \\(the id stands before it: KILL\\)$"
  for flag in -9 -KILL -s --signal; do
    run -1 ctr kill $flag 9 "$ID"
    expect_match "unknown flag: $flag \\(the signal stands behind the id: \\[flags\\] ID \\[SIGNAL\\]\\)$"
  done
  run -1 ctr --bundle . run
  expect_match 'unknown flag: --bundle \(flags of a verb stand behind it: ctr VERB --bundle\)$'
  run -1 ctr state -- -x
  expect_match "invalid container ID format: '-x'"
  run -0 ctr help help
  expect_match '^Usage: ctr '
  run -0 ctr help version
  cd "$BUNDLE/rootfs"
  run -125 ctr run --rootfs '' -- sh
  expect_match 'rootfs: empty path'
  run -1 ctr explain --rootfs ''
  expect_match 'rootfs: empty path'
  run -1 ctr spec --bundle ''
  expect_match 'spec: --bundle: empty path'
  for verb in run explain lint; do
    run ctr $verb ''
    [ "$status" -ne 0 ]
    expect_match 'empty'
  done
  run -1 ctr --log-level loud list
  expect_match "--log-level: 'loud' is not error, warning, info or debug"
  run -1 ctr --cgroup-manager x list
  expect_match "--cgroup-manager: 'x' is not cgroupfs, systemd or disabled"
  command_is sleep 1000
  detached "$ID"
  for dashes in -- '-- --'; do
    # shellcheck disable=SC2086 # one word or two
    run ctr exec "$ID" $dashes echo -n x
    [ "$dashes" != -- ] || expect_output x
    [ "$dashes" = -- ] || expect_match 'executable file `--`'
  done
  run -0 ctr exec -- "$ID" -- echo -n x
  expect_output x
  ctr delete --force "$ID"
}

@test "the bundle is an argument of create, explain and lint as well; one word of create is the id" {
  mkdir "$BATS_TEST_TMPDIR/elsewhere"
  cd "$BATS_TEST_TMPDIR/elsewhere"
  ctr create "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  has_status "$ID" created
  ctr delete "$ID"
  for verb in run create explain lint; do
    run ctr "$verb" .
    [ "$status" -ne 0 ]
    [ "$verb" = create ] || expect_match "cannot open 'config.json': No such file or directory \(ctr spec writes one\)"
    run ctr "$verb" ./nowhere
    [ "$status" -ne 0 ]
    [ "$verb" = create ] || expect_match "bundle './nowhere': No such file or directory$"
  done
  run -1 ctr create ./nowhere
  expect_match "invalid container ID format: './nowhere'.*the id is missing \(usage: ctr create ./nowhere ID\)"
  run -1 ctr create a ./nowhere
  expect_match "the bundle stands before the id: './nowhere' 'a'"
  run -1 ctr create -b "$BUNDLE" a b
  expect_match "create: unexpected argument 'b'"
  run -1 ctr create nosuch
  expect_match "config.json': No such file or directory \(ctr spec writes one\)"
  ln -s "$BUNDLE" web
  run -1 ctr create web
  expect_match "if it is the bundle, the id is missing \(usage: ctr create web ID\)"
  cp "$BUNDLE/config.json" any-name
  run -0 ctr lint any-name
  expect_output 'any-name: no errors, 0 notes'
  run -0 ctr lint "$PWD/any-name"
  mkfifo fifo
  run -1 ctr lint fifo
  expect_match "cannot read 'fifo': not a regular file"
  run -1 ctr lint -b "$BUNDLE" any-name
  expect_match "lint: unexpected argument 'any-name'"
  run -0 ctr explain -f any-name "$BUNDLE"
  run -0 ctr explain --rootfs "$BUNDLE/rootfs" -- a-program
  expect_match 'exec.*# process.args'
  expect_match 'a-program'
  run -1 ctr explain --rootfs "$BUNDLE/rootfs" -b .
  expect_match '--bundle and --rootfs exclude each other'
  run -1 ctr explain "$BUNDLE" b
  expect_match "explain: unexpected argument 'b'"
}

@test "lint: what run refuses without a mount namespace, and a container without any namespace" {
  config 'del(.hostname) | .linux.namespaces -= [{type: "mount"}]'
  run_bundle
  [ "$status" -ne 0 ]
  refused=${output#*: }
  expect_match "^ctr: mounts: needs a mount namespace"
  run -1 ctr lint "$BUNDLE"
  [[ $output == *"error: $BUNDLE/config.json:"*": $refused"* ]]
  expect_match 'linux.maskedPaths: needs a mount namespace'
  refuse_match note
  config '.mounts = [] | .root.readonly = false | .linux = {}'
  run -0 ctr lint "$BUNDLE"
  expect_match 'note: .*config.json:[0-9]+:[0-9]+: linux.namespaces: there is none'
  # that of another kind is not known
  config '.annotations = {"org.ctr.isolation": "process"} | .mounts = [{destination: "/x", type: "tmpfs"}]'
  run -0 ctr lint "$BUNDLE"
  expect_output "$BUNDLE/config.json: no errors, 0 notes"
}

@test "flags of engines: with and without =, one dash or two, before and after the id" {
  shell 'exit 0'
  run -0 ctr --log= --log-format=text --rootless=auto --cgroup-manager cgroupfs --criu /x \
    run --no-new-keyring -bundle="$BUNDLE" "$ID"
  run -0 ctr run "$ID" --bundle "$BUNDLE"
  run -0 ctr --cgroup-manager disabled run -b "$BUNDLE" "$ID"
  run ctr --cgroup-manager bogus run -b "$BUNDLE" "$ID"
  expect_status 125
  run ctr --rootless maybe list
  expect_status 1
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec "$ID" echo x -e --help
  expect_output 'x -e --help'
  run -0 ctr exec "$ID" -- echo -- x
  expect_output '-- x'
  run -0 ctr kill --all=false "$ID" 0
  run -0 ctr kill "$ID" KILL --all
  eventually has_status "$ID" stopped
  run -0 ctr delete -f "$ID"
}

@test "features: JSON and nothing else, with what engines decide by" {
  run -0 "$CTR" features
  jq -e '(.ociVersionMin | startswith("1.0")) and .ociVersionMax == "1.3.0" and
    (.mountOptions | index("rro") != null) and .linux.mountExtensions.idmap.enabled == true and
    (.linux.namespaces | length) == 8 and .linux.seccomp.enabled and
    (.hooks | length) == 6' <<<"$output"
}

@test "spec: writes a document that runs, and never overwrites" {
  mkdir "$BATS_TEST_TMPDIR/new"
  cd "$BATS_TEST_TMPDIR/new"
  rootless=()
  is_root || rootless=(--rootless)
  run -0 ctr spec "${rootless[@]}"
  expect_output ''
  run ctr spec "${rootless[@]}"
  expect_status 1
  expect_match "config.json.*File exists"
  cp -al "$BUNDLE/rootfs" .
  jq '.process.terminal = false | .process.args = ["echo", "default"]' config.json >c && mv c config.json
  run -0 ctr run "$ID"
  expect_output default
  run -0 ctr lint .
  expect_match 'no errors'
  run -0 ctr explain .
  expect_match 'root.path'
  expect_match 'limit RLIMIT_NOFILE to soft 1024, hard 1024'
}

@test "the state root: made with mode 0700, one root does not see another's" {
  command_is sleep 1000
  detached "$ID"
  [ "$(stat -c %a "$STATE")" = 700 ]
  "$CTR" --root "$STATE.other" run -b "$BUNDLE" --detach "$ID-2" </dev/null >"$OUT" 2>&1 3>&-
  run -0 ctr list -q
  expect_output "$ID"
  run ctr state "$ID-2"
  expect_status 1
  ctr delete --force "$ID"
  "$CTR" --root "$STATE.other" delete --force "$ID-2"
  # asked for and not there
  run "$CTR" --root /no/such list
  expect_status 1
  run "$CTR" --root /no/such state "$ID"
  expect_status 1
  expect_match 'does not exist'
  [ ! -e /no/such ]
}

@test "a state root without room: the error names the container, and nothing is left" {
  need root
  command_is true
  mkdir "$BATS_TEST_TMPDIR/small"
  # one file more each time, until there is room for all
  run timeout -k 5 "$CTR_TIMEOUT" unshare -m sh -c 'n=3
    until mount -t tmpfs -o nr_inodes=$n none "$1" || exit
      "$2" --root "$1/state" create -b "$3" "$4" </dev/null; do
      [ -z "$(ls -A "$1/state")" ] || exit
      umount "$1"
      n=$((n+1))
    done
    "$2" --root "$1/state" delete "$4" && echo done' sh "$BATS_TEST_TMPDIR/small" "$CTR" "$BUNDLE" "$ID"
  show_result
  [ "${#lines[@]}" -ge 4 ]
  [ "${lines[-1]}" = done ]
  unset 'lines[-1]'
  for line in "${lines[@]}"; do
    [[ $line == *"container '$ID'"*"No space left on device" ]]
  done
}
