#!/usr/bin/env bats
# Checkpoints that are damaged, and programs that are killed: an error that tells what is wrong, and
# nothing is left; or the container runs on.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# FAULTS_STEPS: at how many points each program is killed; FAULTS_FILES: which files are damaged
STEPS=${FAULTS_STEPS:-6}

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
@test "each file of a checkpoint a link, a directory, a fifo" { damage_all link directory fifo; }

# ---- programs that are killed

ms() { echo $(($(date +%s%N) / 1000000)); }
# killed WHO MS COMMAND... - WHO (ctr, ctr-criu, criu) of this command gets SIGKILL after so long
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
  esac
  [ -z "$pid" ] || kill -9 $pid 2>/dev/null || true
  STATUS=0
  wait $ctr || STATUS=$?
  echo "$who after $after ms: ${pid:+killed, }status $STATUS: $(head -c300 "$OUT")" >>"${FAULTS_TOLD:-/dev/null}"
}

kill_checkpoints() { # WHO
  local began took step
  host_network
  counter
  detached "$ID"
  eventually count "$ID"
  began=$(ms)
  IMAGE=$BATS_TEST_TMPDIR/first
  ctr checkpoint --leave-running --image-path "$IMAGE" "$ID"
  took=$(($(ms) - began))
  for ((step = 0; step < STEPS; step++)); do
    IMAGE=$BATS_TEST_TMPDIR/image.$step
    killed "$1" $((took * step / STEPS)) "$CTR" --root "$STATE" checkpoint --image-path "$IMAGE" "$ID"
    settled_criu
    case $(status_of "$ID" 2>/dev/null) in
      running) counts "$ID" ;; # it has not been dumped, and goes on
      *) # it has: the images are there, what else is left goes
        [ -e "$IMAGE/inventory.img" ]
        [ $STATUS = 0 ] || [ $STATUS = 137 ] || grep -q 'has ended, its images are kept' "$OUT"
        ctr delete --force "$ID"
        detached "$ID"
        eventually count "$ID"
        ;;
    esac
  done
  ctr delete --force "$ID"
}

criu_ended() { ! pgrep -f "criu.*$BATS_TEST_TMPDIR" >/dev/null; }
settled_criu() {
  eventually criu_ended || {
    pgrep -fl "criu.*$BATS_TEST_TMPDIR"
    return 1
  }
}

kill_restores() { # WHO
  local began took step
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  began=$(ms)
  restored "$ID-r"
  took=$(($(ms) - began))
  ctr delete --force "$ID-r"
  for ((step = 0; step < STEPS; step++)); do
    killed "$1" $((took * step / STEPS)) "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" \
      --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID-r"
    if [ $STATUS = 0 ]; then
      counts "$ID-r"
    elif [ "$1" != ctr ]; then
      [ $STATUS = 125 ]
      [ -s "$OUT" ]
      run ctr state "$ID-r"
      expect_match 'does not exist'
    fi
    ctr delete --force "$ID-r"
    settled "$1 at step $step"
  done
}

@test "checkpoint: ctr is killed" { kill_checkpoints ctr; }
@test "checkpoint: ctr-criu is killed" { kill_checkpoints ctr-criu; }
@test "checkpoint: CRIU is killed" { kill_checkpoints criu; }
@test "restore: ctr is killed" { kill_restores ctr; }
@test "restore: ctr-criu is killed" { kill_restores ctr-criu; }
@test "restore: CRIU is killed" { kill_restores criu; }
