"""What is left of a charge, counted by the charge; a refund that this database has forgotten to have sent

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The one charge whose money is counted for an attempt. The gateway may have made a second one under it: what goes back
# of that one changes nothing of this one. What was given up has no charge of its own: the evidence names it.
_BOOKED_CHARGE = """
CREATE FUNCTION booked_charge(attempt uuid) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(CASE a.state WHEN 'succeeded' THEN a.gateway_reference END,
    (SELECT e.gateway_reference FROM payment_evidence e
     WHERE e.attempt_id = a.id AND e.outcome = 'succeeded' AND e.gateway_reference IS NOT NULL
     ORDER BY e.id DESC LIMIT 1))
  FROM payment_attempt a WHERE a.id = attempt
$$
"""

_GONE_OF = """
CREATE FUNCTION gone_of(attempt uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT sum(f.amount) FROM refund f
                   WHERE f.attempt_id = attempt AND f.charge_reference = booked.charge AND f.state = 'succeeded'), 0)
    + coalesce((SELECT sum(d.amount) FROM dispute d
                WHERE d.attempt_id = attempt AND d.charge_reference = booked.charge AND d.state = 'lost'), 0)
  FROM (SELECT booked_charge(attempt) AS charge) booked
$$
"""

# As captured_by() less gone_of(), and without waiting for the attempt: for statements that hold a refund's row, which
# comes after the attempt's in the order of locks.
_LEFT_OF = """
CREATE FUNCTION left_of(attempt uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(CASE a.state WHEN 'succeeded' THEN a.amount END,
    (SELECT max(e.amount) FROM payment_evidence e WHERE e.attempt_id = a.id AND e.outcome = 'succeeded'), 0)
    - gone_of(a.id)
  FROM payment_attempt a WHERE a.id = attempt
$$
"""

_BEYOND = """
CREATE OR REPLACE FUNCTION refuse_refund_beyond() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  captured integer;
  gone bigint;
BEGIN
  captured := captured_by(NEW.attempt_id);
  IF NEW.origin = 'console' THEN
    RETURN NEW;
  END IF;
  IF NEW.state <> 'requested' THEN
    RAISE EXCEPTION 'a refund begins as requested, not as %', NEW.state;
  END IF;
  IF EXISTS (SELECT FROM dispute WHERE attempt_id = NEW.attempt_id AND state = 'open') THEN
    RAISE EXCEPTION 'attempt %: nothing is refunded while a dispute is open', NEW.attempt_id;
  END IF;
  SELECT coalesce((SELECT sum(amount) FROM refund
                   WHERE attempt_id = NEW.attempt_id AND charge_reference = NEW.charge_reference
                     AND state NOT IN ('refused', 'withdrawn')), 0)
    + coalesce((SELECT sum(amount) FROM dispute
                WHERE attempt_id = NEW.attempt_id AND charge_reference = NEW.charge_reference AND state = 'lost'), 0)
  INTO gone;
  IF gone + NEW.amount > captured THEN
    RAISE EXCEPTION 'attempt %: % were captured, % given back or promised; % more is too much',
      NEW.attempt_id, captured, gone, NEW.amount;
  END IF;
  RETURN NEW;
END $$
"""

# New: what was not sent becomes succeeded when the gateway has it under our id, so a restored database has lost that.
_REWRITE = """
CREATE OR REPLACE FUNCTION refuse_refund_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.attempt_id, NEW.charge_reference, NEW.origin, NEW.amount, NEW.reason, NEW.requested_by, NEW.created_at)
     IS DISTINCT FROM (OLD.attempt_id, OLD.charge_reference, OLD.origin, OLD.amount, OLD.reason, OLD.requested_by,
       OLD.created_at)
     OR OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by THEN
    RAISE EXCEPTION 'refund %: what was asked for never changes', OLD.id;
  END IF;
  IF NEW.state <> OLD.state AND NOT (
       OLD.state = 'requested' AND NEW.state IN ('prepared', 'withdrawn', 'succeeded')
    OR OLD.state = 'prepared' AND NEW.state IN ('sent', 'withdrawn', 'succeeded')
    OR OLD.state = 'sent' AND NEW.state IN ('prepared', 'succeeded', 'refused', 'unknown')
    OR OLD.state = 'unknown' AND NEW.state IN ('succeeded', 'refused')
    OR OLD.state IN ('refused', 'withdrawn') AND NEW.state = 'succeeded') THEN
    RAISE EXCEPTION 'refund %: % cannot become %', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
"""

# What we send has two names. What we find at the gateway and do not remember to have sent may have lost the second.
_APPROVED = (
    "origin = 'console' OR state IN ('requested', 'withdrawn') OR approved_by IS NOT NULL "
    "OR state = 'succeeded' AND first_sent_at IS NULL"
)


def upgrade() -> None:
    for function in (_BOOKED_CHARGE, _GONE_OF, _LEFT_OF, _BEYOND, _REWRITE):
        op.execute(function)
    op.drop_constraint(op.f("ck_refund_approved"), "refund", type_="check")
    op.create_check_constraint(op.f("ck_refund_approved"), "refund", sa.text(_APPROVED))


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
