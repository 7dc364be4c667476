"""The database keeps claims with their money, and lets states go forward only

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# The database itself refuses what must never happen, whoever asks (money.md, invariants 1-4, 7, 13). What the monthly
# opening writes by the thousand is judged once a statement; row by row only what is rare.
_CLAIMS = (
    # A claim goes when its attempt ended without money; until then, and for ever after a success, it stays.
    """
CREATE FUNCTION refuse_attempt_claim_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM payment_attempt WHERE id = OLD.attempt_id AND state NOT IN ('declined', 'withdrawn')) THEN
    RAISE EXCEPTION 'bill %: attempt % has taken money or still may, its claim stays', OLD.bill_id, OLD.attempt_id;
  END IF;
  RETURN OLD;
END $$
""",
    """
CREATE TRIGGER refuse_attempt_claim_release BEFORE DELETE ON bill_claim
  FOR EACH ROW WHEN (OLD.attempt_id IS NOT NULL) EXECUTE FUNCTION refuse_attempt_claim_release()
""",
    # It changes hands only from one attempt to another that has brought the money. Whether it has is judged at the
    # commit: late money takes the claims before it is called a success.
    """
CREATE FUNCTION refuse_claim_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.bill_id <> OLD.bill_id OR OLD.attempt_id IS NULL OR NEW.attempt_id IS NULL
     OR EXISTS (SELECT FROM payment_attempt WHERE id = OLD.attempt_id AND state = 'succeeded') THEN
    RAISE EXCEPTION 'bill %: its claim stays with whom it is', OLD.bill_id;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_claim_rewrite BEFORE UPDATE ON bill_claim
  FOR EACH ROW WHEN (NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION refuse_claim_rewrite()
""",
    """
CREATE FUNCTION refuse_claim_for_no_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM bill_claim WHERE bill_id = NEW.bill_id AND attempt_id = NEW.attempt_id)
     AND NOT EXISTS (
       SELECT FROM payment_attempt p JOIN payment_request_bill m ON m.request_id = p.request_id
       WHERE p.id = NEW.attempt_id AND p.state = 'succeeded' AND m.bill_id = NEW.bill_id) THEN
    RAISE EXCEPTION 'bill %: attempt % has not paid it and takes no claim over', NEW.bill_id, NEW.attempt_id;
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER refuse_claim_for_no_money AFTER UPDATE ON bill_claim DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.attempt_id IS DISTINCT FROM OLD.attempt_id) EXECUTE FUNCTION refuse_claim_for_no_money()
""",
    # Attempt and claims are written by one statement. Without claims begins only what a restored database has forgotten,
    # for a request that has ended: it was sent, and its outcome is asked for.
    """
CREATE FUNCTION refuse_attempt_without_claims() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  refused uuid;
BEGIN
  SELECT p.id INTO refused
  FROM fresh p JOIN payment_request r ON r.id = p.request_id
  WHERE p.state IN ('prepared', 'sent', 'challenged', 'unknown', 'succeeded')
    AND (r.state IN ('open', 'closing') OR p.state <> 'unknown')
    AND (r.state NOT IN ('open', 'closing', 'settled')
      OR NOT EXISTS (SELECT FROM payment_request_bill m WHERE m.request_id = p.request_id)
      OR EXISTS (
        SELECT FROM payment_request_bill m LEFT JOIN bill_claim c ON c.bill_id = m.bill_id AND c.attempt_id = p.id
        WHERE m.request_id = p.request_id AND c.bill_id IS NULL))
  LIMIT 1;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION 'attempt %: holds not every bill of a live request', refused;
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER refuse_attempt_without_claims AFTER INSERT ON payment_attempt REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_attempt_without_claims()
""",
    """
CREATE FUNCTION refuse_success_without_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
      SELECT FROM payment_request_bill m LEFT JOIN bill_claim c ON c.bill_id = m.bill_id AND c.attempt_id = NEW.id
      WHERE m.request_id = NEW.request_id AND c.bill_id IS NULL) THEN
    RAISE EXCEPTION 'attempt %: succeeded, and does not hold every bill of its request', NEW.id;
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER refuse_success_without_claims AFTER UPDATE OF state ON payment_attempt
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'succeeded' AND OLD.state <> 'succeeded')
  EXECUTE FUNCTION refuse_success_without_claims()
""",
)

_ATTEMPTS = (
    """
CREATE OR REPLACE FUNCTION refuse_attempt_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.id, NEW.amount, NEW.charge_request, NEW.request_id, NEW.transaction_id, NEW.card_id, NEW.origin, NEW.gateway)
     IS DISTINCT FROM
     (OLD.id, OLD.amount, OLD.charge_request, OLD.request_id, OLD.transaction_id, OLD.card_id, OLD.origin, OLD.gateway)
  THEN
    RAISE EXCEPTION 'attempt %: what was sent never changes', OLD.id;
  END IF;
  IF OLD.state IN ('succeeded', 'withdrawn') AND NEW.state <> OLD.state
     OR OLD.state = 'declined' AND NEW.state NOT IN ('declined', 'succeeded') THEN
    RAISE EXCEPTION 'attempt %: % cannot become %', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
