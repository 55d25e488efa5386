"""Work of every kind, which looks after a restore whether all is as it was before the checkpoint.

    criu-work.py DIRECTORY CASE...

Each CASE is a generator below: it sets up, yields, and checks. When all are set up DIRECTORY/ready
is made; when DIRECTORY/go is there they check, and DIRECTORY/result has a line for each: its name
and "ok", or what was wrong. A case whose set-up fails is told there, too, and the program ends.
"""
import ctypes
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

PATIENCE = 600  # seconds: no measure of anything
libc = ctypes.CDLL(None, use_errno=True)
directory = sys.argv[1]


def call(name, *args):
    result = getattr(libc, name)(*args)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def same(what, got, expected):
    assert got == expected, f"{what}: {got!r}, not {expected!r}"


def files():
    path = tempfile.mktemp()
    plain = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(plain, b"0123456789")
    os.lseek(plain, 4, os.SEEK_SET)
    copy, append = os.dup(plain), os.open(path, os.O_WRONLY | os.O_APPEND)
    os.set_inheritable(copy, True)
    beneath = os.open("/tmp", os.O_PATH | os.O_DIRECTORY)
    yield
    same("position", os.read(plain, 2), b"45")
    same("shared position", os.read(copy, 2), b"67")
    same("inherited", (os.get_inheritable(copy), os.get_inheritable(plain)), (True, False))
    os.write(append, b"end")
    same("appended", open(path).read(), "0123456789end")
    assert os.stat(os.path.basename(path), dir_fd=beneath).st_size == 13


def deleted():
    """Its only name is gone: CRIU keeps what was in it."""
    path = tempfile.mktemp()
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"ghost")
    mapped = mmap.mmap(fd, 5)
    os.unlink(path)
    gone = tempfile.mkdtemp()
    beneath = os.open(gone, os.O_RDONLY)
    os.rmdir(gone)
    yield
    same("contents", os.pread(fd, 10, 0), b"ghost")
    same("links", os.fstat(fd).st_nlink, 0)
    os.pwrite(fd, b"G", 0)
    same("mapping", mapped[:], b"Ghost")
    same("directory", os.fstat(beneath).st_nlink, 0)


def memory():
    shared, private = mmap.mmap(-1, 8192), mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE)
    memfd = os.memfd_create("work", os.MFD_ALLOW_SEALING)
    os.write(memfd, b"memfd")
    fcntl.fcntl(memfd, 1033, 2)  # F_ADD_SEALS, F_SEAL_SHRINK
    shared[:6], private[4096:4103] = b"shared", b"private"
    locked = mmap.mmap(-1, 4096)
    call("mlock", ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(locked))), 4096)
    yield
    same("shared", shared[:6], b"shared")
    same("private", private[4096:4103], b"private")
    same("memfd", os.pread(memfd, 10, 0), b"memfd")
    same("seals", fcntl.fcntl(memfd, 1034), 2)
    assert "VmLck:\t       4" in open("/proc/self/status").read(), "not locked any more"


def sysv():
    """Shared memory, semaphores and a message queue of System V."""
    segment = call("shmget", 0x1234, 4096, 0o1600)
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(segment, None, 0)
    ctypes.memmove(at, b"segment", 7)
    semaphores = call("semget", 0x1234, 2, 0o1600)
    call("semctl", semaphores, 1, 16, 9)  # SETVAL
    queue = call("msgget", 0x1234, 0o1600)
    call("msgsnd", queue, struct.pack("q5s", 3, b"hello"), 5, 0)
    yield
    same("segment", ctypes.string_at(at, 7), b"segment")
    same("its id", libc.shmget(0x1234, 0, 0), segment)
    same("semaphore", libc.semctl(libc.semget(0x1234, 0, 0), 1, 12), 9)
    text = ctypes.create_string_buffer(64)
    same("message", libc.msgrcv(libc.msgget(0x1234, 0), text, 50, 3, 0o4000), 5)
    same("its text", text[8:13], b"hello")


def pidfd():
    fd = os.pidfd_open(os.getpid())
    yield
    signal.pidfd_send_signal(fd, 0)


