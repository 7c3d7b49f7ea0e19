"""Classifies photographs that are in memory, as fast as Python can on one core: Pillow, a session of one thread, batches of 8.

    python python.py PHOTOGRAPHS MODEL SHARE PROCESSES

The arguments, standard input and output are those of node.ts.
"""
import io
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
from recipe import Model  # noqa: E402

BATCH = 8
photographs, folder, share, processes = sys.argv[1:]
images = []
for name in sorted(os.listdir(photographs))[int(share) :: int(processes)]:
    with open(os.path.join(photographs, name), "rb") as file:
        images.append(file.read())
model = Model(folder)


def classify(count):
    for at in range(0, count, BATCH):
        model.classify([io.BytesIO(images[(at + slot) % len(images)]) for slot in range(BATCH)])


classify(BATCH)
print("ready", flush=True)
for line in sys.stdin:
    start = time.monotonic()
    classify(int(line))
    print(1000 * (time.monotonic() - start), flush=True)
