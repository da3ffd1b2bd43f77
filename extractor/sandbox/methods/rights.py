"""Who may see CRM at all."""

from __future__ import annotations

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.world import World


def barred(world: World, session: Session) -> bool:
    """Say whether the caller has no right to CRM: administrators always have."""
    return not (session.admin or world.knobs.crm)


def admit(world: World, session: Session, code: str = "") -> None:
    """Refuse a caller without any right, in the words of the classic methods or of the controllers."""
    if barred(world, session):
        raise Refusal(code, "Access denied.")
