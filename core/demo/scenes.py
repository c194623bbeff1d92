"""Scenes: what stands where, before anything is drawn.

Places and sizes are fractions of the picture, so one scene can be painted at any size.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.demo.categories import DRAWN, SETTINGS
from core.demo.glyphs import GLYPHS

MOST_OBJECTS = 6
EXCEPTION = 0.13  # share of categories that come from anywhere, not from the setting's own


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One object.

    Attributes:
        category: COCO name of the category.
        variant: which of the category's glyphs.
        x: middle, as a fraction of the picture's width.
        y: where it stands (its lowest point), as a fraction of the picture's height.
        size: square root of width times height, as a fraction of the picture's height.
        flip: mirrored.
        hue: shift of the hue in steps of 1/255 of the circle.
        support: "ground", "surface" (counter, shelf), "water" or "sky".
        crowd: one of many small ones that are annotated together.
    """

    category: str
    variant: int
    x: float
    y: float
    size: float
    flip: bool
    hue: int
    support: str
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a scene shows, whatever the drawing: its setting and how many of which category."""

    setting: str
    counts: tuple[tuple[str, int], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.counts]
        if names != sorted(set(names)) or any(count < 1 for _, count in self.counts):
            raise ValueError(f"expected counts >= 1, sorted by category, got {self.counts}")

    @property
    def categories(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.counts)

    @property
    def reserved(self) -> bool:
        """Whether this content is kept for the shipped dataset and for validation.

        One content in ten is, by a stable hash, so training and dataset never share one.
        The salt was chosen such that four of the nine empty settings are among them.
        """
        record = json.dumps([32, self.setting, [list(pair) for pair in self.counts]])
        return int.from_bytes(hashlib.sha256(record.encode()).digest()[:8], "big") % 10 == 0

    def count(self, categories: frozenset[str]) -> int:
        """Return how many objects of any of `categories` there are."""
        return sum(count for name, count in self.counts if name in categories)


@dataclass(frozen=True, slots=True)
class Scene:
    """A setting and its objects, back to front; `seed` decides all that is incidental."""

    setting: str
    objects: tuple[SceneObject, ...]
    seed: int

    @property
    def content(self) -> Content:
        counts = Counter(thing.category for thing in self.objects)
        return Content(self.setting, tuple(sorted(counts.items())))


def sample_scene(rng: np.random.Generator, setting: str | None = None) -> Scene:
    """Return a scene by chance: 0 to 6 objects, or now and then a crowd of small ones."""
    setting = setting or _NAMES[rng.integers(len(_NAMES))]
    seed = int(rng.integers(2**31))
    kind = rng.random()
    if kind < 0.02:
        return Scene(setting, (), seed)
    if kind < 0.06 and SPACES[setting].outdoors:
        return Scene(setting, _place_crowd(rng, setting), seed)
    return Scene(setting, _place(rng, setting, _choose(rng, setting)), seed)


@dataclass(frozen=True, slots=True)
class Space:
    """Where things may stand in a setting; all heights as fractions from the top.

    Attributes:
        ground: farthest and nearest line on which large things stand.
        surface: the same for small things on a counter or shelf; None when there is none.
        sky: highest and lowest middle of flying things; None indoors.
        water: farthest and nearest line for boats; None when there is no water.
    """

    ground: tuple[float, float]
    surface: tuple[float, float] | None = None
    sky: tuple[float, float] | None = None
    water: tuple[float, float] | None = None

    @property
    def outdoors(self) -> bool:
        return self.sky is not None


SPACES: dict[str, Space] = {
    "beach": Space((0.70, 0.96), sky=(0.13, 0.30), water=(0.49, 0.565)),
    "street": Space((0.69, 0.95), sky=(0.12, 0.24)),
    "snow": Space((0.66, 0.95), sky=(0.13, 0.28)),
    "meadow": Space((0.65, 0.95), sky=(0.13, 0.28)),
    "desert": Space((0.65, 0.95), sky=(0.13, 0.28)),
    "night city": Space((0.70, 0.95), sky=(0.12, 0.24)),
    "kitchen": Space((0.87, 0.97), surface=(0.55, 0.64)),
    "living room": Space((0.74, 0.97), surface=(0.515, 0.545)),
    "bathroom": Space((0.76, 0.97), surface=(0.505, 0.54)),
}
_NAMES = tuple(SETTINGS)


@dataclass(frozen=True, slots=True)
class Habit:
    """How a category is drawn and where it is at home.

    Attributes:
        size: usual `SceneObject.size` at the front.
        aspect: rough width divided by height, to keep things apart.
        place: "ground", "sky", "water" or "small" (a surface where there is one).
        homes: settings in which it is not surprising.
        hue: largest shift of the hue either way.
    """

    size: float
    aspect: float
    place: str
    homes: frozenset[str]
    hue: int


_LETTERS = dict(
    zip("bsnmklgdt", ("beach", "street", "snow", "meadow", "kitchen", "living room",
                      "night city", "desert", "bathroom"), strict=True)
)  # fmt: skip


def _habits(table: str) -> dict[str, Habit]:
    habits = {}
    for line in table.strip().splitlines():
        name, size, aspect, place, homes, hue = (cell.strip() for cell in line.split("|"))
        settings = frozenset(_LETTERS[letter] for letter in homes)
        habits[name] = Habit(float(size), float(aspect), place, settings, int(hue))
    return habits


# b beach, s street, n snow, m meadow, k kitchen, l living room, g night city, d desert, t bathroom
HABITS: dict[str, Habit] = _habits("""
person        |.32|.40|ground|bsnmklgdt|0
bicycle       |.27|1.4|ground|smgb|90
car           |.29|1.5|ground|sgdn|127
motorcycle    |.28|1.3|ground|sgd|127
airplane      |.29|1.1|sky|bsnmdg|20
bus           |.32|1.3|ground|sg|30
train         |.31|1.2|ground|smnd|8
truck         |.32|1.4|ground|sgdn|30
boat          |.27|1.2|water|b|15
traffic light |.25|.40|ground|sg|0
fire hydrant  |.22|.75|ground|sg|0
stop sign     |.27|.75|ground|sgd|0
bench         |.28|1.3|ground|sbmg|8
bird          |.22|.95|ground|bmnsdg|12
cat           |.25|1.0|ground|lmksgt|10
dog           |.26|1.0|ground|bmnlsk|8
horse         |.31|1.1|ground|mdbn|6
sheep         |.27|1.1|ground|mnd|0
cow           |.30|1.3|ground|mds|6
elephant      |.33|1.1|ground|dmb|4
bear          |.30|1.1|ground|nmd|4
zebra         |.30|1.1|ground|dm|0
giraffe       |.34|.80|ground|dm|4
backpack      |.23|.90|ground|smnld|127
umbrella      |.28|1.0|ground|bsgm|127
handbag       |.22|1.0|small|slgbt|20
tie           |.23|.55|small|lts|127
suitcase      |.23|.85|ground|sgldb|40
frisbee       |.20|1.1|sky|bm|127
skis          |.28|.90|ground|n|20
snowboard     |.27|.60|ground|n|60
sports ball   |.20|1.0|ground|bmsl|12
kite          |.26|1.0|sky|bmd|30
skateboard    |.23|1.1|ground|sgm|90
surfboard     |.31|.50|ground|b|40
tennis racket |.24|1.0|ground|msb|40
bottle        |.22|.55|small|klgtb|10
wine glass    |.22|.50|small|klgb|20
cup           |.20|1.0|small|klts|20
fork          |.23|.50|small|k|30
knife         |.23|1.0|small|k|10
bowl          |.22|1.3|small|kl|30
banana        |.21|1.0|small|kmb|5
apple         |.20|.95|small|kmd|5
sandwich      |.21|1.1|small|kbm|5
orange        |.20|.95|small|kbm|4
broccoli      |.21|1.0|small|k|6
carrot        |.21|1.0|small|kmn|4
hot dog       |.22|1.1|small|ksg|4
pizza         |.22|.95|small|klgs|4
donut         |.21|1.0|small|ksl|10
cake          |.23|.95|small|klm|10
chair         |.26|.70|ground|klbt|10
couch         |.39|1.3|ground|l|127
potted plant  |.26|.85|ground|ltks|8
bed           |.39|1.6|ground|l|30
toilet        |.28|.80|ground|t|0
tv            |.25|1.1|small|l|0
laptop        |.24|1.1|small|lk|0
mouse         |.20|.65|small|l|0
keyboard      |.24|1.9|small|l|0
cell phone    |.21|.55|small|lkgst|0
microwave     |.25|1.45|small|k|0
refrigerator  |.36|.55|ground|k|0
book          |.22|.85|small|lmbt|30
clock         |.22|.90|small|lktg|30
vase          |.24|.70|small|ltk|20
scissors      |.22|1.0|small|tlk|60
teddy bear    |.24|.90|small|lmtn|8
toothbrush    |.23|1.0|small|t|90
""")

# Too large, or too much of the street, for a room even as an exception.
_OUTDOORS_ONLY = frozenset(
    (
        "car",
        "bus",
        "train",
        "truck",
        "airplane",
        "boat",
        "traffic light",
        "fire hydrant",
        "stop sign",
    )
)
_FLYING = {("bird", 2)}  # variants that are drawn in flight
_COMPANIONS = {
    "dog": ("frisbee", "sports ball", "person", "bench"),
    "cat": ("couch", "potted plant", "book", "vase"),
    "person": ("dog", "bicycle", "umbrella", "backpack", "bench", "surfboard", "skis", "handbag"),
    "fork": ("knife", "cake", "bowl", "pizza"),
    "knife": ("fork", "carrot", "apple", "sandwich"),
    "wine glass": ("bottle", "pizza", "fork"),
    "cup": ("donut", "book", "laptop"),
    "laptop": ("mouse", "cup", "cell phone", "keyboard"),
    "keyboard": ("mouse", "laptop"),
    "tv": ("couch", "potted plant"),
    "car": ("traffic light", "stop sign", "bus", "motorcycle"),
    "bus": ("traffic light", "car", "person"),
    "kite": ("person", "dog"),
    "elephant": ("giraffe", "zebra", "bird"),
    "zebra": ("giraffe", "elephant"),
    "cow": ("horse", "sheep"),
    "boat": ("surfboard", "umbrella", "bird"),
    "toothbrush": ("cup", "toilet"),
    "skis": ("snowboard", "person"),
    "suitcase": ("airplane", "backpack", "bus"),
}
_CROWDING = (1.25, 1.2, 1.1, 1.0, 0.93, 0.88)  # how large things are when there are 1 to 6
_CROWDS = ("person", "bird", "sheep", "cow", "apple", "orange", "book", "zebra")


def _weights(setting: str) -> np.ndarray:
    """Chance of each drawn category in `setting`, such that all are about equally common."""
    weights = np.array(
        [(setting in HABITS[name].homes) / len(HABITS[name].homes) for name in DRAWN], float
    )
    return np.asarray(weights / weights.sum())


_HOME_WEIGHTS = {setting: _weights(setting) for setting in _NAMES}
_ALLOWED = {
    setting: tuple(
        name
        for name in DRAWN
        if (SPACES[setting].outdoors or name not in _OUTDOORS_ONLY)
        and (SPACES[setting].water or name != "boat")
    )
    for setting in _NAMES
}


def _choose(rng: np.random.Generator, setting: str) -> list[str]:
    """Return the categories of a scene's objects, one entry an object."""
    kinds = int(rng.choice(4, p=(0.30, 0.36, 0.25, 0.09))) + 1
    chosen: list[str] = []
    while len(chosen) < kinds:
        name = _choose_one(rng, setting, chosen)
        if name not in chosen:
            chosen.append(name)
    things: list[str] = []
    for position, name in enumerate(chosen):
        room = MOST_OBJECTS - len(things) - (len(chosen) - position - 1)
        things += [name] * min(room, int(rng.choice(4, p=(0.66, 0.20, 0.09, 0.05))) + 1)
    return things


