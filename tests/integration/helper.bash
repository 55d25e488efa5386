# helper.bash - for all integration tests: `load helper`.
#
# Every test has a bundle in $BUNDLE (a busybox root file system and what `ctr spec`
# writes, without a terminal), an unused container id in $ID and an empty state root;
# afterwards it may have left nothing behind: no mount, cgroup, process, state, or file
# beside the bundle. $CTR is the program under test.
#
#   config FILTER            change config.json by a jq filter
#   command_is WORD...       process.args
#   shell SCRIPT             process.args: sh -c SCRIPT
#   maps LIST, mapped_root   a user namespace; the same with a root file system of its root's
#   ctr ARGUMENT...          the program under test, with the state root of this test
#   run ctr ...              the same, with bats' $status, $output, $lines
#   run_bundle ARGUMENT...   `run ctr run -b $BUNDLE ARGUMENT... $ID`
#   expect_status N, expect_output TEXT, expect_match REGEX, refuse_match REGEX
#   detached ID ARGUMENT...  `ctr run --detach`, standard streams in $OUT
#   in_background ARG...     the program itself, without `timeout` around it; $PID, streams in $OUT
#   need WHAT...             skip the test, and say why, where WHAT is not there
#   "$HIDE" CALL... -- CMD   a command for which system calls are missing (tests/without.c)
#   $PROBE                   tests/probe.c; in every root file system as /bin/probe
#
# Tags (bats --filter-tags): `core` is the choice that also runs where time is short: in the
# lab and on a host without any of the newer system calls. The name of a system call marks
# what also runs where just that one is missing.
# shellcheck shell=bash disable=SC2154 # bats sets status, output, lines

bats_require_minimum_version 1.5.0

# Seconds that a command may take: no measure of anything, so much more than on a busy machine.
# What is meant to take no longer than a moment says so itself.
export CTR_TIMEOUT=${CTR_TIMEOUT:-60}

# ---------------------------------------------------------------- what a test calls

ctr() {
  timeout --foreground -k 5 "$CTR_TIMEOUT" "$CTR" --root "$STATE" "$@"
}

config() {
  jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.json.new"
  mv "$BUNDLE/config.json.new" "$BUNDLE/config.json"
}

# Word by word: jq 1.6 neither splits at NUL nor takes `--` after --args.
command_is() {
  local word words=() options=()
  for word; do
    options+=(--arg "w${#words[@]}" "$word")
    words+=("\$w${#words[@]}")
  done
  config "${options[@]}" ".process.args = [$(
    IFS=,
    echo "${words[*]}"
  )]"
}

shell() { command_is sh -c "$1"; }

# maps LIST - a user namespace, with the same map for users and groups
maps() {
  # shellcheck disable=SC2016 # they are jq's
  config --argjson map "$1" '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = $map | .linux.gidMappings = $map'
}

# A user namespace of 65536 users, whose root owns the root file system.
mapped_root() {
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  cp -r "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/mapped"
  chown -hR 100000:100000 "$BATS_TEST_TMPDIR/mapped"
  # shellcheck disable=SC2016
  config --arg p "$BATS_TEST_TMPDIR/mapped" '.root.path = $p'
}

# The streams of a detached container are its own as long as it lives: not those of `run`,
# which would wait for their end, nor those of bats.
detached() {
  local id=$1
  shift
  ctr run --detach -b "$BUNDLE" "$@" "$id" </dev/null >"$OUT" 2>&1 3>&-
}

# created ID ARGUMENT... - `ctr create` with streams like those of `detached`
created() {
  local id=$1
  shift
  ctr create -b "$BUNDLE" "$@" "$id" </dev/null >"$OUT" 2>&1 3>&-
}

# mount_at DESTINATION TYPE SOURCE OPTION... - one more mount; - stands for no type or source
mount_at() {
  local destination=$1 type=$2 source=$3
  shift 3
  # shellcheck disable=SC2016 # they are jq's
  config --arg d "$destination" --arg t "$type" --arg s "$source" --arg o "$*" \
    '.mounts += [{destination: $d, options: ($o | split(" "))} +
      if $t == "-" then {} else {type: $t} end + if $s == "-" then {} else {source: $s} end]'
}

run_bundle() { run ctr run -b "$BUNDLE" "$@" "$ID"; }

# A shell without job control has its background jobs ignore INT and QUIT, nohup all of them HUP, and
# ctr would pass on none of these.
in_background() {
  : >"$OUT" # by the time that the job does it, one may have looked at what the last one said
  env --default-signal=HUP,INT,QUIT "$CTR" --root "$STATE" "$@" </dev/null >"$OUT" 2>&1 3>&- &
  PID=$!
}

