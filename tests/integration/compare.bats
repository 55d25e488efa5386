#!/usr/bin/env bats
# ctr compare: the runner, with the kinds that every host has. What it computes and prints is
# for the unit tests.

load helper

needs() {
  need jq "$@"
  shell 'echo hello; exit 3'
  REPORT=$BATS_TEST_TMPDIR/report
}

compare() {
  # what it starts must be known as this test's
  TMPDIR=$BATS_TEST_TMPDIR ctr compare --quiet --seed 7 --settle 50 --idle-runs 1 "$@" 3>&-
}

# report FILTER TEXT - what a jq filter makes of the report
report() {
  local value
  value=$(jq -rc "$1" "$REPORT.json")
  [ "$value" = "$2" ] || {
    printf '%s is %s, not %s\n' "$1" "$value" "$2"
    return 1
  }
}

@test "container and process: every run, in blocks, with the program's status" {
  needs root
  run compare "$BUNDLE" --isolation container,process -n 4 --json "$REPORT.json" \
    --csv "$REPORT.csv" --html "$REPORT.html"
  expect_status 0
  expect_match 'container .* 4/4'
  expect_match 'process .* 4/4'
  report '.rows | map(.kind)' '["container","process"]'
  report '[.rows[] | .samples[] | .error] | unique' '[null]'
  report '[.rows[] | .status, .sameStatus]' '[3,true,3,true]'
  report '[.rows[].samples[].block] | sort' '[0,0,1,1,2,2,3,3]'
  report '.rows | map(.samples | map(.place)) | transpose | map(add) | unique' '[1]'
  report '[.rows[].samples[] | .createdNs < .firstByteNs and .firstByteNs <= .exitedNs and
    .exitedNs < .goneNs and .createdNs > 0] | unique' '[true]'
  report '.rows[1].ratioToContainer.firstByte.n' 4
  report '.rows[0].ratioToContainer.firstByte' null
  # sh -c ends by itself: cat is what is idle
  report '.idle' "cat (the bundle's own program ends by itself)"
  report '[.rows[].idle[0] | .processes, .unreadable, (.uss > 0 and .pss >= .uss)]' \
    '[1,0,true,1,0,true]'
  grep -q '</html>' "$REPORT.html"
  [ "$(grep -c '^container,,' "$REPORT.csv")" = 5 ]
}

@test "the digest of the root file system is that of its archive, and one of nothing is told" {
  local digest
  needs tar sha256sum
  digest=$(tar --sort=name --format=gnu --mtime=@0 --numeric-owner --one-file-system \
    -C "$BUNDLE/rootfs" -cf - . | sha256sum)
  run compare "$BUNDLE" --isolation container -n 1 --idle-runs 0 --json "$REPORT.json" \
    --csv "$REPORT.csv"
  expect_status 0
  expect_match "sha256 of the root file system \(tar\): ${digest%% *}"
  report '.environment[] | select(.name == "sha256 of the root file system (tar)") | .value' \
    "${digest%% *}"
  report '[.environment[].name | select(startswith("sha256"))]' \
    '["sha256 of config.json","sha256 of the root file system (tar)","sha256 of ctr"]'
  grep -q "^\"sha256 of the root file system (tar)\",\"${digest%% *}\"" "$REPORT.csv"

  # a tar that fails
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\necho half\nexit 2\n' >"$BATS_TEST_TMPDIR/bin/tar"
  chmod 755 "$BATS_TEST_TMPDIR/bin/tar"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run compare "$BUNDLE" --isolation container -n 1 --idle-runs 0
  expect_status 0
  expect_match 'sha256 of the root file system \(tar\): not known: sh: exit status 2'
}

@test "the same seed is the same order" {
  needs root
  compare "$BUNDLE" --isolation container,process -n 6 --idle-runs 0 --json "$REPORT.json"
  jq -c '[.rows[].samples[].place]' "$REPORT.json" >"$REPORT.first"
  compare "$BUNDLE" --isolation container,process -n 6 --idle-runs 0 --json "$REPORT.json"
  jq -c '[.rows[].samples[].place]' "$REPORT.json" | diff "$REPORT.first" -
}

@test "a command in place of the bundle's, a program without output" {
  needs
  run compare "$BUNDLE" --isolation container -n 2 --idle 'sleep 100' --json - -- true
  expect_status 0
  [ "$(jq -c '[.command, .idle, .headline, .rows[0].ms.firstByte, .rows[0].ms.exit.n]' <<<"$output")" \
    = '["true","sleep 100","exit",null,2]' ]
}

@test "the bundle's own program is idle if it lives on" {
  needs
  shell 'read line'
  run compare "$BUNDLE" --isolation container -n 0 --json "$REPORT.json"
  expect_status 0
  report '.idle' "the bundle's own program"
  report '.rows[0].idle | length' 1
}