def threads():
    """Each adds to a counter of its own under one lock, waits for a condition, or holds a lock."""
    names = [f"worker {i}" for i in range(8)]
    counts, lock, condition, held, stop = dict.fromkeys(names, 0), threading.Lock(), threading.Condition(), [], []

    def worker():
        own = threading.current_thread().name
        ids[own] = threading.get_native_id()
        while not stop:
            with lock:
                counts[own] += 1
                counts["all"] = counts.get("all", 0) + 1
            time.sleep(0.02)

    def waiter():
        with condition:
            while not held:
                condition.wait()
            held.append(threading.get_native_id())

    ids = {}
    workers = [threading.Thread(target=worker, name=name, daemon=True) for name in names]
    asleep = threading.Thread(target=waiter, daemon=True)
    for thread in workers + [asleep]:
        thread.start()
    while len(ids) < len(names):
        time.sleep(0.01)
    native = asleep.native_id
    yield
    with lock:
        before = dict(counts)
        same("sum", sum(before[name] for name in names), before["all"])
    end = time.monotonic() + PATIENCE
    while any(counts[name] == before[name] for name in names):
        assert time.monotonic() < end, f"a thread stands still: {counts} {before}"
        time.sleep(0.05)
    same("threads", sorted(os.listdir("/proc/self/task")),
         sorted(str(i) for i in [os.getpid(), native, *ids.values()]))
    with condition:
        held.append("go")
        condition.notify()
    asleep.join(60)
    same("the one that waited", held, ["go", native])
    stop.append(True)


def signals():
    """Blocked ones that are pending: of the process with their values, and of this thread."""
    realtime = signal.SIGRTMIN + 1
    blocked = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, realtime}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    signal.signal(signal.SIGWINCH, signal.SIG_IGN)
    for value in (11, 12, 13):
        call("sigqueue", os.getpid(), int(realtime), ctypes.c_void_p(value))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)
    watched = libc.signalfd(-1, struct.pack("Q", 1 << (signal.SIGCHLD - 1)), 0)
    zombie = os.fork()
    if zombie == 0:
        os._exit(7)
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    yield
    same("mask", blocked <= signal.pthread_sigmask(signal.SIG_BLOCK, ()), True)
    same("ignored", signal.getsignal(signal.SIGWINCH), signal.SIG_IGN)
    assert {signal.SIGUSR1, signal.SIGUSR2, realtime} <= signal.sigpending(), signal.sigpending()
    # struct siginfo: the value is at 24
    info = ctypes.create_string_buffer(128)
    values = []
    for _ in range(3):
        same("signal", libc.sigtimedwait(struct.pack("Q16Q", 1 << (realtime - 1), *[0] * 16), info,
                                         struct.pack("qq", 5, 0)), realtime)
        values.append(struct.unpack_from("q", info, 24)[0])
    same("values", values, [11, 12, 13])
    for one in (signal.SIGUSR1, signal.SIGUSR2):
        same("signal", signal.sigtimedwait({one}, 5).si_signo, one)
    same("signalfd", struct.unpack_from("I", os.read(watched, 128))[0], signal.SIGCHLD)
    same("zombie", os.waitpid(zombie, os.WNOHANG), (zombie, 7 << 8))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)


def timers():
    """Timers of all kinds: what they have left, and that they go on."""
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append("real"))
    signal.signal(signal.SIGVTALRM, lambda *_: ticks.append("virtual"))
    signal.signal(signal.SIGRTMIN + 2, lambda *_: ticks.append("posix"))
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.05, 0.05)
    signal.setitimer(signal.ITIMER_PROF, 5000, 100)
    # sigevent: value, signal, SIGEV_SIGNAL; timers in three clocks, one of which does not end here
    made = []
    for clock, first, every in ((1, 0.3, 0.3), (0, 3000, 60), (1, 4000, 0)):
        timer = ctypes.c_void_p()
        event = ctypes.create_string_buffer(struct.pack("qii", 5, signal.SIGRTMIN + 2, 0), 64)
        call("timer_create", clock, event, ctypes.byref(timer))
        call("timer_settime", timer, 0, struct.pack("qqqq", int(every), int(every % 1 * 1e9), int(first),
                                                     int(first % 1 * 1e9)), None)
        made.append(timer)
    descriptor = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(descriptor, initial=2000, interval=7)
    yield

    def left(timer):
        value = ctypes.create_string_buffer(32)
        call("timer_gettime", timer, value)
        return struct.unpack("qqqq", value)

    for timer, every, first in ((made[1], 60, 3000), (made[2], 0, 4000)):
        got = left(timer)
        assert got[0] == every and first - 900 < got[2] < first, got
    value = os.timerfd_gettime(descriptor)
    assert value[1] == 7 and 1100 < value[0] < 2000, value
    prof = signal.getitimer(signal.ITIMER_PROF)
    assert 4000 < prof[0] <= 5000 and prof[1] == 100, prof
    del ticks[:]
    end = time.monotonic() + PATIENCE
    while len(set(ticks)) < 3:
        assert time.monotonic() < end, f"only {set(ticks)} go on"
        sum(range(10000))
    for kind in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(kind, 0)
    call("timer_settime", made[0], 0, struct.pack("qqqq", 0, 0, 0, 0), None)


