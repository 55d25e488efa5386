"""A family of processes that checks itself: shared memory, pipes, socket pairs, a unix socket with
a name, epoll, timers, an event descriptor, signals, threads, a file that was deleted.

For each file DIRECTORY/ask it writes to DIRECTORY/answer what does not work any more, or `ok` and
the number of the question; what is checked was made before the first question."""
import mmap
import os
import secrets
import select
import signal
import socket
import struct
import sys
import threading
import time

PATIENCE = 600  # seconds: no measure of anything
directory = sys.argv[1]
token = secrets.token_hex(16)
shared = mmap.mmap(-1, 4096)  # shared with the children
asked, answered = os.pipe(), os.pipe()
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.join(directory, "socket"))
listener.listen()
ticks = {"timer": 0, "signal": 0, "thread": 0}
parent = os.getpid()


def pipe_child():
    """Sends back what comes, and counts in shared memory."""
    poll = select.epoll()
    poll.register(asked[0], select.EPOLLIN)
    while True:
        if poll.poll(0.1):
            os.write(answered[1], os.read(asked[0], 100)[::-1])
        shared[:8] = struct.pack("q", struct.unpack("q", shared[:8])[0] + 1)


def socket_child():
    """A client of the named socket: what comes from there goes to the socket pair."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(os.path.join(directory, "socket"))
    while True:
        text = client.recv(100)
        if text == b"signal":
            os.kill(parent, signal.SIGUSR1)
        pair[1].send(text)


def child(function):
    pid = os.fork()
    if pid == 0:
        function()
        os._exit(1)
    return pid


def count(name):
    ticks[name] += 1


def thread():
    while True:
        count("thread")
        time.sleep(0.1)


signal.signal(signal.SIGALRM, lambda *_: count("timer"))
signal.signal(signal.SIGUSR1, lambda *_: count("signal"))
children = [child(pipe_child), child(socket_child)]
connection = listener.accept()[0]
threading.Thread(target=thread, daemon=True).start()
signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
event, timer = os.eventfd(7), os.timerfd_create(time.CLOCK_MONOTONIC)
os.timerfd_settime(timer, initial=0.3, interval=0.3)
epoll = select.epoll()
epoll.register(timer, select.EPOLLIN)
epoll.register(pair[0], select.EPOLLIN | select.EPOLLET)
deleted = open(os.path.join(directory, "deleted"), "w+")
deleted.write(token)
deleted.flush()
os.unlink(deleted.name)
shared[100:132] = token.encode()


def advances(value, what):
    before, end = value(), time.monotonic() + PATIENCE
    while value() == before:
        if time.monotonic() > end:
            raise RuntimeError(f"{what} stands still")
        time.sleep(0.05)


def expect(what, got, wanted):
    if got != wanted:
        raise RuntimeError(f"{what}: {got!r} instead of {wanted!r}")


def check():
    expect("children", [os.waitpid(pid, os.WNOHANG) for pid in children], [(0, 0)] * 2)
    advances(lambda: shared[:8], "shared memory")
    expect("shared memory", shared[100:132].decode(), token)
    os.write(asked[1], token.encode())
    expect("pipes", os.read(answered[0], 100).decode(), token[::-1])
    connection.send(token.encode())
    end = time.monotonic() + PATIENCE
    while not any(fd == pair[0].fileno() for fd, _ in epoll.poll(1)):
        if time.monotonic() > end:
            raise RuntimeError("epoll does not tell of the socket pair")
    expect("sockets", pair[0].recv(100).decode(), token)
    signals = ticks["signal"]
    connection.send(b"signal")
    expect("sockets", pair[0].recv(100), b"signal")
    expect("signals", ticks["signal"], signals + 1)
    os.read(timer, 8)
    # one that nobody had read comes back with its tick, but does not go on (CRIU 4.1.1)
    os.timerfd_settime(timer, initial=0.3, interval=0.3)
    advances(lambda: ticks["timer"], "the interval timer")
    advances(lambda: ticks["thread"], "the thread")
    expect("event descriptor", os.eventfd_read(event), 7)
    os.eventfd_write(event, 7)
    deleted.seek(0)
    expect("deleted file", deleted.read(), token)


question = 0
while True:
    if os.path.exists(os.path.join(directory, "ask")):
        os.unlink(os.path.join(directory, "ask"))
        question += 1
        try:
            check()
            answer = f"ok {question}"
        except Exception as error:  # whatever it is, it is the answer
            answer = f"not ok: {error!r}"
        with open(os.path.join(directory, "answer.new"), "w") as file:
            file.write(answer + "\n")
        os.rename(file.name, os.path.join(directory, "answer"))
    time.sleep(0.1)
