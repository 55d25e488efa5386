#!/usr/bin/env bats
# Limits: what stands in the document is in the files of the cgroup, and holds.

load helper
load limits

@test "limits of the document are in the files of the cgroup" {
  needs cgroup:memory cgroup:cpu cgroup:pids
  rows create_with
}

@test "limits of an update are in the files of the cgroup" {
  needs cgroup:memory cgroup:cpu cgroup:pids
  config 'del(.linux.resources)'
  created "$ID"
  rows update_to
  ctr delete --force "$ID"
}

@test "update by flags changes what is mentioned and nothing else" {
  needs cgroup:memory cgroup:cpu cgroup:pids
  resources '{memory: {limit: 104857600, swap: 209715200}, pids: {limit: 50}}'
  created "$ID"
  ctr update --memory 150m "$ID"
  values memory.max 157286400 memory.swap.max 52428800 pids.max 50
  ctr update --cpu-quota 20000 "$ID"
  ctr update --cpu-period 50000 --pids-limit 60 "$ID"
  values cpu.max '20000 50000' pids.max 60 memory.max 157286400
  run -1 ctr update --memory 300m "$ID"
  expect_match 'memory.swap: memory\+swap limit should be >= memory limit'
  values memory.max 157286400 memory.swap.max 52428800
  ctr delete --force "$ID"
}

@test "updates that are refused name the field and change nothing" {
  refusals
}

@test "an update that is refused changes nothing" {
  needs cgroup:memory cgroup:pids
  # a service manager may have taken a controller back that nobody asks for
  if is_delegated cpuset; then resources '{cpu: {mems: "0"}}'; fi
  created "$ID"
  ctr update --pids-limit 50 "$ID"
  run -1 ctr update --resources - "$ID" <<<'{"pids": {"limit": 60}, "unified": {"memory.high": "x"}}'
  expect_match "linux.resources.unified\\[\"memory.high\"\\]: cannot write 'x' to 'memory.high'"
  values pids.max 50
  if is_delegated cpuset; then
    cpus=$(cat "$(cgroup_of "$ID")/cpuset.cpus.effective")
    run -1 ctr update --resources - "$ID" <<<'{"cpu": {"cpus": "0"}, "unified": {"memory.high": "x"}}'
    values cpuset.cpus.effective "$cpus"
  fi
  ctr delete --force "$ID"
}

@test "an update that cannot be recorded changes nothing" {
  needs cgroup:pids root
  STATE=$BATS_TEST_TMPDIR/full
  mkdir "$STATE"
  mount -t tmpfs -o size=128k full "$STATE"
  created "$ID"
  ctr update --pids-limit 50 "$ID"
  dd if=/dev/zero of="$STATE/filler" bs=4k 2>/dev/null || true
  run ctr update --pids-limit 60 "$ID"
  local said=$status$output
  rm "$STATE/filler"
  value=$(cat "$(cgroup_of "$ID")/pids.max")
  ctr delete --force "$ID"
  umount "$STATE"
  [[ $said == 1*'No space left on device' ]]
  [ "$value" = 50 ]
}

