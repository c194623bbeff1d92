"""Backgrounds: each setting painted by chance, at twice the wanted size and reduced."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Stops = Sequence[tuple[float, Colour]]


def paint_background(
    setting: str, rng: np.random.Generator, width: int, height: int
) -> Image.Image:
    """Return an RGB picture of `setting` without any object in it."""
    canvas = Canvas(rng, width * 2, height * 2)
    _PAINTERS[setting](canvas)
    return canvas.image.reduce(2)


class Canvas:
    """A picture that is drawn on in fractions of its width and height."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng = rng
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width, height))
        self.draw = ImageDraw.Draw(self.image)

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def pick(self, *choices: Colour) -> Colour:
        return choices[int(self.rng.integers(len(choices)))]

    def gradient(self, stops: Stops, top: float = 0.0, bottom: float = 1.0) -> None:
        """Fill from `top` to `bottom` with colours that run into one another downwards."""
        first, last = round(top * self.height), round(bottom * self.height)
        at = np.linspace(0, 1, max(1, last - first))
        places = [place for place, _ in stops]
        rows = np.stack([np.interp(at, places, [c[i] for _, c in stops]) for i in range(3)], 1)
        strip = Image.fromarray(rows.round().astype(np.uint8)[:, None, :])
        self.image.paste(strip.resize((self.width, len(at))), (0, first))

    def polygon(self, points: Sequence[tuple[float, float]], fill: Colour) -> None:
        self.draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=fill)

    def box(
        self, x: float, y: float, right: float, bottom: float, fill: Colour, radius: float = 0
    ) -> None:
        corners = (x * self.width, y * self.height, right * self.width, bottom * self.height)
        if radius:
            self.draw.rounded_rectangle(corners, radius * self.height, fill=fill)
        else:
            self.draw.rectangle(corners, fill=fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """Draw an ellipse around (x, y); both radii are fractions of the height."""
        cx, cy, h = x * self.width, y * self.height, self.height
        self.draw.ellipse((cx - rx * h, cy - ry * h, cx + rx * h, cy + ry * h), fill=fill)

    def line(self, points: Sequence[tuple[float, float]], fill: Colour, thickness: float) -> None:
        self.draw.line(
            [(x * self.width, y * self.height) for x, y in points],
            fill=fill,
            width=max(1, round(thickness * self.height)),
        )

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Lay soft light around (x, y); `strength` 0 to 1 in the middle."""
        size = max(4, round(2 * radius * self.height))
        mask = _DISC.resize((size, size), Image.Resampling.BILINEAR).point(
            lambda value: round(value * strength)
        )
        place = (round(x * self.width - size / 2), round(y * self.height - size / 2))
        self.image.paste(colour, (*place, place[0] + size, place[1] + size), mask)

    def hills(self, base: float, rise: float, fill: Colour, waves: float = 1.4) -> None:
        """Fill below a rolling line that swings by `rise` around `base`."""
        x = np.linspace(0, 1, 65)
        y = np.zeros_like(x)
        for strength in (1.0, 0.45, 0.18):
            y += strength * np.sin(2 * np.pi * (x * waves + self.uniform(0, 1)))
            waves *= 2.1
        edge = [(float(a), base + rise * float(b) / 1.63) for a, b in zip(x, y, strict=True)]
        self.polygon([*edge, (1, 1), (0, 1)], fill)

    def cloud(self, x: float, y: float, size: float, colour: Colour, shade: Colour) -> None:
        puffs = [(-1.1, 0.1, 0.5), (-0.45, -0.22, 0.72), (0.35, -0.32, 0.85), (1.0, 0.05, 0.55)]
        for down, fill in ((0.14, shade), (0.0, colour)):
            for dx, dy, r in puffs:
                r = r * size * (1 if down else 0.93)
                self.ellipse(x + dx * size * 0.75, y + (dy + down) * size, r, r * 0.72, fill)
        flat = y + 0.42 * size
        self.ellipse(x, flat, 1.45 * size, 0.17 * size, shade)

    def clouds(self, count: int, colour: Colour, shade: Colour, low: float = 0.26) -> None:
        for _ in range(count):
            place = self.uniform(0, 1), self.uniform(0.05, low)
            self.cloud(*place, self.uniform(0.03, 0.065), colour, shade)


def _beach(c: Canvas) -> None:
    horizon = 0.42
    skies: tuple[tuple[Stops, Colour, Colour], ...] = (
        (((0, (64, 156, 232)), (1, (196, 232, 248))), (255, 247, 214), (32, 132, 190)),
        (((0, (38, 128, 214)), (1, (160, 216, 240))), (255, 250, 226), (20, 112, 176)),
        (((0, (92, 120, 200)), (0.6, (248, 176, 150)), (1, (255, 222, 160))),
         (255, 238, 180), (64, 120, 168)),
    )  # fmt: skip
    stops, sun, sea = _one_of(c, skies)
    c.gradient(stops, 0, horizon)
    x, y = c.uniform(0.08, 0.92), c.uniform(0.08, 0.2)
    c.glow(x, y, 0.2, sun, 0.75)
    c.ellipse(x, y, 0.05, 0.05, sun)
    c.clouds(int(c.rng.integers(1, 4)), (255, 255, 255), (222, 234, 244))
    if c.rng.random() < 0.5:  # an island far out
        left = c.uniform(0, 0.75)
        c.polygon(
            [(left, horizon), (left + 0.06, horizon - 0.035), (left + 0.12, horizon - 0.02),
             (left + 0.17, horizon - 0.045), (left + 0.25, horizon)], (96, 140, 150),
        )  # fmt: skip
    deep = _scaled(sea, 0.85)
    c.gradient(((0, deep), (0.5, sea), (1, _mixed(sea, (150, 226, 220), 0.75))), horizon, 0.66)
    for _ in range(26):
        y = c.uniform(horizon + 0.01, 0.6)
        half = c.uniform(0.01, 0.05) * (0.5 + 4 * (y - horizon))
        x = c.uniform(0, 1)
        c.line([(x - half, y), (x + half, y)], _mixed(sea, (255, 255, 255), 0.35), 0.004)
    sand = c.pick((240, 214, 158), (232, 202, 146), (246, 224, 176))
    shore = 0.625
    for lift, fill in ((0.0, (238, 250, 250)), (0.016, _scaled(sand, 0.86)), (0.034, sand)):
        c.hills(shore + lift, 0.012, fill, 1.1)
    c.gradient(((0, sand), (1, _scaled(sand, 0.9))), 0.69, 1)
    _specks(c, 90, 0.7, _scaled(sand, 0.88), _mixed(sand, (255, 255, 255), 0.4))
    if c.rng.random() < 0.5:
        _palm(c, c.uniform(0.02, 0.12) if c.rng.random() < 0.5 else c.uniform(0.88, 0.98), 0.72)


def _one_of(
    c: Canvas, choices: Sequence[tuple[Stops, Colour, Colour]]
) -> tuple[Stops, Colour, Colour]:
    return choices[int(c.rng.integers(len(choices)))]


def _palm(c: Canvas, x: float, foot: float) -> None:
    lean = c.uniform(-0.03, 0.03)
    top = foot - c.uniform(0.36, 0.44)
    trunk = [(x + lean * (t**2), foot + (top - foot) * t) for t in np.linspace(0, 1, 9)]
    c.line(trunk, (140, 98, 58), 0.022)
    c.line([(px - 0.003, py) for px, py in trunk], (170, 124, 78), 0.007)
    cx, cy = trunk[-1]
    for angle in (-2.9, -2.45, -1.9, -1.2, -0.7, -0.2, 0.15, 3.0):
        tip = (cx + 0.11 * np.cos(angle), cy + 0.10 * np.sin(angle) + 0.035)
        mid = (cx + 0.065 * np.cos(angle), cy + 0.075 * np.sin(angle) - 0.02)
        under = (mid[0], mid[1] + 0.03)
        c.polygon([(cx, cy), mid, tip, under], (46, 140, 74) if angle < -1 else (34, 116, 62))
    for dx in (-0.008, 0.009):
        c.ellipse(cx + dx, cy + 0.012, 0.012, 0.012, (110, 70, 38))


def _street(c: Canvas) -> None:
    sky = c.pick((120, 180, 230), (150, 190, 220), (160, 200, 238))
    c.gradient(((0, sky), (1, (226, 238, 244))), 0, 0.62)
    c.clouds(int(c.rng.integers(1, 4)), (255, 255, 255), (226, 234, 242), 0.2)
    _skyline(c, (178, 194, 210), None, 0.50, 0.16, 0.36)
    x = -0.02
    while x < 1:
        width = c.uniform(0.11, 0.2)
        _house(c, x, c.uniform(0.17, 0.33), x + width, 0.56)
        x += width
    c.box(0, 0.555, 1, 0.625, (186, 184, 180))
    c.box(0, 0.555, 1, 0.563, (206, 204, 200))
    c.box(0, 0.618, 1, 0.632, (140, 138, 136))
    for k in range(13):
        c.line([(k / 12, 0.563), (k / 12 - 0.015, 0.618)], (168, 166, 162), 0.003)
    for tree in range(int(c.rng.integers(0, 3))):
        _round_tree(c, c.uniform(0.05, 0.95), 0.6, c.uniform(0.055, 0.075), tree)
    road = c.pick((92, 96, 104), (84, 88, 96), (102, 104, 110))
    c.gradient(((0, _scaled(road, 0.92)), (1, _scaled(road, 1.08))), 0.632, 1)
    offset = c.uniform(-0.2, 0)
    for k in range(6):
        left = offset + k * 0.24
        c.polygon(
            [(left, 0.79), (left + 0.12, 0.79), (left + 0.105, 0.812), (left - 0.015, 0.812)],
            (240, 236, 222),
        )
    c.line([(0, 0.655), (1, 0.655)], (216, 212, 200), 0.006)


def _house(c: Canvas, left: float, top: float, right: float, foot: float) -> None:
    wall = c.pick(
        (206, 130, 104), (222, 190, 142), (170, 118, 96), (226, 206, 182), (150, 168, 176),
        (196, 158, 150), (214, 172, 118), (160, 150, 168),
    )  # fmt: skip
    c.box(left, top, right, foot, wall)
    c.box(right - 0.012, top, right, foot, _scaled(wall, 0.86))
    c.box(left - 0.004, top - 0.012, right + 0.004, top + 0.006, _scaled(wall, 0.72))
    glass = c.pick((120, 156, 180), (160, 196, 214), (98, 124, 146))
    columns = max(2, round((right - left) / 0.045))
    step = (right - left - 0.02) / columns
    y = top + 0.035
    while y < foot - 0.11:
        for k in range(columns):
            x = left + 0.01 + step * (k + 0.2)
            c.box(x - 0.002, y - 0.003, x + step * 0.6 + 0.002, y + 0.043, (240, 236, 228))
            c.box(x, y, x + step * 0.6, y + 0.04, glass)
            c.polygon(
                [(x, y + 0.04), (x, y + 0.02), (x + step * 0.3, y)],
                _mixed(glass, (255, 255, 255), 0.35),
            )
        y += 0.065
    c.box(left + 0.012, foot - 0.085, right - 0.014, foot, _mixed(wall, (60, 60, 70), 0.55))
    c.box(left + 0.02, foot - 0.07, right - 0.05, foot - 0.012, _mixed(glass, (255, 240, 200), 0.4))
    awning = c.pick((200, 64, 58), (52, 122, 96), (58, 98, 160), (226, 160, 60))
    stripes = max(4, round((right - left) / 0.02))
    for k in range(stripes):
        a = left + 0.006 + (right - left - 0.012) * k / stripes
        b = left + 0.006 + (right - left - 0.012) * (k + 1) / stripes
        c.polygon(
            [(a, foot - 0.1), (b, foot - 0.1), (b, foot - 0.07), (a, foot - 0.07)],
            awning if k % 2 else (246, 242, 232),
        )


def _skyline(
    c: Canvas, colour: Colour, windows: Colour | None, foot: float, low: float, high: float
) -> None:
    x = -0.03
    while x < 1:
        width = c.uniform(0.05, 0.12)
        top = foot - c.uniform(low, high)
        tone = _scaled(colour, c.uniform(0.85, 1.12))
        c.box(x, top, x + width, foot + 0.1, tone)
        if c.rng.random() < 0.3:
            c.box(x + width * 0.25, top - 0.03, x + width * 0.75, top, tone)
            c.line([(x + width / 2, top - 0.08), (x + width / 2, top)], tone, 0.006)
        if windows:
            _lit_windows(c, x, top, x + width, foot, windows)
        x += width + c.uniform(-0.004, 0.012)


def _lit_windows(
    c: Canvas, left: float, top: float, right: float, foot: float, colour: Colour
) -> None:
    y = top + 0.018
    while y < foot - 0.015:
        x = left + 0.009
        while x < right - 0.014:
            if c.rng.random() < 0.55:
                c.box(x, y, x + 0.0085, y + 0.015, _scaled(colour, c.uniform(0.7, 1.0)))
            x += 0.0165
        y += 0.03


def _snow(c: Canvas) -> None:
    stops: Stops = (
        ((0, (118, 168, 216)), (1, (224, 238, 248))),
        ((0, (160, 184, 206)), (1, (236, 240, 246))),
        ((0, (140, 150, 206)), (0.7, (240, 206, 214)), (1, (252, 230, 220))),
    )[int(c.rng.integers(3))]  # fmt: skip
    c.gradient(stops, 0, 0.62)
    c.clouds(int(c.rng.integers(0, 3)), (250, 252, 255), (224, 232, 242), 0.18)
    for layer in range(2):
        rock = ((150, 168, 196), (118, 136, 168))[layer]
        x = c.uniform(-0.2, 0)
        while x < 1.1:
            width, top = c.uniform(0.24, 0.4), c.uniform(0.2, 0.32) + 0.05 * layer
            _mountain(c, x, top, width, 0.56, rock)
            x += width * c.uniform(0.55, 0.8)
    c.hills(0.53, 0.02, (214, 226, 240))
    for _ in range(int(c.rng.integers(5, 11))):
        _fir(c, c.uniform(0, 1), c.uniform(0.53, 0.6), c.uniform(0.07, 0.15))
    c.hills(0.60, 0.018, (232, 240, 249), 0.9)
    c.hills(0.69, 0.02, (242, 247, 253), 0.7)
    c.hills(0.86, 0.02, (251, 253, 255), 0.6)
    for _ in range(60):
        c.ellipse(c.uniform(0, 1), c.uniform(0, 1), 0.0045, 0.0045, (255, 255, 255))


def _mountain(c: Canvas, x: float, top: float, width: float, foot: float, rock: Colour) -> None:
    peak = x + width * c.uniform(0.4, 0.6)
    c.polygon([(x, foot), (peak, top), (x + width, foot)], rock)
    c.polygon([(peak, top), (x + width, foot), (peak + width * 0.05, foot)], _scaled(rock, 0.86))
    drop = (foot - top) * 0.42
    left, right = peak - (peak - x) * 0.42, peak + (x + width - peak) * 0.42
    c.polygon(
        [(peak, top), (left, top + drop), (left + (peak - left) * 0.5, top + drop * 0.8),
         (peak - 0.006, top + drop * 1.12), (peak + (right - peak) * 0.45, top + drop * 0.78),
         (right, top + drop)], (250, 252, 255),
    )  # fmt: skip
    c.polygon(
        [(peak, top), (peak + (right - peak) * 0.45, top + drop * 0.78), (right, top + drop)],
        (222, 231, 244),
    )


def _fir(c: Canvas, x: float, foot: float, size: float) -> None:
    green = c.pick((52, 98, 88), (44, 86, 76), (66, 110, 98))
    c.box(x - 0.005, foot - size * 0.15, x + 0.005, foot, (92, 70, 56))
    for k in range(3):
        base = foot - size * (0.1 + 0.27 * k)
        half = size * (0.27 - 0.065 * k)
        tip = base - size * 0.42
        c.polygon([(x - half, base), (x, tip), (x + half, base)], green)
        c.polygon(
            [
                (x - half * 0.55, base - size * 0.19),
                (x, tip),
                (x + half * 0.3, base - size * 0.22),
                (x, base - size * 0.15),
            ],
            (240, 246, 252),
        )


def _meadow(c: Canvas) -> None:
    stops: Stops = (
        ((0, (92, 170, 236)), (1, (214, 236, 248))),
        ((0, (120, 190, 240)), (1, (240, 244, 226))),
        ((0, (110, 160, 220)), (0.7, (250, 220, 190)), (1, (255, 236, 200))),
    )[int(c.rng.integers(3))]  # fmt: skip
    c.gradient(stops, 0, 0.62)
    sun = c.uniform(0.08, 0.92), c.uniform(0.07, 0.17)
    if c.rng.random() < 0.6:
        c.glow(*sun, 0.2, (255, 246, 206), 0.7)
        c.ellipse(*sun, 0.045, 0.045, (255, 244, 196))
    c.clouds(int(c.rng.integers(2, 5)), (255, 255, 255), (224, 236, 246))
    c.hills(0.47, 0.04, (140, 190, 160), 1.2)
    c.hills(0.51, 0.035, (116, 180, 118), 1.0)
    for k in range(int(c.rng.integers(3, 7))):
        _round_tree(c, c.uniform(0, 1), c.uniform(0.53, 0.575), c.uniform(0.04, 0.065), k)
    grass = c.pick((104, 178, 76), (118, 186, 84), (92, 168, 80))
    c.hills(0.585, 0.02, _mixed(grass, (190, 220, 120), 0.3), 0.9)
    if c.rng.random() < 0.35:
        _fence(c, 0.6)
    c.hills(0.66, 0.022, grass, 0.7)
    c.hills(0.83, 0.02, _scaled(grass, 0.92), 0.6)
    for _ in range(120):
        x, y = c.uniform(0, 1), c.uniform(0.68, 1)
        tall = 0.012 + 0.02 * (y - 0.6)
        c.line([(x - 0.004, y), (x, y - tall), (x + 0.004, y)], _scaled(grass, 0.8), 0.004)
    petals = c.pick((255, 255, 255), (255, 222, 92), (250, 170, 196), (196, 150, 240))
    for _ in range(int(c.rng.integers(14, 40))):
        x, y = c.uniform(0, 1), c.uniform(0.67, 0.99)
        r = 0.004 + 0.009 * (y - 0.6)
        c.ellipse(x, y, r * 1.8, r * 1.8, petals)
        c.ellipse(x, y, r * 0.8, r * 0.8, (244, 186, 50))


def _round_tree(c: Canvas, x: float, foot: float, size: float, kind: int) -> None:
    green = ((78, 146, 74), (96, 158, 70), (64, 130, 80))[kind % 3]
    c.box(x - size * 0.1, foot - size * 1.3, x + size * 0.1, foot, (126, 90, 58))
    for dx, dy, r in ((-0.45, 1.5, 0.75), (0.45, 1.55, 0.72), (0.0, 2.0, 0.9)):
        c.ellipse(x + dx * size * 0.75, foot - dy * size, r * size, r * size, _scaled(green, 0.88))
    for dx, dy, r in ((-0.35, 1.75, 0.5), (0.2, 2.2, 0.6)):
        c.ellipse(x + dx * size * 0.75, foot - dy * size, r * size, r * size, _scaled(green, 1.08))


def _fence(c: Canvas, y: float) -> None:
    for lift in (0.012, 0.034):
        c.line([(0, y - lift), (1, y - lift)], (214, 190, 150), 0.008)
    for k in range(17):
        c.box(k / 16 - 0.005, y - 0.05, k / 16 + 0.005, y + 0.01, (196, 168, 126))


def _desert(c: Canvas) -> None:
    stops, sun, sand = _one_of(c, (
        (((0, (250, 182, 96)), (1, (255, 232, 184))), (255, 250, 220), (226, 150, 84)),
        (((0, (106, 176, 222)), (1, (250, 230, 190))), (255, 252, 224), (232, 176, 100)),
        (((0, (226, 120, 92)), (0.7, (252, 190, 120)), (1, (255, 220, 150))),
         (255, 236, 180), (206, 122, 72)),
    ))  # fmt: skip
    c.gradient(stops, 0, 0.62)
    x, y = c.uniform(0.1, 0.9), c.uniform(0.1, 0.24)
    c.glow(x, y, 0.26, sun, 0.8)
    c.ellipse(x, y, 0.06, 0.06, sun)
    if c.rng.random() < 0.5:
        _mesas(c, _mixed(sand, (180, 90, 80), 0.5))
    for base, tone, waves in ((0.5, 1.08, 1.3), (0.55, 1.0, 1.0), (0.61, 1.1, 0.8)):
        c.hills(base, 0.045, _scaled(sand, tone), waves)
        c.hills(base + 0.035, 0.035, _scaled(sand, tone * 0.93), waves)
    c.hills(0.68, 0.025, _mixed(sand, (255, 236, 190), 0.25), 0.6)
    for k in range(9):
        y = 0.73 + 0.032 * k
        bend = c.uniform(0, 1)
        ripple = [(t, y + 0.008 * float(np.sin(9 * t + 6 * bend))) for t in np.linspace(0, 1, 33)]
        c.line(ripple, _mixed(sand, (255, 230, 180), 0.1), 0.005)
    for _ in range(int(c.rng.integers(1, 4))):
        _cactus(c, c.uniform(0.03, 0.97), c.uniform(0.6, 0.68), c.uniform(0.1, 0.18))
    for _ in range(5):
        c.ellipse(c.uniform(0, 1), c.uniform(0.7, 0.98), 0.014, 0.007, _scaled(sand, 0.72))


def _mesas(c: Canvas, rock: Colour) -> None:
    for _ in range(2):
        x, width, top = c.uniform(0, 0.8), c.uniform(0.12, 0.24), c.uniform(0.36, 0.42)
        c.polygon(
            [(x - 0.03, 0.56), (x + 0.01, top), (x + width, top), (x + width + 0.04, 0.56)], rock
        )
        c.polygon(
            [
                (x + width * 0.6, top),
                (x + width, top),
                (x + width + 0.04, 0.56),
                (x + width * 0.6, 0.56),
            ],
            _scaled(rock, 0.88),
        )
        c.box(x + 0.002, top + 0.04, x + width + 0.01, top + 0.05, _scaled(rock, 0.92))


def _cactus(c: Canvas, x: float, foot: float, size: float) -> None:
    green, light = (74, 142, 92), (108, 172, 116)
    thick = size * 0.11
    c.box(x - thick, foot - size, x + thick, foot, green, size * 0.13)
    for side, low in ((-1, 0.35), (1, 0.5)):
        a, b = x + side * thick * 3.4, x
        y = foot - size * low
        c.box(min(a, b), y - thick * 1.4, max(a, b), y, green, thick * 0.6)
        c.box(a - thick * 0.8, y - size * 0.34, a + thick * 0.8, y, green, thick)
    c.line([(x - thick * 0.3, foot - size * 0.9), (x - thick * 0.3, foot)], light, 0.005)


def _night(c: Canvas) -> None:
    top, low = (
        ((10, 12, 40), (44, 44, 98)), ((6, 14, 34), (26, 58, 96)), ((20, 10, 44), (84, 46, 104)),
    )[int(c.rng.integers(3))]  # fmt: skip
    c.gradient(((0, top), (1, low)), 0, 0.62)
    for _ in range(70):
        r = c.uniform(0.001, 0.0036)
        c.ellipse(c.uniform(0, 1), c.uniform(0, 0.36), r, r, (220, 226, 255))
    x, y = c.uniform(0.08, 0.92), c.uniform(0.08, 0.16)
    crescent = c.rng.random() < 0.5
    c.glow(x, y, 0.17, (180, 190, 240), 0.0 if crescent else 0.5)
    c.ellipse(x, y, 0.045, 0.045, (246, 240, 214))
    if crescent:
        c.ellipse(x + 0.016, y - 0.012, 0.04, 0.04, _mixed(top, low, y / 0.62))
    _skyline(c, _mixed(low, (40, 44, 84), 0.6), (150, 150, 150), 0.56, 0.24, 0.40)
    _skyline(
        c, (22, 24, 46), c.pick((255, 214, 120), (255, 226, 160), (250, 196, 96)), 0.58, 0.12, 0.28
    )
    c.box(0, 0.585, 1, 0.635, (48, 50, 66))
    c.box(0, 0.63, 1, 0.642, (74, 76, 94))
    c.gradient(((0, (36, 38, 58)), (1, (52, 54, 74))), 0.642, 1)
    _wet_road(c)
    for k in range(int(c.rng.integers(2, 4))):
        _street_lamp(c, (k + c.uniform(0.25, 0.75)) / 3, 0.63)
    for k in range(5):
        left = k * 0.24 - 0.05
        c.polygon(
            [(left, 0.83), (left + 0.11, 0.83), (left + 0.096, 0.85), (left - 0.014, 0.85)],
            (140, 140, 150),
        )


def _wet_road(c: Canvas) -> None:
    """Streaks of light on the road, blurred, as after rain."""
    streaks = Image.new("RGB", (c.width // 4, c.height // 4))
    draw = ImageDraw.Draw(streaks)
    for _ in range(26):
        x = c.uniform(0, 1) * streaks.width
        colour = c.pick((120, 96, 40), (96, 78, 50), (50, 76, 110), (110, 44, 60), (40, 92, 92))
        far, near = 0.65 * streaks.height, c.uniform(0.75, 1.0) * streaks.height
        draw.rectangle((x, far, x + 0.012 * streaks.width, near), fill=colour)
    blurred = streaks.filter(ImageFilter.GaussianBlur(c.height / 4 * 0.018)).resize(c.image.size)
    sums = np.asarray(c.image).astype(np.uint16) + np.asarray(blurred)
    c.image = Image.fromarray(sums.clip(0, 255).astype(np.uint8))
    c.draw = ImageDraw.Draw(c.image)


def _street_lamp(c: Canvas, x: float, foot: float) -> None:
    top = foot - 0.27
    c.line([(x, foot), (x, top), (x + 0.03, top)], (20, 22, 34), 0.009)
    c.ellipse(x + 0.033, top + 0.012, 0.016, 0.012, (255, 236, 170))
    c.glow(x + 0.033, top + 0.014, 0.12, (255, 214, 120), 0.55)
    c.glow(x + 0.02, foot + 0.06, 0.13, (255, 206, 120), 0.22)


def _kitchen(c: Canvas) -> None:
    wall = c.pick((224, 236, 232), (240, 232, 214), (214, 226, 236), (244, 226, 214))
    front = c.pick((74, 122, 138), (178, 110, 74), (92, 132, 104), (228, 224, 214), (64, 84, 124))
    top = c.pick((232, 228, 220), (196, 158, 112), (92, 96, 104))
    c.gradient(((0, _scaled(wall, 0.96)), (1, wall)), 0, 0.56)
    tile = _scaled(wall, 0.93)
    for k in range(1, 17):
        c.line([(k / 16, 0.23), (k / 16, 0.55)], tile, 0.003)
    for k in range(6):
        c.line([(0, 0.24 + 0.062 * k), (1, 0.24 + 0.062 * k)], tile, 0.003)
    window = int(c.rng.integers(0, 3))  # left, middle, right
    for k in range(3):
        left, right = k / 3 + 0.012, (k + 1) / 3 - 0.012
        if k == window:
            _window(c, left + 0.03, 0.04, right - 0.03, 0.37)
        else:
            _cupboard(c, left, 0.0, right, 0.21, front)
            if c.rng.random() < 0.35:
                _hanging_pans(c, left, right)
    c.gradient(((0, _scaled(top, 0.9)), (1, top)), 0.53, 0.665)
    c.box(0, 0.53, 1, 0.535, _scaled(top, 0.7))
    c.box(0, 0.665, 1, 0.69, _scaled(top, 0.8))
    c.gradient(((0, _scaled(front, 0.75)), (1, _scaled(front, 0.9))), 0.69, 0.87)
    for k in range(5):
        _cupboard(c, k / 5 + 0.01, 0.705, (k + 1) / 5 - 0.01, 0.86, front)
    c.box(0, 0.865, 1, 0.885, _scaled(front, 0.45))
    floor = c.pick((214, 200, 180), (176, 172, 170), (190, 150, 112))
    c.gradient(((0, _scaled(floor, 0.86)), (1, floor)), 0.885, 1)
    for k in range(-4, 15):
        c.line([(k / 10, 0.885), ((k / 10 - 0.5) * 1.35 + 0.5, 1)], _scaled(floor, 0.84), 0.004)
    c.line([(0, 0.935), (1, 0.935)], _scaled(floor, 0.84), 0.004)


def _cupboard(
    c: Canvas, left: float, top: float, right: float, bottom: float, colour: Colour
) -> None:
    middle = (left + right) / 2
    for a, b, knob in (
        (left, middle - 0.004, middle - 0.022),
        (middle + 0.004, right, middle + 0.022),
    ):
        c.box(a, top, b, bottom, colour, 0.008)
        c.box(a + 0.011, top + 0.016, b - 0.011, bottom - 0.016, _scaled(colour, 1.1), 0.006)
        c.box(a + 0.014, top + 0.021, b - 0.011, bottom - 0.016, colour, 0.006)
        y = bottom - 0.04 if top == 0 else top + 0.03
        c.ellipse(knob, y, 0.008, 0.008, (236, 226, 200))


def _window(c: Canvas, left: float, top: float, right: float, bottom: float) -> None:
    c.box(left - 0.012, top - 0.016, right + 0.012, bottom + 0.016, (250, 248, 242))
    sky = c.pick((150, 204, 240), (190, 220, 240), (250, 214, 170))
    c.box(left, top, right, bottom, sky)
    c.ellipse(left + (right - left) * 0.3, bottom - 0.1, 0.05, 0.03, (255, 255, 255))
    base = bottom - 0.06
    steps = np.linspace(left, right, 13)
    ridge = [(float(x), base + 0.018 * float(np.sin(22 * x))) for x in steps]
    c.polygon([*ridge, (right, bottom), (left, bottom)], (120, 178, 110))
    middle, centre = (left + right) / 2, (top + bottom) / 2
    c.box(middle - 0.005, top, middle + 0.005, bottom, (250, 248, 242))
    c.box(left, centre - 0.006, right, centre + 0.006, (250, 248, 242))
    c.box(left - 0.02, bottom + 0.012, right + 0.02, bottom + 0.03, (226, 220, 208))
    drape = c.pick((226, 120, 96), (240, 196, 96), (120, 160, 196), (150, 186, 140))
    wide = (right - left) * 0.2
    c.polygon(
        [(left - 0.02, top - 0.02), (left + wide * 1.5, top - 0.02), (left - 0.01, bottom - 0.08)],
        drape,
    )
    c.polygon(
        [
            (right + 0.02, top - 0.02),
            (right - wide * 1.5, top - 0.02),
            (right + 0.01, bottom - 0.08),
        ],
        _scaled(drape, 0.92),
    )


def _hanging_pans(c: Canvas, left: float, right: float) -> None:
    c.line([(left + 0.03, 0.25), (right - 0.03, 0.25)], (120, 110, 104), 0.006)
    for k in range(3):
        x = left + 0.07 + k * (right - left - 0.14) / 2
        c.line([(x, 0.25), (x, 0.31)], (70, 66, 64), 0.006)
        c.ellipse(x, 0.335, 0.03, 0.03, ((184, 104, 66), (90, 92, 98), (150, 84, 58))[k])
        c.ellipse(x, 0.335, 0.021, 0.021, ((206, 126, 84), (112, 114, 120), (172, 102, 72))[k])


def _living_room(c: Canvas) -> None:
    wall = c.pick(
        (206, 216, 190), (224, 200, 184), (190, 206, 220), (236, 222, 190), (200, 186, 208),
    )  # fmt: skip
    c.gradient(((0, _scaled(wall, 0.95)), (1, wall)), 0, 0.64)
    if c.rng.random() < 0.5:
        for k in range(24):
            c.box(k / 24, 0, k / 24 + 0.02, 0.64, _scaled(wall, 0.975))
    places = [0.18, 0.5, 0.82]
    window = int(c.rng.integers(3))
    _window(c, places[window] - 0.12, 0.06, places[window] + 0.12, 0.36)
    for k, x in enumerate(places):
        if k != window and c.rng.random() < 0.8:
            _framed_picture(c, x + c.uniform(-0.03, 0.03), c.uniform(0.14, 0.22))
    c.box(0, 0.62, 1, 0.645, (244, 240, 232))
    floor = c.pick((168, 112, 70), (150, 96, 62), (190, 140, 92))
    c.gradient(((0, _scaled(floor, 0.86)), (1, _scaled(floor, 1.06))), 0.645, 1)
    for y in (0.68, 0.73, 0.79, 0.86, 0.94):
        c.line([(0, y), (1, y)], _scaled(floor, 0.84), 0.004)
        for _ in range(5):
            x = c.uniform(0, 1)
            c.line([(x, y), (x - 0.004, y + 0.05)], _scaled(floor, 0.84), 0.003)
    rug = c.pick((170, 70, 66), (72, 110, 130), (204, 170, 110), (110, 130, 92))
    x = c.uniform(0.38, 0.62)
    for grow, tone in ((0, 1.0), (0.03, 1.22), (0.045, 0.95)):
        c.ellipse(x, 0.85, 0.47 - grow, 0.125 - grow * 0.6, _scaled(rug, tone))
    _sideboard(c)


def _sideboard(c: Canvas) -> None:
    wood = c.pick((132, 84, 54), (176, 126, 82), (98, 72, 58), (226, 220, 210))
    c.box(0.06, 0.67, 0.94, 0.70, _scaled(wood, 0.4))
    for x in (0.07, 0.91):
        c.box(x, 0.66, x + 0.02, 0.70, _scaled(wood, 0.6))
    c.box(0.04, 0.55, 0.96, 0.675, wood, 0.008)
    c.polygon([(0.055, 0.50), (0.945, 0.50), (0.975, 0.55), (0.025, 0.55)], _scaled(wood, 1.22))
    c.box(0.025, 0.55, 0.975, 0.562, _scaled(wood, 0.85))
    for k in range(4):
        left = 0.055 + k * 0.225
        c.box(left, 0.575, left + 0.21, 0.662, _scaled(wood, 0.92), 0.006)
        c.ellipse(left + 0.105, 0.6, 0.009, 0.009, (236, 214, 150))


def _framed_picture(c: Canvas, x: float, y: float) -> None:
    w, h = c.uniform(0.05, 0.075), c.uniform(0.06, 0.09)
    c.box(x - w, y - h, x + w, y + h, c.pick((92, 64, 44), (40, 40, 44), (200, 164, 90)))
    c.box(x - w + 0.009, y - h + 0.012, x + w - 0.009, y + h - 0.012, (248, 244, 234))
    tone = c.pick((120, 170, 190), (222, 150, 110), (150, 180, 120))
    c.box(x - w + 0.02, y - h + 0.028, x + w - 0.02, y + h - 0.028, tone)
    c.ellipse(x, y + 0.01, w * 0.45, w * 0.35, _mixed(tone, (255, 255, 255), 0.5))


def _bathroom(c: Canvas) -> None:
    wall = c.pick((176, 222, 222), (196, 214, 236), (236, 204, 212), (206, 230, 206))
    c.gradient(((0, _mixed(wall, (255, 255, 255), 0.5)), (1, wall)), 0, 0.68)
    grout = _mixed(wall, (255, 255, 255), 0.75)
    for k in range(1, 13):
        c.line([(0, 0.056 * k), (1, 0.056 * k)], grout, 0.005)
    for k in range(1, 24):
        c.line([(k / 24, 0), (k / 24, 0.68)], grout, 0.005)
    c.box(0, 0.40, 1, 0.425, _scaled(wall, 0.72))
    mirror = c.uniform(0.3, 0.7)
    c.ellipse(mirror, 0.2, 0.15, 0.165, _scaled(wall, 0.62))
    c.ellipse(mirror, 0.2, 0.138, 0.153, (222, 238, 246))
    c.polygon(
        [
            (mirror - 0.07, 0.26),
            (mirror - 0.01, 0.09),
            (mirror + 0.02, 0.09),
            (mirror - 0.04, 0.29),
        ],
        (244, 250, 253),
    )
    towel = c.pick((240, 150, 110), (250, 246, 236), (96, 146, 180), (246, 206, 110))
    x = 0.1 if mirror > 0.5 else 0.86
    c.line([(x - 0.075, 0.16), (x + 0.075, 0.16)], (150, 156, 164), 0.009)
    c.box(x - 0.055, 0.155, x + 0.055, 0.36, towel, 0.01)
    c.box(x - 0.055, 0.31, x + 0.055, 0.33, _scaled(towel, 0.84))
    c.gradient(((0, (236, 238, 240)), (1, (250, 250, 250))), 0.49, 0.55)
    c.box(0, 0.55, 1, 0.575, (206, 212, 218))
    cabinet = c.pick((120, 150, 160), (250, 250, 248), (166, 130, 98))
    c.box(0, 0.575, 1, 0.685, _scaled(cabinet, 0.92))
    for k in range(5):
        _cupboard(c, k / 5 + 0.012, 0.585, (k + 1) / 5 - 0.012, 0.675, cabinet)
    light, dark = (238, 240, 242), _mixed(wall, (90, 110, 120), 0.45)
    _checkered_floor(c, 0.70, light, dark)
    c.box(0, 0.685, 1, 0.705, _scaled(cabinet, 0.5))
    if c.rng.random() < 0.6:
        c.ellipse(c.uniform(0.25, 0.75), 0.86, 0.28, 0.07, _mixed(towel, (255, 255, 255), 0.25))


def _checkered_floor(c: Canvas, top: float, light: Colour, dark: Colour) -> None:
    edges = [top, 0.745, 0.805, 0.885, 1.0]
    for row, (far, near) in enumerate(itertools.pairwise(edges)):
        for k in range(-10, 22):
            a, b = k / 10 - 0.5, (k + 1) / 10 - 0.5
            corners = [(a, far), (b, far), (b, near), (a, near)]
            spread = [(0.5 + x * (1 + 1.4 * (y - top) / (1 - top)), y) for x, y in corners]
            c.polygon(spread, (light, dark)[(row + k) % 2])


def _specks(c: Canvas, count: int, top: float, *colours: Colour) -> None:
    for _ in range(count):
        r = c.uniform(0.0015, 0.004)
        c.ellipse(c.uniform(0, 1), c.uniform(top, 1), r * 1.5, r, c.pick(*colours))


def _scaled(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(255, round(channel * factor)) for channel in colour)
    return r, g, b


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


_DISC = Image.fromarray(
    (255 * np.clip(1 - np.hypot(*np.mgrid[-1:1:128j, -1:1:128j]), 0, 1) ** 2).astype(np.uint8)
)

_PAINTERS: dict[str, Callable[[Canvas], None]] = {
    "beach": _beach,
    "street": _street,
    "snow": _snow,
    "meadow": _meadow,
    "desert": _desert,
    "night city": _night,
    "kitchen": _kitchen,
    "living room": _living_room,
    "bathroom": _bathroom,
}