def polled():
    """epoll with what is ready, what is not, and its ways to tell; the data are the descriptors."""
    ready, quiet, event = os.pipe(), os.pipe(), os.eventfd(3)
    timer = os.timerfd_create(time.CLOCK_MONOTONIC)
    os.timerfd_settime(timer, initial=0.01, interval=0)
    os.write(ready[1], b"in the pipe")
    poll, above = select.epoll(), select.epoll()
    poll.register(ready[0], select.EPOLLIN)
    poll.register(quiet[0], select.EPOLLIN | select.EPOLLET)
    poll.register(event, select.EPOLLIN)
    poll.register(timer, select.EPOLLIN)
    above.register(poll.fileno(), select.EPOLLIN)
    fcntl.fcntl(quiet[1], fcntl.F_SETPIPE_SZ, 1 << 17)
    time.sleep(0.05)
    yield
    same("ready", sorted(fd for fd, _ in poll.poll(5)), sorted([ready[0], event, timer]))
    same("above", above.poll(5), [(poll.fileno(), select.EPOLLIN)])
    same("pipe", os.read(ready[0], 100), b"in the pipe")
    same("event", os.eventfd_read(event), 3)
    same("timer", struct.unpack("Q", os.read(timer, 8))[0], 1)
    same("size", fcntl.fcntl(quiet[0], fcntl.F_GETPIPE_SZ), 1 << 17)
    os.write(quiet[1], b"x")
    same("edge", poll.poll(5), [(quiet[0], select.EPOLLIN)])


def tree():
    """Sessions, process groups, a grandchild, an orphan, with one shared counter each."""
    shared = mmap.mmap(-1, 4096)
    pids = mmap.mmap(-1, 4096)

    def child(slot, make):
        pid = os.fork()
        if pid:
            return pid
        signal.setitimer(signal.ITIMER_REAL, 0)
        make()
        pids[16 * slot:16 * slot + 16] = struct.pack("iiii", os.getpid(), os.getpgid(0), os.getsid(0), 1)
        if slot == 1:
            child(2, lambda: None)
        if slot == 3:
            child(4, os.setsid)
            os._exit(0)
        while True:
            at = 8 * slot
            shared[at:at + 8] = struct.pack("q", struct.unpack("q", shared[at:at + 8])[0] + 1)
            time.sleep(0.05)

    made = [child(0, lambda: None), child(1, os.setsid), child(3, lambda: os.setpgid(0, 0))]
    same("the one in the middle", os.waitpid(made[2], 0), (made[2], 0))

    def table():
        return [struct.unpack("iiii", pids[16 * i:16 * i + 16]) for i in range(5)]

    while not all(row[3] for row in table()):
        time.sleep(0.02)
    yield
    for i, (pid, group, session, _) in enumerate(table()):
        if i == 3:
            continue
        same(f"process {i}", (os.getpgid(pid), os.getsid(pid)), (group, session))
        before, end = shared[8 * i:8 * i + 8], time.monotonic() + PATIENCE
        while shared[8 * i:8 * i + 8] == before:
            assert time.monotonic() < end, f"process {i} stands still"
            time.sleep(0.02)
    parents = [int(open(f"/proc/{table()[i][0]}/stat").read().rsplit(")", 1)[1].split()[1]) for i in (0, 1, 2, 4)]
    same("parents", parents, [os.getpid(), os.getpid(), table()[1][0], 1])
    for i in (2, 0, 1, 4):
        os.kill(table()[i][0], signal.SIGKILL)


