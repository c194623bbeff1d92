"""One colour a category, the same in overlays, legends and charts."""

import colorsys

# Steps of the golden angle spread any number of hues evenly.
_GOLDEN_ANGLE = 137.508
_LIGHTNESS = (0.52, 0.62, 0.44)
_SATURATION = (0.85, 0.68)


def category_color(category_id: int) -> str:
    """Return the colour of a category as `#rrggbb`; it depends on the id alone."""
    hue = (category_id * _GOLDEN_ANGLE % 360) / 360
    lightness = _LIGHTNESS[category_id % len(_LIGHTNESS)]
    saturation = _SATURATION[category_id % len(_SATURATION)]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
