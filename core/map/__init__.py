"""Maps: each picture of a dataset as a point in the plane, alike pictures near one another.

    layout = layout_of(searchable, "pca")     # at once
    layout = layout_of(searchable, "umap")    # made before by: python -m core map

What a map is coloured by, its regions and their words are here too; drawing it is the
page's work.
"""

from core.map.clusters import MOST_CLUSTERS, cluster_rows
from core.map.colouring import (
    Colouring,
    by_category,
    by_cluster,
    by_licence,
    by_score,
    by_subset,
)
from core.map.files import (
    MapFiles,
    MapManifest,
    embeddings_sha256,
    map_command,
    read_layout,
    write_layout,
)
from core.map.layout import METHODS, Layout, Method
from core.map.maps import clusters_of, layout_of, regions_of, usual_method
from core.map.neighbours import UmapParameters, umap_points
from core.map.principal import principal_points
from core.map.regions import Region, find_regions
from core.map.words import marking_words

__all__ = [
    "METHODS",
    "MOST_CLUSTERS",
    "Colouring",
    "Layout",
    "MapFiles",
    "MapManifest",
    "Method",
    "Region",
    "UmapParameters",
    "by_category",
    "by_cluster",
    "by_licence",
    "by_score",
    "by_subset",
    "cluster_rows",
    "clusters_of",
    "embeddings_sha256",
    "find_regions",
    "layout_of",
    "map_command",
    "marking_words",
    "principal_points",
    "read_layout",
    "regions_of",
    "umap_points",
    "usual_method",
    "write_layout",
]
