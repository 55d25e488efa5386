#!/usr/bin/env bats
# More of the work that looks itself (criu-work.py), too slow for each run: by hand, in the guest.

load ../../integration/helper
load ../criu

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

@test "processes, epoll, timers, signals, threads" { kept tree polled timers signals threads; }
