"""Makes two small models with random weights that compare images with texts, in the layout of the Hugging Face Hub: one of the
kind of CLIP, one of the kind of SigLIP.

    python models.py FOLDER

Writes FOLDER/{tiny-clip,tiny-siglip}/ with config.json, preprocessor_config.json, tokenizer.json, tokenizer_config.json and
onnx/{model,vision_model,text_model}.onnx; of SigLIP also onnx/vision_model_quantized.onnx.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnx import TensorProto, helper, numpy_helper

SIDE, CELLS, HIDDEN, LENGTH = 64, (64 // 32) ** 2, 24, 16
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,'"


def clip_tokenizer():
    """Byte pairs, as CLIP has them: a word ends with </w>."""
    pieces = list(LETTERS) + [letter + "</w>" for letter in LETTERS]
    merges = [("c", "a"), ("ca", "t</w>"), ("o", "f</w>"), ("p", "h"), ("ph", "o"), ("pho", "t"), ("phot", "o</w>")]
    pieces += [first + second for first, second in merges]
    vocabulary = {piece: index for index, piece in enumerate(pieces + ["<|startoftext|>", "<|endoftext|>"])}
    start, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    special = [{"id": index, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for name, index in (("<|startoftext|>", start), ("<|endoftext|>", end))]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", end], "cls": ["<|startoftext|>", start], "trim_offsets": False, "add_prefix_space": False},
        "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "", "end_of_word_suffix": "</w>", "fuse_unk": False, "vocab": vocabulary, "merges": [" ".join(pair) for pair in merges]},
    }
    config = {"tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "model_max_length": 77}
    return tokenizer, config, len(vocabulary)


def siglip_tokenizer():
    """Pieces with probabilities, as SigLIP has them: a word begins with a mark."""
    pieces = ["<pad>", "</s>", "<unk>"] + ["\u2581"] + list(LETTERS) + ["\u2581a", "\u2581photo", "\u2581of", "\u2581cat", "\u2581This", "\u2581is"]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": index, "content": pieces[index], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for index in range(3)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
        "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [], "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": [[piece, 0.0 if index < 3 else -1.0 - 4 * (len(piece) == 1)] for index, piece in enumerate(pieces)], "byte_fallback": False},
    }
    config = {"tokenizer_class": "SiglipTokenizer", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "model_max_length": 64}
    return tokenizer, config, len(pieces)


class Graph:
    """The nodes and weights of one model."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def image_side(self, output):
        filters = self.weight("filters", self.random.normal(0, 0.03, (HIDDEN, 3, 32, 32)).astype(np.float32))
        projection = self.weight("image_projection", self.random.normal(0, 1, (HIDDEN * CELLS, LENGTH)).astype(np.float32))
        self.node("Conv", ["pixel_values", filters], "cells", kernel_shape=[32, 32], strides=[32, 32])
        self.node("Relu", ["cells"], "active")
        self.node("Flatten", ["active"], "flat")
        return self.node("MatMul", ["flat", projection], output)

    def text_side(self, output, vocabulary, has_mask):
        table = self.weight("table", self.random.normal(0, 1, (vocabulary, LENGTH)).astype(np.float32))
        embedded = self.node("Gather", [table, "input_ids"], "embedded")
        if has_mask:
            mask = self.node("Cast", ["attention_mask"], "numbers", to=TensorProto.FLOAT)
            last = self.weight("last", np.array([2], np.int64))
            column = self.node("Unsqueeze", [mask, last], "column")
            embedded = self.node("Mul", [embedded, column], "masked")
        tokens = self.weight("tokens", np.array([1], np.int64))
        return self.node("ReduceSum", [embedded, tokens], output, keepdims=0)

    def save(self, path, inputs, outputs):
        shapes = {
            "pixel_values": (TensorProto.FLOAT, ["images", 3, SIDE, SIDE]),
            "input_ids": (TensorProto.INT64, ["texts", "tokens"]),
            "attention_mask": (TensorProto.INT64, ["texts", "tokens"]),
        }
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info(name, *shapes[name]) for name in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self.weights,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def write_model(home, kind, tokenizer, image_output, text_output, has_mask, scale, bias, processor):
    tokens, tokens_config, vocabulary = tokenizer
    (home / "onnx").mkdir(parents=True)
    texts = ["input_ids", "attention_mask"] if has_mask else ["input_ids"]
    seed = len(kind)
    vision, text, whole = Graph(seed), Graph(seed + 100), Graph(seed)
    vision.image_side(image_output)
    vision.save(home / "onnx/vision_model.onnx", ["pixel_values"], {image_output: ["images", LENGTH]})
    text.text_side(text_output, vocabulary, has_mask)
    text.save(home / "onnx/text_model.onnx", texts, {text_output: ["texts", LENGTH]})
    whole.image_side("image_raw")
    whole.random = np.random.default_rng(seed + 100)
    whole.text_side("text_raw", vocabulary, has_mask)
    for name in ("image", "text"):
        length = whole.node("ReduceL2", [f"{name}_raw"], f"{name}_length", axes=[1], keepdims=1)
        whole.node("Div", [f"{name}_raw", length], f"{name}_embeds")
    turned = whole.node("Transpose", ["text_embeds"], "turned", perm=[1, 0])
    cosine = whole.node("MatMul", ["image_embeds", turned], "cosine")
    scaled = whole.node("Mul", [cosine, whole.weight("scale", np.float32(scale))], "scaled")
    logits = whole.node("Add", [scaled, whole.weight("bias", np.float32(bias))], "logits_per_image")
    whole.node("Transpose", [logits], "logits_per_text", perm=[1, 0])
    whole.save(
        home / "onnx/model.onnx", texts + ["pixel_values"],
        {"logits_per_image": ["images", "texts"], "logits_per_text": ["texts", "images"], "text_embeds": ["texts", LENGTH], "image_embeds": ["images", LENGTH]},
    )
    square = {"height": SIDE, "width": SIDE}
    files = {
        "config.json": {"model_type": kind, "architectures": [f"{processor}Model"], "text_config": {"model_type": f"{kind}_text_model"}, "vision_config": {"model_type": f"{kind}_vision_model"}},
        "preprocessor_config.json": {"image_processor_type": f"{processor}ImageProcessor", "do_resize": True, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], **({"size": {"shortest_edge": SIDE}, "do_center_crop": True, "crop_size": square} if kind == "clip" else {"size": square})},
        "tokenizer.json": tokens,
        "tokenizer_config.json": tokens_config,
    }
    for name, content in files.items():
        (home / name).write_text(json.dumps(content), encoding="utf-8")


folder = Path(sys.argv[1])
write_model(folder / "tiny-clip", "clip", clip_tokenizer(), "image_embeds", "text_embeds", True, 12.5, 0.0, "CLIP")
write_model(folder / "tiny-siglip", "siglip", siglip_tokenizer(), "pooler_output", "pooler_output", False, 7.25, -2.5, "Siglip")
sides = folder / "tiny-siglip/onnx"
quantize_dynamic(sides / "vision_model.onnx", sides / "vision_model_quantized.onnx", op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
