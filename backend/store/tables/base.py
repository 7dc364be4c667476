"""What every table shares: one metadata with named constraints, and columns for states and instants."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def instant(name: str, *, nullable: bool = False) -> Column[object]:
    """An aware point in time; the application's clock writes it unless the name says lease."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def state_column(name: str, states: type[StrEnum]) -> Column[str]:
    """A text column that holds one of the states."""
    return Column(name, Text, CheckConstraint(one_of(name, states), name=name), nullable=False)


def one_of(name: str, states: type[StrEnum]) -> str:
    """The CHECK expression that admits these states only."""
    return f"{name} IN ({quoted(*states)})"


def quoted(*states: StrEnum) -> str:
    """States as SQL literals, for partial indexes."""
    return ", ".join(f"'{state.value}'" for state in states)
