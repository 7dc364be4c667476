"""Every state that a row can be in, and which may follow which; the database enforces the money ones too."""

from enum import StrEnum


class BillState(StrEnum):
    """finalized → requested → paid; requested → carried_over → requested; held while an outcome is unknown.

    paid → refunded | disputed; disputed → paid (won) | refunded (lost). Neither is payable again by itself.
    """

    FINALIZED = "finalized"
    REQUESTED = "requested"
    HELD = "held"
    CARRIED_OVER = "carried_over"
    PAID = "paid"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    VOID = "void"


class RequestState(StrEnum):
    """open → settled; open → closing → expired | settled; open → void (replaced by a newer request).

    Settled says that every bill of it is paid: by its own attempt, or by a receipt that staff approved.
    """

    OPEN = "open"
    CLOSING = "closing"
    SETTLED = "settled"
    EXPIRED = "expired"
    VOID = "void"


class PaymentWay(StrEnum):
    """How a request is meant to be paid: by its URL, or by the registered card (R04)."""

    LINK = "link"
    AUTOMATIC = "automatic"


class CarryOverReason(StrEnum):
    """Why a request holds more than the month's own bill (R06-R08)."""

    LINK_EXPIRED = "link_expired"
    LATE_METER_READING = "late_meter_reading"


class LinkState(StrEnum):
    """active → used | expired | superseded | revoked; only an active link starts a payment."""

    ACTIVE = "active"
    USED = "used"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class AttemptState(StrEnum):
    """prepared → sent → succeeded | declined | challenged | unknown; prepared → withdrawn.

    `unknown` leaves only on evidence from the gateway (money.md).
    """

    PREPARED = "prepared"
    SENT = "sent"
    CHALLENGED = "challenged"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


LIVE_ATTEMPTS = (
    AttemptState.PREPARED,
    AttemptState.SENT,
    AttemptState.CHALLENGED,
    AttemptState.UNKNOWN,
)


class AttemptOrigin(StrEnum):
    """Who asked for the charge."""

    LINK = "link"
    AUTOMATIC = "automatic"


class ReceiptState(StrEnum):
    """recorded → approved (by a second person) | rejected; while recorded it holds the bill's claim (invariant 20)."""

    RECORDED = "recorded"
    APPROVED = "approved"
    REJECTED = "rejected"


class ReceiptKind(StrEnum):
    """How money came that no card moved; staff record it."""

    BANK = "bank"
    SHOP = "shop"
    CASH = "cash"


class DeclineClass(StrEnum):
    """What a decline means for the payer (money.md, decline classes)."""

    SOFT = "soft"
    NEW_CARD = "new_card"
    NEVER = "never"
    AUTHENTICATE = "authenticate"
    OURS = "ours"


class RefundState(StrEnum):
    """requested → prepared (a second person approved) → sent → succeeded | refused | unknown; requested → withdrawn.

    `unknown` leaves only on evidence from the gateway; evidence of money beats every other state.
    """

    REQUESTED = "requested"
    PREPARED = "prepared"
    SENT = "sent"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


LIVE_REFUNDS = (RefundState.REQUESTED, RefundState.PREPARED, RefundState.SENT, RefundState.UNKNOWN)


class RefundOrigin(StrEnum):
    """Who gave the money back: our staff through this product, or somebody at the gateway's own console."""

    STAFF = "staff"
    CONSOLE = "console"


class CardState(StrEnum):
    """pending (registered, not yet paid with) → active → replaced | unusable."""

    PENDING = "pending"
    ACTIVE = "active"
    REPLACED = "replaced"
    UNUSABLE = "unusable"


class CardChangeState(StrEnum):
    """received → link_sent → completed | withdrawn (R09)."""

    RECEIVED = "received"
    LINK_SENT = "link_sent"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class ChannelName(StrEnum):
    """The ways to reach a customer, best first."""

    LINE = "line"
    SMS = "sms"


class NoticeState(StrEnum):
    """queued → sending → sent → delivered | failed; unknown until evidence; needs_human is on the list for people."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NEEDS_HUMAN = "needs_human"


class NoticeKind(StrEnum):
    """What a message to a customer is about; the template has the same name."""

    PAYMENT_LINK = "payment_link"
    REMINDER = "reminder"
    PAID = "paid"
    CHARGED = "charged"
    CHARGE_DECLINED = "charge_declined"
    CHARGE_CARRIED_OVER = "charge_carried_over"
    RECEIPT_CONFIRMED = "receipt_confirmed"
    REFUNDED = "refunded"
    CARD_CHANGE_RECEIVED = "card_change_received"
    CODE = "code"
    REPLY = "reply"


class NoticeWord(StrEnum):
    """How a provider said what a notice has become: it answered our try, listed the message, or told us afterwards."""

    ANSWER = "answer"
    LOOK_UP = "look_up"
    RECEIPT = "receipt"


class InboxState(StrEnum):
    """received → working → done; quarantined after too many tries, for people to look at."""

    RECEIVED = "received"
    WORKING = "working"
    DONE = "done"
    QUARANTINED = "quarantined"


class BatchState(StrEnum):
    """opening → canary → running → done; canary, running → stopped → canary | running when people let it go on.

    Small batches need no canary; amounts that look wrong stop a batch before its canary.
    """

    OPENING = "opening"
    CANARY = "canary"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


class StopReason(StrEnum):
    """Why charging stands still until somebody lifts it."""

    BROKEN_INVARIANT = "broken_invariant"
    RESTORE_GATE = "restore_gate"
    DECLINE_RATIO = "decline_ratio"
    AMOUNT_ANOMALY = "amount_anomaly"
    PROVIDER_ERRORS = "provider_errors"
    STAFF = "staff"


class StopScope(StrEnum):
    """What stands still: every charge, or those that the month makes by itself."""

    ALL = "all"
    AUTOMATIC = "automatic"


class ExceptionKind(StrEnum):
    """What reconciliation can find between the gateway's books and ours (invariant 15)."""

    MISSING_LOCALLY = "missing_locally"
    MISSING_AT_GATEWAY = "missing_at_gateway"
    AMOUNT_DIFFERS = "amount_differs"
    STATE_DIFFERS = "state_differs"
    CAPTURED_TWICE = "captured_twice"
    FOREIGN_REFUND = "foreign_refund"
    DISPUTE = "dispute"
    NOT_SETTLED = "not_settled"
    SETTLED_UNSEEN = "settled_unseen"
