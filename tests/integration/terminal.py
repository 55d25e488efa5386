#!/usr/bin/env python3
"""A person at a terminal: `terminal.py SCENARIO CTR ARGUMENT...` opens a pty, runs `CTR ARGUMENT...`
on it, as a job of its own or of a shell, types, looks, and fails with a traceback. What is checked
each time: the terminal's settings at the end are those of the beginning."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LIMIT = float(os.environ.get("CTR_TIMEOUT", "60"))


class Terminal:
    def __init__(self, argv, columns=80, env=None):
        self.master, self.slave = pty.openpty()
        self.resize(24, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.child = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, env=env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text if isinstance(text, bytes) else text.encode())

    def pump(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                pass

    def expect(self, pattern):
        """Until it is on the screen; what came before it is forgotten."""
        end = time.monotonic() + LIMIT
        while True:
            found = re.search(pattern.encode(), self.seen)
            if found:
                self.seen = self.seen[found.end():]
                return found
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen!r}"
            self.pump(0.1)

    def wait(self):
        end = time.monotonic() + LIMIT
        while self.child.poll() is None:
            assert time.monotonic() < end, f"it does not end; seen {self.seen!r}"
            self.pump(0.05)
        self.pump(0)
        return self.child.returncode

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def until(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < end, f"never {what}; seen {self.seen!r}"
            self.pump(0.05)

    def restored(self):
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def shell(*argv):
    """A job-control shell whose first job is ctr."""
    t = Terminal(["bash", "--norc", "--noprofile", "-i"], env={**os.environ, "PS1": "PROMPT> "})
    t.expect("PROMPT> ")
    t.type(" ".join(f"'{word}'" for word in argv))
    return t


# ------------------------------------------------------------------ scenarios

def plain(*argv):
    """echo, exit status, raw while it runs"""
    t = Terminal(argv)
    t.expect("# ")
    assert t.is_raw()
    t.type("echo A$((1+1))B\r")
    t.expect("A2B")
    t.type("exit 7\r")
    assert t.wait() == 7
    t.restored()


def resize_it(t):
    """the size at the start, 97 columns, and another"""
    t.type("stty size\r")
    t.expect("24 97")
    t.resize(31, 61)
    end = time.monotonic() + LIMIT
    while b"31 61" not in t.seen:
        assert time.monotonic() < end, f"no other size in {t.seen!r}"
        t.type("stty size\r")
        t.pump(0.5)


def sizes(*argv):
    """the size at the start, and changes of it"""
    t = Terminal(argv, columns=97)
    t.expect("# ")
    resize_it(t)
    t.type("exit\r")
    t.wait()
    t.restored()


def press_keys(t):
    """^C and ^D, at a prompt"""
    # keys that come before the shell has let go of its terminal are characters for it
    t.type("sh -c 'echo sle''eps; exec sleep 1000'\r")
    t.expect("sleeps")
    t.type("\x03")
    t.expect("# ")
    t.type("sh -c 'echo rea''ds; exec cat'\r")
    t.expect("reads")
    t.type("x\r\x04")
    t.expect("x\r\nx")
    t.expect("# ")


def keys(*argv):
    """^C, ^Z and ^D are the container's"""
    t = Terminal(argv)
    t.expect("# ")
    press_keys(t)
    assert state_of(t.child.pid) not in "Tt"
    t.type("exit 3\r")
    assert t.wait() == 3
    t.restored()


def session(*argv):
    """all that in one, for what is slow to start"""
    t = Terminal(argv, columns=97)
    t.expect("# ")
    assert t.is_raw()
    resize_it(t)
    press_keys(t)
    t.type("exit 7\r")
    assert t.wait() == 7
    t.restored()


def killed(sig, *argv):
    """a signal for ctr is the container's, and the terminal is given back"""
    t = Terminal(argv)
    t.expect("# ")
    t.type(f"trap 'exit 9' {sig}; echo rea''dy; while :; do sleep 0.1; done\r")
    t.expect("ready")
    t.child.send_signal(getattr(signal, f"SIG{sig}"))
    assert t.wait() == 9
    t.restored()


def all_output(*argv):
    """every byte, also when the process ends at once"""
    t = Terminal(argv)
    t.wait()
    end = time.monotonic() + LIMIT
    while b"THE END" not in t.seen and time.monotonic() < end:
        t.pump(0.1)
    lines = re.findall(rb"line (\d+)\r", t.seen)
    assert [int(n) for n in lines] == list(range(1, 20001)), len(lines)
    t.restored()


def stopped(*argv):
    """SIGTSTP: the shell's prompt on a sane terminal; fg: raw again, and it goes on"""
    t = shell(*argv)
    t.type("\r")
    t.expect("# ")
    pid = int(t_pid(t))
    os.kill(pid, signal.SIGTSTP)
    t.expect("Stopped")
    t.expect("PROMPT> ")
    t.until(lambda: state_of(pid) == "T", "stopped")
    t.type("echo sa''ne\r")
    t.expect("sane")
    t.type("fg\r")
    t.until(lambda: has_terminal(t, pid) and t.is_raw(), "in the foreground")
    t.type("\r")
    t.expect("# ")
    t.type("echo ba''ck; exit 5\r")
    t.expect("back")
    t.expect("PROMPT> ")
    t.type("echo status $?\r")
    t.expect("status 5")
    t.type("exit\r")
    t.wait()