# ended PID - wait for a background job; its exit status in $status
ended() {
  status=0
  wait "$1" || status=$?
}

status_of() { ctr state "$1" | jq -r .status; }
pid_of() { ctr state "$1" | jq -r .pid; }

# eventually COMMAND... - until it succeeds, at most half of the limit of a command
eventually() {
  local end=$((SECONDS + CTR_TIMEOUT / 2))
  until "$@"; do
    [ $SECONDS -lt $end ] || {
      echo "never came true: $*"
      return 1
    }
    sleep 0.05
  done
}

has_status() { [ "$(status_of "$1")" = "$2" ]; }

show_result() { printf 'status: %s\noutput: %s\n' "$status" "$output"; }

expect_status() {
  [ "$status" -eq "$1" ] || {
    echo "status is not $1"
    show_result
    return 1
  }
}

expect_output() {
  [ "$output" = "$1" ] || {
    echo "output is not: $1"
    show_result
    return 1
  }
}

expect_match() {
  [[ $output =~ $1 ]] || {
    echo "output does not match: $1"
    show_result
    return 1
  }
}

refuse_match() {
  [[ ! $output =~ $1 ]] || {
    echo "output matches: $1"
    show_result
    return 1
  }
}

# ---------------------------------------------------------------- what a test may need

is_root() { [ "$(id -u)" = 0 ]; }

# where cgroup2 is mounted; empty if nowhere
cgroup2() { awk '$(NF - 2) == "cgroup2" || / - cgroup2 / { print $5; exit }' /proc/self/mountinfo; }

# Does a container of ours get a cgroup (which pause needs)?
has_own_cgroup() {
  local mount
  mount=$(cgroup2)
  [ -n "$mount" ] || return 1
  is_root || [ -w "$mount$(sed -n 's/^0:://p' /proc/self/cgroup)/cgroup.procs" ]
}

has_controller() { grep -qw "$1" "$(cgroup2)/cgroup.controllers" 2>/dev/null; }

need() {
  local what
  for what; do
    case $what in
      root) is_root || skip 'needs root' ;;
      rootless) ! is_root || skip 'is about unprivileged users' ;;
      cgroup2) [ -n "$(cgroup2)" ] || skip 'needs cgroup v2' ;;
      own-cgroup) has_own_cgroup || skip 'needs a cgroup for the container' ;;
      cgroup:*) has_controller "${what#*:}" || skip "needs the ${what#*:} controller on cgroup v2" ;;
      subuid) grep -q "^$(id -un):" /etc/subuid 2>/dev/null || skip "needs sub-ids of $(id -un)" ;;
      call:*)
        [[ " ${WITHOUT:-} " != *" ${what#*:} "* ]] || skip "needs ${what#*:}, which is hidden in this run"
        ;;
      *) command -v "$what" >/dev/null || skip "needs $what" ;;
    esac
  done
}

# ---------------------------------------------------------------- bundle

APPLETS=(
  sh awk cat chmod chown cp cut date dd df echo env expr false find grep head hostname id ip
  kill ln ls mkdir mkfifo mknod mktemp mount mv nice nproc printf ps pwd readlink rm rmdir sed
  seq sleep sort stat stty tail test timeout touch tr true tty umount uname wc
)

make_rootfs() { # DIRECTORY
  local applet busybox
  busybox=$(command -v busybox)
  mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp,var}
  cp "$busybox" "$1/bin/busybox"
  cp "$PROBE" "$1/bin/probe"
  for applet in "${APPLETS[@]}"; do ln -s busybox "$1/bin/$applet"; done
  printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/home/user:/bin/sh \
    >"$1/etc/passwd"
  printf '%s\n' root:x:0: user:x:1000: >"$1/etc/group"
}

# The program under test, and the one that is put into root file systems beside busybox.
need_programs() {
  [ -x "${CTR:-}" ] || {
    echo "CTR names no program: '${CTR:-}'" >&2
    return 1
  }
  PROBE=${PROBE:-$(dirname "$CTR")/tests/probe}
  [ -x "$PROBE" ] || PROBE=$(dirname "$CTR")/probe
  [ -x "$PROBE" ] || {
    echo "PROBE names no program: '$PROBE' (make tests/probe)" >&2
    return 1
  }
  HIDE=$(dirname "$PROBE")/without # built beside it
  export PROBE HIDE
}

