#!/usr/bin/env python3
"""Streams of the container runtime interface's Exec and Attach, as kubectl has them, for the lab.

cri-stream.py URL [ROWSxCOLUMNS]  standard input is typed in there, and what comes out is written to
                                  both outputs; its exit status is the command's

The protocol is v4.channel.k8s.io over a WebSocket (RFC 6455): the first byte of a message is the
number of its stream.
"""
import base64
import json
import os
import socket
import struct
import sys
import urllib.parse

STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class Stream:
    """A connection to one exec or attach."""

    def __init__(self, url):
        where = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((where.hostname, where.port))
        self.file = self.socket.makefile("rb")
        self.socket.sendall(
            f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
        answer = self.file.readline().decode().strip()
        while self.file.readline().strip():
            pass
        if " 101 " not in answer:
            sys.exit(f"{url}: {answer}")

    def send(self, data, kind=BINARY):
        """One message; a client's are masked, by zeros here."""
        size = len(data)
        head = bytes([0x80 | kind, 0x80 | min(size, 126)])
        if size >= 126:
            head += struct.pack(">H", size)
        self.socket.sendall(head + bytes(4) + data)

    def messages(self):
        """What comes, to the end."""
        while head := self.file.read(2):
            size = head[1] & 0x7F
            if size == 126:
                size, = struct.unpack(">H", self.file.read(2))
            elif size == 127:
                size, = struct.unpack(">Q", self.file.read(8))
            data = self.file.read(size)
            if head[0] & 0xF == CLOSE:
                return
            if head[0] & 0xF == PING:
                self.send(data, PONG)
            elif data:
                yield data[0], data[1:]


def exit_status(text):
    """Of the document at the end."""
    status = json.loads(text)
    if status["status"] == "Success":
        return 0
    sys.stderr.write(status.get("message", "") + "\n")
    for cause in status.get("details", {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    return 255


def main():
    """One stream, to its end."""
    stream = Stream(sys.argv[1])
    status = 0
    if len(sys.argv) > 2:
        rows, columns = sys.argv[2].split("x")
        size = json.dumps({"Width": int(columns), "Height": int(rows)})
        stream.send(bytes([RESIZE]) + size.encode())
    while data := sys.stdin.buffer.read1(1000):
        stream.send(bytes([STDIN]) + data)
    for channel, data in stream.messages():
        if channel == STATUS:
            status = exit_status(data)
        elif channel in (STDOUT, STDERR):
            out = sys.stdout.buffer if channel == STDOUT else sys.stderr.buffer
            out.write(data)
            out.flush()
    sys.exit(status)


main()
