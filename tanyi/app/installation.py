"""One running installation: its settings, its database, its keys, and the simulated bank beside it.

Keys are made on first use in the data folder, for this user alone. Everything at the edge opens its transactions here,
so that each of them is logged before it is committed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from settlement.certificate_claim import DEMO_LEGAL_EFFECT
from settlement.gateway.signing import WebhookKey
from settlement.gateway.simulator import SimulatedGateway
from tanyi.kernel import db
from tanyi.kernel.config import Settings, ensure_data_folder
from tanyi.kernel.sealing import SealingKey
from tanyi.kernel.signatures import SigningKey, jwks
from tanyi.kernel.work import SYSTEM, Actor, Reader, Work
from tanyi.ledger import audit_log


@dataclass(frozen=True)
class Installation:
    """What every command and every request needs."""

    settings: Settings
    database: db.Database
    signing_key: SigningKey
    webhook_key: WebhookKey
    gateway: SimulatedGateway
    sealing_key: SealingKey

    @property
    def legal_effect(self) -> str | None:
        """What certificates say about themselves: the demo's have none."""
        return None if self.settings.mode == "production" else DEMO_LEGAL_EFFECT

    def open_work(self, actor: Actor = SYSTEM) -> AbstractContextManager[Work]:
        """A transaction that is logged and committed on leaving."""
        return audit_log.open_work(self.database.app_engine(), actor=actor)

    def work_opener(self, actor: Actor = SYSTEM) -> Callable[[], AbstractContextManager[Work]]:
        """Opens any number of transactions for one actor."""
        return partial(self.open_work, actor)

    def open_reader(self) -> AbstractContextManager[Reader]:
        """A read-only view of one state of things."""
        return audit_log.open_reader(self.database.app_engine())

    def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The key set by which certificates and checkpoints are verified."""
        return jwks([self.signing_key.public])


@contextmanager
def open_installation(settings: Settings) -> Iterator[Installation]:
    """Opens the database and the keys of an installation; the embedded server stops with its last user."""
    folder = ensure_data_folder(settings.data)
    with db.open_database(settings) as database:
        webhook_key = WebhookKey(_secret(folder / "keys" / "webhook-secret"))
        gateway = SimulatedGateway(database.app_engine(), webhook_key=webhook_key)
        signing_key = SigningKey.load_or_create(folder / "keys" / "signing-key.pem")
        sealing_key = SealingKey(_secret(folder / "keys" / "sealing-secret"))
        yield Installation(settings, database, signing_key, webhook_key, gateway, sealing_key)


def _secret(path: Path) -> str:
    """A random secret in a file of mode 600, whole or not there; of processes that make it at once one wins for all."""
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it mode 600
        try:
            with os.fdopen(descriptor, "w", encoding="utf8") as file:
                file.write(secrets.token_urlsafe(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)  # unlike a rename, a link never replaces what is there
        finally:
            Path(draft).unlink()
    return path.read_text(encoding="utf8")
