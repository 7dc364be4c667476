"""Contradictions in the ledger that nothing of ours makes, and what the pages say of them."""

from sqlalchemy import text

from tests.web.site import Site

IN_DOUBT = "ご請求金額を確認中です"


async def plant(site: Site, contradiction: str) -> None:
    """Write past the guards."""
    async with site.services.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text(contradiction))
