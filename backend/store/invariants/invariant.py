"""The shape of an invariant."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A sentence that is always true, and the query that returns a row (subject, detail) for each exception.

    `is_money` means that no charge may be made while it is broken. `query` may use `:now`, the application's time,
    and `:skew`, by how much the times that two machines write may differ.
    """

    name: str
    sentence: str
    is_money: bool
    query: str

    def named_query(self) -> str:
        """The query with the invariant's name beside each row, for reading all of them at once."""
        return (
            f"SELECT '{self.name}' AS invariant, CAST(v.subject AS text) AS subject, CAST(v.detail AS text) AS detail "  # noqa: S608 - constants of this package only
            f"FROM ({self.query}) AS v(subject, detail)"
        )
