"""Every system can unpack every picture under a name of its own."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.names import is_portable, package_names


def named(*file_names: str, by_stem: bool = False) -> tuple[str, ...]:
    """Pictures 1, 2, 3 … each a copy of a file of its own."""
    ids = list(range(1, len(file_names) + 1))
    return package_names(ids, file_names, map(str, ids), by_stem=by_stem)


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "val/x.png", "żółw 🐢.jpg", ".hidden", "a b.jpg", "COCO_val2014_000000000042.jpg"],
)
def test_what_all_can_have_stays(name):
    assert named(name) == (name,)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ('a"b.jpg', "a_b.jpg"),
        ("a?<b>|*.jpg", "a__b___.jpg"),
        ("con.jpg", "_con.jpg"),
        ("AUX", "_AUX"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("LPT¹/x.jpg", "_LPT¹/x.jpg"),
        ("a.", "a_"),
        ("folder /x.jpg", "folder_/x.jpg"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("ü" * 200 + ".jpg", "ü" * 125 + ".jpg"),
        ("a\x7f.jpg", "a_.jpg"),
    ],
)
def test_what_windows_or_a_disk_cannot_have_is_named_anew(name, given):
    assert named(name) == (given,)
    assert is_portable(given)


@pytest.mark.parametrize("name", ["", "../a.jpg", "/a.jpg", "a\\b.jpg", "c:a.jpg", "a\0.jpg"])
def test_what_would_escape_has_no_name(name):
    assert named(name) == ("",)


def test_names_that_some_systems_take_for_one_are_told_apart():
    assert named("a.jpg", "A.JPG", "a.jpg") == ("a.jpg", "A_2.JPG", "a_3.jpg")
    composed, decomposed = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    first, second = named(composed, decomposed)
    assert (first, second) == (composed, f"{PurePosixPath(decomposed).stem}_2.jpg")


def test_a_file_and_a_folder_of_one_name_are_told_apart():
    assert named("a", "a/b.jpg") == ("a", "a_b.jpg")
    assert named("a/b.jpg", "a") == ("a/b.jpg", "a_2")


def test_pictures_of_one_name_in_two_folders_are_left_alone():
    assert named("val/x.png", "test/x.png") == ("val/x.png", "test/x.png")


def test_records_of_one_file_share_it():
    assert package_names([1, 2], ["a.jpg", "a.jpg"], ["", ""]) == ("a.jpg", "a.jpg")


def test_a_new_name_is_not_one_that_a_picture_has():
    assert named("a.jpg", "a_3.jpg", "A.jpg")[2] not in ("a.jpg", "a_3.jpg")


PARTS = st.sampled_from(["a", "A", "é", "e\u0301", "con", "b.", "x" * 260, 'q"', "ß", "SS", "."])


@given(
    st.lists(
        st.builds(lambda *parts: "/".join(parts), PARTS, PARTS, PARTS)
        | st.text(max_size=12)
        | PARTS,
        max_size=12,
    ),
    st.booleans(),
)
def test_no_two_names_are_one_on_any_system(file_names, by_stem):
    found = [name for name in named(*file_names, by_stem=by_stem) if name]
    assert all(is_portable(name) for name in found)
    keys = [unicodedata.normalize("NFC", name).casefold() for name in found]
    if by_stem:
        keys = [str(PurePosixPath(key).with_suffix("")) for key in keys]
    assert len(set(keys)) == len(keys)
    for key in keys:
        assert not any(other.startswith(f"{key}/") for other in keys)
