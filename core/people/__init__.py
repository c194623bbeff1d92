"""The people of an instance: their accounts, sessions and tokens, and who acts now."""

from core.people.person import NOBODY, OPERATOR, SCOPES, Person, Role, Way

__all__ = ["NOBODY", "OPERATOR", "SCOPES", "Person", "Role", "Way"]
