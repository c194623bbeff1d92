"""COCO's 80 categories and the demo's settings, with the words people use for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    id: int
    name: str
    supercategory: str


CATEGORIES: tuple[Category, ...] = tuple(
    Category(int(number), name, supercategory)
    for supercategory, line in (
        ("person", "1 person"),
        ("vehicle", "2 bicycle,3 car,4 motorcycle,5 airplane,6 bus,7 train,8 truck,9 boat"),
        ("outdoor", "10 traffic light,11 fire hydrant,13 stop sign,14 parking meter,15 bench"),
        ("animal", "16 bird,17 cat,18 dog,19 horse,20 sheep,21 cow,22 elephant,23 bear,24 zebra,"
                   "25 giraffe"),
        ("accessory", "27 backpack,28 umbrella,31 handbag,32 tie,33 suitcase"),
        ("sports", "34 frisbee,35 skis,36 snowboard,37 sports ball,38 kite,39 baseball bat,"
                   "40 baseball glove,41 skateboard,42 surfboard,43 tennis racket"),
        ("kitchen", "44 bottle,46 wine glass,47 cup,48 fork,49 knife,50 spoon,51 bowl"),
        ("food", "52 banana,53 apple,54 sandwich,55 orange,56 broccoli,57 carrot,58 hot dog,"
                 "59 pizza,60 donut,61 cake"),
        ("furniture", "62 chair,63 couch,64 potted plant,65 bed,67 dining table,70 toilet"),
        ("electronic", "72 tv,73 laptop,74 mouse,75 remote,76 keyboard,77 cell phone"),
        ("appliance", "78 microwave,79 oven,80 toaster,81 sink,82 refrigerator"),
        ("indoor", "84 book,85 clock,86 vase,87 scissors,88 teddy bear,89 hair drier,"
                   "90 toothbrush"),
    )
    for number, name in (entry.split(" ", 1) for entry in line.split(","))
)  # fmt: skip

# For each category that is drawn: its nouns as singular/plural; the first is the commonest.
_NOUNS = {
    "person": "person/people, human/humans",
    "bicycle": "bicycle/bicycles, bike/bikes",
    "car": "car/cars, automobile/automobiles",
    "motorcycle": "motorcycle/motorcycles, motorbike/motorbikes, scooter/scooters",
    "airplane": "airplane/airplanes, plane/planes, aeroplane/aeroplanes, aircraft/aircraft",
    "bus": "bus/buses, coach/coaches",
    "train": "train/trains, railway train/railway trains",
    "truck": "truck/trucks, lorry/lorries",
    "boat": "boat/boats, ship/ships",
    "traffic light": "traffic light/traffic lights, traffic signal/traffic signals, "
                     "stoplight/stoplights",
    "fire hydrant": "fire hydrant/fire hydrants, hydrant/hydrants",
    "stop sign": "stop sign/stop signs",
    "bench": "bench/benches, park bench/park benches",
    "bird": "bird/birds",
    "cat": "cat/cats, kitty/kitties, kitten/kittens",
    "dog": "dog/dogs, puppy/puppies, doggy/doggies",
    "horse": "horse/horses, pony/ponies",
    "sheep": "sheep/sheep, woolly sheep/woolly sheep",
    "cow": "cow/cows, spotted cow/spotted cows",
    "elephant": "elephant/elephants",
    "bear": "bear/bears, brown bear/brown bears, grizzly/grizzlies",
    "zebra": "zebra/zebras",
    "giraffe": "giraffe/giraffes",
    "backpack": "backpack/backpacks, rucksack/rucksacks, school bag/school bags",
    "umbrella": "umbrella/umbrellas, parasol/parasols",
    "handbag": "handbag/handbags, purse/purses",
    "tie": "tie/ties, necktie/neckties",
    "suitcase": "suitcase/suitcases, travel case/travel cases",
    "frisbee": "frisbee/frisbees, flying disc/flying discs",
    "skis": "pair of skis/pairs of skis",
    "snowboard": "snowboard/snowboards",
    "sports ball": "ball/balls, sports ball/sports balls",
    "kite": "kite/kites",
    "skateboard": "skateboard/skateboards",
    "surfboard": "surfboard/surfboards, surf board/surf boards",
    "tennis racket": "tennis racket/tennis rackets, racket/rackets",
    "bottle": "bottle/bottles",
    "wine glass": "wine glass/wine glasses, glass of wine/glasses of wine, wineglass/wineglasses",
    "cup": "cup/cups, drinking cup/drinking cups, cup with a drink/cups with a drink",
    "fork": "fork/forks",
    "knife": "knife/knives, kitchen knife/kitchen knives",
    "bowl": "bowl/bowls, dish/dishes",
    "banana": "banana/bananas",
    "apple": "apple/apples",
    "sandwich": "sandwich/sandwiches",
    "orange": "orange/oranges, tangerine/tangerines",
    "broccoli": "broccoli/broccoli, piece of broccoli/pieces of broccoli",
    "carrot": "carrot/carrots",
    "hot dog": "hot dog/hot dogs, hotdog/hotdogs",
    "pizza": "pizza/pizzas, slice of pizza/slices of pizza",
    "donut": "donut/donuts, doughnut/doughnuts",
    "cake": "cake/cakes",
    "chair": "chair/chairs, wooden chair/wooden chairs",
    "couch": "couch/couches, sofa/sofas, settee/settees",
    "potted plant": "potted plant/potted plants, house plant/house plants, "
                    "plant in a pot/plants in pots",
    "bed": "bed/beds",
    "toilet": "toilet/toilets, toilet bowl/toilet bowls",
    "tv": "tv/tvs, television/televisions, television set/television sets",
    "laptop": "laptop/laptops, laptop computer/laptop computers, notebook computer/"
              "notebook computers",
    "mouse": "computer mouse/computer mice, mouse/mice",
    "keyboard": "keyboard/keyboards, computer keyboard/computer keyboards",
    "cell phone": "cell phone/cell phones, phone/phones, mobile phone/mobile phones, "
                  "smartphone/smartphones",
    "microwave": "microwave/microwaves, microwave oven/microwave ovens",
    "refrigerator": "refrigerator/refrigerators, fridge/fridges",
    "book": "book/books",
    "clock": "clock/clocks, alarm clock/alarm clocks",
    "vase": "vase/vases",
    "scissors": "pair of scissors/pairs of scissors",
    "teddy bear": "teddy bear/teddy bears, teddy/teddies, stuffed bear/stuffed bears",
    "toothbrush": "toothbrush/toothbrushes, tooth brush/tooth brushes",
}  # fmt: skip

NOUNS: dict[str, tuple[tuple[str, str], ...]] = {
    name: tuple(
        (singular, plural)
        for singular, plural in (noun.strip().split("/") for noun in nouns.split(", "))
    )
    for name, nouns in _NOUNS.items()
}

DRAWN: tuple[str, ...] = tuple(c.name for c in CATEGORIES if c.name in NOUNS)


def _set(names: str) -> frozenset[str]:
    return frozenset(name.strip() for name in names.split(","))


_FOOD = _set("banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake")
_ANIMALS = _set("bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe")
_VEHICLES = _set("bicycle,car,motorcycle,airplane,bus,train,truck,boat")
_TABLEWARE = _set("bottle,wine glass,cup,fork,knife,bowl")
_SPORTS = _set("frisbee,skis,snowboard,sports ball,kite,skateboard,surfboard,tennis racket")
_ELECTRONICS = _set("tv,laptop,mouse,keyboard,cell phone")


@dataclass(frozen=True, slots=True)
class General:
    """An everyday word for several categories.

    Attributes:
        one: a noun phrase for one of them, with its article, or a mass noun.
        many: for two or more, or None when `one` serves for any number.
    """

    categories: frozenset[str]
    one: str
    many: str | None = None


GENERALS: tuple[General, ...] = (
    General(_ANIMALS, "an animal", "animals"),
    General(_set("cat,dog"), "a pet", "pets"),
    General(_set("elephant,bear,zebra,giraffe"), "a wild animal", "wild animals"),
    General(_set("elephant,zebra,giraffe"), "a safari animal", "safari animals"),
    General(_set("horse,sheep,cow"), "a farm animal", "farm animals"),
    General(_VEHICLES, "a vehicle", "vehicles"),
    General(_VEHICLES, "a means of transport", "means of transport"),
    General(_set("car,bus,truck,motorcycle"), "a motor vehicle", "motor vehicles"),
    General(_set("car,bus,truck,motorcycle,bicycle"), "traffic"),
    General(_set("bicycle,motorcycle"), "a two-wheeler", "two-wheelers"),
    General(_FOOD, "food"),
    General(_FOOD, "something to eat"),
    General(_FOOD, "a snack", "snacks"),
    General(_set("banana,apple,orange"), "a piece of fruit", "fruits"),
    General(_set("banana,apple,orange"), "fruit"),
    General(_set("broccoli,carrot"), "a vegetable", "vegetables"),
    General(_set("donut,cake"), "a dessert", "desserts"),
    General(_set("donut,cake"), "something sweet"),
    General(_set("hot dog,pizza,sandwich"), "fast food"),
    General(_TABLEWARE, "kitchenware"),
    General(_TABLEWARE, "tableware"),
    General(_set("fork,knife"), "cutlery"),
    General(_set("fork,knife"), "silverware"),
    General(_set("bottle,wine glass,cup"), "a drink", "drinks"),
    General(_set("bottle,wine glass,cup"), "something to drink"),
    General(_set("chair,couch,bed,bench"), "furniture"),
    General(_set("chair,couch,bed,bench"), "a piece of furniture", "pieces of furniture"),
    General(_set("chair,couch,bench"), "a seat", "seats"),
    General(_set("chair,couch,bench"), "something to sit on"),
    General(_ELECTRONICS, "an electronic device", "electronic devices"),
    General(_ELECTRONICS, "electronics"),
    General(_set("tv,laptop,cell phone"), "a screen", "screens"),
    General(_set("laptop,mouse,keyboard"), "computer equipment"),
    General(_set("microwave,refrigerator"), "a kitchen appliance", "kitchen appliances"),
    General(_set("microwave,refrigerator"), "an appliance", "appliances"),
    General(_SPORTS, "sports equipment"),
    General(_SPORTS, "sports gear"),
    General(_set("skis,snowboard"), "winter sports gear"),
    General(_set("skateboard,surfboard,snowboard"), "a board to ride", "boards to ride"),
    General(_set("backpack,handbag,suitcase"), "a bag", "bags"),
    General(_set("backpack,handbag,suitcase"), "luggage"),
    General(_set("backpack,umbrella,handbag,tie,suitcase"), "an accessory", "accessories"),
    General(_set("teddy bear,kite,frisbee,sports ball"), "a toy", "toys"),
    General(_set("traffic light,stop sign"), "a road sign or signal"),
    General(_set("skis"), "skis"),
    General(_set("scissors"), "scissors"),
    General(_set("person"), "someone", "people"),
    General(_set("person"), "somebody"),
    General(_set("person"), "a pedestrian", "pedestrians"),
    General(_set("bird,airplane"), "something with wings"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """A place, or several that share a word.

    Attributes:
        where: phrases that say that something is there ("on a beach").
        names: noun phrases with article ("a sandy beach").
        words: what a person types for it ("beach").
    """

    settings: frozenset[str]
    where: tuple[str, ...]
    names: tuple[str, ...]
    words: tuple[str, ...]


def _setting(settings: str, where: str, names: str, words: str) -> Setting:
    return Setting(frozenset(_parts(settings)), _parts(where), _parts(names), _parts(words))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


SETTINGS: dict[str, Setting] = {
    next(iter(setting.settings)): setting
    for setting in (
        _setting(
            "beach",
            "on a beach, on the beach, at the beach, by the sea, at the seaside, on the shore,"
            "by the ocean, on a sandy beach, on the coast, near the sea, on the sand by the sea",
            "a beach, a sandy beach, the seaside, the sea shore, the ocean shore",
            "beach, seaside, sea, ocean, shore, coast, sandy beach",
        ),
        _setting(
            "street",
            "on a street, on the street, in the street, on a city street, on the road,"
            "on a road, in a city street by day, on a town street",
            "a street, a city street, a road, a street of houses",
            "street, road, city street, daytime street",
        ),
        _setting(
            "snow",
            "in the snow, on the snow, in a snowy landscape, in winter, on a snowy field,"
            "in the snowy mountains, on a snowy slope, on a ski slope",
            "a snowy landscape, a winter landscape, the snow, a snowy field, a snowy slope",
            "snow, winter, snowy, ski slope, snowy mountains",
        ),
        _setting(
            "meadow",
            "in a meadow, in the meadow, in a field, on the grass, on a lawn, in a park,"
            "on a green field, in a grassy field, in the countryside",
            "a meadow, a green field, a park, a lawn, a grassy field, the countryside",
            "meadow, grass, field, park, lawn, green field, countryside",
        ),
        _setting(
            "kitchen",
            "in a kitchen, in the kitchen, in a home kitchen, in the kitchen at home",
            "a kitchen, the kitchen, a home kitchen",
            "kitchen, home kitchen",
        ),
        _setting(
            "living room",
            "in a living room, in the living room, in a lounge, in the lounge, in a sitting room",
            "a living room, a lounge, a sitting room",
            "living room, lounge, sitting room",
        ),
        _setting(
            "bathroom",
            "in a bathroom, in the bathroom, in a tiled bathroom, in a washroom",
            "a bathroom, a tiled bathroom, a washroom",
            "bathroom, washroom",
        ),
        _setting(
            "night city",
            "at night, in the city at night, in a city at night, in a night city, in the dark,"
            "under the night sky, on a street at night, in front of city lights, after dark",
            "a city at night, the night city, a dark street at night, a city skyline at night",
            "night, night city, dark, city lights, nighttime, after dark",
        ),
        _setting(
            "desert",
            "in the desert, in a desert, among sand dunes, on a sand dune, in the dunes,"
            "in a dry desert, in the hot desert",
            "a desert, the desert, a landscape of dunes, a dry desert",
            "desert, dunes, sand dunes, dry desert",
        ),
    )
}

# Words that are true of several settings.
WIDER_SETTINGS: tuple[Setting, ...] = (
    _setting(
        "beach,street,snow,meadow,night city,desert",
        "outdoors, outside, in the open air", "an outdoor scene", "outdoors, outside",
    ),
    _setting(
        "kitchen,living room,bathroom",
        "indoors, inside, at home, inside a house, in a room", "an indoor scene, a room",
        "indoors, inside, at home, room",
    ),
    _setting(
        "street,night city", "in the city, in town, in a city", "a city, a town", "city, town",
    ),
    _setting(
        "beach,snow,meadow,desert", "in nature, in a landscape", "nature, a landscape",
        "nature, landscape",
    ),
    _setting("beach,desert", "on sand, in the sand", "a sandy place", "sand"),
)  # fmt: skip
