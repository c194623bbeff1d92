"""Captions and queries, each with what it claims, so that its truth of any scene is known.

The truth is lenient in one way: how things stand to one another ("next to", "in front
of", "flying") is written only where it is so, but is not among the claims. "A dog next to
a car" counts as true of every picture with a dog and a car.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from core.demo.categories import DRAWN, GENERALS, NOUNS, SETTINGS, WIDER_SETTINGS, General
from core.demo.scenes import Content, Scene, SceneObject

Group = tuple[frozenset[str], int, bool]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a text asserts of the place and of what is there; not how things stand or what
    they do, so that a text may count as true of a picture in which they stand otherwise.

    Attributes:
        settings: where it may be; None when the text says nothing about the place.
        groups: (categories, count, exact): of these categories, taken together, at
            least `count` objects are there, or exactly so many when `exact`.
    """

    settings: frozenset[str] | None
    groups: tuple[Group, ...]

    def true_of(self, content: Content) -> bool:
        """Return whether all that is claimed holds for `content`."""
        if self.settings is not None and content.setting not in self.settings:
            return False
        for categories, count, exact in self.groups:
            there = content.count(categories)
            if there < count or (exact and there != count):
                return False
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the claims as JSON values, sets sorted; `from_json` reads them."""
        return {
            "settings": None if self.settings is None else sorted(self.settings),
            "groups": [[sorted(names), count, exact] for names, count, exact in self.groups],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Claims":
        settings = value["settings"]
        return cls(
            None if settings is None else frozenset(settings),
            tuple((frozenset(n), int(count), bool(exact)) for n, count, exact in value["groups"]),
        )


@dataclass(frozen=True, slots=True)
class Caption:
    text: str
    claims: Claims


def write_captions(scene: Scene, rng: np.random.Generator) -> tuple[Caption, ...]:
    """Return five different captions that are true of `scene`, as five people would write."""
    captions: dict[str, Caption] = {}
    writers = _WRITERS if scene.objects else (_empty, _only_place)
    while len(captions) < 5:
        writer = writers[int(rng.choice(len(writers), p=_SHARES if scene.objects else None))]
        caption = writer(scene, rng)
        if caption is not None:
            captions.setdefault(caption.text.lower(), caption)
    return tuple(captions.values())


def write_query(rng: np.random.Generator) -> Caption:
    """Return a short text as a person types it into a search box, with its claims."""
    form = _QUERIES[int(rng.choice(len(_QUERIES), p=_QUERY_SHARES))]
    return form(rng)


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    group: Group
    plural: bool


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def _phrase(name: str, count: int, rng: np.random.Generator) -> _Phrase:
    """Say that `count` of a category are there, exactly or loosely but always truly."""
    singular, plural = _noun(name, rng)
    only = frozenset((name,))
    if count == 1:
        text, exact = _pick(rng, ((_a(singular), False),) * 6 + (("one " + singular, True),))
        return _Phrase(text, (only, 1, exact), False)
    if count > 6:
        text = _pick(rng, (f"many {plural}", f"a lot of {plural}", f"a crowd of {plural}",
                           f"lots of {plural}", f"a large group of {plural}"))  # fmt: skip
        return _Phrase(text, (only, 5, False), True)
    if rng.random() < 0.68:
        return _Phrase(f"{_NUMBERS[count]} {plural}", (only, count, True), True)
    loose = [(plural, 2), (f"some {plural}", 2)]
    if count >= 3:
        loose += [(f"several {plural}", 3), (f"a group of {plural}", 3)]
    text, least = _pick(rng, loose)
    return _Phrase(text, (only, least, False), True)


def _general_phrase(content: Content, rng: np.random.Generator) -> _Phrase | None:
    """Say what is there by an everyday word for several categories, if one fits."""
    fitting = [general for general in GENERALS if content.count(general.categories)]
    if not fitting:
        return None
    general = _pick(rng, fitting)
    many = general.many is not None and content.count(general.categories) >= 2
    if many and rng.random() < 0.8:
        text = f"some {general.many}" if rng.random() < 0.4 else str(general.many)
        return _Phrase(text, (general.categories, 2, False), True)
    return _Phrase(general.one, (general.categories, 1, False), False)


def _noun(name: str, rng: np.random.Generator) -> tuple[str, str]:
    """Return singular and plural of a noun for the category, mostly the commonest."""
    nouns = NOUNS[name]
    if name == "person" and rng.random() < 0.85:
        return nouns[0]
    return nouns[0] if rng.random() < 0.5 else _pick(rng, nouns)


def _a(noun: str) -> str:
    sounds_like_you = noun.startswith(("uni", "eu"))
    return ("an " if noun[0] in "aeiou" and not sounds_like_you else "a ") + noun


def _joined(phrases: Sequence[_Phrase]) -> str:
    texts = [phrase.text for phrase in phrases]
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]


def _place_words(setting: str, rng: np.random.Generator) -> tuple[str, frozenset[str]]:
    """Return a phrase for where it is, and the settings of which it is true."""
    wider = [place for place in WIDER_SETTINGS if setting in place.settings]
    place = _pick(rng, wider) if rng.random() < 0.12 else SETTINGS[setting]
    return _pick(rng, place.where), place.settings


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _phrases(scene: Scene, rng: np.random.Generator, everything: bool) -> list[_Phrase]:
    """Return phrases for what is there, in any order; some are left out unless `everything`."""
    counts = list(scene.content.counts)
    rng.shuffle(counts)
    if not everything:
        counts = counts[: max(1, int(rng.integers(1, len(counts) + 1)))]
    return [_phrase(str(name), int(count), rng) for name, count in counts]


Writer = Callable[[Scene, np.random.Generator], Caption | None]


def _everything(scene: Scene, rng: np.random.Generator) -> Caption:
    """Name all that is there and the place."""
    return _stated(_phrases(scene, rng, True), scene, rng)


def _a_part(scene: Scene, rng: np.random.Generator) -> Caption:
    """Name some of it and the place."""
    return _stated(_phrases(scene, rng, False), scene, rng)


def _stated(phrases: list[_Phrase], scene: Scene, rng: np.random.Generator) -> Caption:
    where, settings = _place_words(scene.setting, rng)
    things = _joined(phrases)
    are = "are" if phrases[0].plural else "is"
    stand = "stand" if len(phrases) > 1 or phrases[0].plural else "stands"
    forms = [
        f"{things} {where}",
        f"{things} {where}",
        f"there {are} {things} {where}",
        f"{where} there {are} {things}",
        f"a drawing of {things} {where}",
        f"a picture of {things} {where}",
        f"a scene with {things} {where}",
    ]
    if all(thing.support == "ground" for thing in scene.objects):
        forms.append(f"{things} {stand} {where}")
    return Caption(_sentence(_pick(rng, forms)), Claims(settings, tuple(p.group for p in phrases)))


def _without_place(scene: Scene, rng: np.random.Generator) -> Caption:
    """Name all that is there and say nothing of the place."""
    phrases = _phrases(scene, rng, True)
    things = _joined(phrases)
    forms = (things, f"a picture of {things}", f"a drawing with {things}", f"you can see {things}")
    return Caption(_sentence(_pick(rng, forms)), Claims(None, tuple(p.group for p in phrases)))


def _with_place_first(scene: Scene, rng: np.random.Generator) -> Caption:
    """Begin with the place: "a sandy beach with two dogs"."""
    name = _pick(rng, SETTINGS[scene.setting].names)
    phrases = _phrases(scene, rng, rng.random() < 0.7)
    form = _pick(rng, ("{} with {}", "a view of {} with {}", "{} where you see {}"))
    text = form.format(name, _joined(phrases))
    return Caption(
        _sentence(text), Claims(frozenset((scene.setting,)), tuple(p.group for p in phrases))
    )


def _related(scene: Scene, rng: np.random.Generator) -> Caption | None:
    """Say how two things stand to one another: next to, in front of, under, above."""
    pairs = [
        (a, relation, b)
        for a in scene.objects
        for b in scene.objects
        if a.category != b.category and (relation := _relation(a, b)) is not None
    ]
    if not pairs:
        return None
    first, relation, second = _pick(rng, pairs)
    names = dict(scene.content.counts)
    # "a dog next to a car" is true of one of each, however many there are.
    nouns = [_a(_noun(thing.category, rng)[0]) for thing in (first, second)]
    text = f"{nouns[0]} {relation} {nouns[1]}"
    groups: list[Group] = [(frozenset((t.category,)), 1, False) for t in (first, second)]
    others = [name for name in names if name not in (first.category, second.category)]
    if others and rng.random() < 0.5:
        extra = _phrase(others[0], names[others[0]], rng)
        text += f", with {extra.text}"
        groups.append(extra.group)
    settings = None
    if rng.random() < 0.85:
        where, settings = _place_words(scene.setting, rng)
        text += f" {where}"
    return Caption(_sentence(text), Claims(settings, tuple(groups)))


def _relation(a: SceneObject, b: SceneObject) -> str | None:
    """Return what may be said of `a` with respect to `b` by where both are in the picture."""
    apart = abs(a.x - b.x)
    grounded = a.support != "sky" and b.support != "sky"
    if grounded and a.support == b.support:
        if apart < 0.3 and abs(a.y - b.y) < 0.06:
            return "next to" if a.x < b.x else "beside"
        if a.support == "ground" and apart < 0.2 and a.y - b.y > 0.08:
            return "in front of"
        if a.support == "ground" and apart < 0.2 and b.y - a.y > 0.08:
            return "behind"
    if apart < 0.16 and a.support == "sky" and b.support != "sky":
        return "above"
    if apart < 0.16 and b.support == "sky" and a.support != "sky":
        return "under"
    return None


def _in_general(scene: Scene, rng: np.random.Generator) -> Caption | None:
    """Use an everyday word for several categories, sometimes beside a plain one."""
    phrase = _general_phrase(scene.content, rng)
    if phrase is None:
        return None
    phrases = [phrase]
    others = [(n, c) for n, c in scene.content.counts if n not in phrase.group[0]]
    if others and rng.random() < 0.6:
        phrases.append(_phrase(*_pick(rng, others), rng))
    where, settings = _place_words(scene.setting, rng)
    text = _pick(rng, ("{} {}", "{} {}", "a picture of {} {}")).format(_joined(phrases), where)
    return Caption(_sentence(text), Claims(settings, tuple(p.group for p in phrases)))


def _doing(scene: Scene, rng: np.random.Generator) -> Caption | None:
    """Say what something does that is seen to do it: flying, floating, standing."""
    counts = dict(scene.content.counts)
    able = [t for t in scene.objects if t.support in ("sky", "water") and counts[t.category] == 1]
    able += [
        t for t in scene.objects
        if t.support == "ground" and t.category in _STANDING and counts[t.category] == 1
    ]  # fmt: skip
    if not able:
        return None
    thing = _pick(rng, able)
    phrase = _phrase(thing.category, 1, rng)
    deed = {
        "sky": ("flying", "flying in the sky", "in the air", "up in the sky"),
        "water": ("on the water", "floating on the water", "out on the water"),
        "ground": ("standing",) if thing.category != "person" else ("out", "on their own feet"),
    }[thing.support]
    where, settings = _place_words(scene.setting, rng)
    text, groups = f"{phrase.text} {_pick(rng, deed)} {where}", [phrase.group]
    others = [name for name in counts if name != thing.category]
    if others and rng.random() < 0.75:
        more = [_phrase(name, counts[name], rng) for name in others]
        text += f" with {_joined(more)}"
        groups += [p.group for p in more]
    return Caption(_sentence(text), Claims(settings, tuple(groups)))


_STANDING = frozenset(("cat", "dog", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"))


def _empty(scene: Scene, rng: np.random.Generator) -> Caption:
    """Say that nothing is there."""
    name = _pick(rng, SETTINGS[scene.setting].names)
    bare = name.removeprefix("a ").removeprefix("an ").removeprefix("the ")
    form = _pick(rng, ("an empty {}", "{} with nothing on it", "an empty {} with nobody there",
                       "{} without anything", "a drawing of an empty {}"))  # fmt: skip
    text = form.format(bare if "empty" in form else name)
    nothing: Group = (frozenset(DRAWN), 0, True)
    return Caption(_sentence(text), Claims(frozenset((scene.setting,)), (nothing,)))


def _only_place(scene: Scene, rng: np.random.Generator) -> Caption:
    """Say where it is and no more."""
    name = _pick(rng, SETTINGS[scene.setting].names)
    form = _pick(rng, ("{}", "a picture of {}", "a drawing of {}", "a view of {}"))
    return Caption(_sentence(form.format(name)), Claims(frozenset((scene.setting,)), ()))


_WRITERS: tuple[Writer, ...] = (
    _everything, _a_part, _without_place, _with_place_first, _related, _in_general, _doing,
)  # fmt: skip
_SHARES = (0.36, 0.12, 0.07, 0.17, 0.13, 0.07, 0.08)


Query = Callable[[np.random.Generator], Caption]


def _photo_query(rng: np.random.Generator) -> Caption:
    """ "a photo of a dog", and its kin with other words for both."""
    name = _pick(rng, DRAWN)
    singular, plural = _noun(name, rng)
    group = frozenset((name,))
    form = _pick(rng, ("a photo of {}", "a photo of {}", "a picture of {}", "a drawing of {}", "{}",
                       "{}", "show me {}", "find {}", "an image of {}"))  # fmt: skip
    kind = rng.random()
    if kind < 0.6:
        return Caption(form.format(_a(singular)), Claims(None, ((group, 1, False),)))
    if kind < 0.75:
        return Caption(singular, Claims(None, ((group, 1, False),)))
    if kind < 0.9:
        # Who types "dogs" is content with one.
        return Caption(form.format(plural), Claims(None, ((group, 1, False),)))
    count = int(rng.integers(2, 5))
    text = form.format(f"{_NUMBERS[count]} {plural}")
    return Caption(text, Claims(None, ((group, count, True),)))


def _plain_query(rng: np.random.Generator) -> Caption:
    """ "a photo of a {category}" by COCO's own name, and nothing else."""
    name = _pick(rng, DRAWN)
    return Caption(f"a photo of {_a(name)}", Claims(None, ((frozenset((name,)), 1, False),)))


