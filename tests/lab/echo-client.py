"""A client of an echo server at port PORT: each line of standard input goes there over one
connection, and what comes back to standard output."""
import socket
import sys

stream = socket.create_connection(("127.0.0.1", int(sys.argv[1]))).makefile("rw")
for line in iter(sys.stdin.readline, ""):
    stream.write(line)
    stream.flush()
    print(stream.readline(), end="", flush=True)
