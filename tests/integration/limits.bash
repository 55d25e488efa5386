# limits.bash - what stands in linux.resources, and what is in the files of the cgroup then; the
# same table for create and update, for every manager, with and without privileges.
# shellcheck shell=bash

# A process in a cgroup keeps it from handing controllers on. A user's own cgroup is all the
# user has: whatever is in it moves to a sub-cgroup, and containers go beside that.
place() {
  local own pid top
  is_root && return
  top=$(cgroup2)
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  if [ "${own##*/}" != tests ]; then
    mkdir -p "$top$own/tests" 2>/dev/null || skip 'needs a cgroup that was delegated'
    while read -r pid; do
      echo "$pid" >"$top$own/tests/cgroup.procs" 2>/dev/null || true
    done < <(cat "$top$own/cgroup.procs")
    own=$own/tests
  fi
  # shellcheck disable=SC2016 # it is jq's
  config --arg path "${own%/*}/$ID" '.linux.cgroupsPath = $path'
}

needs() {
  need cgroup2 jq "$@"
  place
}

# The first disk of the host as MAJOR:MINOR, for io.max; empty if there is none
disk() { lsblk -dno MAJ:MIN,TYPE 2>/dev/null | awk '$2 == "disk" { print $1; exit }'; }

cgroup_of() { echo "$(cgroup2)$(sed -n 's/^0:://p' "/proc/$(pid_of "$1")/cgroup")"; }

# holds FILE VALUE DIRECTORY - what a file of the container's cgroup has
holds() {
  local value
  value=$(cat "$3/$1")
  [ "$value" = "$2" ] || {
    echo "$1 is '$value', not '$2'"
    return 1
  }
}

resources() { config ".linux.resources += $1"; }

# The table: `row CONTROLLER RESOURCES FILE VALUE [FILE VALUE]...`. The rows of a round are one
# document, which `rows FUNCTION` has applied and then looked at.
row() {
  is_delegated "$1" || return 0
  DOCUMENT+=" * $2"
  EXPECTED+=("${@:3}")
}

round() { # FUNCTION
  echo "$1: $DOCUMENT"
  "$1" "$DOCUMENT"
  values "${EXPECTED[@]}"
  "$1"
  DOCUMENT='{}' EXPECTED=()
}

rows() { # FUNCTION
  DOCUMENT='{}' EXPECTED=()
  row memory '{memory: {limit: 104857600, swap: 209715200, reservation: 1048576}}' \
    memory.max 104857600 memory.swap.max 104857600 memory.low 1048576
  row cpu '{cpu: {shares: 512, quota: -1}}' cpu.weight 59 cpu.max 'max 100000'
  row cpuset '{cpu: {cpus: "0", mems: "0"}}' cpuset.cpus 0 cpuset.mems 0
  row pids '{pids: {limit: 20}}' pids.max 20
  row io '{blockIO: {weight: 500}}' io.weight 'default 4950'
  disk_row '{blockIO: {throttleReadBpsDevice: [$disk + {rate: 1048576}],
    throttleWriteIOPSDevice: [$disk + {rate: 100}]}}' 'rbps=1048576 wbps=max riops=max wiops=100'
  round "$1"
  row memory '{memory: {limit: 104857600, swap: 104857600}}' memory.max 104857600 memory.swap.max 0
  row cpu '{cpu: {shares: 2, quota: 12345}}' cpu.weight 1 cpu.max '12345 100000'
  row pids '{pids: {limit: 0}}' pids.max 1
  row io '{blockIO: {weight: 10}}' io.weight 'default 1'
  disk_row '{unified: {"io.max": "DISK rbps=2097152\nDISK wbps=4194304 wiops=max"}}' \
    'rbps=2097152 wbps=4194304 riops=max wiops=max'
  round "$1"
  row memory '{memory: {limit: -1}}' memory.max max memory.swap.max max
  row cpu '{cpu: {shares: 262144, quota: 20000, period: 50000, burst: 10000}}' \
    cpu.weight 10000 cpu.max '20000 50000' cpu.max.burst 10000
  row pids '{pids: {limit: -1}}' pids.max max
  # what an update does not mention stays, and 0 takes it back
  disk_row '{blockIO: {throttleReadBpsDevice: [$disk + {rate: 0}],
    throttleWriteBpsDevice: [$disk + {rate: 0}]}}' ''
  round "$1"
  row memory '{memory: {limit: 104857600}, unified: {"memory.high": "52428800",
    "memory.swap.max": "1048576"}}' \
    memory.max 104857600 memory.high 52428800 memory.swap.max 1048576
  row cpu '{cpu: {idle: 1}}' cpu.idle 1
  row pids '{pids: {limit: 20}, unified: {"pids.max": "30"}}' pids.max 30
  ! is_root || row hugetlb '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}' \
    hugetlb.2MB.max 4194304 hugetlb.2MB.rsvd.max 4194304
  round "$1"
  row cpu '{cpu: {idle: 0, shares: 102}}' cpu.idle 0 cpu.weight 17
  row pids '{unified: {"pids.max": "40"}}' pids.max 40
  round "$1"
}

