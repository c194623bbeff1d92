"""The pictures of a dataset: from disk or the net, whole or as thumbnails."""

from core.images.raster import open_picture
from core.images.store import Availability, PictureStore

__all__ = ["Availability", "PictureStore", "open_picture"]
