"""What is not here and can be had, with the command for it."""

from dataclasses import dataclass

from core.inventory.records import DatasetEntry, Inventory, PairState
from core.inventory.words import command_here
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a person can do next.

    Attributes:
        title: what it gives.
        command: what to type.
        size: bytes that are fetched, about; 0 where nothing is, or it is not known.
    """

    title: str
    command: str
    size: int = 0


def next_steps(inventory: Inventory, settings: Settings) -> tuple[Step, ...]:
    """Return what makes more of it searchable: embeddings that lack or do not fit."""
    return tuple(
        Step(
            f"{pair.dataset} by {pair.model}: {pair.state}",
            command_here(pair.command, settings),
        )
        for pair in inventory.pairs.values()
        if pair.command and pair.state is not PairState.READY
    )


def known_elsewhere(inventory: Inventory) -> dict[str, tuple[Step, ...]]:
    """Return what is published and not here, by "Datasets" and "Models"; empty ones left out."""
    # Imported here: it brings what talks to servers, which the command line can do without.
    from core.fetch.mirror import KNOWN as DATASETS
    from core.fetch.published import KNOWN as MODELS

    datasets = {entry.name for entry in inventory.datasets}
    models = {entry.name for entry in inventory.models}
    found = {
        "Datasets": tuple(
            Step(
                f"{one.title}: {one.n_pictures:,} pictures",
                one.command,
                one.pictures.size + one.annotations.size,
            )
            for one in DATASETS.values()
            if one.name not in datasets
        ),
        "Models": tuple(
            Step(f"{one.architecture}, {one.pretrained}: {one.why}", one.command, one.size)
            for one in MODELS
            if one.name not in models
        ),
    }
    return {noun: steps for noun, steps in found.items() if steps}


def completing_command(entry: DatasetEntry) -> str:
    """Return the command that fetches the picture files that a split of COCO lacks; "" else."""
    from core.fetch.mirror import KNOWN

    lacks = entry.counts is not None and entry.counts.missing_files
    return KNOWN[entry.name].command if lacks and entry.name in KNOWN else ""


def add_commands() -> tuple[Step, ...]:
    """Return how what a person has already is added."""
    return (
        Step(
            "A dataset in COCO's format, where it lies",
            "python -m core add NAME --instances FILE --captions FILE --images FOLDER",
        ),
        Step(
            "A checkpoint of an open_clip architecture",
            "python -m core checkpoint split FILE models/NAME --architecture ViT-B-32",
        ),
        Step("Embeddings", "python -m core embed --dataset DATASET --model MODEL"),
    )