def t_pid(t):
    """of the shell's job: its only child"""
    with open(f"/proc/{t.child.pid}/task/{t.child.pid}/children", encoding="ascii") as children:
        return children.read().split()[0]


def has_terminal(t, pid):
    """and is no longer the shell's, whose line editor makes it raw as well"""
    return os.tcgetpgrp(t.master) == os.getpgid(pid) and state_of(pid) != "T"


def background(*argv):
    """started with &: it waits for fg, and the shell's terminal is left alone"""
    t = shell(*argv)
    t.type(" &\r")
    t.expect("PROMPT> ")
    pid = int(t_pid(t))
    t.until(lambda: state_of(pid) == "T", "stopped")
    t.type("echo sa''ne\r")
    t.expect("sane")
    t.type("fg\r")
    t.until(lambda: has_terminal(t, pid) and t.is_raw(), "in the foreground")
    t.type("\r")
    t.expect("# ")
    t.type("exit 6\r")
    t.expect("PROMPT> ")
    t.type("echo status $?\r")
    t.expect("status 6")
    t.type("exit\r")
    t.wait()


def moved_back(*argv):
    """stopped, bg, fg: what is typed meanwhile is the shell's"""
    t = shell(*argv)
    t.type("\r")
    t.expect("# ")
    pid = int(t_pid(t))
    os.kill(pid, signal.SIGTSTP)
    t.expect("PROMPT> ")
    t.type("bg\r")
    t.expect("PROMPT> ")
    t.until(lambda: state_of(pid) != "T", "running")
    time.sleep(0.7)
    t.type("echo the shell''s\r")
    t.expect("the shells")
    t.type("fg\r")
    t.until(lambda: has_terminal(t, pid) and t.is_raw(), "in the foreground")
    t.type("\r")
    t.expect("# ")
    t.type("exit 4\r")
    t.expect("PROMPT> ")
    t.type("echo status $?\r")
    t.expect("status 4")
    t.type("exit\r")
    t.wait()


def job(*argv):
    """without a terminal of its own: ^Z stops ctr, fg lets it go on, ^C ends it"""
    t = shell(*argv)
    t.type("\r")
    t.expect("started")
    pid = int(t_pid(t))
    t.type("\x1a")
    t.expect("Stopped")
    t.expect("PROMPT> ")
    t.type("fg\r")
    t.until(lambda: has_terminal(t, pid), "in the foreground")
    t.type("\x03")
    t.expect("interrupted")
    t.expect("PROMPT> ")
    t.type("exit\r")
    t.wait()


def detach(*argv):
    """the keys: the prompt is back, it goes on; a part of them is typed through"""
    t = Terminal(argv)
    t.expect("# ")
    t.type("echo a\x10\x10\x15")  # ^P ^P ^U: all of it goes on, ^U clears the line
    t.type("echo through\r")
    t.expect("through")
    t.expect("# ")
    t.type("i=0; while :; do i=$((i+1)); echo $i >/count; echo ti''ck; sleep 0.1; done\r")
    t.expect("tick")
    t.type("\x10\x11")
    assert t.wait() == 0
    t.expect("detached from container")
    t.restored()


def detach_and_look(*argv):
    """the keys, and nothing else"""
    t = Terminal(argv)
    t.expect("# ")
    t.type("\x10\x11")
    assert t.wait() == 0
    t.restored()


def no_reader(*argv):
    """the terminal is gone: ctr ends"""
    t = Terminal(argv)
    t.expect("# ")
    os.close(t.slave)
    os.close(t.master)
    t.child.wait(LIMIT)


def other(argv, *words):
    """another ctr, about the same container: its id is the last word, or that before `sh`"""
    name = argv[-2] if argv[-1] == "sh" else argv[-1]
    done = subprocess.run([*argv[:3], words[0], name, *words[1:]], capture_output=True,
                          timeout=LIMIT, check=True)
    return done.stdout


def ended(*argv):
    """the container is killed by somebody else"""
    t = Terminal(argv)
    t.expect("# ")
    assert t.is_raw()
    other(argv, "kill", "KILL")
    assert t.wait() == 137
    t.restored()


def abandoned(*argv):
    """a virtual machine whose hypervisor is killed"""
    t = Terminal(argv)
    t.expect("# ")
    monitor = json.loads(other(argv, "state"))["pid"]
    with open(f"/proc/{monitor}/task/{monitor}/children", encoding="ascii") as children:
        (hypervisor,) = children.read().split()
    os.kill(int(hypervisor), signal.SIGKILL)
    t.expect("its hypervisor was killed by signal 9")
    assert t.wait() == 137
    t.restored()


def stalled(*argv):
    """more output than the terminal takes, and nobody reads"""
    t = Terminal(argv)
    t.expect("# ")
    t.type("while :; do echo 0123456789012345678901234567890123456789; done\r")
    time.sleep(1)
    assert other(argv, "exec", "echo", "alive") == b"alive\n"
    other(argv, "kill", "KILL")
    assert t.wait() == 137
    t.restored()


def colour(*argv):
    """an error on a terminal has colour, and a hint"""
    t = Terminal(argv)
    t.wait()
    t.expect(r"\x1b\[1;31mctr:\x1b\[0m ")
    t.expect(r"try `ctr lint ")
    t = Terminal(argv, env={**os.environ, "NO_COLOR": "1"})
    t.wait()
    assert b"\x1b" not in t.seen and b"ctr: " in t.seen, t.seen


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
