#!/usr/bin/python3
# systemd.py SOCKET CGROUP WHOSE - a bus with a systemd that goes away in the middle of a
# StartTransientUnit: the answer is lost. The call, when it is made again, is told that the unit exists.
# WHOSE is "ours": the process is in the unit's cgroup, below CGROUP, a moment later; "theirs": it is
# somebody else's unit. With "nobodys" nothing is answered. Prints what it is asked.
import os
import re
import socket
import struct
import sys
import threading
import time

path, cgroup, whose = sys.argv[1:4]


def padded(data, size):
    return data + b'\0' * (-len(data) % size)


def string(text):
    return struct.pack('<I', len(text)) + text.encode() + b'\0'


def message(kind, serial, reply, signature='', body=b'', error=''):
    fields = b'\5\1u\0' + struct.pack('<I', reply)
    if error:
        fields = padded(fields, 8) + b'\4\1s\0' + string(error)
    if signature:
        fields = padded(fields, 8) + b'\x08\1g\0' + bytes([len(signature)]) + signature.encode() + b'\0'
    head = struct.pack('<cBBBIII', b'l', kind, 1, 1, len(body), serial, len(fields))
    return padded(head + fields, 8) + body


def receive(peer):
    head = peer.recv(16, socket.MSG_WAITALL)
    if len(head) < 16:
        sys.exit(0)
    length, serial, fields = struct.unpack('<III', head[4:])
    fields += -fields % 8
    text = peer.recv(fields + length, socket.MSG_WAITALL)
    return serial, text[:fields], text[fields:]


def enter(unit, pid):
    time.sleep(0.3)
    os.makedirs(f'{cgroup}/{unit}', exist_ok=True)
    with open(f'{cgroup}/{unit}/cgroup.procs', 'w') as procs:
        procs.write(str(pid))


server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
peer = server.accept()[0]
lines = b''
while not lines.endswith(b'BEGIN\r\n'):
    lines += peer.recv(1)
    if lines.endswith(b'\r\n') and not lines.endswith(b'BEGIN\r\n'):
        word = lines.split(b'\r\n')[-2].lstrip(b'\0').split()[0]
        peer.send({b'AUTH': b'DATA', b'DATA': b'OK ' + b'0' * 32}.get(word, b'AGREE_UNIX_FD') + b'\r\n')
starts = 0
number = 0
while True:
    serial, fields, body = receive(peer)
    number += 1
    member = re.search(rb'\x03\x01s\x00....(\w+)', fields, re.S).group(1).decode()
    print(member, flush=True)
    if member == 'Hello':
        answer = message(2, number, serial, 's', string(':1.1'))
    elif member == 'StartTransientUnit':
        starts += 1
        unit = re.search(rb'[\w.-]+', body[4:]).group().decode()
        pid = re.search(rb'PIDs\x00\x02au\x00+\x04\x00\x00\x00(....)', body, re.S)
        if starts == 1:
            if whose == 'nobodys':
                continue
            if whose == 'ours':
                threading.Thread(target=enter, args=(unit, struct.unpack('<I', pid.group(1))[0])).start()
            answer = message(3, number, serial, error='org.freedesktop.DBus.Error.NoReply')
        else:
            answer = message(3, number, serial, error='org.freedesktop.systemd1.UnitExists')
    elif member == 'Get':
        answer = message(2, number, serial, 'v', b'\1s\0\0' + string('/the/cgroup'))
    else:
        answer = message(2, number, serial)
    peer.send(answer)
