# killed.bash - kill `ctr create` by SIGKILL in its system calls, for killed.bats and the lab.
# shellcheck shell=bash

# steps TRACE - the system calls in a trace as NAME:N, the Nth of that name, in their order
steps() {
  sed -nE 's/^([a-z_0-9]+)\(.*/\1/p' "$1" |
    awk '!/^(exit_group|execve)$/ { print $0 ":" ++n[$0] }'
}

# killed_at_steps EVERY OPTION... - `ctr OPTION... create` killed at each EVERYth step: what it
# leaves is shown by `list` and gone after `delete --force`
killed_at_steps() {
  local every=$1 step steps left n=0
  shift
  strace -qq -o "$BATS_TEST_TMPDIR/trace" "$CTR" "$@" --root "$STATE" create -b "$BUNDLE" "$ID" \
    </dev/null >"$OUT" 2>&1 3>&-
  mapfile -t steps < <(steps "$BATS_TEST_TMPDIR/trace")
  ctr delete --force "$ID"
  [ ${#steps[@]} -gt 50 ] || {
    echo "only ${#steps[@]} steps: ${steps[*]}"
    return 1
  }
  for step in "${steps[@]}"; do
    [ $((n++ % every)) = 0 ] || continue
    timeout 60 strace -qq -o /dev/null -e trace="${step%:*}" \
      -e inject="${step%:*}:signal=KILL:when=${step#*:}" \
      "$CTR" "$@" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- || true
    if ! ctr list -q >"$OUT" 2>&1 || ! ctr delete --force "$ID" >>"$OUT" 2>&1; then
      echo "killed in $step: $(cat "$OUT")"
      return 1
    fi
    left=$(leaks)
    [ -z "$left" ] || {
      printf 'killed in %s, and left behind:\n%s\n' "$step" "$left"
      return 1
    }
  done
  echo "killed $((n / every)) times in $n steps"
}
