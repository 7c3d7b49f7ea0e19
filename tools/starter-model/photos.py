"""Turns photographs into model input with the recipe of model.json."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

RESIZE, CROP = 256, 224
# The network was trained on (byte - 127) / 128. These are the same values on the scale from 0 to 1.
MEAN, STD = 127 / 255, 128 / 255
KERNELS = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}


def list_photos(directory):
    """JPEGs of a directory in name order, so that every run sees the same sequence."""
    return sorted(path for path in Path(directory).iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))


def read_photo(path, kernel="linear", resize=RESIZE, mean=MEAN, std=STD):
    """Upright RGB, shortest side to `resize`, centre crop, normalised [1,3,224,224] float32."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
    ratio = resize / min(image.size)
    width, height = (max(resize, round(side * ratio)) for side in image.size)
    image = image.resize((width, height), KERNELS[kernel])
    left, top = (width - CROP) // 2, (height - CROP) // 2
    pixels = np.asarray(image.crop((left, top, left + CROP, top + CROP)), np.float32) / 255
    return np.ascontiguousarray(((pixels - mean) / std).astype(np.float32).transpose(2, 0, 1)[None])


def expected_wnid(path):
    """The WordNet id that starts an evaluation photograph's file name."""
    return Path(path).name.split("_")[0]
