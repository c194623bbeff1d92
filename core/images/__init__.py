"""The pictures of a dataset: from disk or the net, whole or as thumbnails."""

from core.images.fetch import FetchError, PictureFetcher
from core.images.raster import PictureHeader, open_picture, read_header, read_upright
from core.images.store import THUMBNAIL_SIZES, Availability, PictureStore

__all__ = [
    "THUMBNAIL_SIZES",
    "Availability",
    "FetchError",
    "PictureFetcher",
    "PictureHeader",
    "PictureStore",
    "open_picture",
    "read_header",
    "read_upright",
]
