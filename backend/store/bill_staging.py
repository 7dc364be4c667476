"""The staging table of a bill import: rows come in by COPY, and leave with the transaction. Decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = 7_306_005  # any fixed number: imports queue up, so that what one has checked stays true until it commits

# The order in which a staged record gives its values. Usage is in tenths of a kWh: integers copy fastest.
STAGED = (
    "line",
    "customer_number",
    "name_kanji",
    "name_kana",
    "phone",
    "email",
    "service_location",
    "billing_month",
    "period_from",
    "period_to",
    "usage_tenths",
    "amount",
    "bill_number",
    "confirmed_on",
)

_CREATE = """
CREATE TEMP TABLE import_line (
  line int, customer_number text, name_kanji text, name_kana text, phone text, email text,
  service_location text, billing_month text, period_from date, period_to date, usage_tenths int,
  amount int, bill_number text, confirmed_on date
) ON COMMIT DROP
"""

_COUNT = """
SELECT coalesce(sum(lines), 0) AS lines, count(*) AS customers
FROM (SELECT count(*) AS lines FROM import_line GROUP BY customer_number) AS each
"""

_FIRST = "SELECT name_kanji, service_location FROM import_line ORDER BY line LIMIT 1"

_ONE_LINE_EACH = "CREATE TEMP VIEW import_account AS SELECT * FROM import_line"

# The newest line speaks for the customer: by month, then by confirmation, then by place in the file.
_NEWEST_LINE_EACH = """
CREATE TEMP VIEW import_account AS
SELECT DISTINCT ON (customer_number) * FROM import_line
ORDER BY customer_number, billing_month DESC, confirmed_on DESC, line DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """How much was staged."""

    lines: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLine:
    """What a person looks at to see whether the letters are right."""

    name_kanji: str = field(repr=False)
    service_location: str = field(repr=False)


async def open_staging(connection: AsyncConnection) -> None:
    """Wait for a running import to end, then make the staging table for this transaction."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    # Compiling these statements costs more than running them.
    await connection.execute(text("SET LOCAL jit = off"))
    await connection.execute(text("SET LOCAL work_mem = '64MB'"))
    await connection.execute(text(_CREATE))


async def stage(connection: AsyncConnection, records: Iterable[tuple[object, ...]]) -> Staged:
    """COPY the records; `records` is read while the server already takes the first.

    Call `open_staging` before: a COPY as a transaction's first statement would commit by itself, because
    SQLAlchemy opens the transaction with its own first statement only.
    """
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise RuntimeError("The connection was closed while a bill file was read; import it again.")
    await driver.copy_records_to_table("import_line", records=records, columns=STAGED, schema_name="pg_temp")
    await connection.execute(text("ANALYZE pg_temp.import_line (customer_number, bill_number)"))
    counted = (await connection.execute(text(_COUNT))).one()
    staged = Staged(lines=int(counted.lines), customers=counted.customers)
    once = staged.lines == staged.customers
    await connection.execute(text(_ONE_LINE_EACH if once else _NEWEST_LINE_EACH))
    return staged


async def first_staged(connection: AsyncConnection) -> FirstLine | None:
    """The first good line; None when there is none."""
    row = (await connection.execute(text(_FIRST))).mappings().one_or_none()
    return FirstLine(**row) if row else None
