"""`python -m core audit`: annotations of a dataset that are likely wrong."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.opening import BarWhenNeeded, open_coco

if TYPE_CHECKING:
    from core.analytics.audit import Audit, Suspects

_NAMED = 5


def audit(
    category: Annotated[
        list[str] | None,
        typer.Option(
            show_default=False, help="Look over this category alone; several are allowed."
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset; may be left out when it is clear.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model; may be left out when it is clear.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the lists as JSON, the most suspect first.")
    ] = False,
) -> None:
    """List pictures whose annotations of a category are likely wrong.

    Missed: nothing of the category is annotated, and the picture looks like those that have it.
    Mislabelled: the reverse. What is told is a guess by the model; look before you change
    anything. Without --category all are looked over that five pictures have and five lack.

    Examples:

        python -m core audit --category bowl

        python -m core audit --dataset demo --model demo --json
    """
    # Here, so that --help does not wait for NumPy and PyTorch.
    from core.analytics.audit import audit as look_over
    from core.analytics.audit import auditable
    from core.library import open_library

    library = open_library()
    dataset, model = library.pair(dataset, model)
    names = list(dict.fromkeys(category or auditable(open_coco(library, dataset))))
    searchable = library.dataset(dataset, model)
    looked = []
    with BarWhenNeeded("look over", "categories") as progress:
        for name in names:
            looked.append(look_over(searchable, name))
            progress.update(len(looked), len(names))
    for warning in searchable.warnings:
        typer.echo(warning, err=True)
    if as_json:
        told = {"dataset": dataset, "model": model, "categories": list(map(_told, looked))}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        typer.echo(_table(looked))


def _told(looked: "Audit") -> dict[str, Any]:
    return {
        "category": looked.category,
        "with": looked.n_with,
        "without": looked.n_without,
        "auc": {"text": looked.text_auc, "probe": looked.probe_auc},
        "missed": _list(looked.missed),
        "mislabelled": _list(looked.mislabelled),
    }


def _list(suspects: "Suspects") -> dict[str, Any]:
    return {
        "likely": suspects.n_likely,
        "pictures": [
            {"id": image_id, "confidence": confidence, "percentile": percentile}
            for image_id, confidence, percentile in zip(
                suspects.image_ids[: suspects.n_likely].tolist(),
                suspects.confidences.tolist(),
                suspects.percentiles.tolist(),
                strict=False,
            )
        ],
    }


def _table(looked: "list[Audit]") -> str:
    """One line a category, those with the most suspects first."""
    order = sorted(looked, key=lambda one: -(one.missed.n_likely + one.mislabelled.n_likely))
    lines = [f"{'category':<22}{'with':>8}{'likely missed':>15}{'mislabelled':>13}  the first ids"]
    for one in order:
        first = [
            f"{mark}{','.join(map(str, suspects.image_ids[: min(_NAMED, suspects.n_likely)]))}"
            for mark, suspects in (("+", one.missed), ("-", one.mislabelled))
            if suspects.n_likely
        ]
        lines.append(
            f"{one.category:<22}{one.n_with:>8,}{one.missed.n_likely:>15,}"
            f"{one.mislabelled.n_likely:>13,}  {' '.join(first)}".rstrip()
        )
    lines.append("ids after + may lack the annotation, those after - may have it wrongly")
    return "\n".join(lines)
