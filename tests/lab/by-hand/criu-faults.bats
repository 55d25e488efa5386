#!/usr/bin/env bats
# Checkpoints that are damaged, and programs that are killed: an error that tells what is wrong, and
# nothing is left; or the container runs on.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# FAULTS_STEPS: at how many points each program is killed, in even steps or (FAULTS_RANDOM=yes) anywhere;
# FAULTS_FILES: which files are damaged; FAULTS_TOLD: a file for what was said
STEPS=${FAULTS_STEPS:-6}
# moment TOOK STEP - in ms
moment() {
  if [ "${FAULTS_RANDOM:-}" = yes ]; then
    echo $(($1 * 11 * RANDOM / 327680))
  else
    echo $(($1 * $2 / STEPS))
  fi
}

# leftovers - what a failed restore might leave, besides what the helper looks for
leftovers() {
  pgrep -fl "criu.*$BATS_TEST_TMPDIR" || true
  ls "$STATE" 2>/dev/null | grep -v ^- || true
  find /sys/fs/cgroup -type d -name "*$ID*" 2>/dev/null || true
  mounts | grep "$BATS_TEST_TMPDIR" || true
}
# settled WHAT - soon there is nothing left; the kernel ends namespaces and processes at leisure
nothing_left() { [ -z "$(leftovers)" ]; }
settled() {
  eventually nothing_left || {
    echo "left after $1:"
    leftovers
    return 1
  }
}

# damage FILE HOW
damage() {
  case $2 in
    half) truncate -s $(($(stat -c %s "$1") / 2)) "$1" ;;
    zero) truncate -s 0 "$1" ;;
    removed) rm "$1" ;;
    flipped) # a bit in the middle
      python3 - "$1" <<'P'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
if data:
    data[len(data) // 2] ^= 0x40
open(sys.argv[1], "wb").write(data)
P
      ;;
    huge) # the length of its first message, behind two numbers
      printf '\xff\xff\xff\x7f' | dd of="$1" bs=1 seek=8 conv=notrunc 2>/dev/null
      ;;
    link) ln -sf /etc/passwd "$1" ;;
    directory) rm "$1" && mkdir "$1" ;;
    fifo) rm "$1" && mkfifo "$1" ;;
  esac
}

# judge STATUS FILE HOW - of a restore from damaged images; bad results are told in $BAD
judge() {
  local status=$1 what="$2 $3"
  if [ "$status" = 0 ]; then
    # what nobody needs, or a bit that means nothing: then it has to run
    eventually count "$ID-r" >/dev/null || echo "$what: restored, and does not run" >>"$BAD"
    echo "$what: restored" >>"$TOLD"
    ctr delete --force "$ID-r"
    return 0
  fi
  echo "$what: $status $(head -c400 "$OUT")" >>"$TOLD"
  [ "$status" = 125 ] || echo "$what: status $status: $(head -c300 "$OUT")" >>"$BAD"
  [ "$(wc -l <"$OUT")" -le 1 ] || echo "$what: not one line: $(cat "$OUT")" >>"$BAD"
  grep -qE 'restore\.log|\.json|\.img' "$OUT" || echo "$what: no file is named: $(cat "$OUT")" >>"$BAD"
}

damage_all() { # HOW...
  local name how
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  BAD=$BATS_TEST_TMPDIR/bad TOLD=${FAULTS_TOLD:-$BATS_TEST_TMPDIR/told}
  touch "$BAD"
  for name in $(cd "$IMAGE" && ls | grep -E "${FAULTS_FILES:-.}"); do
    case $name in *.log | stats-*) continue ;; esac
    for how; do
      rm -rf "$BATS_TEST_TMPDIR/hurt" "$BATS_TEST_TMPDIR/work"
      cp -a "$IMAGE" "$BATS_TEST_TMPDIR/hurt"
      damage "$BATS_TEST_TMPDIR/hurt/$name" "$how"
      local status=0
      timeout -k 5 60 "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/hurt" \
        --work-path "$BATS_TEST_TMPDIR/work" "$ID-r" </dev/null >"$OUT" 2>&1 3>&- || status=$?
      judge $status "$name" "$how"
      settled "$name $how" >>"$BAD" || true
    done
  done
  cat "$BAD"
  [ ! -s "$BAD" ]
}

