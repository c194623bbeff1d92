"""Who may do what; asked in `core`, whatever a page shows or hides."""

from enum import StrEnum

from core.errors import RightsError
from core.people.acting import current
from core.people.person import NOBODY, Person, Role


class Right(StrEnum):
    """What can be allowed.

    READ: search, look at pictures and subsets, export and download.
    SAVE: save subsets, and change or delete them.
    RUN: begin measurements, checks and reports.
    MANAGE: the library, people, limits, the trail, and what belongs to others.
    """

    READ = "read"
    SAVE = "save"
    RUN = "run"
    MANAGE = "manage"


_NEEDS = {
    Right.READ: Role.READER,
    Right.SAVE: Role.EDITOR,
    Right.RUN: Role.EDITOR,
    Right.MANAGE: Role.ADMIN,
}
_WORDS = {
    Right.READ: "look at this",
    Right.SAVE: "save or change subsets",
    Right.RUN: "begin this",
    Right.MANAGE: "manage this",
}


def may(person: Person, right: Right, owner_id: int | None = None) -> bool:
    """Tell whether `person` has `right`.

    Args:
        owner_id: whose thing it is; with `SAVE` an editor may change their own and what is
            nobody's, an admin everything.
    """
    role = person.acts_as
    if role is None or not role.covers(_NEEDS[right]):
        return False
    is_theirs = owner_id is None or owner_id == person.id
    return right is not Right.SAVE or is_theirs or role is Role.ADMIN


def require(right: Right, owner_id: int | None = None, person: Person | None = None) -> None:
    """Do nothing if `person`, else who acts now, has `right` (as `may`).

    Raises:
        RightsError: they have not; says what is needed and whom to ask.
    """
    person = current() if person is None else person
    if not may(person, right, owner_id):
        raise RightsError(_refusal(person, right))


def _refusal(person: Person, right: Right) -> str:
    if person == NOBODY:
        return "You are not signed in (any more). Sign in, then try again."
    if person.disabled:
        return "Your account is disabled. Ask an admin to enable it."
    role, needed = person.acts_as, _NEEDS[right]
    if person.scopes is not None and person.role.covers(needed) and role is not person.role:
        said = ", ".join(sorted(person.scopes)) or "none"
        return f"This token may not {_WORDS[right]}: its scopes are {said}. Make another token."
    if role is not None and role.covers(needed):
        return "This subset belongs to somebody else. Ask them or an admin, or save a copy."
    return (
        f"You may not {_WORDS[right]}: it takes {_with_article(needed)}, and you are "
        f"{_with_article(person.role)}. Ask an admin for more."
    )


def _with_article(role: Role) -> str:
    return f"{'a' if role is Role.READER else 'an'} {role.value}"
