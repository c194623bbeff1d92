"""ONNX Runtime for a model's towers on the CPU: faster than PyTorch, and without its import.

Optional: where it is not installed PyTorch computes everything. A tower is converted once, in
a process of its own, and kept below the cache folder; what is there may be deleted at any time.
"""

from core.runtime.kept import ONNX, Converted, convert_apart, find_converted, missing

__all__ = ["ONNX", "Converted", "convert_apart", "find_converted", "missing"]