@test "each file of a checkpoint truncated to its half" { damage_all half; }
@test "each file of a checkpoint empty, or not there" { damage_all zero removed; }
@test "each file of a checkpoint with a bit flipped" { damage_all flipped; }
@test "each file of a checkpoint with a message of 2 GiB" { damage_all huge; }
@test "each file of a checkpoint a link, a directory, a fifo" { damage_all link directory fifo; }

# ---- a disk that is full

@test "checkpoint: a disk that is full after 8 KiB, 16 KiB, ... : the container runs on, no image is left" {
  local size n=0
  counting
  mkdir "$IMAGE"
  for ((size = 8; ; size *= 2)); do
    mount -t tmpfs -o size=${size}k tmpfs "$IMAGE"
    run ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
    echo "$size KiB: $status $output" >>"${FAULTS_TOLD:-/dev/null}"
    left=$(find "$IMAGE" -mindepth 1 -not -name dump.log)
    umount "$IMAGE"
    counts "$ID"
    [ "$status" != 0 ] || break
    n=$((n + 1))
    expect_status 1
    expect_match '[Nn]o space left on device'
    [ -z "$left" ]
  done
  [ $n -gt 3 ]
  ctr delete --force "$ID"
}

# ---- programs that are killed

ms() { echo $(($(date +%s%N) / 1000000)); }
# killed WHO MS COMMAND... - WHO (ctr, ctr-criu, criu, all of them) of this command gets SIGKILL after so long
killed() {
  local who=$1 after=$2 ctr pid
  shift 2
  "$@" </dev/null >"$OUT" 2>&1 3>&- &
  ctr=$!
  sleep "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))"
  case $who in
    ctr) pid=$ctr ;;
    ctr-criu) pid=$(pgrep -P $ctr -f ctr-criu) || true ;;
    criu) pid=$(pgrep -P $ctr -f '^criu(:| swrk)' | head -n1) || true ;;
    all) pid="$ctr $(pgrep -P $ctr -f 'ctr-criu|^criu(:| swrk)' | tr '\n' ' ')" ;;
  esac
  [ -z "$pid" ] || kill -9 $pid 2>/dev/null || true
  STATUS=0
  wait $ctr || STATUS=$?
  echo "$who after $after ms: ${pid:+killed, }status $STATUS: $(head -c300 "$OUT")" >>"${FAULTS_TOLD:-/dev/null}"
}

# up - the container that counts
up() {
  ctr "${FLAGS[@]}" run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually count "$ID"
}

# told - a restored one that is said to run has processes, and one that has none is not said to; who was
# killed a moment ago may be there and then not
told() { eventually tells_truth; }
tells_truth() {
  local state pid
  state=$(ctr state "$ID-r" 2>/dev/null) || return 0
  pid=$(jq .pid <<<"$state")
  echo "  $(jq -r .status <<<"$state"), pid $pid" >>"${FAULTS_TOLD:-/dev/null}"
  case $(jq -r .status <<<"$state") in
    running) [ "$pid" -gt 0 ] && grep -qs '^State:.[RSD]' "/proc/$pid/status" ;;
    creating | stopped) [ "$pid" = 0 ] || [ ! -e "/proc/$pid" ] ;;
    *) false ;;
  esac
}

# found WHO - what has become of the container, in $FATE: it runs (where nobody was left to thaw it, it is said
# to be paused sooner or later, and can be resumed), or it has ended, maybe a moment ago
found() {
  local before
  before=$(count "$ID") || true
  eventually is_found "$1" "${before:-0}"
}
is_found() {
  case $(status_of "$ID" 2>/dev/null) in
    running) ;;
    paused) [ "$1" != all ] || ctr resume "$ID" ;;
    *)
      FATE=ended
      return 0
      ;;
  esac
  FATE=runs
  is_beyond "$ID" "$2"
}

