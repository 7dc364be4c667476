"""Brings staged lines into the ledger, set by set: accounts first, then their bills. Checks nothing again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Wave dashes and full-width minus signs differ by the file's encoding only: they change no customer (money.md, CP932).
# An older month's file never takes a customer back to an old phone number.
_UPDATE_ACCOUNTS = """
WITH changed AS (
  SELECT a.id, a.phone AS old_phone, l.*
  FROM import_account l JOIN account a ON a.customer_number = l.customer_number
  WHERE ((a.name_kanji, a.name_kana, a.service_location) <> (l.name_kanji, l.name_kana, l.service_location)
         AND translate(concat_ws('|', a.name_kanji, a.name_kana, a.service_location), '～－', '〜−')
          <> translate(concat_ws('|', l.name_kanji, l.name_kana, l.service_location), '～－', '〜−')
      OR a.phone <> l.phone
      OR :has_email AND a.email IS DISTINCT FROM l.email)
    AND NOT EXISTS (
      SELECT FROM bill b
      WHERE b.account_id = a.id AND b.billing_month > l.billing_month AND b.state <> 'void')
), updated AS (
  UPDATE account a
  SET name_kanji = c.name_kanji, name_kana = c.name_kana, phone = c.phone, service_location = c.service_location,
      email = CASE WHEN :has_email THEN c.email ELSE a.email END
  FROM changed c WHERE a.id = c.id
  RETURNING c.old_phone <> c.phone AS has_new_phone
)
SELECT count(*) AS accounts, count(*) FILTER (WHERE has_new_phone) AS phones FROM updated
"""

_INSERT_ACCOUNTS = """
INSERT INTO account (customer_number, name_kanji, name_kana, phone, email, service_location, created_at)
SELECT customer_number, name_kanji, name_kana, phone, email, service_location, :now
FROM import_account l
WHERE NOT EXISTS (SELECT FROM account a WHERE a.customer_number = l.customer_number)
"""

# A payment URL that still waits must not go to a number that is somebody else's by now (f61).
_READDRESS = """
UPDATE notice n SET address = a.phone
FROM account a
WHERE n.account_id = a.id AND n.channel = 'sms' AND n.state = 'queued' AND n.kind <> 'code'
  AND n.address <> a.phone
"""

_INSERT_BILLS = """
INSERT INTO bill (account_id, bill_number, billing_month, period_from, period_to, usage_kwh, amount,
  confirmed_on, state, created_at)
SELECT a.id, l.bill_number, l.billing_month, l.period_from, l.period_to, l.usage_tenths * 0.1, l.amount,
  l.confirmed_on, 'finalized', :now
FROM import_line l JOIN account a ON a.customer_number = l.customer_number
WHERE NOT EXISTS (SELECT FROM import_match m WHERE m.line = l.line)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCounts:
    """What became of the customers; `new_phones` are those among `updated` whose phone changed."""

    new: int
    updated: int
    new_phones: int


async def write_accounts(connection: AsyncConnection, *, has_email: bool, now: datetime) -> AccountCounts:
    """Create and update customers from their newest lines. Without an e-mail column known addresses stay."""
    updated = (await connection.execute(text(_UPDATE_ACCOUNTS), {"has_email": has_email})).one()
    if updated.phones:
        await connection.execute(text(_READDRESS))
    inserted = await connection.execute(text(_INSERT_ACCOUNTS), {"now": now})
    return AccountCounts(new=inserted.rowcount, updated=updated.accounts, new_phones=updated.phones)


async def write_new_bills(connection: AsyncConnection, *, now: datetime) -> int:
    """Write the bills that the ledger does not have; returns how many."""
    return (await connection.execute(text(_INSERT_BILLS), {"now": now})).rowcount
