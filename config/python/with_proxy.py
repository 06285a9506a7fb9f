"""Runs a command whose only way out is a proxy behind a Unix socket.

Runs inside a sandbox without network: python -I -c <this> SOCKET PORT COMMAND...
A child forwards from PORT of the sandbox's own loopback; it ends with the sandbox. The command takes this process's place.
"""
import os
import socket
import sys
import threading

path, port = sys.argv[1], int(sys.argv[2])
command = sys.argv[3:]

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", port))
server.listen(64)

if os.fork() != 0:
    server.close()
    os.execvp(command[0], command)


def copy(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def serve(client):
    proxy = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        proxy.connect(path)
        back = threading.Thread(target=copy, args=(proxy, client), daemon=True)
        back.start()
        copy(client, proxy)
        back.join()
    except OSError:
        pass
    finally:
        client.close()
        proxy.close()


# the build's output is its own, and ends when the build does
for stream in (0, 1, 2):
    os.dup2(os.open(os.devnull, os.O_RDWR), stream)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
