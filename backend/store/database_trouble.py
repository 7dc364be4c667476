"""Why a command cannot work with the database, in one sentence that says what to do. Never names a password."""

from sqlalchemy.exc import DBAPIError

_REMEDIES = {
    "3D000": "The database that DATABASE_URL names does not exist: create it, then run `tsukibarai migrate`.",
    "42883": "The database has no function of that name: run `tsukibarai migrate` first.",
    "42P01": "The database has no table of that name: run `tsukibarai migrate` first.",
    "42703": "The database has no column of that name: run `tsukibarai migrate` first.",
    "55006": "Others are at work in the database that is to be emptied: stop those processes, then try again.",
    "55P03": "Something else holds the lock that is needed: end long transactions, then try again.",
}
_CLASSES = {
    "28": "The database refuses the user or password: correct them in DATABASE_URL.",
    "53": "The database is short of room or connections: free some, then try again.",
    "57": "The database is starting, shutting down or cut the work off: try again in a moment.",
    "58": "The database's machine has trouble with its files: look at its log, then try again.",
}


class DatabaseUnreachableError(ConnectionError):
    """There is no way to the database; start it, or correct DATABASE_URL."""


class UnsafeCommitsError(Exception):
    """The database may forget what it has committed; set synchronous_commit (and fsync) to on."""


def remedy(problem: BaseException) -> str | None:
    """What to do about a database that is away, closed to us, or not migrated; None for any other problem."""
    if isinstance(problem, BaseExceptionGroup):
        said = [remedy(each) for each in problem.exceptions]
        return said[0] if all(said) else None
    cause = problem.orig if isinstance(problem, DBAPIError) else problem
    if isinstance(cause, DatabaseUnreachableError | UnsafeCommitsError):
        return str(cause)
    state = str(getattr(cause, "sqlstate", None) or "")
    return _REMEDIES.get(state) or _CLASSES.get(state[:2])
