"""Says what is wrong with the settings: a line each, with the remedy; never the value, which may be a secret."""

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

# What pydantic says in its own words tells what it got, not what to do.
_REMEDIES: Mapping[str, str] = {
    "enum": "must be {expected}; choose one that is listed in docs/settings.md",
    "int_parsing": "must be a whole number, written in digits",
    "int_from_float": "must be a whole number, written in digits",
    "decimal_parsing": "must be a number such as 3 or 2.5",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "string_too_short": "must have at least {min_length} characters; fill it in, or remove it to have the default",
    "string_too_long": "must have at most {max_length} characters; shorten it",
    "value_error": "{error}",
}
# A default that follows from another setting, which is refused on a line of its own.
_FOLLOWS = "default_factory_not_called"


def refusals(problem: ValidationError) -> str:
    """One line a setting that cannot be used."""
    return "\n".join(_lines(problem))


def _lines(problem: ValidationError) -> Iterator[str]:
    for error in problem.errors():
        if error["type"] == _FOLLOWS:
            continue
        name = ".".join(str(part) for part in error["loc"]).upper() or "settings"
        remedy = _REMEDIES.get(error["type"])
        yield f"{name}: {remedy.format(**error.get('ctx', {})) if remedy else error['msg']}"
