"""A client of redis at port PORT that keeps its connection: sets a value, makes DIRECTORY/ready,
waits for DIRECTORY/go, and asks for the value over the same connection."""
import os
import socket
import sys
import time

port, directory = int(sys.argv[1]), sys.argv[2]
stream = socket.create_connection(("127.0.0.1", port)).makefile("rw", newline="\r\n")


def ask(command):
    stream.write(command + "\r\n")
    stream.flush()
    return stream.readline().strip()


print(ask("SET key kept"), flush=True)
open(os.path.join(directory, "ready"), "w").close()
while not os.path.exists(os.path.join(directory, "go")):
    time.sleep(0.1)
ask("GET key")
print("value", stream.readline().strip(), flush=True)