@test "a program that does not end is killed at its first byte" {
  needs
  shell 'echo up; sleep 1000'
  run compare "$BUNDLE" --isolation container -n 2 --kill --idle-runs 0 --json "$REPORT.json"
  expect_status 0
  report '[.rows[0].status, .rows[0].samples[].error]' '[137,null,null]'
}

@test "a step that takes too long is a run that failed, and is wiped" {
  needs
  shell 'sleep 1000'
  run compare "$BUNDLE" --isolation container -n 2 --timeout 4
  expect_status 1
  expect_match 'nothing to compare: container: start: no end within the time'
}

@test "density: up to the maximum, all alive, and none left" {
  needs
  run compare "$BUNDLE" --isolation container -n 0 --density --max 3 --json "$REPORT.json"
  expect_status 0
  report '.rows[0].density | [.largest, .stopped] + (.points | map(.n, .alive, .aliveAtEnd))' \
    '[3,"--max 3",1,1,1,2,2,2,3,3,3]'
  report '.rows[0].density.points | map(.memory.processes)' '[1,2,3]'
  report '.rows[0].density | .pssSlope.slope > 0' true
}

@test "starts at the same moment: blocks of bursts, each instance with its times, and none left" {
  needs root
  run compare "$BUNDLE" --isolation container,process -n 3 --idle-runs 0 --parallel 1,6 \
    --json "$REPORT.json" --csv "$REPORT.csv" --html "$REPORT.html"
  expect_status 0
  expect_match '6 at once  '
  report '[.rows[].parallel[].bursts | length] | unique' '[3]'
  report '.rows | map(.parallel | map(.atOnce))' '[[1,6],[1,6]]'
  report '[.rows[].parallel[1].bursts[].samples | length] | unique' '[6]'
  report '[.rows[].parallel[].bursts[] | .error, .samples[].error] | unique' '[null]'
  report '[.rows[].parallel[].bursts[].samples[].status] | unique' '[3]'
  # all of a block: its four cells, in a random order
  report '[.rows[].parallel[].bursts[]] | group_by(.block) | map(map(.place) | sort) | unique' \
    '[[0,1,2,3]]'
  report '[.rows[].parallel[].bursts[].samples[] | .createdNs < .firstByteNs and
    .firstByteNs <= .exitedNs and .exitedNs < .goneNs] | unique' '[true]'
  # a second of the six is what their last one says
  report '.rows[0].parallel[1] | (.bursts | map(6e9 / (.samples | map(.firstByteNs) | max)) | sort[1])
    - .rates.startsPerSecond.median | fabs < 0.001' true
  report '.rows[0].parallel[1].ratioToContainer.startsPerSecond' null
  report '.rows[1].parallel[1].ratioToContainer.startsPerSecond.n' 3
  [ "$(grep -c '^container,,6,' "$REPORT.csv")" = 18 ]
  grep -q 'Many starts at once' "$REPORT.html"
}

# hook SCRIPT - a createRuntime hook of the bundle
hook() {
  printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/hook"
  chmod 755 "$BATS_TEST_TMPDIR/hook"
  config --arg hook "$BATS_TEST_TMPDIR/hook" '.hooks.createRuntime = [{path: $hook}]'
}

@test "starts at the same moment: a failure is listed, and its burst does not count" {
  needs
  # who comes while another is there fails; that one waits for both others, or finds itself alone
  hook "cat >/dev/null; cd $BATS_TEST_TMPDIR
    mkdir busy || { echo >>lost; exit 7; }
    for i in \$(seq 30); do [ -e lost ] && [ \$(wc -l <lost) = 2 ] && break; sleep 0.1; done
    rmdir busy"
  run compare "$BUNDLE" --isolation container -n 1 --idle-runs 0 --parallel 1,3 --json "$REPORT.json"
  expect_status 0
  expect_match 'container, 3 at once, block 0: .*hook.*7'
  report '.rows[0].parallel | map(.failed, .rates.startsPerSecond.n)' '[0,1,1,null]'
  report '[.rows[0].parallel[1].bursts[0].samples[] | select(.error)] | length' 2
}

@test "starts at the same moment: a signal ends all of them" {
  needs
  # after the first two runs
  hook "cat >/dev/null; echo >>$BATS_TEST_TMPDIR/runs
    [ \$(wc -l <$BATS_TEST_TMPDIR/runs) -le 2 ] || touch $BUNDLE/rootfs/stay"
  shell 'echo up; [ ! -e /stay ] || sleep 1000'
  TMPDIR=$BATS_TEST_TMPDIR in_background compare --quiet --isolation container -n 1 --idle-runs 0 \
    --parallel 4 --json "$REPORT.json" "$BUNDLE"
  four() { [ "$(ctr list --quiet | wc -l)" = 4 ] && [ "$(ctr list | grep -c running)" = 4 ]; }
  eventually four
  kill -INT "$PID"
  ended "$PID"
  [ "$status" = 130 ]
  report '.interrupted' true
  [ "$(ctr list --quiet | wc -l)" = 0 ]
}

