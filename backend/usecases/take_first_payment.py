"""The payer's way through a payment URL: prove who you are, register a card, confirm, pay once (R16-R19)."""

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from backend.domain.identifiers import hash_token, new_secret
from backend.domain.payment_page import PageState, PaymentPage
from backend.domain.states import AttemptOrigin
from backend.failpoints import failpoint
from backend.ports import CardSnapshot, Registration, RegistrationStatus
from backend.store import attempts, cards, links, pages, tasks
from backend.store.engine import transaction
from backend.usecases.charge_prepared import LEASE_SECONDS, charge_one
from backend.usecases.locked_links import tell_if_locked
from backend.usecases.services import Services

SESSION_LIFE = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenPayer:
    """A session that has just begun; the cookie's value is told once and stored only as a hash."""

    cookie: str = field(repr=False)
    page: PaymentPage


class ProofResult(StrEnum):
    """Why a session did not begin."""

    WRONG_ANSWER = "wrong_answer"
    NOT_PAYABLE = "not_payable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerSession:
    """A payer on our pages, with what the pages show."""

    id_hash: bytes = field(repr=False)
    page: PaymentPage
    registration_id: UUID | None
    gateway_reference: str | None


async def find_page(services: Services, *, token: str) -> PaymentPage | None:
    """What a URL leads to; None when no such link exists. Changes nothing (f43)."""
    async with transaction(services.engine) as connection:
        link_id = await links.find_link(connection, token=token)
        return await pages.load_page(connection, link_id=link_id) if link_id else None


async def _judge(connection: AsyncConnection, *, link_id: UUID, now: datetime) -> PaymentPage:
    """What is true of a link that was acted on. An amount that its bills contradict goes to people, once (invariant 6).

    Who only looks tells nobody: opening a page changes nothing, and `verify` finds the contradiction by itself.
    """
    page = await pages.load_page(connection, link_id=link_id)
    if page.state(now=now) is PageState.AMOUNT_IN_DOUBT:
        await tasks.raise_task(
            connection,
            kind="amount_in_doubt",
            subject=page.order_number,
            account_id=page.account_id,
            detail={"order_number": page.order_number, "amount": page.amount},
            now=now,
        )
    return page


async def prove_payer(
    services: Services, *, token: str, phone_tail: str, now: datetime
) -> ProvenPayer | ProofResult | None:
    """Begin a session for who knows the last four digits of the contract's phone number (f42).

    To pay, or to answer the issuer's question on another device than the one it was met on. Wrong answers are
    counted on the link; after five of them it needs a person.
    """
    async with transaction(services.engine) as connection:
        link_id = await links.find_link(connection, token=token)
        if link_id is None:
            return None
        await links.lock_link(connection, link_id=link_id)
        page = await _judge(connection, link_id=link_id, now=now)
        if not page.may_prove(now=now):
            return ProofResult.NOT_PAYABLE
        if phone_tail != page.phone_tail:
            await links.count_proof_failure(connection, link_id=link_id)
            await tell_if_locked(connection, request_id=page.request_id, now=now)
            return ProofResult.WRONG_ANSWER
        cookie = new_secret()
        await pages.create_session(
            connection,
            id_hash=hash_token(cookie),
            link_id=link_id,
            now=now,
            expires_at=min(now + SESSION_LIFE, page.valid_until + SESSION_LIFE),
        )
        return ProvenPayer(cookie=cookie, page=page)


async def find_payer(services: Services, *, cookie: str, order_number: str, now: datetime) -> PayerSession | None:
    """The session behind a cookie, if it belongs to this order. Changes nothing."""
    id_hash = hash_token(cookie)
    async with transaction(services.engine) as connection:
        session = await pages.find_session(connection, id_hash=id_hash, now=now)
        if session is None:
            return None
        page = await pages.load_page(connection, link_id=session.link_id)
    if page.order_number != order_number:
        return None
    return PayerSession(
        id_hash=id_hash,
        page=page,
        registration_id=session.registration_id,
        gateway_reference=session.gateway_reference,
    )


