#!/usr/bin/env bats
# More of the work that looks itself (criu-work.py), too slow for each run: by hand, in the guest.

load ../../integration/helper
load ../criu

@test "processes, epoll, timers, signals, threads" { kept tree polled timers signals threads; }

@test "unix sockets with names, connected inside" { kept unix; }

@test "descriptors on their way between processes" { kept passed; }
