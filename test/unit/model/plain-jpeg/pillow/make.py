"""Makes the JPEGs in this folder, and what Pillow makes of them, from a photograph of samples/. Needs Pillow 13."""

import math
import pathlib

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
PHOTOGRAPH = HERE.parents[4] / "samples" / "coffee.jpg"
# As in plain-jpeg.test.ts.
RESIZE, CROP = 64, 56
KERNELS = {"linear": Image.BILINEAR, "cubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}

# Name: size, and how it is encoded. 150 x 101 leaves an odd rest to crop, 47 x 61 is scaled up.
JPEGS = {
    "4-4-4": ((150, 101), {"subsampling": 0, "quality": 92}),
    "4-2-2": ((150, 101), {"subsampling": 1}),
    "4-2-0": ((150, 101), {"subsampling": 2}),
    "progressive": ((101, 150), {"progressive": True}),
    "grey": ((130, 99), {"grey": True}),
    "restarts": ((130, 99), {"restart_marker_blocks": 3}),
    "scaled-up": ((47, 61), {}),
}


def pillow(image, kernel):
    shortest = min(image.size)
    image = image.resize([math.floor(RESIZE * side / shortest + 0.5) for side in image.size], kernel)
    left, top = [math.ceil((side - RESIZE) / 2) + (RESIZE - CROP) // 2 for side in image.size]
    return image.crop((left, top, left + CROP, top + CROP))


photograph = Image.open(PHOTOGRAPH).convert("RGB")
for name, (size, options) in JPEGS.items():
    options = dict(options)
    picture = photograph.resize(size, Image.LANCZOS)
    if options.pop("grey", False):
        picture = picture.convert("L")
    picture.save(HERE / f"{name}.jpg", **options)
    decoded = Image.open(HERE / f"{name}.jpg").convert("RGB")
    for kernel, filter in KERNELS.items():
        if kernel == "linear" or name == "4-4-4":
            pillow(decoded, filter).save(HERE / f"{name}.{kernel}.png", optimize=True)