async def begin_card_entry(
    services: Services, *, payer: PayerSession, return_url: str, consent_version: str, now: datetime
) -> Registration:
    """Open the gateway's card fields for this payer, who has agreed to the consent text of that version.

    Raises:
        GatewayUnavailableError: nothing was begun; the payer may press again.
    """
    page, registration_id = payer.page, uuid4()
    registration = await services.gateway.open_registration(
        key=registration_id,
        customer=await _ensure_customer(services, page),
        order_number=page.order_number,
        return_url=return_url,
        origin=services.public_base_url,
        expires_at=page.valid_until,
    )
    failpoint("after-registration")
    async with transaction(services.engine) as connection:
        await pages.keep_registration(
            connection,
            registration_id=registration_id,
            link_id=page.link_id,
            gateway_reference=registration.reference,
            id_hash=payer.id_hash,
            consent_version=consent_version,
            now=now,
        )
        await tell_if_locked(connection, request_id=page.request_id, now=now)
    return registration


async def _ensure_customer(services: Services, page: PaymentPage) -> str:
    gateway = services.gateway
    async with transaction(services.engine) as connection:
        known = await pages.find_gateway_customer(connection, account_id=page.account_id, gateway=gateway.name)
    if known:
        return known
    # The key is made of the customer, not of our row: after a restore the row's number may be another customer's.
    key = f"customer-{hashlib.sha256(page.customer_number.encode()).hexdigest()[:32]}"
    reference = await gateway.ensure_customer(customer_number=page.customer_number, key=key)
    async with transaction(services.engine) as connection:
        await pages.keep_gateway_customer(
            connection, account_id=page.account_id, gateway=gateway.name, reference=reference
        )
        kept = await pages.find_gateway_customer(connection, account_id=page.account_id, gateway=gateway.name)
    return kept or reference


async def look_at_registration(services: Services, *, payer: PayerSession) -> Registration | None:
    """What the gateway says of the payer's card entry; None when none was begun. Changes nothing.

    Raises:
        GatewayUnavailableError: the gateway does not answer; reload later.
    """
    if payer.gateway_reference is None:
        return None
    return await services.gateway.registration(payer.gateway_reference)


async def is_refused(services: Services, *, payer: PayerSession, card: CardSnapshot, now: datetime) -> bool:
    """Whether this card may not be charged for this payer, also when it was entered anew (invariant 10)."""
    async with transaction(services.engine) as connection:
        return await cards.is_refused(
            connection,
            account_id=payer.page.account_id,
            gateway=services.gateway.name,
            fingerprint=card.fingerprint,
            now=now,
        )


async def pay(services: Services, *, payer: PayerSession, transaction_id: str, now: datetime) -> PaymentPage:
    """Charge the registered card, once however often it is pressed (R18, f37-f39, f45); returns what is true now.

    `transaction_id` is the one that the confirmation page showed: pressing an old page again leads to its
    own attempt. The deadline is judged at the press (f41).

    Raises:
        GatewayUnavailableError: the card entry could not be read; nothing was charged.
    """
    page = payer.page
    is_next_try = page.state(now=now) is PageState.PAYABLE and transaction_id == page.transaction_id
    registration = await look_at_registration(services, payer=payer) if is_next_try else None
    card = _usable_card(registration, page)
    if card:
        attempt_id = await _claim(services, payer=payer, card=card, now=now)
        if attempt_id:
            failpoint("after-claim")
            await charge_one(services, attempt_id=attempt_id, now=now)
    async with transaction(services.engine) as connection:
        return await _judge(connection, link_id=page.link_id, now=now)


def _usable_card(registration: Registration | None, page: PaymentPage) -> CardSnapshot | None:
    """The card that was just entered; one that was just declined must be entered anew (invariant 10)."""
    if registration is None or registration.status is not RegistrationStatus.SUCCEEDED:
        return None
    card = registration.card
    return card if card and not page.has_refused(card.card_reference) else None


async def _claim(services: Services, *, payer: PayerSession, card: CardSnapshot, now: datetime) -> UUID | None:
    """T1: the card, the attempt and its claims in one commit; None when another press was first."""
    try:
        async with transaction(services.engine) as connection:
            card_id = await pages.keep_card(
                connection,
                account_id=payer.page.account_id,
                registration_id=_known(payer.registration_id),
                card={**asdict(card), "gateway": services.gateway.name, "now": now},
            )
            prepared = await attempts.prepare_attempts(
                connection,
                request_ids=[payer.page.request_id],
                origin=AttemptOrigin.LINK,
                card_id=card_id,
                now=now,
                not_before=now,
                lease_seconds=LEASE_SECONDS,
                base_url=services.public_base_url,
                transaction_id=payer.page.transaction_id,
            )
    except attempts.AlreadyBeingPaidError:
        return None
    return prepared[0] if prepared else None


def _known(registration_id: UUID | None) -> UUID:
    if registration_id is None:
        raise ValueError("a registration that was looked at has an id")
    return registration_id
