"""The matrix: each dataset with each model, how the pair stands, and the door to Search."""

from html import escape

import streamlit as st

from core.inventory import DatasetEntry, Inventory, ModelEntry, PairEntry, PairState
from core.inventory.words import without_folders
from core.query import Query
from core.query.address import link
from core.settings import Settings
from pages.shared import keys, resources
from pages.shared.subsets_cards import base
from pages.shared.subsets_face import plural

LOOKS = {
    PairState.READY: "good",
    PairState.OTHER_ANNOTATIONS: "odd",
    PairState.UNDER_WAY: "going",
    PairState.STOPPED: "odd",
    PairState.NOT_EMBEDDED: "none",
    PairState.UNREAD: "none",
    PairState.NO_FIT: "bad",
}


def matrix(inventory: Inventory, settings: Settings) -> str:
    """Return the markup: a row for each dataset, a column for each model."""
    heads = "".join(_model_head(model) for model in inventory.models)
    rows = "".join(
        f'<tr><th scope="row">{_dataset_head(dataset)}</th>'
        + "".join(
            _cell(inventory.pairs[dataset.name, model.name], settings) for model in inventory.models
        )
        + "</tr>"
        for dataset in inventory.datasets
    )
    return (
        '<div class="fit"><table><thead><tr><th scope="col">Dataset</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def state_words(pair: PairEntry) -> str:
    """Return how a pair stands in a word or two, with the share of what is under way."""
    words = pair.state.value
    if pair.share is not None:
        words += f" {pair.share:.0%}" if pair.state is not PairState.READY else ""
    return words[0].upper() + words[1:]


def _dataset_head(dataset: DatasetEntry) -> str:
    facts = dataset.state.value if dataset.pictures is None else plural(dataset.pictures, "picture")
    return f"{escape(dataset.name)}<small>{escape(facts)}</small>"


def _model_head(model: ModelEntry) -> str:
    facts = f"{model.architecture}, {model.dim:,} numbers" if model.dim else "not usable"
    if model.architecture == model.name:
        facts = f"{model.dim:,} numbers"
    return f'<th scope="col">{escape(model.name)}<small>{escape(facts)}</small></th>'


def _cell(pair: PairEntry, settings: Settings) -> str:
    said = f'<span class="state {LOOKS[pair.state]}">{escape(state_words(pair))}</span>'
    if pair.share is not None:
        said += f'<progress value="{pair.share:.3f}" max="1"></progress>'
    if pair.reason:
        said += f"<small>{escape(without_folders(pair.reason, settings))}</small>"
    if pair.is_searchable:
        label = f"Search this: {pair.dataset} with {pair.model}"
        said += (
            f'<a class="go" href="{escape(_address(pair))}" target="_self" '
            f'aria-label="{escape(label)}">Search this</a>'
        )
    return f'<td><div data-model="{escape(pair.model)}">{said}</div></td>'


def _address(pair: PairEntry) -> str:
    """Where the pair is searched, with what this person asks now."""
    view = st.session_state.get(keys.VIEW)
    query = view.query if view is not None else Query()
    return link(base(), query, dataset=pair.dataset, model=pair.model, lists=resources.views())