def _placed_query(rng: np.random.Generator) -> Caption:
    """ "a dog in the snow", "two dogs on a beach", "dogs at night"."""
    name, setting = _pick(rng, DRAWN), _pick(rng, tuple(SETTINGS))
    where, settings = _place_words(setting, rng)
    singular, plural = (name, name) if rng.random() < 0.35 else _noun(name, rng)
    group = frozenset((name,))
    form = _pick(rng, ("{} {}", "{} {}", "{} {}", "a photo of {} {}", "a picture of {} {}"))
    if singular == plural or rng.random() < 0.65:
        return Caption(form.format(_a(singular), where), Claims(settings, ((group, 1, False),)))
    if rng.random() < 0.6:
        return Caption(form.format(plural, where), Claims(settings, ((group, 1, False),)))
    count = int(rng.integers(2, 4))
    things = f"{_NUMBERS[count]} {plural}"
    return Caption(form.format(things, where), Claims(settings, ((group, count, True),)))


def _keyword_query(rng: np.random.Generator) -> Caption:
    """ "dog snow", "snow dog", "beach umbrella kite": words without grammar."""
    names = list(rng.choice(len(DRAWN), size=int(rng.integers(1, 3)), replace=False))
    words = [_noun(DRAWN[k], rng)[0] for k in names]
    groups = tuple((frozenset((DRAWN[k],)), 1, False) for k in names)
    settings = None
    if len(names) == 1 or rng.random() < 0.4:
        place = _pick(rng, _PLACES)
        settings = place.settings
        words.insert(0 if rng.random() < 0.3 else len(words), _pick(rng, place.words))
    return Caption(" ".join(words), Claims(settings, groups))


