"""Serves moto on loopback: a server for each connection to the socket of the first argument.

A server is a fork of this process, which has loaded moto: that takes longer than most tests of a server. It logs to its
connection, and ends with it. This process ends when its standard input closes, so that nothing outlives a killed test.
"""

import gc
import os
import select
import signal
import socket
import sys
import threading


def load():
    import moto.server  # noqa: F401
    from moto.backends import get_backend

    for service in ("s3", "sqs", "ec2", "cloudformation"):
        get_backend(service)
    # Else the first collection of each server would copy all that they share.
    gc.freeze()


def end_with_connection():
    while os.read(0, 4096):
        pass
    os._exit(0)


def serve(connection):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream in (0, 2):
        os.dup2(connection.fileno(), stream)
    threading.Thread(target=end_with_connection, daemon=True).start()
    from moto.server import main

    main(["-H", "127.0.0.1", "-p", "0"])


# Ended servers leave no zombies.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("listens")
while True:
    ready, _, _ = select.select([0, listener], [], [])
    if 0 in ready:
        break
    connection, _ = listener.accept()
    load()
    if os.fork() == 0:
        listener.close()
        serve(connection)
    connection.close()