def _choose_one(rng: np.random.Generator, setting: str, chosen: list[str]) -> str:
    allowed = _ALLOWED[setting]
    if chosen and rng.random() < 0.3:
        companions = [n for n in _COMPANIONS.get(chosen[0], ()) if n in allowed]
        if companions:
            return companions[rng.integers(len(companions))]
    if rng.random() < EXCEPTION:
        return allowed[rng.integers(len(allowed))]
    return DRAWN[int(np.searchsorted(np.cumsum(_HOME_WEIGHTS[setting]), rng.random() * 0.999999))]


def _place(rng: np.random.Generator, setting: str, names: list[str]) -> tuple[SceneObject, ...]:
    crowding = _CROWDING[len(names) - 1]
    kinds = sorted(set(names))  # a bare set has another order in every process
    boxes: list[tuple[float, float, float, float]] = []
    placed = []
    hues = {name: int(rng.integers(-HABITS[name].hue, HABITS[name].hue + 1)) for name in kinds}
    variants = {name: int(rng.integers(len(GLYPHS[name]))) for name in kinds}
    for name in sorted(names, key=lambda n: -HABITS[n].size):
        # Several of a kind mostly look alike, as a flock does.
        alike = name != "person" and rng.random() < 0.75
        variant = variants[name] if alike else int(rng.integers(len(GLYPHS[name])))
        habit = HABITS[name]
        hue = hues[name] if alike else int(rng.integers(-habit.hue, habit.hue + 1))
        support = _support(rng, setting, name, variant)
        size = habit.size * crowding * float(rng.uniform(0.92, 1.12))
        x, y, size = _free_place(rng, setting, support, size, habit.aspect, boxes)
        flip = bool(rng.random() < 0.5) and name != "stop sign"
        placed.append(SceneObject(name, variant, x, y, size, flip, hue, support))
    return _back_to_front(placed)


