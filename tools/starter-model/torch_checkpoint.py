"""Reads a PyTorch checkpoint of the old (pre-1.6) file format into NumPy arrays, without PyTorch.

Such a file is five pickles (magic number, protocol, machine facts, the object, the storage keys) followed by the raw
storages. The unpickler builds nothing but dictionaries and tensors, so an untrusted file cannot run code.
"""

import collections
import pickle
import struct

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGE_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage:
    def __init__(self, dtype):
        self.dtype = dtype
        self.data = None


class _Tensor:
    """A view of a storage, which is filled after the pickle has been read."""

    def __init__(self, storage, offset, shape, strides, *_ignored):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def to_numpy(self):
        flat = self.storage.data
        strides = [step * flat.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides, writeable=False)
        return np.ascontiguousarray(view)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGE_TYPES:
            return STORAGE_TYPES[name]
        raise pickle.UnpicklingError(f"a checkpoint of weights must not contain {module}.{name}")

    def persistent_load(self, reference):
        kind, dtype, key = reference[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown reference {kind!r}")
        return self.storages.setdefault(key, _Storage(dtype))


def read_checkpoint(file):
    """Returns {parameter name: array} from a file opened for binary reading."""
    if pickle.load(file) != MAGIC:
        raise ValueError("not a PyTorch checkpoint of the old format")
    pickle.load(file)  # protocol version
    pickle.load(file)  # byte order and type sizes of the machine that wrote it
    unpickler = _Unpickler(file)
    tensors = unpickler.load()
    for key in pickle.load(file):
        storage = unpickler.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        raw = file.read(count * storage.dtype.itemsize)
        storage.data = np.frombuffer(raw, storage.dtype, count)
    return {name: tensor.to_numpy() for name, tensor in tensors.items()}
