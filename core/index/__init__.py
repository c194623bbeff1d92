"""Indexes: how similar one vector is to each vector of a dataset."""

from core.index.exact import ExactIndex as ExactIndex
from core.index.exact import VectorIndex as VectorIndex
from core.index.exact import make_index as make_index
from core.index.halves import widened as widened
