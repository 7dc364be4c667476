"""What speaks against staged lines: other lines of the same file, and bills that the ledger already has."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.bill_refusal import Column, Refusal, RefusalCode

# `import_match` pairs a line with the bill it would repeat; `code` stays null where both say the same.
_MATCH = """
CREATE TEMP TABLE import_match ON COMMIT DROP AS
WITH pair AS (
  SELECT l.line, b.id AS bill_id FROM import_line l
  JOIN bill b ON b.bill_number = l.bill_number AND b.state <> 'void'
  UNION
  SELECT l.line, b.id FROM import_line l
  JOIN account a ON a.customer_number = l.customer_number
  JOIN bill b ON b.account_id = a.id AND b.billing_month = l.billing_month AND b.state <> 'void'
), compared AS (
  SELECT pair.line, pair.bill_id, count(*) OVER (PARTITION BY pair.line) AS bills,
    a.customer_number <> l.customer_number AS is_other_customer, b.amount AS old_amount,
    CASE
      WHEN b.amount <> l.amount THEN 'amount'
      WHEN b.bill_number <> l.bill_number THEN 'bill_number'
      WHEN b.billing_month <> l.billing_month THEN 'billing_month'
      WHEN (b.period_from, b.period_to) <> (l.period_from, l.period_to) THEN 'period'
      WHEN b.usage_kwh <> l.usage_tenths * 0.1 THEN 'usage_kwh'
      WHEN b.confirmed_on <> l.confirmed_on THEN 'confirmed_on'
    END AS differs_in
  FROM pair
  JOIN import_line l ON l.line = pair.line
  JOIN bill b ON b.id = pair.bill_id
  JOIN account a ON a.id = b.account_id
)
SELECT line, bill_id, old_amount, differs_in,
  CASE
    WHEN is_other_customer THEN 'other_customer'
    WHEN bills > 1 THEN 'two_bills'
    WHEN differs_in = 'amount' THEN 'other_amount'
    WHEN differs_in IS NOT NULL THEN 'other_values'
  END AS code
FROM compared
"""

_REPEATED = """
WITH numbers AS (
  SELECT bill_number, min(line) AS first_line FROM import_line GROUP BY bill_number HAVING count(*) > 1
)
SELECT l.line, n.first_line,
  (l.customer_number, l.name_kanji, l.name_kana, l.phone, l.email, l.service_location, l.billing_month,
   l.period_from, l.period_to, l.usage_tenths, l.amount, l.confirmed_on)
  IS NOT DISTINCT FROM
  (f.customer_number, f.name_kanji, f.name_kana, f.phone, f.email, f.service_location, f.billing_month,
   f.period_from, f.period_to, f.usage_tenths, f.amount, f.confirmed_on) AS is_same
FROM numbers n
JOIN import_line l ON l.bill_number = n.bill_number AND l.line <> n.first_line
JOIN import_line f ON f.line = n.first_line
ORDER BY l.line
"""

_REPEATED_MONTHS = """
SELECT line, first_line
FROM (
  SELECT line, bill_number,
    first_value(line) OVER month AS first_line, first_value(bill_number) OVER month AS first_number
  FROM import_line WINDOW month AS (PARTITION BY customer_number, billing_month ORDER BY line)
) AS seen
WHERE bill_number <> first_number
ORDER BY line
"""

_CONFLICTS = """
SELECT DISTINCT ON (m.line) m.line, m.code, m.differs_in, m.old_amount, l.amount AS new_amount
FROM import_match m JOIN import_line l ON l.line = m.line
WHERE m.code IS NOT NULL AND NOT (:amend AND m.code IN ('other_amount', 'other_values'))
ORDER BY m.line, m.bill_id
"""


async def find_repeated_bills(connection: AsyncConnection) -> Iterable[Refusal]:
    """Lines that use a bill number again: the same line twice, or the number with other values."""
    return map(_repeated_bill, await connection.execute(text(_REPEATED)))


async def find_repeated_months(connection: AsyncConnection) -> Iterable[Refusal]:
    """Lines that bill a customer's month again under another bill number."""
    return map(_repeated_month, await connection.execute(text(_REPEATED_MONTHS)))


async def match_ledger(connection: AsyncConnection) -> None:
    """Pair staged lines with the bills they would repeat, for all that follows in this transaction."""
    await connection.execute(text(_MATCH))


async def find_conflicts(connection: AsyncConnection, *, amend: bool) -> Iterable[Refusal]:
    """Lines that contradict the ledger; with `amend` only those that no amendment can settle."""
    return map(_conflict, await connection.execute(text(_CONFLICTS), {"amend": amend}))


def _repeated_bill(row: Row[Any]) -> Refusal:
    hint = str(row.first_line)
    if row.is_same:
        return Refusal(line=row.line, column=None, code=RefusalCode.REPEATED_LINE, value_hint=hint)
    code = RefusalCode.REPEATED_BILL_NUMBER
    return Refusal(line=row.line, column=Column.BILL_NUMBER, code=code, value_hint=hint)


def _repeated_month(row: Row[Any]) -> Refusal:
    column, code = Column.BILLING_MONTH, RefusalCode.REPEATED_MONTH
    return Refusal(line=row.line, column=column, code=code, value_hint=str(row.first_line))


def _conflict(row: Row[Any]) -> Refusal:
    code = RefusalCode(row.code)
    match code:
        case RefusalCode.OTHER_AMOUNT:
            hint = f"{row.old_amount} → {row.new_amount}"
            return Refusal(line=row.line, column=Column.AMOUNT, code=code, value_hint=hint)
        case RefusalCode.OTHER_VALUES:
            return Refusal(line=row.line, column=Column(row.differs_in), code=code)
        case _:
            return Refusal(line=row.line, column=Column.BILL_NUMBER, code=code)
