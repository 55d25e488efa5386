#!/usr/bin/env bats
# What runs in a guest is treated as in a container: signals, exit statuses, streams, real programs.
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
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 120 ] || CTR_TIMEOUT=120
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

@test "guest: exit statuses: every third from 0 to 255 of exec, some of run" {
  guest
  shell 'echo up; sleep 1000'
  detached "$ID" --isolation "$GUEST"
  eventually grep -q '^up' "$OUT"
  local n status
  for n in $(seq 0 3 255); do
    status=0
    ctr exec "$ID" sh -c "exit $n" || status=$?
    [ "$status" = "$n" ] || { echo "exec: $status for $n"; return 1; }
  done
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  for n in 1 125 126 127 137 255; do
    shell "exit $n"
    status=0
    ctr run -b "$BUNDLE" --isolation "$GUEST" "$ID" || status=$?
    expect_status "$n"
  done
}

@test "guest: 10 MB in and out, and errors apart from it" {
  guest
  local dir=$BATS_TEST_TMPDIR
  head -c 10000000 /dev/urandom >"$dir/in"
  shell 'echo begin >&2; cat; echo end >&2; exit 4'
  local status=0
  ctr run -b "$BUNDLE" --isolation "$GUEST" "$ID" <"$dir/in" >"$dir/out" 2>"$dir/errors" || status=$?
  [ "$status" = 4 ]
  cmp "$dir/in" "$dir/out"
  [ "$(cat "$dir/errors")" = $'begin\nend' ]
  # both outputs at once, each as fast as its reader
  shell 'head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait'
  ctr run -b "$BUNDLE" --isolation "$GUEST" "$ID" </dev/null 2>"$dir/errors" | wc -c >"$dir/out"
  [ "$(cat "$dir/out")" = 3000000 ]
  [ "$(wc -c <"$dir/errors")" = 3000000 ]
}

# python DIRECTORY - the distribution's, with the libraries it needs, into a root file system
python() {
  local python version file
  python=$(realpath /usr/bin/python3)
  version=${python##*/}
  mkdir -p "$1/usr/bin" "$1/usr/lib"
  cp "$python" "$1/usr/bin/python3"
  cp -a "/usr/lib/$version" "$1/usr/lib"
  # what is imported may need libraries of its own
  { ldd "$python" && find "/usr/lib/$version" -name '*.so' -exec ldd {} +; } 2>/dev/null |
    grep -o '/[^ ]*\.so[^ :]*' | sort -u | while read -r file; do
    [ -e "$1$file" ] || [ -L "$1$file" ] || { mkdir -p "$1${file%/*}" && cp -L "$file" "$1$file"; }
  done
}

@test "guest: the distribution's python, with threads, processes and a file" {
  guest
  need /usr/bin/python3
  python "$BUNDLE/rootfs"
  command_is /usr/bin/python3 -c '
import hashlib, json, os, platform, subprocess, threading
found = []
threads = [threading.Thread(target=lambda n=n: found.append(n * n)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
open("/tmp/file", "wb").write(bytes(1000000))
print(json.dumps([sorted(found), hashlib.sha256(open("/tmp/file", "rb").read()).hexdigest()[:8],
  subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode, os.getpid(), platform.system()]))'
  run_bundle --isolation "$GUEST"
  expect_status 0
  expect_output '[[0, 1, 4, 9, 16, 25, 36, 49], "'"$(head -c 1000000 /dev/zero | sha256sum | cut -c1-8)"'", 3, 1, "Linux"]'
}
