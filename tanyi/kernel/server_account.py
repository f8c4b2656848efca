"""Which operating-system account runs the embedded server: our own, or a separate one when we are root.

PostgreSQL refuses to run as root, so root starts it as the account `tanyi-db`, made once. That account owns the cluster
and must be able to walk down to it and to the programs: every folder above them that it cannot pass gets the one
permission for that, to be passed through (`o+x`), never to be listed or read.
"""

from __future__ import annotations

import logging
import os
import pwd
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tanyi.kernel.errors import N_, Unavailable

ACCOUNT_NAME = "tanyi-db"
READ_AND_PASS = stat.S_IROTH | stat.S_IXOTH

log = logging.getLogger(__name__)


class ServerAccountMissing(Unavailable):
    """Root asked for the embedded server and no other account can be made to run it."""

    code = "embedded_server.account_missing"
    message = N_("PostgreSQL does not run as root and the account %(account)s cannot be made: %(reason)s")


class ClusterOfAnother(Unavailable):
    """The cluster was made by another account, which alone may run it."""

    code = "embedded_server.cluster_of_another"
    message = N_("The database in %(folder)s belongs to another user of this machine. Run this as that user.")


class RunAs(TypedDict, total=False):
    """Keywords of `subprocess`; none of them means our own account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account by its numbers; `is_other` when it is not the one that this process runs as."""

    uid: int
    gid: int
    is_other: bool

    def run_as(self) -> RunAs:
        """What `subprocess` needs to run a program as this account."""
        return RunAs(user=self.uid, group=self.gid, extra_groups=[]) if self.is_other else RunAs()

    def make_folder(self, folder: Path) -> None:
        """Makes a folder that only this account (and root) may open."""
        folder.mkdir(mode=0o700)
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def refuse_unless_owner(self, folder: Path) -> None:
        """Refuses with `ClusterOfAnother` a folder that this account does not own."""
        if folder.stat().st_uid != self.uid:
            raise ClusterOfAnother(folder=str(folder))

    def let_pass(self, folder: Path) -> None:
        """Lets this account pass through `folder` and every folder above it; changes nothing where it already may."""
        if not self.is_other:
            return
        for step in (folder, *folder.parents):
            if not self._may_pass(step):
                step.chmod(step.stat().st_mode | stat.S_IXOTH)
                log.info("%s may now be passed through by %s", step, ACCOUNT_NAME)

    def let_run(self, programs: Path) -> None:
        """Lets this account run the programs of the wheel, wherever it was installed and under whatever umask."""
        if not self.is_other:
            return
        self.let_pass(programs)
        if any(path.stat().st_mode & READ_AND_PASS != READ_AND_PASS for path in (programs, programs / "postgres")):
            for path in (programs.parent, *programs.parent.rglob("*")):
                path.chmod(path.stat().st_mode | READ_AND_PASS)

    def _may_pass(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def server_account() -> ServerAccount:
    """The account to run the server as; root makes `tanyi-db` when it is missing, or refuses."""
    if os.geteuid() != 0:
        return ServerAccount(uid=os.geteuid(), gid=os.getegid(), is_other=False)
    entry = _entry() or _made_entry()
    return ServerAccount(uid=entry.pw_uid, gid=entry.pw_gid, is_other=True)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _made_entry() -> pwd.struct_passwd:
    """Two processes may make it at once: the loser of the race finds what the winner made."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", ACCOUNT_NAME]
    reason = ""
    for pause_seconds in (0.0, 0.2, 0.5, 1.0, 2.0):
        time.sleep(pause_seconds)
        if (entry := _entry()) is not None:
            return entry
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  fixed words
        except FileNotFoundError:
            reason = "there is no useradd on this machine"
        except subprocess.CalledProcessError as error:
            reason = error.stderr.strip()
    if (entry := _entry()) is not None:
        return entry
    raise ServerAccountMissing(account=ACCOUNT_NAME, reason=reason)