kill_checkpoints() { # WHO FLAG...
  local began took step
  FLAGS=("${@:2}")
  host_network
  counter
  up
  began=$(ms)
  IMAGE=$BATS_TEST_TMPDIR/first
  ctr "${FLAGS[@]}" checkpoint --leave-running --image-path "$IMAGE" "$ID"
  took=$(($(ms) - began))
  for ((step = 0; step < STEPS; step++)); do
    IMAGE=$BATS_TEST_TMPDIR/image.$step
    killed "$1" "$(moment $took $step)" "$CTR" --root "$STATE" "${FLAGS[@]}" checkpoint --image-path "$IMAGE" "$ID"
    settled_criu
    found "$1"
    case $FATE in
      runs) ;; # it has not been dumped
      ended) # it has: the images are there, what else is left goes
        if [ -e "$IMAGE/inventory.img" ]; then
          [ $STATUS = 0 ] || [ $STATUS = 137 ] || grep -q 'has ended, its images are kept' "$OUT"
        else # killed while its code was in a process, CRIU takes that with it
          [ "$1" = criu ] || [ "$1" = all ]
          [ $STATUS = 137 ] || grep -q 'has ended, there are no images' "$OUT"
          echo "# $1 at step $step: ended without images" >&3
        fi
        ctr delete --force "$ID"
        up
        ;;
    esac
  done
  ctr delete --force "$ID"
}

# CRIU that has lost its parents is known by its environment, until that is overwritten by what it calls
# itself then: the directory of the images is in there
is_of_test() { # PID
  grep -qzx "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" "/proc/$1/environ" 2>/dev/null ||
    grep -qaF "$BATS_TEST_TMPDIR/" "/proc/$1/cmdline" 2>/dev/null
}
criu_ended() {
  local pid
  for pid in $(pgrep -x 'criu|ctr-criu'); do
    if is_of_test "$pid"; then return 1; fi
  done
}
# It leaves processes of its own when it is killed, which sleep for a while
settled_criu() {
  local end=$((SECONDS + 10)) pid
  until criu_ended; do
    [ $SECONDS -lt $end ] || break
    sleep 0.05
  done
  criu_ended || for pid in $(pgrep -x criu); do
    if [ "$(cat "/proc/$pid/wchan")" = hrtimer_nanosleep ] && is_of_test "$pid"; then
      echo "# a process of CRIU's slept on, and was ended" >&3
      kill -9 "$pid"
    fi
  done
  eventually criu_ended
}

# is_there WHO COUNT - it counts; or what was CRIU's process a moment ago was killed behind the end of ctr
is_there() { is_beyond "$ID-r" "${2:-0}" || { [ "$1" = all ] && has_status "$ID-r" stopped; }; }

kill_restores() { # WHO FLAG...
  local began took step
  FLAGS=("${@:2}")
  image
  host_network
  counter
  up
  ctr "${FLAGS[@]}" checkpoint --image-path "$IMAGE" "$ID"
  began=$(ms)
  ctr "${FLAGS[@]}" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID-r" </dev/null >"$OUT" 2>&1 3>&-
  took=$(($(ms) - began))
  ctr delete --force "$ID-r"
  for ((step = 0; step < STEPS; step++)); do
    killed "$1" "$(moment $took $step)" "$CTR" --root "$STATE" "${FLAGS[@]}" restore --detach -b "$BUNDLE" \
      --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID-r"
    if [ $STATUS = 0 ]; then
      eventually is_there "$1" "$(count "$ID-r")"
    elif [[ $1 == *criu ]]; then
      [ $STATUS = 125 ]
      [ -s "$OUT" ]
      run ctr state "$ID-r"
      expect_match 'does not exist'
    fi
    # who is left of all may wait for them, until the container is deleted
    [ "$1" = all ] || settled_criu
    told
    ctr delete --force "$ID-r"
    eventually criu_ended
    settled "$1 at step $step"
  done
}

