#!/usr/bin/env bats
# What runs in a guest is treated as in a container: signals.
# GUEST=vm or microvm runs the same in those kinds; User-Mode Linux starts fastest.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper

GUEST=${GUEST:-uml}

guest() {
  need root mkfs.erofs jq
  case $GUEST in
  uml) need linux.uml ;;
  *) need qemu-system-x86_64 ;;
  esac
  export CTR_TIMEOUT=${CTR_TIMEOUT:-120} XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  config '.root.readonly = false'
}

twice() { [ "$(grep -cx "$1" "$OUT")" = 2 ]; }

@test "guest: every signal that a program can catch reaches it, once" {
  guest
  # 32 and 33 are the C library's own
  shell 'for s in $(seq 1 31) $(seq 34 64); do trap "echo got $s" $s; done
    echo up; while :; do sleep 0.1; done'
  detached "$ID" --isolation "$GUEST"
  eventually grep -q '^up' "$OUT"
  local s
  for s in $(seq 1 31) $(seq 34 64); do
    case $s in 9 | 19) continue ;; esac
    ctr kill "$ID" "$s"
    # one after the other: those that stop and the one that continues take each other away
    eventually grep -qx "got $s" "$OUT" || { cat "$OUT"; return 1; }
  done
  # what any of them sent once more would be there before this one
  ctr kill "$ID" USR1
  eventually twice 'got 10'
  for s in $(seq 1 31) $(seq 34 64); do
    # its own children end as well
    case $s in 9 | 10 | 17 | 19) continue ;; esac
    [ "$(grep -cx "got $s" "$OUT")" = 1 ]
  done
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}
