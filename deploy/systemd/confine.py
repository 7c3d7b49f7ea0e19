#!/usr/bin/python3 -IS
"""Runs a program that can open no socket, write files in the temporary folder only, and look into no other process.

For model runners: they decode images of strangers under the user of the worker, whose memory has the credentials of its role.
It needs no privilege and Linux on x86-64 or arm64. What the program inherits stays open: the channel to its worker is a socket.

Usage: confine.py PROGRAM [ARGUMENT]...
"""
import ctypes
import errno
import os
import struct
import sys

# By machine: its name in seccomp, and its numbers of socket(2) and truncate(2). io_uring opens sockets without that call.
# Before Linux 6.2, Landlock lets a program empty files that it may not write.
MACHINES = {"x86_64": (0xC000003E, 41, 76), "aarch64": (0xC00000B7, 198, 45)}
IO_URING_SETUP = 425
# x86-64 has each call a second time, with this bit.
X32 = 0x40000000

LOAD, JUMP_IF_EQUAL, JUMP_IF_NOT_LESS, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER_AT, MACHINE_AT = 0, 4
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EACCES, 0x80000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1
# Write a file; remove and make entries of folders, of each kind.
WRITES = 1 << 1 | 0b111111111 << 4

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    result = function(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def refuse_calls():
    machine, socket, truncate = MACHINES[os.uname().machine]
    program = [
        (LOAD, 0, 0, MACHINE_AT),
        (JUMP_IF_EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_NOT_LESS, 4, 0, X32),
        (JUMP_IF_EQUAL, 3, 0, socket),
        (JUMP_IF_EQUAL, 2, 0, truncate),
        (JUMP_IF_EQUAL, 1, 0, IO_URING_SETUP),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    header = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    call(libc.prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)


def refuse_writes():
    """Landlock also keeps a program from processes outside of what it restricts: their memory, environment and files."""
    attributes = ctypes.create_string_buffer(struct.pack("Q", WRITES), 8)
    try:
        ruleset = call(libc.syscall, LANDLOCK_CREATE_RULESET, attributes, 8, 0)
    except OSError as error:
        # A kernel without Landlock, or a container that does not let it in. The images of imgcls keep processes apart by Yama, too.
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return
        raise
    folder = os.open(os.environ.get("TMPDIR", "/tmp"), os.O_PATH)
    rule = ctypes.create_string_buffer(struct.pack("=Qi", WRITES, folder))
    call(libc.syscall, LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    call(libc.syscall, LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(folder)
    os.close(ruleset)


call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
refuse_writes()
refuse_calls()
os.execv(sys.argv[1], sys.argv[1:])
