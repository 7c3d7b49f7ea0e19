"""What a careful user would write: a process for each core, Pillow, ONNX Runtime, batches of 8.

    python pool.py PHOTOGRAPHS MODEL PROCESSES
"""
import os
import sys
from multiprocessing import get_context

from recipe import Model

BATCH = 8


def load(folder):
    global model
    model = Model(folder)


def classify(paths):
    return list(zip(paths, model.classify(paths)))


if __name__ == "__main__":
    photographs, folder, processes = sys.argv[1:]
    paths = sorted(entry.path for entry in os.scandir(photographs))
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    with get_context("fork").Pool(int(processes), load, [folder]) as pool:
        for batch in pool.imap(classify, batches):
            for path, best in batch:
                print(os.path.basename(path), best, sep="\t")
