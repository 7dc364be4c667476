"""Invariants of the cards that are charged without their owner being there (money.md 9-11)."""

from backend.store.invariants.invariant import Invariant

CARDS = (
    Invariant(
        name="two_active_cards",
        sentence="An account has at most one active card.",
        is_money=True,
        query="""
            SELECT 'account ' || account_id, 'cards ' || string_agg(CAST(id AS text), ', ')
            FROM card_on_file WHERE state = 'active' GROUP BY account_id HAVING count(*) > 1""",
    ),
    Invariant(
        name="card_of_another_account",
        sentence="A request is charged to a card of its own account.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'card ' || c.id || ' belongs to account ' || c.account_id
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id JOIN card_on_file c ON c.id = p.card_id
            WHERE c.account_id <> r.account_id""",
    ),
    Invariant(
        name="charge_of_another_card",
        sentence="The frozen charge names the card that the attempt is for.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'its charge names another card than card ' || c.id
            FROM payment_attempt p JOIN card_on_file c ON c.id = p.card_id
            WHERE (p.charge_request ->> 'card', p.charge_request ->> 'customer')
              IS DISTINCT FROM (c.card_reference, c.customer_reference)""",
    ),
    Invariant(
        name="dead_card_will_be_charged",
        sentence="No automatic charge waits for a card that its issuer has refused for good.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'card ' || c.id || ' is unusable'
            FROM payment_attempt p JOIN payment_request r ON r.id = p.request_id JOIN card_on_file c ON c.id = p.card_id
            WHERE p.state = 'prepared' AND p.origin = 'automatic' AND c.state = 'unusable'
              AND r.state = 'open' AND r.valid_until > :now""",
    ),
    Invariant(
        name="old_card_charged",
        sentence="From the application for another card on, the old one is not charged by itself.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', card change ' || c.id || ' came '
              || c.received_at
            FROM card_change_request c JOIN payment_request r ON r.account_id = c.account_id
            JOIN payment_attempt p ON p.request_id = r.id
            WHERE c.state IN ('received', 'link_sent') AND p.origin = 'automatic'
              AND p.first_sent_at > c.received_at + CAST(:skew AS interval)""",
    ),
    Invariant(
        name="charged_without_consent",
        sentence="An automatic charge comes after the owner's consent and the card's authentication.",
        is_money=True,
        query="""
            SELECT 'attempt ' || p.id, 'sent ' || p.first_sent_at || ', consent ' || c.consented_at
              || ', authenticated ' || c.authenticated_at
            FROM payment_attempt p JOIN card_on_file c ON c.id = p.card_id
            WHERE p.origin = 'automatic' AND p.created_at < c.created_at - CAST(:skew AS interval)""",
    ),
)
