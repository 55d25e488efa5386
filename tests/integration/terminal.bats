#!/usr/bin/env bats
# A person at a terminal: real ones, by terminal.py.

# shellcheck disable=SC2016 # for other shells
load helper

eval "base_$(declare -f setup)"
setup() {
  need python3
  base_setup
  config '.process.terminal = true | .process.args = ["sh"] | .root.readonly = false |
    .process.env = ["PATH=/bin", "PS1=# "]'
}

at_terminal() { # SCENARIO [WORD] ARGUMENT...
  local scenario=$1 words=()
  shift
  [ "$scenario" != killed ] || { words=("$1") && shift; }
  timeout --foreground 120 python3 "$BATS_TEST_DIRNAME/terminal.py" "$scenario" "${words[@]}" \
    "$CTR" --root "$STATE" "$@" 3>&-
}

@test "run: echo, status, raw meanwhile" { at_terminal plain run -b "$BUNDLE" "$ID"; }

@test "run -t: a terminal, whatever the configuration says" {
  config '.process.terminal = false'
  at_terminal plain run -it -b "$BUNDLE" "$ID"
}

@test "exec -t" {
  config '.process.terminal = false'
  command_is sleep 1000
  detached "$ID"
  at_terminal plain exec -t "$ID" sh
  at_terminal sizes exec -it "$ID" sh
  for scenario in keys stopped background moved_back; do
    at_terminal $scenario exec -t "$ID" sh
  done
  at_terminal ended exec -t "$ID" sh
  ctr delete --force "$ID"
}

@test "a container that is killed gives the terminal back" {
  at_terminal ended run -b "$BUNDLE" "$ID"
}

@test "a terminal that nobody reads from holds up neither exec nor kill" {
  at_terminal stalled run -b "$BUNDLE" "$ID"
}

@test "sizes of the window" { at_terminal sizes run -b "$BUNDLE" "$ID"; }
@test "ctrl-c and ctrl-d are for the container" { at_terminal keys run -b "$BUNDLE" "$ID"; }

@test "signals: passed on, and the terminal given back" {
  for sig in TERM INT HUP QUIT USR1; do at_terminal killed $sig run -b "$BUNDLE" "$ID"; done
}

@test "no byte is lost at the end" {
  shell 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; echo THE END'
  at_terminal all_output run -b "$BUNDLE" "$ID"
}

@test "a slow reader gets all of it, and one that is gone holds up nothing" {
  shell 'stty -opost; probe flood 307200'
  run -0 bash -c '"$0" --root "$1" run -b "$2" "$3" </dev/null 3>&- | { sleep 3; wc -c; }' \
    "$CTR" "$STATE" "$BUNDLE" "$ID"
  expect_output 307200
  run -0 timeout "$CTR_TIMEOUT" bash -c '"$0" --root "$1" run -b "$2" "$3" </dev/null 3>&- | head -c 10 | wc -c' \
    "$CTR" "$STATE" "$BUNDLE" "$ID"
  expect_output 10
}

# given TEXT - a run whose standard input is a pipe, with TEXT (printf's) in it
# shellcheck disable=SC2059 # it is a format
given() { printf "$1" | ctr run -b "$BUNDLE" "$ID" 3>&-; }

@test "an input that is no terminal: a shell reads it, and its end" {
  run given 'echo hi; echo $((40 + 2))\nexit 3\n'
  expect_status 3
  expect_match $'\nhi\r\n42\r\n'
  run -0 given 'echo $((40 + 2))\n'
  expect_match $'\n42\r\n'
  run given 'echo $((40 + 2)); exit 4' # its last line is none
  expect_status 4
  expect_match $'\n42\r$'
  run -0 ctr run -b "$BUNDLE" "$ID" </dev/null 3>&-
}

@test "an input that is no terminal, of exec" {
  config '.process.terminal = false'
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec -t "$ID" sh </dev/null 3>&-
  run ctr exec -t "$ID" sh < <(echo 'exit $((40 + 2))') 3>&-
  expect_status 42
  ctr delete --force "$ID"
}

@test "an input that is no terminal: its end is told to each who reads, also to one who comes late" {
  shell 'cat; echo one; sh; sleep 3; echo two; sh -c "read x; cat; exec sh"'
  run -0 given ''
  expect_match $'one\r\n.*two\r\n'
}