# ---- what never comes

# A restore, $PID, whose CRIU waits for the other end of a fifo that stands where a file was.
waiting() { # FLAG...
  FLAGS=("$@")
  image
  host_network
  config '.root.readonly = false'
  echo text >"$BUNDLE/rootfs/f"
  shell 'exec 9</f; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
  up
  ctr "${FLAGS[@]}" checkpoint --image-path "$IMAGE" "$ID"
  rm "$BUNDLE/rootfs/f"
  mkfifo "$BUNDLE/rootfs/f"
  in_background "${FLAGS[@]}" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID-r"
  eventually waits
}
waits() {
  local pid
  for pid in $(pgrep -x criu); do
    if grep -qsE '^(wait_for_partner|fifo_open)' "/proc/$pid/wchan" && is_of_test "$pid"; then
      return 0
    fi
  done
  return 1
}
# given_up TEXT - ctr has ended by itself, with this error, and nothing of it is left
given_up() {
  ended "$PID"
  cat "$OUT"
  [ "$status" = 125 ]
  grep -q "$1" "$OUT"
  criu_ended
  run ctr state "$ID-r"
  expect_match 'does not exist'
  settled "$1"
}
# abandoned - ctr is killed: nobody has its lock, and CRIU ends nevertheless, with what it has made
abandoned() {
  kill -9 "$PID"
  ended "$PID"
  flock --nonblock "$STATE/$ID-r" true
  if criu_ended; then return 1; fi
  eventually criu_ended
  [ "$(status_of "$ID-r")" = creating ]
  ctr delete --force "$ID-r"
  settled "kill -9"
}

@test "restore: CRIU waits for what does not come: kill -9 of ctr" {
  waiting
  abandoned
}
@test "restore under systemd: CRIU waits for what does not come: kill -9 of ctr" {
  waiting --systemd-cgroup
  abandoned
}
@test "restore: CRIU waits for what does not come: SIGTERM" {
  waiting
  kill -TERM "$PID"
  given_up 'ended by signal 15'
}
@test "restore under systemd: CRIU waits for what does not come: SIGHUP" {
  waiting --systemd-cgroup
  kill -HUP "$PID"
  given_up 'ended by signal 1'
}
@test "restore: CRIU waits for what does not come: delete --force" {
  waiting
  ctr delete --force "$ID-r"
  given_up "container '$ID-r' was deleted meanwhile"
}
# A checkpoint, $PID, whose CRIU waits for a page server that takes the connection and says nothing, or
# (--lazy-pages) for somebody who wants the memory.
waiting_dump() { # FLAG...
  need socat ss
  counting
  case " $* " in
    *' --lazy-pages '*) ;;
    *)
      beside socat -u TCP-LISTEN:7012,reuseaddr EXEC:'sleep 300'
      eventually sh -c 'ss -ltn | grep -q :7012'
      ;;
  esac
  in_background checkpoint --image-path "$IMAGE" --page-server 127.0.0.1:7012 "$@" "$ID"
  eventually criu_waits
  WAITED=$SECONDS
}
# CRIU's process number is in the parentheses
criu_waits() {
  local pid
  pid=$(ss -tnpaO | sed -n '/:7012 .*("criu",/{s/.*("criu",pid=\([0-9]*\),.*/\1/p;q}')
  [ -n "$pid" ] && grep -qsE '^(wait_woken|sk_wait_data|inet_csk_accept)' "/proc/$pid/wchan"
}
# goes_on_alone TEXT - ctr has ended by itself, with this error; CRIU as well, and the container runs
goes_on_alone() {
  ended "$PID"
  # by itself the server would go later
  [ $((SECONDS - WAITED)) -lt 250 ]
  cat "$OUT"
  [ "$status" = 1 ]
  grep -q "$1" "$OUT"
  criu_ended
  [ ! -e "$IMAGE/inventory.img" ]
  [ ! -e "$IMAGE/ctr.json" ]
  runs_on
}
runs_on() {
  has_status "$ID" running
  counts "$ID"
  # and can be dumped
  IMAGE=$BATS_TEST_TMPDIR/again
  ctr checkpoint --image-path "$IMAGE" "$ID"
  settled "$BATS_TEST_DESCRIPTION"
}

