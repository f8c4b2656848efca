"""Where this installation keeps its things: the environment read once, checked, and frozen.

Every setting comes from the environment (or `--data`), so a deployment is a list of variables and nothing is read later
behind anyone's back. A bad value is refused by the name of its variable; a value is never repeated in the refusal,
because a database address holds a password.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

import platformdirs

from tanyi.kernel.errors import N_, Invalid

APP_ROLE = "tanyi_app"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"
PRIVATE_MODE = 0o700
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)

Mode = Literal["demo", "production"]
SecondFactor = Literal["required", "offered"]
BundleName = Literal["templates", "alembic"]


class SettingNotValid(Invalid):
    """A variable of the environment has a value that cannot be used."""

    code = "setting.not_valid"
    message = N_("The setting %(variable)s must be %(expected)s.")


class DataFolderNotWritable(Invalid):
    """The data folder cannot be made, or nothing can be written into it."""

    code = "data_folder.not_writable"
    message = N_("The data folder %(folder)s cannot be created or written: %(reason)s.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All that an installation may choose. `database_url` None means the embedded server inside `data`."""

    data: Path
    database_url: str | None
    owner_database_url: str | None
    app_role: str
    mode: Mode
    public_url: str
    second_factor: SecondFactor = "required"
    trusted_proxies: tuple[str, ...] = ()  # networks, written as 10.0.0.0/8
    smtp_url: str | None = None
    mail_from: str = "tanyi@localhost.localdomain"


def settings(environment: Mapping[str, str], data: Path | None = None) -> Settings:
    """The settings that this environment gives; `data` (the `--data` option) goes before TANYI_DATA.

    Refuses with `SettingNotValid`. Touches neither disk nor network. An empty variable counts as unset.
    """
    database_url = _database_url(environment, "DATABASE_URL")
    owner_database_url = _database_url(environment, "TANYI_OWNER_DATABASE_URL")
    if owner_database_url is not None and database_url is None:
        raise SettingNotValid(variable="TANYI_OWNER_DATABASE_URL", expected="unset while DATABASE_URL is unset")
    mode = _mode(environment)
    public_url = _public_url(environment)
    return Settings(
        data=_data_folder(environment, data),
        database_url=database_url,
        owner_database_url=owner_database_url or database_url,
        app_role=APP_ROLE,
        mode=mode,
        public_url=public_url,
        second_factor=_second_factor(environment, mode),
        trusted_proxies=_trusted_proxies(environment),
        smtp_url=_smtp_url(environment),
        mail_from=_mail_from(environment, public_url),
    )


def bundle_folder(name: BundleName) -> Path:
    """The folder `templates` or `alembic`: inside the installed package, or at the root of a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_bundle" / name
    return installed if installed.is_dir() else here.parents[1] / name


def ensure_data_folder(path: Path) -> Path:
    """Makes the data folder and `keys/` in it, both for this user alone (0700), and tries to write.

    Returns the absolute path. A folder that exists keeps its permissions, `keys/` is always closed again.
    Refuses with `DataFolderNotWritable`; root is told too, since it tries instead of asking for permissions.
    """
    try:
        folder = path.expanduser().resolve()
        folder.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
        keys = folder / "keys"
        keys.mkdir(mode=PRIVATE_MODE, exist_ok=True)
        keys.chmod(PRIVATE_MODE)
    except OSError as error:
        raise DataFolderNotWritable(folder=str(path), reason=os.strerror(error.errno or 0)) from error
    except (ValueError, RuntimeError) as error:  # a NUL in the name, or a ~user who does not exist
        raise DataFolderNotWritable(folder=repr(str(path)), reason="this is not a path") from error
    return folder


def _data_folder(environment: Mapping[str, str], data: Path | None) -> Path:
    if data is not None:
        return data
    named = environment.get("TANYI_DATA")
    return Path(named) if named else platformdirs.user_data_path("tanyi", appauthor=False)


def _database_url(environment: Mapping[str, str], variable: str) -> str | None:
    given = environment.get(variable)
    if not given:
        return None
    scheme, separator, rest = given.partition("://")
    if not separator or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise SettingNotValid(variable=variable, expected="an address that begins with postgresql://")
    return f"postgresql://{rest}"


def _mode(environment: Mapping[str, str]) -> Mode:
    given = environment.get("TANYI_MODE") or "demo"
    if given not in {"demo", "production"}:
        raise SettingNotValid(variable="TANYI_MODE", expected="demo or production")
    return cast("Mode", given)


def _second_factor(environment: Mapping[str, str], mode: Mode) -> SecondFactor:
    given = environment.get("TANYI_SECOND_FACTOR") or ("required" if mode == "production" else "offered")
    if given not in {"required", "offered"}:
        raise SettingNotValid(variable="TANYI_SECOND_FACTOR", expected="required or offered")
    return cast("SecondFactor", given)


def _trusted_proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    given = environment.get("TANYI_TRUSTED_PROXIES") or ""
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in given.split(",") if part.strip())
    except ValueError as wrong:
        raise SettingNotValid(
            variable="TANYI_TRUSTED_PROXIES", expected="addresses or networks with commas between, such as 10.0.0.0/8"
        ) from wrong


def _public_url(environment: Mapping[str, str]) -> str:
    given = environment.get("TANYI_PUBLIC_URL") or DEFAULT_PUBLIC_URL
    try:
        parts = urlsplit(given)
        is_origin = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_origin = urlsplit(""), False
    if (
        not is_origin
        or parts.scheme not in {"http", "https"}
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or any(character.isspace() for character in given)
    ):
        raise SettingNotValid(
            variable="TANYI_PUBLIC_URL", expected="an http or https address without a path, such as https://host"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _smtp_url(environment: Mapping[str, str]) -> str | None:
    given = environment.get("TANYI_SMTP_URL")
    if not given:
        return None
    try:
        parts = urlsplit(given)
        is_server = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_server = urlsplit(""), False
    if not is_server or parts.scheme not in {"smtp", "smtps"} or parts.path not in {"", "/"} or parts.query:
        raise SettingNotValid(variable="TANYI_SMTP_URL", expected="an address such as smtps://user:password@host:465")
    return given


def _mail_from(environment: Mapping[str, str], public_url: str) -> str:
    given = environment.get("TANYI_MAIL_FROM")
    if not given:
        host = urlsplit(public_url).hostname or ""
        return f"tanyi@{host}" if "." in host and not host[-1].isdigit() else "tanyi@localhost.localdomain"
    if not MAIL_ADDRESS.fullmatch(given):
        raise SettingNotValid(variable="TANYI_MAIL_FROM", expected="one e-mail address")
    return given
