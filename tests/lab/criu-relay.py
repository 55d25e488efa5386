#!/usr/bin/env python3
"""What stands in the place of CRIU (`criu swrk FD`), and passes on what the real one and its caller
say, up to a dump that is done. Then, by $RELAY:

  PID   CRIU is killed as soon as it has killed this process
  late  its caller's caller gets SIGTERM before CRIU's answer
"""
import os, signal, socket, subprocess, sys, time

# criu_resp.type (rpc.proto): field 1, a number
DUMP = b"\x08\x01"
EXITING = 0x4

caller = socket.socket(fileno=int(sys.argv[2]))
caller.set_inheritable(False)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.set_inheritable(theirs.fileno(), True)
criu = subprocess.Popen(["/usr/sbin/criu", "swrk", str(theirs.fileno())], close_fds=False)
theirs.close()
late = os.environ["RELAY"] == "late"
answer = b""
while not answer.startswith(DUMP):
    request = caller.recv(65536)
    if not request:
        break
    ours.send(request)
    if b"post-dump" in answer and not late:
        with open(f"/proc/{os.environ['RELAY']}/stat") as file:
            while not int(file.read().rsplit(")")[1].split()[6]) & EXITING:
                file.seek(0)
        criu.kill()
        break
    answer = ours.recv(65536)
    if answer.startswith(DUMP):
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(1)
    caller.send(answer)
ours.close()
criu.wait()
