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
import signal
import struct
import sys
import tempfile
import time

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
