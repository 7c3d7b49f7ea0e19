"""Runs a command. Writes what it took to a file of JSON: `wallMs` to the end of the command, and `cpuMs` of all processes below it, until
the last of them has ended, and of processes that run beside it.

    python measure.py REPORT PIDS COMMAND...

PIDS are separated by commas. Their descendants count, too. Processor time is measured on Linux only; elsewhere it is null.
"""
import ctypes
import json
import os
import resource
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
# Reading /proc takes about 5 ms.
SAMPLE_SECONDS = 0.25
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def processes():
    """Parent and CPU seconds of each process."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # It has ended.
        found[int(name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    return found


def below(roots):
    """CPU seconds of each of these processes and of their descendants."""
    found = processes()

    def belongs(pid):
        while pid in found and pid not in roots:
            pid = found[pid][0]
        return pid in roots

    return {pid: seconds for pid, (_, seconds) in found.items() if belongs(pid)}


def reaped_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command):
    """Exit code and wall seconds of the command, when all that it started has ended."""
    start = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return code, wall
        if pid == child:
            code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - start


def measured(command, beside):
    """The same with the CPU seconds. There are two accounts of them, and each lacks something, so the larger one counts: what the kernel
    adds up lacks processes whose parent ignores their end, as Ray's does; the samples lack the last moments of each process."""
    # Processes whose parent has ended become children of this one.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sampled, ended = {}, threading.Event()

    def sample():
        while not ended.wait(SAMPLE_SECONDS):
            sampled.update(below({os.getpid()}))
            sampled.pop(os.getpid(), None)

    sampler = threading.Thread(target=sample)
    reaped_before, beside_before = reaped_seconds(), below(beside)
    sampler.start()
    code, wall = run(command)
    beside_after = below(beside)
    ended.set()
    sampler.join()
    own = max(reaped_seconds() - reaped_before, sum(sampled.values()))
    others = sum(seconds - beside_before.get(pid, 0) for pid, seconds in beside_after.items())
    return code, wall, own + others


report, pids, *command = sys.argv[1:]
if sys.platform == "linux":
    code, wall, cpu = measured(command, {int(pid) for pid in pids.split(",") if pid})
else:
    (code, wall), cpu = run(command), None
with open(report, "w") as file:
    json.dump({"wallMs": 1000 * wall, "cpuMs": cpu and 1000 * cpu}, file)
sys.exit(code if code >= 0 else 128 - code)