@test "an input that is no terminal: no byte is lost, also of a line that is too long for one" {
  shell 'stty -echo; wc -c'
  # what comes before the echo is off is seen, too
  long() { head -c 1048576 /dev/zero | tr '\0' "$1" | ctr run -b "$BUNDLE" "$ID" 3>&- | tail -c 9; }
  for c in x '\n'; do
    run -0 long "$c"
    expect_output $'1048576\r'
  done
}

@test "an input that is no terminal: a program in raw mode gets a few characters more" {
  shell 'stty raw -echo; n=$(timeout 11 cat | wc -c); echo "got $n bytes"'
  run -0 given 'data\n'
  expect_match 'got ([0-9]+) bytes'
  [ "${BASH_REMATCH[1]}" -gt 5 ]
  [ "${BASH_REMATCH[1]}" -lt 18 ]
}

@test "job control: stopped and continued" { at_terminal stopped run -b "$BUNDLE" "$ID"; }
@test "job control: started in the background" { at_terminal background run -b "$BUNDLE" "$ID"; }
@test "job control: bg and fg" { at_terminal moved_back run -b "$BUNDLE" "$ID"; }

@test "job control without a terminal of the container" {
  config '.process.terminal = false'
  shell 'trap "echo interrupted; exit 1" INT; echo started; while :; do sleep 0.1; done'
  at_terminal job run -b "$BUNDLE" "$ID"
}

@test "a terminal that goes away ends a shell in it" {
  at_terminal no_reader run -b "$BUNDLE" "$ID"
}

@test "detach from run: it goes on, its output does not stop it, and it cleans up at its end" {
  at_terminal detach run --detach-keys ctrl-p,ctrl-q -b "$BUNDLE" "$ID"
  has_status "$ID" running
  first=$(ctr exec "$ID" cat /count)
  counts() { [ "$(ctr exec "$ID" cat /count)" -gt "$((first + 3))" ]; }
  eventually counts
  ctr kill "$ID" KILL
  gone() { ! ctr state "$ID" 2>/dev/null; }
  eventually gone
}

@test "detach from exec: the process goes on until its end" {
  # by its cgroup ps finds what does not descend from init
  need own-cgroup
  config '.process.terminal = false'
  command_is sleep 1000
  detached "$ID"
  at_terminal detach_and_look exec -t --detach-keys ctrl-p,ctrl-q "$ID" sh
  run -0 ctr ps -q "$ID"
  [ "${#lines[@]}" = 2 ]
  ctr delete --force "$ID"
}

@test "keys that are none" {
  for bad in '' 'a,' ctrl- ctrl-1 ctrl-ab ab ,a a,,b a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q; do
    run ctr run -b "$BUNDLE" --detach-keys "$bad" "$ID"
    expect_status 125
    expect_match '^ctr: --detach-keys: '
  done
}

@test "errors have colour on a terminal, and a hint" {
  config '.process.cwd = 1'
  at_terminal colour run -b "$BUNDLE" "$ID"
  run ctr run -b "$BUNDLE" "$ID"
  refuse_match 'try `|'$'\033'
}

@test "a wrong verb suggests the right one" {
  run ctr strat "$ID"
  expect_match "unknown command 'strat', did you mean 'start'"
  run ctr rm x
  expect_match "unknown command 'rm', did you mean 'delete'"
  run -1 ctr help nope
  expect_match "unknown command 'nope'"
  run ctr lsit
  expect_match "did you mean 'list'"
}

@test "list and ps: tables, ids only, json" {
  config '.process.terminal = false'
  command_is sleep 1000
  detached "$ID"
  run -0 ctr list
  [[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
  [[ ${lines[1]} =~ ^$ID\ +[0-9]+\ +running\ +$BUNDLE\  ]]
  run -0 ctr list -q
  expect_output "$ID"
  [ "$(ctr list -f json | jq -r '.[].id')" = "$ID" ]
  run -0 ctr ps "$ID"
  [[ ${lines[0]} == *PID* ]]
  [ "${#lines[@]}" = 2 ]
  run -0 ctr ps -q "$ID"
  expect_output "$(pid_of "$ID")"
  [ "$(ctr ps -f json "$ID" | jq -c .)" = "[$(pid_of "$ID")]" ]
  ctr delete --force "$ID"
}