def _back_to_front(things: list[SceneObject]) -> tuple[SceneObject, ...]:
    order = {"sky": 0, "water": 1, "surface": 2, "ground": 3}
    return tuple(sorted(things, key=lambda thing: (order[thing.support], thing.y)))


def _support(rng: np.random.Generator, setting: str, name: str, variant: int) -> str:
    space, place = SPACES[setting], HABITS[name].place
    if place == "water" and space.water:
        return "water"
    if (place == "sky" or (name, variant) in _FLYING) and space.sky:
        return "sky"
    if space.surface and (place in ("small", "sky") or name in ("bird", "sports ball")):
        on_floor = setting != "kitchen" and name in ("book", "teddy bear", "vase", "frisbee")
        return "ground" if on_floor and rng.random() < 0.3 else "surface"
    return "ground"


def _free_place(
    rng: np.random.Generator,
    setting: str,
    support: str,
    size: float,
    aspect: float,
    boxes: list[tuple[float, float, float, float]],
) -> tuple[float, float, float]:
    """Return x, y and size of a place that hides little of what stands already."""
    tolerated = 0.30 if rng.random() < 0.3 else 0.10
    best = (9.0, 0.5, 0.9, size, (0.0, 0.0, 0.0, 0.0))
    for chance, depth in rng.random((24, 2)):
        y, scaled = _stand(setting, support, size, float(depth), aspect)
        width = scaled * aspect**0.5 * 0.75  # of the picture's width, which is 4/3 of its height
        height = scaled / aspect**0.5
        margin = min(0.5, width / 2 + 0.012)
        x = margin + (1 - 2 * margin) * float(chance)
        box = (x - width / 2, y - height, x + width / 2, y)
        hidden = max((_overlap(box, other) for other in boxes), default=0.0)
        if hidden < best[0]:
            best = (hidden, x, y, scaled, box)
        if hidden <= tolerated:
            break
    boxes.append(best[4])
    return best[1], best[2], best[3]


