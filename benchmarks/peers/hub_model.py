"""Writes a model as the Hub keeps it, for transformers.js: its names of input and output, and its two files of settings.

    python hub_model.py MODEL HUB_FOLDER

MODEL is a folder with model.onnx, model.json and labels.json. Labels are the ids of classes.
"""
import json
import os
import sys

import onnx
from recipe import Recipe

folder, hub = sys.argv[1:]
recipe = Recipe(folder)
model = onnx.load(os.path.join(folder, "model.onnx"))
names = {model.graph.input[0].name: "pixel_values", model.graph.output[0].name: "logits"}
model.graph.input[0].name = "pixel_values"
model.graph.output[0].name = "logits"
for node in model.graph.node:
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]
os.makedirs(os.path.join(hub, "onnx"))
onnx.save(model, os.path.join(hub, "onnx", "model.onnx"))


def write(name, settings):
    with open(os.path.join(hub, name), "w") as file:
        json.dump(settings, file)


with open(os.path.join(folder, "labels.json")) as file:
    classes = [label["wnid"] for label in json.load(file)]
write(
    "config.json",
    {
        "model_type": "resnet",
        "architectures": ["ResNetForImageClassification"],
        "id2label": dict(enumerate(classes)),
        "label2id": {label: index for index, label in enumerate(classes)},
    },
)
write(
    "preprocessor_config.json",
    {
        "image_processor_type": "ConvNextImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": recipe.side},
        "resample": int(recipe.kernel),
        "do_center_crop": True,
        "crop_size": recipe.crop,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": recipe.mean.tolist(),
        "image_std": recipe.std.tolist(),
    },
)