@test "an update that is refused changes nothing of single devices" {
  needs cgroup:io cgroup:pids
  local disk
  disk=$(disk)
  [ -n "$disk" ] || skip 'needs a disk'
  limit_disk() { # RATE [MORE]
    ctr update --resources - "$ID" <<<"{\"blockIO\": {\"throttleReadBpsDevice\":
      [{\"major\": ${disk%:*}, \"minor\": ${disk#*:}, \"rate\": $1}], \"weight\": 500}${2:-}}"
  }
  created "$ID"
  run -1 limit_disk 1048576 ', "unified": {"pids.max": "x"}'
  values io.max '' io.weight 'default 100'
  limit_disk 1048576
  run -1 limit_disk 2097152 ', "unified": {"pids.max": "x"}'
  values io.max "$disk rbps=1048576 wbps=max riops=max wiops=max" io.weight 'default 4950'
  ctr delete --force "$ID"
}

@test "update checks the usage where it is told to" {
  needs cgroup:memory
  resources '{memory: {checkBeforeUpdate: true}}'
  command_is sleep 100
  detached "$ID"
  run -1 ctr update --memory 8k "$ID"
  expect_match 'memory.limit: rejecting memory limit 8192'
  ctr delete --force "$ID"
}

@test "update refuses what makes no sense" {
  needs cgroup2
  created "$ID"
  run -1 ctr update --memory much "$ID"
  expect_output "ctr: update: --memory: 'much' is not a number of bytes"
  run -1 ctr update --memory 1m --resources - "$ID"
  expect_match 'resources: it stands for all other flags'
  run -1 ctr update --pids-limit=-5 "$ID"
  expect_match 'linux.resources.pids.limit: -5'
  run -1 ctr update --pids-limit 5 "$ID-none"
  expect_match 'does not exist'
  ctr delete --force "$ID"
}

@test "a memory hog is killed, and run says by what" {
  needs cgroup:memory
  resources '{memory: {limit: 20971520, swap: 20971520}}'
  command_is dd if=/dev/zero of=/dev/null bs=100M count=1
  run -137 ctr run -b "$BUNDLE" "$ID"
  expect_output "ctr: container '$ID' was killed by the OOM killer (memory limit 20971520)"
}

@test "256 KiB are enough to start a program" {
  needs cgroup:memory
  resources '{memory: {limit: 262144}}'
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "a memory limit that is too low to start is named" {
  needs cgroup:memory
  resources '{memory: {limit: 16384}}'
  command_is true
  run ctr run -b "$BUNDLE" "$ID"
  [ "$status" -ne 0 ]
  expect_match 'linux.resources.memory.limit: too low to start the container|killed by the OOM killer'
}

@test "a fork bomb ends at the limit of processes" {
  needs cgroup:pids
  resources '{pids: {limit: 10}}'
  # shellcheck disable=SC2016 # the shell inside expands it
  shell 'i=0; while [ $i -lt 50 ]; do sleep 100 & i=$((i+1)); done; wait'
  run ctr run -b "$BUNDLE" "$ID"
  [ "$status" -ne 0 ]
  expect_match "can't fork"
}

# cpu_stat FILE - into usage_usec, nr_throttled and now (us), without a process in between: in a
# slow guest one takes a tenth of a second, in which the hog goes on
cpu_stat() {
  local field value
  now=${EPOCHREALTIME/[.,]/}
  while read -r field value; do
    case $field in
      usage_usec) usage_usec=$value ;;
      nr_throttled) nr_throttled=$value ;;
    esac
  done <"$1"
}

# A period whose timer comes late, as in a guest that waits for its host's CPU, hands out no quota:
# the hog cannot be blamed for what it was not given. Where it was throttled it had used it up.
@test "a CPU hog gets its quota: 20 % over 10 s, within 2 points" {
  needs cgroup:cpu
  resources '{cpu: {quota: 20000, period: 100000}}'
  shell 'while :; do :; done'
  detached "$ID"
  local file start used time given now usage_usec nr_throttled=0
  file=$(cgroup_of "$ID")/cpu.stat
  until [ "$nr_throttled" -gt 0 ]; do cpu_stat "$file"; done
  start=$now used=$usage_usec given=$nr_throttled
  sleep 10
  cpu_stat "$file"
  used=$((usage_usec - used)) given=$((nr_throttled - given)) time=$((now - start))
  ctr delete --force "$ID"
  echo "used: $used of $time us ($((1000 * used / time)) of a thousand), $given periods of 100 ms" \
    'were used up'
  [ $((1000 * used / time)) -le 220 ]
  [ "$given" -gt 0 ]
  [ $((given * 100000)) -lt $time ] || given=$((time / 100000))
  [ $((1000 * used / (given * 100000))) -ge 180 ]
}

@test "events --stats prints what is used, events prints until the end" {
  needs cgroup:memory cgroup:pids
  resources '{memory: {limit: 104857600}, pids: {limit: 20}}'
  command_is sleep 100
  detached "$ID"
  run -0 ctr events --stats "$ID"
  [ "$(jq -r '[.type, .id, .data.memory.usage.limit, .data.pids.current, .data.pids.limit] |
    map(tostring) | join(" ")' <<<"$output")" = "stats $ID 104857600 1 20" ]
  ctr events --interval 200ms "$ID" >"$OUT.events" 3>&- &
  twice() { [ "$(wc -l <"$OUT.events")" -ge 2 ]; }
  eventually twice
  ctr kill "$ID" KILL
  wait $!
  [ "$(jq -r .type "$OUT.events" | sort -u)" = stats ]
  run -1 ctr events --stats "$ID"
  expect_match 'container not running'
  ctr delete "$ID"
}

@test "events of a container whose cgroup is gone waits, and does not ask again and again" {
  needs cgroup:memory root strace
  local cgroup events
  resources '{memory: {limit: 104857600}}'
  command_is sleep 1000
  detached "$ID"
  cgroup=$(cgroup_of "$ID")
  strace -o "$OUT.trace" -e trace=poll "$CTR" --root "$STATE" events --interval 1000s "$ID" >"$OUT.events" 2>&1 3>&- &
  events=$!
  eventually grep -qs poll "$OUT.trace"
  pid_of "$ID" >/sys/fs/cgroup/cgroup.procs
  eventually rmdir "$cgroup"
  # its poll(2) looks again
  kill -STOP "$(pgrep -P "$events")"
  kill -CONT "$(pgrep -P "$events")"
  sleep 2
  ctr kill "$ID" KILL
  wait "$events" || true
  [ "$(grep -c poll "$OUT.trace")" -lt 10 ]
  ctr delete --force "$ID"
}

@test "events tells of the OOM killer" {
  needs cgroup:memory root
  resources '{memory: {limit: 31457280, swap: 31457280}}'
  command_is sleep 100
  detached "$ID"
  ctr events --interval 200ms "$ID" >"$OUT.events" 3>&- &
  # what was killed before it looked would not be told
  eventually test -s "$OUT.events"
  run -137 ctr exec "$ID" dd if=/dev/zero of=/dev/null bs=100M count=1
  eventually grep -q '"type":"oom"' "$OUT.events"
  ctr delete --force "$ID"
  wait $!
}

@test "events works without any controller" {
  need root cgroup2 jq
  command_is sleep 100
  detached "$ID"
  run -0 ctr events --stats "$ID"
  [ "$(jq -r .type <<<"$output")" = stats ]
  ctr delete --force "$ID"
}

# Without the controller: an error that says which, where it is, and what asked for it.
without() { # CONTROLLER RESOURCES FIELD
  need root cgroup2
  ! has_controller "$1" || skip "is about hosts without the $1 controller on cgroup v2"
  resources "$2"
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "^ctr: linux.resources.$3: the cgroup controller '$1' is not "
}

@test "a limit whose controller is missing is an error: memory" {
  without memory '{memory: {limit: 104857600}}' memory.limit
}

@test "a limit whose controller is missing is an error: pids" {
  without pids '{pids: {limit: 10}}' pids.limit
}

@test "what limits nothing needs no controller" {
  need root cgroup2
  resources '{memory: {limit: -1}, cpu: {shares: 1024, quota: -1}, pids: {limit: -1}}'
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "what cgroup v2 does not have is refused" {
  need root cgroup2
  local row
  for row in '{memory: {swappiness: 10}}' '{memory: {disableOOMKiller: true}}' \
    '{network: {classID: 1}}' '{cpu: {realtimeRuntime: 1}}' '{blockIO: {leafWeight: 10}}'; do
    config "del(.linux.resources) | .linux.resources = $row"
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match '^ctr: linux.resources.*cgroup v2'
  done
}

@test "values that the kernel refuses name their field and leave nothing" {
  needs cgroup:memory cgroup:io root
  local row
  for row in '{blockIO: {throttleReadBpsDevice: [{major: 99, minor: 99, rate: 1}]}}' \
    '{hugepageLimits: [{pageSize: "3MB", limit: 1}]}' '{unified: {"memory.high": "x"}}' \
    '{unified: {"memory.none": "1"}}' '{unified: {"none.max": "1"}}' \
    '{rdma: {none: {hcaHandles: 1}}}' '{unified: {"misc.max": "none 1"}}'; do
    config "del(.linux.resources) | .linux.resources = $row"
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match '^ctr: linux.resources.'
    [ -z "$(cgroups)" ]
  done
}

# A second state directory, as of another caller.
other() { timeout 30 "$CTR" --root "$BATS_TEST_TMPDIR/other" "$@"; }

@test "equal ids in two state directories: neither touches the other's cgroup" {
  need root cgroup2
  local pid
  command_is sleep 100
  detached "$ID"
  run -125 other run -b "$BUNDLE" "$ID"
  expect_match "container's cgroup is not empty: 1 process\\(es\\) found"
  has_status "$ID" running
  # the first one ends, the second one gets the place
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  other run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  pid=$(other state "$ID" | jq .pid)
  run -0 ctr kill --all "$ID" KILL
  ctr delete "$ID"
  kill -0 "$pid"
  [ "$(other state "$ID" | jq -r .status)" = running ]
  other delete --force "$ID"
}

@test "a cgroup of the same name that processes of others are in: refused, and left alone" {
  need root cgroup2
  local dir
  dir=$(cgroup2)/ctr-$ID
  mkdir "$dir"
  sleep 100 3>&- &
  echo $! >"$dir/cgroup.procs"
  config --arg path "/ctr-$ID" '.linux.cgroupsPath = $path'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "linux.cgroupsPath: container's cgroup is not empty"
  kill -0 $!
  kill $!
  wait $! || true
  # empty it is welcome, but not frozen
  echo 1 >"$dir/cgroup.freeze"
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'unexpectedly frozen'
  echo 0 >"$dir/cgroup.freeze"
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "a cgroup, the container's or the caller's, that cgroup.kill was once written for" {
  need root cgroup2
  local killed
  killed=$(cgroup2)/ctr-$ID
  mkdir "$killed" "$killed-caller"
  echo 1 >"$killed/cgroup.kill"
  echo 1 >"$killed-caller/cgroup.kill"
  config --arg path "/ctr-$ID" '.linux.cgroupsPath = $path'
  command_is echo alive
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output alive
  config --arg path "/ctr-$ID-new" '.linux.cgroupsPath = $path'
  in_cgroup() { (echo "$BASHPID" >"$killed-caller/cgroup.procs" && ctr "$@"); }
  run -0 in_cgroup run -b "$BUNDLE" "$ID"
  expect_output alive
  command_is sleep 1000
  detached "$ID"
  run -0 in_cgroup exec "$ID" echo there
  expect_output there
  ctr delete --force "$ID"
  # one that was there already is not removed with the container
  rmdir "$killed-caller"
  [ ! -d "$killed" ] || rmdir "$killed"
}

@test "'..' in linux.cgroupsPath stops at the top" {
  need root cgroup2
  config --arg path "/../../a/../ctr-$ID" '.linux.cgroupsPath = $path'
  created "$ID"
  [ "$(cgroup_of "$ID")" = "$(cgroup2)/ctr-$ID" ]
  ctr delete --force "$ID"
  config '.linux.cgroupsPath = "/.."'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'linux.cgroupsPath'
}

@test "exec is born in the container's cgroup, also where its namespace is another" {
  needs own-cgroup
  command_is sleep 100
  detached "$ID"
  run -0 ctr exec "$ID" cat /proc/self/cgroup
  expect_match '0::/$'
  ctr exec --detach --pid-file "$OUT.pid" "$ID" sleep 100 </dev/null >"$OUT" 2>&1 3>&-
  [ "$(cat "/proc/$(cat "$OUT.pid")/cgroup")" = "$(cat "/proc/$(pid_of "$ID")/cgroup")" ]
  ctr delete --force "$ID"
}

@test "exec --cgroup: into a sub-cgroup that the container made, and a frozen one" {
  need root cgroup2
  config '.linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}] |
    (.mounts[] | select(.type | startswith("cgroup")) | .options) -= ["ro"]'
  command_is sleep 100
  detached "$ID"
  run -255 ctr exec --cgroup sub "$ID" true
  expect_match "cannot open sub cgroup 'sub'"
  ctr exec "$ID" mkdir /sys/fs/cgroup/sub
  run -0 ctr exec --cgroup sub "$ID" sed -n '/^0::/p' /proc/self/cgroup
  expect_output '0::/sub'
  ctr pause "$ID"
  [ "$(ctr list --format json | jq -r .[0].status)" = paused ]
  run -255 ctr exec "$ID" true
  expect_match 'cannot exec in a paused container'
  ctr exec --ignore-paused --cgroup sub "$ID" echo thawed </dev/null >"$OUT.exec" 2>&1 3>&- &
  sleep 1
  [ ! -s "$OUT.exec" ]
  ctr resume "$ID"
  wait $!
  [ "$(cat "$OUT.exec")" = thawed ]
  ctr delete --force "$ID"
}

@test "sub-cgroups of any depth: ps, kill --all and delete see what is in them" {
  need root cgroup2 jq
  config '.linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}] |
    (.mounts[] | select(.type | startswith("cgroup")) | .options) -= ["ro"]'
  # ao and bd have the same hash, so one position in the listing: neither is seen twice for ever
  shell 'cd /sys/fs/cgroup && mkdir -p a z ao/x && mkdir bd && for i in $(seq 300); do mkdir d && cd d || exit; done
    sleep 1000 & echo $! >cgroup.procs && sleep 1001 & echo $! >/sys/fs/cgroup/z/cgroup.procs
    trap "exit 0" TERM; touch /dev/shm/ready; while :; do sleep 0.1; done'
  detached "$ID"
  eventually ctr exec "$ID" test -e /dev/shm/ready
  # no process that only tells of them
  shows() { ctr ps "$ID" | grep -v trap | grep -q "$1"; }
  eventually shows 'sleep 1000'
  eventually shows 'sleep 1001'
  ctr kill --all "$ID" TERM
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "the cgroup is shown over a /sys of the host's that is bound" {
  needs own-cgroup
  config '.mounts |= map(select(.destination | startswith("/sys") | not)) +
    [{destination: "/sys", type: "none", source: "/sys", options: ["rbind", "rslave", "ro"]},
     {destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"]}] |
    .linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}]'
  shell 'cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x'
  run ctr run -b "$BUNDLE" "$ID"
  expect_match "^1"
  expect_match 'Read-only file system'
}

@test "controllers are not handed down past processes" {
  need root cgroup2 cgroup:pids cgroup:memory
  local parent
  parent=$(cgroup2)/ctr-$ID
  mkdir "$parent"
  sleep 100 3>&- &
  echo $! >"$parent/cgroup.procs"
  config --arg path "/ctr-$ID/box" '.linux.cgroupsPath = $path'
  command_is true
  resources '{pids: {limit: 10}}'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "cannot enable controller 'pids' in cgroup '/ctr-$ID' \(processes are in that cgroup itself"
  [ ! -e "$parent/box" ]
  # what only counts is done without, and the parent stays what it was
  config 'del(.linux.resources)'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "$(cat "$parent/cgroup.type")" = domain ]
  [ "$(cat "$parent/cgroup.subtree_control")" = '' ]
  kill $!
  wait $! || true
  rmdir "$parent"
}

@test "below a threaded cgroup: refused by name with limits that need processes, else threaded" {
  need root cgroup2 cgroup:memory
  local parent
  parent=$(cgroup2)/ctr-$ID
  mkdir "$parent" "$parent/threads"
  echo threaded >"$parent/threads/cgroup.type"
  config --arg path "/ctr-$ID/threads/box" '.linux.cgroupsPath = $path'
  command_is sleep 100
  resources '{memory: {limit: 104857600}}'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match "cannot enter cgroupv2 '/ctr-$ID/threads/box' with domain controllers -- it is in an invalid state"
  [ ! -e "$parent/threads/box" ]
  config 'del(.linux.resources)'
  detached "$ID"
  [ "$(cat "$parent/threads/box/cgroup.type")" = threaded ]
  run -0 ctr ps -f json "$ID"
  [ "$(jq length <<<"$output")" = 1 ]
  ctr kill --all "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  [ ! -e "$parent/threads/box" ]
  rmdir "$parent/threads" "$parent"
}

@test "a read-only cgroup file system: an error for create, no hindrance for delete" {
  need root cgroup2 unshare
  command_is sleep 100
  detached "$ID"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  eventually rmdir "$(cgroup2)/ctr-$ID"
  # shellcheck disable=SC2016 # the inner shell expands it
  run unshare --mount sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77
    "$2" --root "$3" delete "$4" || exit 78
    "$2" --root "$3" run -b "$5" "$4"' sh "$(cgroup2)" "$CTR" "$STATE" "$ID" "$BUNDLE"
  expect_status 125
  expect_match 'unable to apply cgroup configuration: cannot make cgroup .*Read-only file system'
}
