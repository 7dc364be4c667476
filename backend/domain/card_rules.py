"""How often a card may be tried that the issuer does not let pay (money.md, invariant 10)."""

from datetime import timedelta

MOST_DECLINES = 3  # of one card for one customer; a card that must never be tried again is not tried even once
DECLINES_WITHIN = timedelta(days=30)