@test "a signal ends it, with the report of what there was and nothing left" {
  needs
  local ended=$BATS_TEST_TMPDIR/ended
  touch "$ended"
  config --arg at "$ended" '.hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo >>\($at)"]}]'
  TMPDIR=$BATS_TEST_TMPDIR in_background compare --quiet --isolation container -n 1000 --idle-runs 0 \
    --json "$REPORT.json" "$BUNDLE"
  # one that is not counted, one that is, and the beginning of a third
  runs() { [ "$(wc -l <"$ended")" -ge 3 ]; }
  eventually runs
  kill -INT "$PID"
  ended "$PID"
  [ "$status" = 130 ]
  report '.interrupted' true
  report '.rows[0].samples | length > 0 and length < 1000' true
}

@test "signals of a terminal end it, not what cleans up" {
  needs setsid
  shell 'echo up; sleep 1000'
  there() { [ -e "$STATE/-compare" ]; }
  for signal in INT TERM INT TERM INT TERM INT TERM; do
    setsid "$CTR" --root "$STATE" compare --quiet --isolation container -n 1000 --idle-runs 0 "$BUNDLE" \
      </dev/null >"$OUT" 2>&1 3>&- &
    PID=$!
    eventually there
    sleep "0.0$((RANDOM % 10))"
    # all of the group, as a terminal does, and somebody who is impatient
    while kill -$signal -- "-$PID" 2>/dev/null; do sleep 0.01; done
    ended "$PID"
    [ -z "$(ls --ignore=-seccomp "$STATE")" ]
  done
}

@test "what a killed comparison has left is taken away by the next one, and nothing of one that lives" {
  needs
  local left other
  shell 'echo up; sleep 1000'
  of() { ctr list -q | grep "^compare-"; }
  in_background compare --quiet --isolation container -n 1 --idle-runs 0 "$BUNDLE"
  eventually of
  kill -KILL "$PID"
  ended "$PID"
  left=$(of)
  in_background compare --quiet --isolation container -n 1 --idle-runs 0 "$BUNDLE"
  another() { [ "$(of)" != "" ] && [ "$(of)" != "$left" ] && [ "$(of | wc -l)" = 1 ]; }
  eventually another
  other=$(of)
  # it is there all the while
  command_is true
  run ctr --log-level warning compare --isolation container -n 1 --idle-runs 0 "$BUNDLE"
  expect_status 0
  refuse_match 'was left'
  expect_match 'compare: first run of container'
  expect_match 'compare: runs \(1\)'
  [ "$(of)" = "$other" ]
  kill -KILL "$PID"
  ended "$PID"
  # nothing but what has its name
  ctr run --detach -b "$BUNDLE" --keep "compare-mine" </dev/null >"$OUT" 2>&1 3>&-
  run ctr --log-level warning compare --quiet --isolation container -n 1 --idle-runs 0 "$BUNDLE"
  expect_status 0
  expect_match "container '$other' was left by a comparison that was killed, and is deleted"
  [ "$(of)" = compare-mine ]
  ctr delete --force compare-mine
  [ ! -e "$STATE/-compare" ]
}

@test "a bundle that no kind can run" {
  needs
  command_is /nowhere
  run compare "$BUNDLE" --isolation container
  expect_status 1
  expect_match 'nothing to compare: container: .*/nowhere'
}

@test "wrong flags" {
  needs
  run compare "$BUNDLE" --isolation container,container
  expect_status 1
  expect_match "'container' stands there twice"
  run compare "$BUNDLE" --isolation jail
  expect_status 1
  expect_match "compare: --isolation: unknown kind 'jail'"
  run compare "$BUNDLE" -n many
  expect_status 1
  expect_match "compare: --runs: 'many' is not a number from 0 to 100000"
  run compare "$BUNDLE" --idle ' '
  expect_status 1
  expect_match 'compare: --idle: no command'
  run compare "$BUNDLE" --parallel 1,257
  expect_status 1
  expect_match "compare: --parallel: '257' is not a number from 1 to 256"
  run compare "$BUNDLE" --parallel 1,2,3,4,5,6,7,8,9
  expect_status 1
  expect_match 'compare: --parallel: more than 8 numbers'
  run compare "$BUNDLE" --html "$BATS_TEST_TMPDIR/none/report.html"
  expect_status 1
  expect_match "compare: --html: cannot write '.*/none/report.html': No such file or directory"
  run compare "$BUNDLE" --html - --json -
  expect_status 1
  expect_match 'only one report can go to standard output'
  run compare "$BATS_TEST_TMPDIR/none"
  expect_status 1
  expect_match "bundle '.*/none': No such file or directory"
}
