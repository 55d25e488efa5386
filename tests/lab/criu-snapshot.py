"""What can be counted of a container and around it, a line for each thing: two moments compare by diff.

    criu-snapshot.py PID

PID is that of its init. Numbers that are new at every start (process ids outside, inodes, peer
groups of mounts) are left out; all processes of its PID namespace are looked at, and of the host
its mounts, cgroups, processes, namespaces, interfaces, firewall rules and temporary files.
"""
import glob
import os
import re
import subprocess
import sys

init = int(sys.argv[1])
STATUS = ("Uid", "Gid", "Groups", "NStgid", "NSpgid", "NSsid", "Threads", "NoNewPrivs", "Seccomp", "Seccomp_filters",
          "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Cpus_allowed")
LIMITS = re.compile(r"\.(max|high|low|min|weight|cpus|mems|partition|group|freeze|type|subtree_control)$")


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError as error:
        return f"{error.strerror}\n"


def link(path):
    try:
        return re.sub(r":\[\d+\]", "", os.readlink(path))
    except OSError as error:
        return error.strerror


def inode(pid, kind):
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
    except OSError:
        return 0


def mounts(pid):
    """Without ids; the parent is told by its mount point, peers by the word."""
    lines = [line.split() for line in read(f"/proc/{pid}/mountinfo").splitlines()]
    points = {fields[0]: fields[4] for fields in lines}
    for fields in lines:
        fields[6:] = [re.sub(r"^(shared|master|propagate_from):\d+$", r"\1", field) for field in fields[6:]]
        device = fields[2] if not fields[2].startswith("0:") else "0"
        # CRIU mounts cgroup2 once more and so changes the options of the one super block there is
        if "cgroup2" in fields:
            fields[-1] = ""
        yield " ".join([points.get(fields[1], "-"), device] + fields[3:])


def areas(pid):
    """Neighbours that are alike are one: what mprotect(2) has split need not be so for ever."""
    begin = end = 0
    kind = ""
    for line in read(f"/proc/{pid}/maps").splitlines() + ["0-0 - - - - -"]:
        span, mode, *rest = line.split(None, 5)
        # shared anonymous memory is a file without a name, by whichever of its makers
        what = f"{mode} {rest[3] if len(rest) > 3 else ''}".replace("/memfd:", "")
        first, last = (int(number, 16) for number in span.split("-"))
        if (first, what) != (end, kind):
            if kind:
                yield f"maps {begin:x}-{end:x} {kind}"
            begin, kind = first, what
        end = last


def name(pid):
    return read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def process(pid):
    status = dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    for key in STATUS:
        # those outside are others
        value = status.get(key, "-").split() if key.startswith("NS") else [status.get(key, "-")]
        yield f"{key} {value[-1]}"
    for fd in sorted(os.listdir(f"/proc/{pid}/fd"), key=int):
        flags = re.search(r"flags:\t(\d+)", read(f"/proc/{pid}/fdinfo/{fd}"))
        yield f"fd {fd} {flags and flags.group(1)} {link(f'/proc/{pid}/fd/{fd}')}"
    for what in ("cwd", "root", "exe"):
        yield f"{what} {link(f'/proc/{pid}/{what}')}"
    yield f"command {name(pid)}"
    yield f"oom {read(f'/proc/{pid}/oom_score_adj').strip()}"
    yield from (f"limit {line}" for line in read(f"/proc/{pid}/limits").splitlines())
    yield from areas(pid)
    for kind in sorted(os.listdir(f"/proc/{pid}/ns")):
        yield (f"namespace {kind} " + ("host" if inode(pid, kind) == inode("self", kind) else
                                       "init" if inode(pid, kind) == inode(init, kind) else "own"))


def main():
    pids = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    ours = [pid for pid in pids if inode(pid, "pid") == inode(init, "pid")]
    for pid in ours:
        inside = re.search(r"NSpid:.*\t(\d+)\n", read(f"/proc/{pid}/status"))
        for line in process(pid):
            print("process", inside and inside.group(1), line)
    for line in mounts(init):
        print("mount inside", line)

    cgroup = read(f"/proc/{init}/cgroup").strip().split("::", 1)[-1]
    print("cgroup", re.sub(r"\d+$", "", cgroup))
    for path in sorted(glob.glob(f"/sys/fs/cgroup{cgroup}/*")):
        if LIMITS.search(path):
            print("cgroup file", os.path.basename(path), read(path).strip().replace("\n", "; "))

    for line in mounts("self"):
        print("host mount", line)
    for path, _, _ in os.walk("/sys/fs/cgroup"):
        print("host cgroup", path)
    for pid in pids:
        if pid not in ours and pid != os.getpid() and os.path.exists(f"/proc/{pid}/exe"):
            print("host process", name(pid))
    for kind in os.listdir("/proc/self/ns"):
        if not kind.endswith("_for_children"):
            print("host namespaces", kind, len({inode(pid, kind) for pid in pids} - {0}))
    for path in ("/tmp/*", "/run/*", "/dev/shm/*", "/dev/pts/*", "/dev/mqueue/*"):
        for entry in glob.glob(path):
            print("host file", entry)
    for command in (["ip", "-brief", "link"], ["nft", "list", "ruleset"], ["iptables-save"]):
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for line in text.splitlines():
            if not line.startswith("#"):
                print("host", command[0], re.sub(r"\[\d+:\d+\]", "", line))


main()
