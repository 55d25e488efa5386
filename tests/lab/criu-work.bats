#!/usr/bin/env bats
# Checkpoint and restore of work that looks itself whether all is as it was.

load ../integration/helper
load criu

# kept CASE... - they survive
kept() {
  image
  host_network
  works "$@"
  work_begins
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  work_ends "$@"
  ctr delete --force "$ID"
}

@test "files, memory, System V" {
  kept files deleted memory sysv pidfd
}
