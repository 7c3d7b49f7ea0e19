"""Ray Data, as its guide to batch inference has it: read, then a pool of actors that hold the model.

    python ray_data.py PHOTOGRAPHS MODEL PROCESSES
"""
import io
import os
import sys

import ray
from recipe import Model

BATCH = 16


class Classifier:
    def __init__(self, folder):
        self.model = Model(folder)

    def __call__(self, batch):
        return {"path": batch["path"], "best": self.model.classify(map(io.BytesIO, batch["bytes"]))}


photographs, folder, processes = sys.argv[1:]
# Actors import recipe.py, too.
here = os.path.dirname(os.path.abspath(__file__))
ray.init(
    num_cpus=int(processes),
    include_dashboard=False,
    logging_level="error",
    runtime_env={"env_vars": {"PYTHONPATH": here}},
)
classified = ray.data.read_binary_files(photographs, include_paths=True).map_batches(
    Classifier,
    fn_constructor_args=[folder],
    batch_size=BATCH,
    compute=ray.data.ActorPoolStrategy(size=int(processes)),
    # With a whole CPU for each actor, none is left for reading.
    num_cpus=0.5,
)
for row in classified.iter_rows():
    print(os.path.basename(row["path"]), row["best"], sep="\t")