@test "checkpoint: CRIU waits for its page server: delete --force" {
  waiting_dump
  ctr delete --force "$ID"
  ended "$PID"
  cat "$OUT"
  [ "$status" = 1 ]
  grep -q 'was deleted meanwhile' "$OUT"
  criu_ended
  settled 'delete --force'
}
@test "checkpoint: CRIU waits for its page server: SIGTERM" {
  waiting_dump
  kill -TERM "$PID"
  goes_on_alone 'ended by signal 15'
}
# as Ctrl-C is: a shell has what it starts in the background ignore that one
@test "checkpoint: CRIU waits for its page server: a signal for all of them" {
  waiting_dump
  kill -TERM "$PID" $(pgrep -P "$PID")
  goes_on_alone 'ended by signal 15'
}
@test "checkpoint: CRIU waits for its page server: kill -9 of ctr" {
  waiting_dump
  kill -9 "$PID"
  eventually criu_ended
  runs_on
}
@test "checkpoint: CRIU waits for its page server: kill -9 of ctr-criu" {
  waiting_dump
  kill -9 "$(pgrep -P "$PID" -f ctr-criu)"
  goes_on_alone 'ended without an answer'
}
@test "checkpoint --lazy-pages: nobody wants the memory: SIGHUP" {
  waiting_dump --lazy-pages
  kill -HUP "$PID"
  goes_on_alone 'ended by signal 1'
}
@test "checkpoint --lazy-pages: nobody wants the memory: kill -9 of ctr" {
  waiting_dump --lazy-pages
  kill -9 "$PID"
  eventually criu_ended
  runs_on
}
@test "checkpoint: SIGTERM while memory is written: that does not go on" {
  image
  host_network
  guest_rootfs
  programmed <<'P'
import time
memory = b"1" * (1 << 30)
open("/tmp/ready", "w").close()
count = 0
while True:
    count += 1
    with open("/dev/shm/n", "w") as file:
        print(count, file=file)
    time.sleep(0.1)
P
  in_background checkpoint --image-path "$IMAGE" "$ID"
  eventually is_larger "$IMAGE/pages-1.img" 1000000
  kill -TERM "$PID"
  ended "$PID"
  cat "$OUT"
  [ "$status" = 1 ]
  grep -q 'ended by signal 15' "$OUT"
  grep -q 'Transferring pages' "$IMAGE/dump.log"
  if grep 'post-dump' "$IMAGE/dump.log"; then return 1; fi
  [ "$(ls "$IMAGE")" = dump.log ]
  counts "$ID"
  ctr delete --force "$ID"
}
is_larger() { [ "$(stat -c %s "$1" 2>/dev/null)" -gt "$2" ]; } 2>/dev/null

# ---- memory in steps

@test "checkpoint --pre-dump: CRIU waits for its page server: SIGTERM" {
  able tracking
  waiting_dump --pre-dump
  kill -TERM "$PID"
  goes_on_alone 'ended by signal 15'
}
@test "checkpoint --pre-dump: CRIU waits for its page server: SIGHUP" {
  able tracking
  waiting_dump --pre-dump
  kill -HUP "$PID"
  goes_on_alone 'ended by signal 1'
}
@test "checkpoint --pre-dump: CRIU waits for its page server: kill -9 of ctr" {
  able tracking
  waiting_dump --pre-dump
  kill -9 "$PID"
  eventually criu_ended
  runs_on
}
@test "checkpoint --pre-dump: CRIU waits for its page server: kill -9 of ctr-criu" {
  able tracking
  waiting_dump --pre-dump
  kill -9 "$(pgrep -P "$PID" -f ctr-criu)"
  goes_on_alone 'ended without an answer'
}

