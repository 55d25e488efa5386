#!/usr/bin/env bats
# The examples of the manual pages do what the pages say: the commands behind `$ `, with
# lines behind `> ` continuing them, print the lines that follow. There, `...` stands for
# anything, and as a line of its own for any number of lines; blanks in a row count as one.
# The containers of the pages are called `web` and `db`, here they get names that no other
# container of this host has. check-docs sees to it that every page is here.

load helper

# bats file_tags=core

MAN=$BATS_TEST_DIRNAME/../../man
[ -d "$MAN" ] || MAN=$BATS_TEST_DIRNAME/../man

# matches EXPECTED ACTUAL - files
matches() {
  local pattern
  # a shell pattern of the whole text: what is special to it is quoted
  pattern=$(tr -s ' ' <"$1" |
    sed -e 's/[][*?\\]/\\&/g' -e 's/^\.\.\.$/\x01/; s/\.\.\./*/g')
  pattern=${pattern//$'\x01\n'/*}
  pattern=${pattern//$'\x01'/*}
  # shellcheck disable=SC2053 # it is a pattern
  [[ $(tr -s ' ' <"$2") == $pattern ]]
}

# try COMMAND EXPECTED-FILE - in this shell, so that $? and directories stay. What a reader waits a
# second for is tried until it is so.
try() {
  local out command=${1#'sleep 1; '} end=$SECONDS
  [ "$command" = "$1" ] || end=$((SECONDS + CTR_TIMEOUT / 2))
  out=$(mktemp "$BATS_TEST_TMPDIR/out.XXXXXX")
  while :; do
    (exit "$last") || true
    eval "(exit $last); $command" >"$out" 2>&1 </dev/null 3>&- && last=0 || last=$?
    if matches "$2" "$out"; then return 0; fi
    [ $SECONDS -lt $end ] || break
    sleep 0.1
  done
  printf '$ %s\n--- expected:\n%s\n--- printed:\n%s\n' "$1" "$(cat "$2")" "$(cat "$out")"
  return 1
}

# examples PAGE - a directory `bundle` is there, as the pages tell
examples() {
  local line command='' expected=$BATS_TEST_TMPDIR/expected in_section='' in_block='' last=0
  # what a shell of the reader would have found
  mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/work" "$BATS_TEST_TMPDIR/work/new" \
    "$BATS_TEST_TMPDIR/work/mine"
  printf '#!/bin/sh\nexec -a ctr "%s" --root "%s" "$@"\n' "$CTR" "$STATE" |
    sed '1s|sh|bash|' >"$BATS_TEST_TMPDIR/bin/ctr"
  chmod +x "$BATS_TEST_TMPDIR/bin/ctr"
  unset -f ctr
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
  cp -al "$BUNDLE" "$BATS_TEST_TMPDIR/work/bundle"
  cd "$BATS_TEST_TMPDIR/work"

  while IFS= read -r line; do
    case $line in
      '# EXAMPLES') in_section=1 ;;
      '# '*) [ -n "$in_block" ] || in_section='' ;;
    esac
    [ -n "$in_section" ] || continue
    if [ "$line" = '```' ]; then
      [ -z "$command" ] || try "$command" "$expected" || return 1
      command=''
      [ -n "$in_block" ] && in_block='' || in_block=1
    elif [ -z "$in_block" ]; then
      continue
    elif [[ $line == '$ '* ]]; then
      [ -z "$command" ] || try "$command" "$expected" || return 1
      command=${line#'$ '}
      : >"$expected"
    elif [[ -n $command && $line == '> '* ]] && [ ! -s "$expected" ]; then
      command+=$'\n'${line#'> '}
    elif [ -n "$command" ]; then
      printf '%s\n' "$line" >>"$expected"
    fi
  done < <(sed -E "s/\<(web|db)\>/\1-$ID/g" "$MAN/$1.scd")
  cd "$BATS_TEST_TMPDIR"
}

@test "examples of ctr(1)" {
  need root jq
  examples ctr.1
}

@test "examples of ctr-run(1)" {
  # an overlay is mounted as a detached tree
  need root jq call:fsopen
  examples ctr-run.1
}

@test "examples of ctr-compare(1)" {
  # it watches instances by pidfds
  need jq call:pidfd_open
  examples ctr-compare.1
}

@test "examples of ctr-create(1)" {
  need root jq
  examples ctr-create.1
}

@test "examples of ctr-start(1)" {
  need root jq
  examples ctr-start.1
}

@test "examples of ctr-exec(1)" {
  need root jq call:openat2
  examples ctr-exec.1
}

@test "examples of ctr-kill(1)" {
  need root jq
  examples ctr-kill.1
}

@test "examples of ctr-delete(1)" {
  need root jq
  examples ctr-delete.1
}

@test "examples of ctr-checkpoint(1)" {
  need root jq criu
  examples ctr-checkpoint.1
}

@test "examples of ctr-restore(1)" {
  need root jq criu
  examples ctr-restore.1
}

@test "examples of ctr-state(1)" {
  need root jq
  examples ctr-state.1
}

@test "examples of ctr-list(1)" {
  need root jq
  examples ctr-list.1
}

@test "examples of ctr-ps(1)" {
  need root jq
  examples ctr-ps.1
}

@test "examples of ctr-pause(1)" {
  need root jq cgroup2
  examples ctr-pause.1
}

@test "examples of ctr-update(1)" {
  need root jq cgroup:memory cgroup:pids cgroup:cpu
  examples ctr-update.1
}

@test "examples of ctr-events(1)" {
  need root jq cgroup2
  examples ctr-events.1
}

@test "examples of ctr-resume(1)" {
  need root jq cgroup2
  examples ctr-resume.1
}

@test "examples of ctr-spec(1)" {
  need jq
  examples ctr-spec.1
}

@test "examples of ctr-explain(1)" {
  need root
  need jq
  examples ctr-explain.1
}

@test "examples of ctr-lint(1)" {
  need jq
  examples ctr-lint.1
}

@test "examples of ctr-features(1)" {
  need jq
  examples ctr-features.1
}

@test "examples of ctr-config(5)" {
  need call:mount_setattr
  need root jq
  examples ctr-config.5
}

@test "examples of ctr-init(8)" {
  need jq
  examples ctr-init.8
}