disk_row() { # RESOURCES VALUE - $disk and DISK stand for the first disk of the host
  local disk text
  disk=$(disk)
  [ -n "$disk" ] || return 0
  text=${1//'$disk'/"{major: ${disk%:*}, minor: ${disk#*:}}"}
  row io "${text//DISK/$disk}" io.max "${2:+$disk $2}"
}

is_delegated() { grep -qw "$1" "$(cgroup2)/cgroup.controllers"; }

values() { # FILE VALUE...
  local dir
  dir=$(cgroup_of "$ID")
  while [ $# -gt 0 ]; do
    holds "$1" "$2" "$dir"
    shift 2
  done
}

# A file that needs another manager than cgroupfs defines it anew.
created_so() { created "$@"; }

# Each is called with the document, and without it when its effect was looked at.
create_with() {
  if [ $# = 0 ]; then
    ctr delete --force "$ID"
  else
    config "del(.linux.resources) | .linux.resources = ($1)"
    created_so "$ID"
  fi
}

update_to() {
  [ $# = 0 ] || jq -n "$1" | ctr update --resources - "$ID"
}

# What `update` refuses: `refused CONTROLLER RESOURCES FIELD`. The error names the field, and all
# files of the cgroup are as before; WRONG is what was otherwise.
refused() {
  local before
  is_delegated "$1" || return 0
  before=$(all_limits)
  [ -n "$before" ] || WRONG+="no limits in '$LIMITED'"$'\n'
  run ctr update --resources - "$ID" <<<"$2"
  if [ "$status" != 1 ] || [[ $output != *"$3"* ]]; then
    WRONG+="$2: status $status: $output"$'\n'
  fi
  [ "$before" = "$(all_limits)" ] || WRONG+="$2: $(diff <(echo "$before") <(all_limits) || true)"$'\n'
}

# shellcheck disable=SC2035 # they are names of the kernel's
all_limits() {
  (cd "$LIMITED" && grep -sH . memory.{max,low,high,swap.max} cpu.{weight,max,max.burst,idle} \
    cpuset.{cpus,mems} pids.max io.{max,weight}) || true # some are absent
}

refusals() {
  needs cgroup:memory cgroup:cpu cgroup:pids
  config 'del(.linux.resources)'
  created_so "$ID"
  ctr update --memory 150m --pids-limit 50 --cpu-quota 20000 "$ID"
  values memory.max 157286400 pids.max 50 cpu.max '20000 100000'
  LIMITED=$(cgroup_of "$ID") WRONG=
  refused memory '{"memory": {"limit": -2}}' memory.limit
  refused memory '{"memory": {"limit": "1m"}}' memory.limit
  refused memory '{"memory": {"limit": 1e30}}' memory.limit
  refused memory '{"memory": {"swap": 1048576}, "pids": {"limit": 77}}' memory.swap
  refused memory '{"memory": {"limit": 104857600, "swap": 1048576}}' memory.swap
  refused memory '{"memory": {"reservation": -5}}' memory.reservation
  refused memory '{"memory": {"disableOOMKiller": true}}' memory.disableOOMKiller
  refused memory '{"pids": {"limit": 77}, "unified": {"memory.max": "much"}}' 'unified["memory.max"]'
  refused cpu '{"cpu": {"shares": -1}}' cpu.shares
  refused cpu '{"pids": {"limit": 77}, "cpu": {"quota": 1}}' cpu.quota
  refused cpu '{"pids": {"limit": 77}, "cpu": {"period": 10}}' cpu.period
  refused cpu '{"pids": {"limit": 77}, "cpu": {"quota": 10000, "burst": 99999999}}' cpu.burst
  refused cpu '{"cpu": {"idle": 2}}' cpu.idle
  refused cpuset '{"pids": {"limit": 77}, "cpu": {"cpus": "0-99999"}}' cpu.cpus
  refused cpuset '{"cpu": {"cpus": "first"}}' cpu.cpus
  refused cpuset '{"pids": {"limit": 77}, "cpu": {"mems": "77"}}' cpu.mems
  refused pids '{"pids": {"limit": -5}}' pids.limit
  refused pids '{"pids": {"limit": 1.5}}' pids.limit
  refused pids '{"unified": {"pids.max": "-1"}}' 'unified["pids.max"]'
  refused pids '{"unified": {"../pids.max": "1"}}' 'unified["../pids.max"]'
  refused pids '{"unified": {"cgroup.procs": "1"}}' 'unified["cgroup.procs"]'
  refused pids '{"pids": {"limit": 77}, "hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}' hugepageLimits
  refused pids '{"pids": {"limit": 77}, "rdma": {"none0": {"hcaHandles": 1}}}' rdma
  refused pids '{"pids": {"limit": 77}, "devices": [{"allow": true, "type": "z"}]}' 'devices[0].type'
  refused io '{"blockIO": {"weight": 5}}' blockIO.weight
  refused io '{"blockIO": {"weight": 1001}}' blockIO.weight
  refused io '{"pids": {"limit": 77}, "blockIO": {"throttleReadBpsDevice": [{"major": 999, "minor": 0, "rate": 1}]}}' \
    'blockIO.throttleReadBpsDevice[0]'
  [ -z "$WRONG" ] || {
    echo "$WRONG"
    return 1
  }
  ctr delete --force "$ID"
}