# stepped - image.1, image.2 (--pre-dump) and image.3, each on the one before, of a container that has ended
stepped() {
  able tracking
  counting
  ctr checkpoint --image-path "$IMAGE.1" --pre-dump "$ID"
  ctr checkpoint --image-path "$IMAGE.2" --pre-dump --parent-path ../image.1 "$ID"
  ctr checkpoint --image-path "$IMAGE.3" --parent-path ../image.2 --leave-running "$ID"
}
# not_restored PATTERN
not_restored() {
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE.3" "$ID-r"
  show_result
  expect_status 125
  expect_match "$1"
  run ctr state "$ID-r"
  expect_match 'does not exist'
}
@test "three steps, and the one in the middle is not there, or damaged: it is named, and none is built on it" {
  local pagemap pages
  stepped
  cp -a "$IMAGE.2" "$IMAGE.good"
  pagemap=$(cd "$IMAGE.2" && ls pagemap-[0-9]*.img | head -n1)
  pages=$(cd "$IMAGE.2" && ls -S pages-*.img | head -n1)

  mv "$IMAGE.2" "$IMAGE.away"
  not_restored "^ctr: --image-path: '$IMAGE.3': 'pagemap-[a-z0-9-]*\.img' needs its parent: cannot find '$IMAGE.3/parent/pagemap"
  mv "$IMAGE.away" "$IMAGE.2"
  rm "$IMAGE.2/$pagemap"
  not_restored "needs its parent: cannot find '$IMAGE.3/parent/$pagemap'"
  cp "$IMAGE.good/$pagemap" "$IMAGE.2"
  truncate -s -1 "$IMAGE.2/$pages"
  not_restored "^ctr: --image-path: '$IMAGE.3/parent': an image is damaged: '$pages' has"
  run ctr checkpoint --image-path "$IMAGE.4" --parent-path ../image.2 "$ID"
  expect_status 1
  expect_match "--parent-path: '$IMAGE.4/../image.2': an image is damaged: '$pages' has"
  [ ! -e "$IMAGE.4" ]
  counts "$ID"
  cp "$IMAGE.good/$pages" "$IMAGE.2"

  mv "$IMAGE.1" "$IMAGE.away"
  not_restored "'$IMAGE.3/parent': 'pagemap-[a-z0-9-]*\.img' needs its parent: cannot find '$IMAGE.3/parent/parent/"
  run ctr checkpoint --image-path "$IMAGE.4" --parent-path ../image.2 "$ID"
  expect_status 1
  expect_match "--parent-path: '$IMAGE.4/../image.2': 'pagemap-[a-z0-9-]*\.img' needs its parent"
  counts "$ID"
  mv "$IMAGE.away" "$IMAGE.1"

  ctr delete --force "$ID"
  IMAGE=$IMAGE.3 restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "checkpoint: ctr is killed" { kill_checkpoints ctr; }
@test "checkpoint: ctr-criu is killed" { kill_checkpoints ctr-criu; }
@test "checkpoint: CRIU is killed" { kill_checkpoints criu; }
@test "checkpoint: all of them are killed at once" { kill_checkpoints all; }
@test "restore: ctr is killed" { kill_restores ctr; }
@test "restore: ctr-criu is killed" { kill_restores ctr-criu; }
@test "restore: CRIU is killed" { kill_restores criu; }
@test "restore: all of them are killed at once" { kill_restores all; }
@test "checkpoint under systemd: ctr is killed" { kill_checkpoints ctr --systemd-cgroup; }
@test "checkpoint under systemd: all of them are killed at once" { kill_checkpoints all --systemd-cgroup; }
@test "restore under systemd: ctr is killed" { kill_restores ctr --systemd-cgroup; }
@test "restore under systemd: all of them are killed at once" { kill_restores all --systemd-cgroup; }
