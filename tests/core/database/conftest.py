"""Catalogues on both databases, as the catalogue's tests have them."""

from tests.core.catalogue.conftest import catalogue, catalogue_settings, home

__all__ = ["catalogue", "catalogue_settings", "home"]
