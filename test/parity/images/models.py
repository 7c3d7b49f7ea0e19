"""Makes models in the layout of the Hugging Face Hub, and classifies photographs with them: with Pillow, and with the formulas
of the image processors of Python's transformers. It shares no code with imgcls.

    python models.py FOLDER [--real MODEL.onnx CLASSES.json] PHOTOGRAPH...

It makes a small model with random weights for each processor, and one with the real weights of a ResNet-50. Writes
FOLDER/models/NAME/{config.json,preprocessor_config.json,onnx/model.onnx}, pictures FOLDER/scaled/NAME-PHOTOGRAPH.png of a size
that the processor leaves as it is, and FOLDER/scores.json: the scores of each class by model and by picture.
"""
import json
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps

LABELS = ["Katze", "chien", "鳥", "рыба", "سيارة", "árbol", "πλοίο", "घोड़ा", "tête-à-tête", "a, b", "🌄", "fjäril"]
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])


def normalized(mean, std):
    return {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": mean, "image_std": std}


def square(side):
    return {"height": side, "width": side}


# Name: type of the model, settings of its processor, and what else is special.
MODELS = {
    "resnet": ("resnet", {"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.875, "do_resize": True, "resample": 3, "size": {"shortest_edge": 224}, **normalized(*IMAGENET)}, {}),
    "convnext": ("convnext", {"feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.95, "do_resize": True, "resample": 3, "size": {"shortest_edge": 384}, **normalized(*IMAGENET)}, {}),
    "vit": ("vit", {"image_processor_type": "ViTImageProcessor", "do_resize": True, "resample": 2, "size": square(224), **normalized(*HALF)}, {}),
    "vit-lanczos": ("vit", {"image_processor_type": "ViTImageProcessorFast", "do_resize": True, "resample": 1, "size": square(224), **normalized(*HALF)}, {}),
    "swin": ("swin", {"image_processor_type": "ViTImageProcessor", "do_resize": True, "resample": 3, "size": square(224), **normalized(*IMAGENET)}, {}),
    "deit": ("deit", {"image_processor_type": "DeiTImageProcessor", "do_resize": True, "resample": 3, "size": square(256), "do_center_crop": True, "crop_size": square(224), **normalized(*IMAGENET)}, {}),
    "beit": ("beit", {"feature_extractor_type": "BeitFeatureExtractor", "do_resize": True, "resample": 2, "size": square(224), "do_center_crop": False, "crop_size": square(224), **normalized(*HALF)}, {}),
    "efficientnet": ("efficientnet", {"image_processor_type": "EfficientNetImageProcessor", "do_resize": True, "resample": 0, "size": square(240), "do_center_crop": False, "rescale_offset": False, "include_top": True, **normalized(IMAGENET[0], [0.47853944, 0.4732864, 0.47434163])}, {}),
    "efficientnet-offset": ("efficientnet", {"image_processor_type": "EfficientNetImageProcessor", "do_resize": True, "resample": 3, "size": square(240), "do_center_crop": True, "crop_size": square(224), "do_rescale": True, "rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False, "include_top": False}, {}),
    "mobilenet_v1": ("mobilenet_v1", {"image_processor_type": "MobileNetV1ImageProcessor", "do_resize": True, "resample": 2, "size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": square(224), **normalized(*HALF)}, {}),
    "mobilenet_v2-nhwc": ("mobilenet_v2", {"image_processor_type": "MobileNetV2ImageProcessor", "do_resize": True, "resample": 2, "size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": square(224), **normalized(*HALF)}, {"nhwc": True}),
    "mobilevit": ("mobilevit", {"image_processor_type": "MobileViTImageProcessor", "do_resize": True, "resample": 2, "size": {"shortest_edge": 288}, "do_center_crop": True, "crop_size": square(256), "do_rescale": True, "rescale_factor": 1 / 255, "do_flip_channel_order": True}, {}),
    "siglip-many": ("vit", {"image_processor_type": "SiglipImageProcessor", "do_resize": True, "resample": 3, "size": square(224), **normalized(*HALF)}, {"problem_type": "multi_label_classification"}),
    "vit-data": ("vit", {"image_processor_type": "ViTImageProcessor", "do_resize": True, "resample": 2, "size": square(224), **normalized(*HALF)}, {"external": True}),
}


def side_of(settings):
    size = settings["size"]
    side = size.get("shortest_edge", size.get("height"))
    return settings["crop_size"]["height"] if settings.get("do_center_crop") else side


def make_model(path, side, nhwc, external, seed):
    random = np.random.default_rng(seed)
    cells = (side // 32) ** 2
    filters = random.normal(0, 0.03, (16, 3, 32, 32)).astype(np.float32)
    weights = random.normal(0, 3 / np.sqrt(16 * cells), (16 * cells, len(LABELS))).astype(np.float32)
    shape = ["batch", "height", "width", 3] if nhwc else ["batch", "channels", "height", "width"]
    nodes = [helper.make_node("Transpose", ["pixel_values"], ["planes"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes += [
        helper.make_node("Conv", ["planes" if nhwc else "pixel_values", "filters"], ["cells"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("Relu", ["cells"], ["active"]),
        helper.make_node("Flatten", ["active"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [numpy_helper.from_array(filters, "filters"), numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if external:
        onnx.save(model, path, save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    else:
        onnx.save(model, path)


def resized(image, settings):
    """The resize methods of transformers, and the centre crop of image_transforms.py."""
    size = settings["size"]
    crop = settings["crop_size"]["height"] if settings.get("do_center_crop") else None
    if "crop_pct" in settings:
        if size["shortest_edge"] < 384:
            crop = size["shortest_edge"]
            size = {"shortest_edge": int(crop / settings["crop_pct"])}
        else:
            size = square(size["shortest_edge"])
    if "shortest_edge" in size:
        short, long = sorted(image.size)
        new_long = int(size["shortest_edge"] * long / short)
        new = (size["shortest_edge"], new_long) if image.width <= image.height else (new_long, size["shortest_edge"])
    else:
        new = (size["width"], size["height"])
    image = image.resize(new, settings["resample"])
    if crop is None:
        return image
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    return image.crop((left, top, left + crop, top + crop))


def tensor(image, settings):
    values = np.asarray(image, np.float32)
    if settings.get("do_rescale"):
        values = values * settings["rescale_factor"]
        if settings.get("rescale_offset"):
            values = values - 1
    if settings.get("do_normalize"):
        values = (values - np.array(settings["image_mean"])) / np.array(settings["image_std"])
    if settings.get("include_top"):
        values = values / np.array(settings["image_std"])
    if settings.get("do_flip_channel_order"):
        values = values[:, :, ::-1]
    return values.astype(np.float32)


def scores_of(logits, problem_type):
    if problem_type == "multi_label_classification":
        return 1 / (1 + np.exp(-logits))
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def rename_for_transformers(model):
    graph = model.graph
    names = {graph.input[0].name: "pixel_values", graph.output[0].name: "logits"}
    graph.input[0].name, graph.output[0].name = "pixel_values", "logits"
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def write_model(home, name, labels, seed, real):
    model_type, settings, special = MODELS[name]
    (home / "onnx").mkdir(parents=True)
    weights = home / "onnx" / "model.onnx"
    if real:
        onnx.save(rename_for_transformers(onnx.load(real)), weights)
    else:
        make_model(weights, side_of(settings), special.get("nhwc", False), special.get("external", False), seed)
    config = {
        "model_type": model_type,
        "architectures": [f"{model_type.title()}ForImageClassification"],
        "id2label": {str(index): label for index, label in enumerate(labels)},
    }
    if "problem_type" in special:
        config["problem_type"] = special["problem_type"]
    (home / "config.json").write_text(json.dumps(config))
    (home / "preprocessor_config.json").write_text(json.dumps(settings))


def classify(home, name, pictures):
    _, settings, special = MODELS[name]
    session = onnxruntime.InferenceSession(home / "onnx" / "model.onnx", providers=["CPUExecutionProvider"])
    scores = {}
    for file in pictures:
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        values = tensor(resized(image, settings), settings)
        planes = values[None] if special.get("nhwc") else values.transpose(2, 0, 1)[None]
        [logits] = session.run(None, {"pixel_values": np.ascontiguousarray(planes)})
        scores[str(file)] = scores_of(logits[0].astype(np.float64), special.get("problem_type")).tolist()
    return scores


def scaled(folder, name, photograph):
    """A picture that is scaled already, so that a processor only crops it."""
    settings = {**MODELS[name][1], "do_center_crop": False}
    size = settings["size"]
    if size.get("shortest_edge", 384) < 384 and "crop_pct" in settings:
        settings["size"] = {"shortest_edge": int(size["shortest_edge"] / settings.pop("crop_pct"))}
    file = folder / "scaled" / f"{name}-{Path(photograph).stem}.png"
    resized(Image.open(photograph).convert("RGB"), settings).save(file, icc_profile=None, compress_level=1)
    return file


def main(folder, photographs, real=None, classes=None):
    (folder / "scaled").mkdir(parents=True)
    scores = {}
    for seed, name in enumerate(MODELS):
        home = folder / "models" / name
        write_model(home, name, LABELS, seed, None)
        few = photographs[:8]
        scores[name] = classify(home, name, [scaled(folder, name, few[0]), *few])
    if real:
        home = folder / "models" / "resnet-50"
        labels = [one["label"].replace("_", " ") for one in json.loads(Path(classes).read_text())]
        write_model(home, "resnet", labels, 0, real)
        already = [scaled(folder, "resnet", photograph) for photograph in photographs]
        scores["resnet-50"] = classify(home, "resnet", [*already, *photographs])
    (folder / "scores.json").write_text(json.dumps(scores))


arguments = sys.argv[2:]
if arguments[0] == "--real":
    main(Path(sys.argv[1]), arguments[3:], *arguments[1:3])
else:
    main(Path(sys.argv[1]), arguments)