def _general_query(rng: np.random.Generator) -> Caption:
    """ "something to eat", "animals by the sea", "furniture", "vehicles at night"."""
    general: General = _pick(rng, GENERALS)
    text = general.one
    if general.many is not None and rng.random() < 0.6:
        text = general.many  # who types "animals" is content with one
    settings = None
    if rng.random() < 0.5:
        where, settings = _place_words(_pick(rng, tuple(SETTINGS)), rng)
        text = f"{text} {where}"
    elif rng.random() < 0.3:
        text = f"a photo of {text}"
    return Caption(text, Claims(settings, ((general.categories, 1, False),)))


def _place_query(rng: np.random.Generator) -> Caption:
    """ "beach", "a photo of a sandy beach", "at night"."""
    place = _pick(rng, _PLACES)
    form = rng.random()
    if form < 0.4:
        text = _pick(rng, place.words)
    elif form < 0.8:
        before = _pick(rng, ("", "a photo of ", "a photo of ", "a picture of "))
        text = before + _pick(rng, place.names)
    else:
        text = _pick(rng, place.where)
    return Caption(text, Claims(place.settings, ()))


def _pair_query(rng: np.random.Generator) -> Caption:
    """ "a dog and a frisbee"."""
    first, second = (DRAWN[k] for k in rng.choice(len(DRAWN), size=2, replace=False))
    a, b = _a(_noun(first, rng)[0]), _a(_noun(second, rng)[0])
    text = _pick(rng, ("{} and {}", "{} and {}", "{} with {}", "{} next to {}")).format(a, b)
    groups = tuple((frozenset((name,)), 1, False) for name in (first, second))
    settings = None
    if rng.random() < 0.3:
        where, settings = _place_words(_pick(rng, tuple(SETTINGS)), rng)
        text = f"{text} {where}"
    return Caption(text, Claims(settings, groups))


_PLACES = tuple(SETTINGS.values()) * 2 + WIDER_SETTINGS
_QUERIES: tuple[Query, ...] = (
    _photo_query, _plain_query, _placed_query, _keyword_query, _general_query, _place_query,
    _pair_query,
)  # fmt: skip
_QUERY_SHARES = (0.20, 0.14, 0.24, 0.13, 0.14, 0.09, 0.06)