# Once a file: the root file system and the default document.
setup_file() {
  local rootless=()
  need_programs
  is_root || rootless=(--rootless)
  export TEMPLATE=$BATS_FILE_TMPDIR/template
  mkdir "$TEMPLATE"
  make_rootfs "$TEMPLATE/rootfs"
  "$CTR" spec "${rootless[@]}" --bundle "$TEMPLATE"
  jq '.process.terminal = false' "$TEMPLATE/config.json" >"$TEMPLATE/config"
  mv "$TEMPLATE/config" "$TEMPLATE/config.json"
}

make_bundle() { # DIRECTORY - one more bundle out of the template
  cp -al "$TEMPLATE" "$1"
  # what a container may change must not be shared
  cp --remove-destination "$TEMPLATE/config.json" "$1/config.json"
  cp --remove-destination "$TEMPLATE"/rootfs/etc/* "$1/rootfs/etc"
}

# ---------------------------------------------------------------- leaks

mounts() { cut -d' ' -f3- /proc/self/mountinfo | sort; }

# Of all cgroups those that carry the name of a container of this test: others come and go.
cgroups() {
  local top
  top=$(cgroup2)
  [ -z "$top" ] || find "$top" -type d -name "*$ID*" 2>/dev/null | sort
}

# Processes with this test's root file system as their root, or its busybox as their program,
# or a cgroup of this test. What they are known by must be this test's own, as they are
# killed: no link is followed, and the host's root never counts.
processes() {
  local file inode host marks=()
  [ -n "${ID:-}" ] && [ -n "${BUNDLE:-}" ] && [ -n "${TEMPLATE:-}" ] || return 0
  host=$(stat -Lc '%d:%i' /)
  for file in "$BUNDLE/rootfs" "$TEMPLATE/rootfs/bin/busybox"; do
    inode=$(stat -c '%d:%i' "$file" 2>/dev/null) || continue
    [ "$inode" = "$host" ] || marks+=(-e "^$inode ")
  done
  {
    [ ${#marks[@]} = 0 ] || stat -Lc '%d:%i %n' /proc/[0-9]*/root /proc/[0-9]*/exe 2>/dev/null |
      grep "${marks[@]}"
    grep -slF -- "$ID" /proc/[0-9]*/cgroup
  } | sed -n 's|.*/proc/\([0-9]*\)/.*|\1|p' | sort -un
}

# Containers, and whatever was begun and not finished. Names with a dot in front are
# caches, which are meant to stay, and so is that of seccomp filters.
states() { ls --ignore=-seccomp "$STATE" 2>/dev/null || true; }

describe_process() { printf '%s %s\n' "$1" "$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null)"; }

# What of the test is left; silent if nothing is. A process that was killed may take a
# moment to be gone, and a busy machine some seconds for that.
leaks() {
  local end=$((SECONDS + CTR_TIMEOUT / 6)) pid left=first
  while [ -n "$left" ] && [ $SECONDS -le $end ]; do
    left=$(
      mounts | diff "$BATS_TEST_TMPDIR/.mounts" - | sed -n 's/^> /mount: /p'
      cgroups | sed 's/^/cgroup: /'
      for pid in $(processes); do describe_process "$pid"; done | sed 's/^/process: /'
      states | sed 's/^/state: /'
    )
    [ -z "$left" ] || sleep 0.1
  done
  [ -z "$left" ] || echo "$left"
}

setup() {
  # unique, for processes and cgroups are found by it
  ID=t$$-$RANDOM-$BATS_TEST_NUMBER
  BUNDLE=$BATS_TEST_TMPDIR/bundle STATE=$BATS_TEST_TMPDIR/state OUT=$BATS_TEST_TMPDIR/out
  export ID BUNDLE STATE OUT
  make_bundle "$BUNDLE"
  mounts >"$BATS_TEST_TMPDIR/.mounts"
}

# Clean up for the test that follows, whatever this one has done.
force_cleanup() {
  local id pid mount
  for id in $(states); do ctr delete --force "$id" || true; done
  for pid in $(processes); do kill -9 "$pid" 2>/dev/null || true; done
  # what the test itself has mounted, before bats removes the directory
  for mount in $(cut -d' ' -f5 /proc/self/mountinfo | grep "^$BATS_TEST_TMPDIR/" | tac); do
    umount --lazy "$mount" || true
  done
}

teardown() { helper_teardown; }

helper_teardown() {
  local left
  if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
    left=$(leaks)
    [ -n "$left" ] || return 0
    printf 'left behind:\n%s\n' "$left"
    force_cleanup
    return 1
  fi
  force_cleanup
}
