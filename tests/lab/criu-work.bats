#!/usr/bin/env bats
# Checkpoint and restore of work that looks itself whether all is as it was.

load ../integration/helper
load criu

@test "files, memory, System V" {
  kept files deleted memory sysv pidfd
}
