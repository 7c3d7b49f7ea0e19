"""How a photograph becomes the input of a model, as the model.json beside the model says."""
import json
import os

import numpy as np
from PIL import Image, ImageOps

KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


class Recipe:
    def __init__(self, model):
        with open(os.path.join(model, "model.json")) as file:
            recipe = json.load(file)["preprocess"]
        self.side = recipe["resizeShortestSide"]
        self.crop = recipe["cropSize"]
        self.kernel = KERNELS[recipe["kernel"]]
        self.mean = np.array(recipe["mean"], np.float32)
        self.std = np.array(recipe["std"], np.float32)

    def tensor(self, file):
        """The planes of red, green and blue of a photograph. `file` is a path or an open file."""
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        scale = self.side / min(image.size)
        image = image.resize([round(scale * length) for length in image.size], self.kernel)
        left, top = [(length - self.crop) // 2 for length in image.size]
        image = image.crop((left, top, left + self.crop, top + self.crop))
        return ((np.asarray(image, np.float32) / 255 - self.mean) / self.std).transpose(2, 0, 1)


class Model:
    """A session of one thread. `model` is a folder with model.onnx, model.json and labels.json."""

    def __init__(self, model):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.path.join(model, "model.onnx"), options)
        self.input = self.session.get_inputs()[0].name
        self.recipe = Recipe(model)
        with open(os.path.join(model, "labels.json")) as file:
            self.classes = [label["wnid"] for label in json.load(file)]

    def classify(self, files):
        """The best class of each photograph."""
        tensors = np.stack([self.recipe.tensor(file) for file in files])
        scores = self.session.run(None, {self.input: tensors})[0]
        return [self.classes[best] for best in scores.argmax(1)]
