"""Maps of a dataset that can be searched, each worked out once a process."""

import numpy as np
import numpy.typing as npt

from core.map.clusters import MOST_CLUSTERS, cluster_rows
from core.map.files import MapFiles, read_layout
from core.map.layout import Layout, Method
from core.map.principal import principal_points
from core.map.regions import Region, find_regions
from core.recent import Recent
from core.searchable import SearchableDataset

_layouts: Recent[Layout] = Recent(8)
_clusters: Recent[npt.NDArray[np.int32]] = Recent(32)
_regions: Recent[tuple[Region, ...]] = Recent(8)


def layout_of(dataset: SearchableDataset, method: Method = "umap") -> Layout:
    """Return the map of a dataset by a method.

    By PCA it is worked out now, unless it was made before; by UMAP it is read.

    Raises:
        EmbeddingsError: there are no embeddings, or no map by UMAP that belongs to them; says
            the command that makes it.
        CocoSiftError: the dataset or the model cannot be opened.
    """
    key = _key(dataset, method)
    return _layouts.get(key, lambda: _open(dataset, method))


def clusters_of(dataset: SearchableDataset, k: int) -> npt.NDArray[np.int32]:
    """Return the cluster of each embedded picture, int32, in the embeddings' order.

    Args:
        k: clusters wanted, 1 to 24; another number counts as the nearest.

    Raises:
        CocoSiftError: as `layout_of`.
    """
    k = min(max(1, k), MOST_CLUSTERS)
    key = (dataset.fingerprint, k)
    return _clusters.get(key, lambda: cluster_rows(dataset.embeddings.rows(slice(None)), k))


def usual_method(dataset: SearchableDataset) -> Method:
    """Return the method to show first: UMAP if its map was made, else the principal axes.

    Raises:
        CocoSiftError: there are no embeddings.
    """
    files = dataset.library.embeddings_files(dataset.name, dataset.model)
    return "umap" if MapFiles(files, "umap").exists else "pca"


def regions_of(dataset: SearchableDataset, method: Method = "umap") -> tuple[Region, ...]:
    """Return the regions of a dataset's map, as `find_regions` does.

    Raises:
        CocoSiftError: as `layout_of`, or the captions cannot be read.
    """
    layout = layout_of(dataset, method)
    return _regions.get(_key(dataset, method), lambda: find_regions(layout, dataset.coco))


def _key(dataset: SearchableDataset, method: Method) -> tuple[str, ...]:
    files = dataset.library.embeddings_files(dataset.name, dataset.model)
    return dataset.fingerprint, method, MapFiles(files, method).fingerprint


def _open(dataset: SearchableDataset, method: Method) -> Layout:
    embeddings = dataset.embeddings
    if method == "umap" or MapFiles(embeddings.files, method).exists:
        return read_layout(embeddings, method)
    points, explained = principal_points(embeddings.rows(slice(None)))
    return Layout("pca", embeddings.image_ids, points, explained)