def _stand(
    setting: str, support: str, size: float, depth: float, aspect: float
) -> tuple[float, float]:
    """Return y and size at `depth` (0 far, 1 near): what is farther is higher and smaller."""
    space = SPACES[setting]
    if support == "sky":
        high, low = space.sky or (0.2, 0.4)
        height = size / aspect**0.5
        return max(high + (low - high) * depth + height / 2, height + 0.015), size
    band = {"ground": space.ground, "surface": space.surface, "water": space.water}[support]
    far, near = band or space.ground
    nearness = 0.9 + 0.1 * depth if support == "surface" else 0.74 + 0.30 * depth
    if support == "water":
        nearness = 0.85 + 0.15 * depth
    return far + (near - far) * depth, size * nearness


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the share of the smaller box that the other covers."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def _place_crowd(rng: np.random.Generator, setting: str) -> tuple[SceneObject, ...]:
    """Return nine to sixteen small ones of a kind in loose rows, sometimes with one companion."""
    name = _CROWDS[rng.integers(len(_CROWDS))]
    far, near = SPACES[setting].ground
    rows, columns = int(rng.integers(3, 5)), int(rng.integers(3, 5))
    middle = float(rng.uniform(0.36, 0.64))
    size = 0.135 if name != "person" else 0.15
    variant = int(rng.integers(3))
    members = []
    for row in range(rows):
        for column in range(columns):
            depth = (row + float(rng.uniform(-0.25, 0.25))) / rows
            x = middle + (column - (columns - 1) / 2) * 0.125 + float(rng.uniform(-0.025, 0.025))
            look = int(rng.integers(len(GLYPHS[name]))) if name == "person" else variant
            look %= len(GLYPHS[name])
            members.append(
                SceneObject(
                    name, look, x, max(far, far + (near - far) * 0.8 * depth),
                    size * (0.8 + 0.25 * depth), bool(rng.random() < 0.5), 0, "ground", crowd=True,
                )
            )  # fmt: skip
    return _back_to_front(members)
