"""Builds the float ONNX graph of EfficientNet-Lite0 from its parameters.

The network is EfficientNet-B0 without squeeze-and-excite and with ReLU6 in place of swish. Batch norm is folded into
the convolutions. Padding is TensorFlow's "same": at stride 2 the odd pixel goes to the bottom and the right.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

IMAGE_SIZE = 224
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3
OPSET = 17
IR_VERSION = 8

# (repeats, kernel, stride of the first repeat, expansion, channels out)
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


class _Graph:
    def __init__(self, parameters):
        self.parameters = dict(parameters)
        self.nodes = []
        self.initializers = []

    def take(self, name):
        return self.parameters.pop(name)

    def constant(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def conv(self, x, size, conv, norm, name, stride=1, depthwise=False, relu6=True):
        """Adds convolution + batch norm (+ ReLU6). Returns the tensor's name and its height."""
        weight = self.take(f"{conv}.weight").astype(np.float64)
        variance = self.take(f"{norm}.running_var").astype(np.float64)
        scale = self.take(f"{norm}.weight") / np.sqrt(variance + BATCH_NORM_EPSILON)
        bias = self.take(f"{norm}.bias") - self.take(f"{norm}.running_mean") * scale
        self.take(f"{norm}.num_batches_tracked")
        kernel = weight.shape[-1]
        size_out = -(-size // stride)
        pad = max((size_out - 1) * stride + kernel - size, 0)
        before, after = pad // 2, pad - pad // 2
        out = self.node(
            "Conv",
            [
                x,
                self.constant(f"{name}.weight", weight * scale[:, None, None, None]),
                self.constant(f"{name}.bias", bias),
            ],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=weight.shape[0] if depthwise else 1,
        )
        if relu6:
            out = self.node("Clip", [out, "zero", "six"], f"{name}.relu6")
        return out, size_out


def build(parameters):
    """Returns the ONNX model; fails if a parameter is missing or left over."""
    graph = _Graph(parameters)
    graph.constant("zero", 0)
    graph.constant("six", 6)
    x, size = graph.conv("images", IMAGE_SIZE, "_conv_stem", "_bn0", "stem", stride=2)
    channels, index = 32, 0
    for repeats, kernel, first_stride, expansion, channels_out in STAGES:
        for repeat in range(repeats):
            source, name, block = f"_blocks.{index}", f"block{index}", x
            stride = first_stride if repeat == 0 else 1
            if expansion != 1:
                x, size = graph.conv(x, size, f"{source}._expand_conv", f"{source}._bn0", f"{name}.expand")
            x, size = graph.conv(
                x, size, f"{source}._depthwise_conv", f"{source}._bn1", f"{name}.depthwise", stride, depthwise=True
            )
            x, size = graph.conv(
                x, size, f"{source}._project_conv", f"{source}._bn2", f"{name}.project", relu6=False
            )
            if stride == 1 and channels == channels_out:
                x = graph.node("Add", [x, block], f"{name}.add")
            channels, index = channels_out, index + 1
    x, size = graph.conv(x, size, "_conv_head", "_bn1", "head")
    x = graph.node("GlobalAveragePool", [x], "pool")
    x = graph.node("Flatten", [x], "features", axis=1)
    weight = graph.constant("classifier.weight", graph.take("_fc.weight"))
    bias = graph.constant("classifier.bias", graph.take("_fc.bias"))
    graph.nodes.append(helper.make_node("Gemm", [x, weight, bias], ["logits"], "classifier", transB=1))
    if graph.parameters:
        raise ValueError(f"parameters without a place in the graph: {sorted(graph.parameters)}")

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, IMAGE_SIZE, IMAGE_SIZE])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="imgcls starter-model",
    )
    checker.check_model(model, full_check=True)
    return model