def unix():
    """Sockets with names in the file system and without, connected inside, with something queued."""
    path, ends = tempfile.mktemp(), []
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        for name in (f"{path}.{int(kind)}", f"\0ctr-{os.getpid()}-{int(kind)}"):
            listener = socket.socket(socket.AF_UNIX, kind)
            listener.bind(name)
            listener.listen(4)
            client = socket.socket(socket.AF_UNIX, kind)
            client.connect(name)
            ends.append((name, kind, listener, client, listener.accept()[0]))
            client.sendall(b"to the server")
            ends[-1][4].sendall(b"to the client")
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(ends[0][0])
    datagrams = []
    for name in (path + ".d", f"\0ctr-{os.getpid()}-d"):
        server, client = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
        server.bind(name)
        client.connect(name)
        client.send(b"one")
        client.send(b"two")
        datagrams.append((name, server, client))
    pair = socket.socketpair()
    pair[0].sendall(b"half")
    pair[0].shutdown(socket.SHUT_WR)
    yield
    for name, kind, listener, client, peer in ends:
        same("queued", (peer.recv(99), client.recv(99)), (b"to the server", b"to the client"))
        client.sendall(b"more")
        same("after it", peer.recv(99), b"more")
        same("name of the listener", listener.getsockname(), name.encode() if name[0] == "\0" else name)
        if name == ends[0][0]:
            waiting.sendall(b"at last")
            same("who waited", listener.accept()[0].recv(99), b"at last")
        new = socket.socket(socket.AF_UNIX, kind)
        new.connect(name)
        listener.accept()[0].sendall(b"new")
        same("a new one", new.recv(99), b"new")
    for name, server, client in datagrams:
        client.send(b"three")
        same("datagrams", [server.recv(99) for _ in range(3)], [b"one", b"two", b"three"])
        same("name", server.getsockname(), name.encode() if name[0] == "\0" else name)
    same("half closed", (pair[1].recv(99), pair[1].recv(99)), (b"half", b""))
    pair[1].sendall(b"back")
    same("the other half", pair[0].recv(99), b"back")


def passed():
    """Descriptors on their way (SCM_RIGHTS): a file with its position, both ends of a pipe, a socket."""
    file = tempfile.TemporaryFile(buffering=0)
    file.write(b"0123456789")
    file.seek(4)
    pipe, inner, pair = os.pipe(), socket.socketpair(), socket.socketpair()
    datagrams = socket.socketpair(type=socket.SOCK_DGRAM)
    os.write(pipe[1], b"in the pipe")
    inner[0].sendall(b"in the socket")
    socket.send_fds(pair[0], [b"A"], [file.fileno(), *pipe, inner[1].fileno()])
    socket.send_fds(datagrams[0], [b"B"], [file.fileno()])
    for fd in pipe:
        os.close(fd)
    inner[1].close()
    yield
    data, fds, _, _ = socket.recv_fds(pair[1], 9, 9)
    same("message", (data, len(fds)), (b"A", 4))
    same("file", (os.read(fds[0], 2), file.read(2)), (b"45", b"67"))
    same("pipe", os.read(fds[1], 99), b"in the pipe")
    os.write(fds[2], b"again")
    same("pipe again", os.read(fds[1], 99), b"again")
    got = socket.socket(fileno=fds[3])
    same("socket", got.recv(99), b"in the socket")
    got.sendall(b"answer")
    same("its other end", inner[0].recv(99), b"answer")
    data, fds, _, _ = socket.recv_fds(datagrams[1], 9, 9)
    same("datagram", (data, os.read(fds[0], 2)), (b"B", b"89"))


def main():
    running, results = [], []
    for name in sys.argv[2:]:
        case = globals()[name]()
        try:
            next(case)
        except Exception as error:  # pylint: disable=broad-except
            with open(directory + "/result", "w") as file:
                file.write(f"{name}: set-up: {error!r}\n")
            sys.exit(1)
        running.append((name, case))
    open(directory + "/ready", "w").close()
    while not os.path.exists(directory + "/go"):
        time.sleep(0.1)
    for name, case in running:
        try:
            next(case, None)
            results.append(f"{name} ok\n")
        except Exception as error:  # pylint: disable=broad-except
            results.append(f"{name}: {error!r}\n")
    with open(directory + "/result.new", "w") as file:
        file.writelines(results)
    os.rename(directory + "/result.new", directory + "/result")
    while True:
        time.sleep(1)


main()