""",
)

_REQUESTS = (
    # An ended request comes back through `closing` only, and only late money takes it there; `settled` is the end.
    """
CREATE FUNCTION refuse_request_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.amount, NEW.account_id, NEW.order_number, NEW.bill_count)
     IS DISTINCT FROM (OLD.amount, OLD.account_id, OLD.order_number, OLD.bill_count) THEN
    RAISE EXCEPTION 'payment_request %: what is asked for never changes; write a new row instead', OLD.id;
  END IF;
  IF NEW.state <> OLD.state AND NOT (
       OLD.state = 'open' AND NEW.state IN ('closing', 'settled', 'void')
    OR OLD.state = 'closing' AND NEW.state IN ('settled', 'expired')
    OR OLD.state IN ('expired', 'void') AND NEW.state = 'closing') THEN
    RAISE EXCEPTION 'payment_request %: % cannot become %', OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
""",
    "DROP TRIGGER refuse_money_rewrite ON payment_request",
    """
CREATE TRIGGER refuse_request_rewrite BEFORE UPDATE OF amount, account_id, order_number, bill_count, state
  ON payment_request FOR EACH ROW EXECUTE FUNCTION refuse_request_rewrite()
""",
    # contract: only the trigger above it used it; the new one refuses more
    "DROP FUNCTION refuse_money_rewrite",
    # The mark `is_live`, by which a bill is in one request only, mirrors the request's state at every commit.
    """
CREATE FUNCTION refuse_wrong_mark() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  request bigint := CASE TG_TABLE_NAME WHEN 'payment_request' THEN to_jsonb(NEW) ->> 'id'
    ELSE to_jsonb(NEW) ->> 'request_id' END;
BEGIN
  IF EXISTS (
      SELECT FROM payment_request r JOIN payment_request_bill m ON m.request_id = r.id
      WHERE r.id = request AND m.is_live <> (r.state IN ('open', 'closing', 'settled'))) THEN
    RAISE EXCEPTION 'payment_request %: its bills are marked as if it was in another state', request;
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE CONSTRAINT TRIGGER refuse_wrong_mark AFTER UPDATE OF state ON payment_request DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((NEW.state IN ('open', 'closing', 'settled')) <> (OLD.state IN ('open', 'closing', 'settled')))
  EXECUTE FUNCTION refuse_wrong_mark()
""",
    """
CREATE CONSTRAINT TRIGGER refuse_wrong_mark AFTER UPDATE OF is_live ON payment_request_bill
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.is_live <> OLD.is_live) EXECUTE FUNCTION refuse_wrong_mark()
""",
    """
CREATE FUNCTION refuse_wrong_fresh_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
      SELECT FROM fresh m JOIN payment_request r ON r.id = m.request_id
      WHERE m.is_live <> (r.state IN ('open', 'closing', 'settled'))) THEN
    RAISE EXCEPTION 'payment_request_bill: a mark does not mirror the state of its request';
  END IF;
  RETURN NULL;
END $$
""",
    """
CREATE TRIGGER refuse_wrong_fresh_mark AFTER INSERT ON payment_request_bill REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_wrong_fresh_mark()
""",
    """
CREATE FUNCTION refuse_another_bill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'payment_request %: which bills it asks for never changes', OLD.request_id;
END $$
""",
    """
CREATE TRIGGER refuse_another_bill BEFORE UPDATE OF request_id, bill_id OR DELETE ON payment_request_bill
  FOR EACH ROW EXECUTE FUNCTION refuse_another_bill()
""",
)

_FORWARD_ONLY = (
    # The arguments are the states that nothing leaves.
    """
CREATE FUNCTION refuse_way_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = ANY (TG_ARGV::text[]) THEN
    RAISE EXCEPTION '% %: % cannot become %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE TRIGGER refuse_way_back BEFORE UPDATE OF state ON payment_link
  FOR EACH ROW WHEN (NEW.state <> OLD.state)
  EXECUTE FUNCTION refuse_way_back('used', 'expired', 'superseded', 'revoked')
""",
    """
CREATE TRIGGER refuse_way_back BEFORE UPDATE OF state ON inbox_event
  FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION refuse_way_back('done')
""",
    """
CREATE TRIGGER refuse_way_back BEFORE UPDATE OF state ON card_on_file
  FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION refuse_way_back('unusable')
""",
    """
CREATE FUNCTION refuse_old_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'card_on_file %: % cannot become %', OLD.id, OLD.state, NEW.state;
END $$
""",
    """
CREATE TRIGGER refuse_old_card BEFORE UPDATE OF state ON card_on_file
  FOR EACH ROW WHEN (NEW.state <> OLD.state AND (
    NEW.state = 'pending' OR OLD.state = 'replaced' AND NEW.state = 'active'))
  EXECUTE FUNCTION refuse_old_card()
""",
)


def upgrade() -> None:
    for guard in (*_CLAIMS, *_ATTEMPTS, *_REQUESTS, *_FORWARD_ONLY):
        op.execute(guard)


def downgrade() -> None:
    raise RuntimeError("Money's history is never taken back; restore a backup instead.")
