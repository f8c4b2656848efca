"""Settings are read from the environment once, and what cannot be used is refused by the name of its variable."""

import dataclasses
from pathlib import Path

import pytest

from tanyi.kernel.config import (
    DataFolderNotWritable,
    SettingNotValid,
    bundle_folder,
    ensure_data_folder,
    settings,
)

# --- settings -------------------------------------------------------------------------------------------------------


def test_an_empty_environment_means_the_embedded_server_and_the_demo():
    chosen = settings({})
    assert chosen.database_url is None
    assert chosen.owner_database_url is None
    assert (chosen.app_role, chosen.mode, chosen.public_url) == ("tanyi_app", "demo", "http://127.0.0.1:8000")
    assert chosen.data.is_absolute()
    assert chosen.data.name == "tanyi"


def test_an_empty_variable_counts_as_unset():
    empty = dict.fromkeys(
        (
            *("TANYI_DATA", "DATABASE_URL", "TANYI_OWNER_DATABASE_URL", "TANYI_MODE", "TANYI_PUBLIC_URL"),
            *("TANYI_SECOND_FACTOR", "TANYI_TRUSTED_PROXIES", "TANYI_SMTP_URL", "TANYI_MAIL_FROM"),
        ),
        "",
    )
    assert settings(empty) == settings({})


def test_the_data_option_goes_before_the_variable():
    assert settings({"TANYI_DATA": "/from/variable"}).data == Path("/from/variable")
    assert settings({"TANYI_DATA": "/from/variable"}, Path("/from/option")).data == Path("/from/option")


def test_production_requires_a_second_factor_and_the_demo_offers_it_unless_told_otherwise():
    assert settings({}).second_factor == "offered"
    assert settings({"TANYI_MODE": "production"}).second_factor == "required"
    assert settings({"TANYI_MODE": "production", "TANYI_SECOND_FACTOR": "offered"}).second_factor == "offered"
    assert settings({"TANYI_SECOND_FACTOR": "required"}).second_factor == "required"


def test_trusted_proxies_are_addresses_and_networks():
    assert settings({}).trusted_proxies == ()
    given = settings({"TANYI_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,::1"}).trusted_proxies
    assert given == ("10.0.0.0/8", "192.0.2.1/32", "::1/128")


def test_settings_never_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings({}).mode = "production"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_common_spelling_of_a_postgresql_address_is_taken(scheme):
    chosen = settings({"DATABASE_URL": f"{scheme}://somebody:secret@host:5432/market"})
    assert chosen.database_url == "postgresql://somebody:secret@host:5432/market"
    assert chosen.owner_database_url == chosen.database_url


def test_the_owner_may_have_an_address_of_its_own():
    chosen = settings({"DATABASE_URL": "postgresql://a@h/m", "TANYI_OWNER_DATABASE_URL": "postgresql://o@h/m"})
    assert (chosen.database_url, chosen.owner_database_url) == ("postgresql://a@h/m", "postgresql://o@h/m")


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("DATABASE_URL", "sqlite:///market.db"),
        ("DATABASE_URL", "market"),
        ("TANYI_OWNER_DATABASE_URL", "mysql://root@h/m"),
        ("TANYI_OWNER_DATABASE_URL", "postgresql://owner-without-an-application@h/m"),
        ("TANYI_MODE", "Production"),
        ("TANYI_MODE", "test"),
        ("TANYI_SECOND_FACTOR", "off"),
        ("TANYI_TRUSTED_PROXIES", "proxy.example"),
        ("TANYI_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TANYI_PUBLIC_URL", "market.example"),
        ("TANYI_PUBLIC_URL", "ftp://market.example"),
        ("TANYI_PUBLIC_URL", "https://market.example/path"),
        ("TANYI_PUBLIC_URL", "https://market.example?query"),
        ("TANYI_PUBLIC_URL", "https://user:secret@market.example"),
        ("TANYI_PUBLIC_URL", "https://market.example:port"),
        ("TANYI_PUBLIC_URL", "https://"),
        ("TANYI_PUBLIC_URL", "https://market example"),
        ("TANYI_PUBLIC_URL", "https://[::1"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(variable, given):
    with pytest.raises(SettingNotValid) as refused:
        settings({variable: given})
    assert variable in str(refused.value)


def test_a_refusal_never_repeats_the_password():
    with pytest.raises(SettingNotValid) as refused:
        settings({"DATABASE_URL": "oracle://somebody:secret@host/market"})
    assert "secret" not in str(refused.value)


def test_the_public_address_loses_its_last_stroke():
    assert settings({"TANYI_PUBLIC_URL": "https://market.example:8443/"}).public_url == "https://market.example:8443"


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alembic", "templates"])
def test_the_bundled_folders_are_found(name):
    assert bundle_folder(name).is_dir()


def test_the_data_folder_and_its_keys_are_for_one_user_alone(tmp_path):
    made = ensure_data_folder(tmp_path / "deep" / "data")
    assert made.stat().st_mode & 0o777 == 0o700
    assert (made / "keys").stat().st_mode & 0o777 == 0o700
    assert sorted(entry.name for entry in made.iterdir()) == ["keys"]


def test_keys_left_open_are_closed_again(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o755)
    ensure_data_folder(tmp_path)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_making_the_data_folder_twice_is_making_it_once(tmp_path):
    assert ensure_data_folder(tmp_path / "data") == ensure_data_folder(tmp_path / "data")


@pytest.mark.parametrize("place", ["a-file", "a-file/below", "n" * 300, "nul\0", "/proc/nowhere", "/sys/data"])
def test_a_data_folder_that_cannot_be_made_is_refused_in_one_sentence(tmp_path, place):
    (tmp_path / "a-file").write_text("not a folder")
    with pytest.raises(DataFolderNotWritable) as refused:
        ensure_data_folder(tmp_path / place)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.startswith("The data folder ")


def test_a_file_in_place_of_the_keys_is_refused(tmp_path):
    (tmp_path / "keys").write_text("not a folder")
    with pytest.raises(DataFolderNotWritable):
        ensure_data_folder(tmp_path)


# --- messages -------------------------------------------------------------------------------------------------------


def test_without_a_mail_server_mail_is_written_to_files_and_has_a_sender():
    assert settings({}).smtp_url is None
    assert settings({}).mail_from == "tanyi@localhost.localdomain"
    assert settings({"TANYI_PUBLIC_URL": "https://market.example.org"}).mail_from == "tanyi@market.example.org"


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:2525", "smtps://user:p%40ss@mail.example.org:465"])
def test_a_mail_server_is_taken_as_it_is_written(url):
    assert settings({"TANYI_SMTP_URL": url}).smtp_url == url


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("TANYI_SMTP_URL", "mail.example.org"),
        ("TANYI_SMTP_URL", "http://user:secret@mail.example.org"),
        ("TANYI_SMTP_URL", "smtp://"),
        ("TANYI_SMTP_URL", "smtp://host:99999"),
        ("TANYI_SMTP_URL", "smtp://host/path"),
        ("TANYI_MAIL_FROM", "nobody"),
        ("TANYI_MAIL_FROM", "a@example.org\nBcc: b@example.org"),
        ("TANYI_MAIL_FROM", "A <a@example.org>"),
    ],
)
def test_a_mail_setting_that_cannot_be_is_refused_by_its_name_alone(variable, given):
    with pytest.raises(SettingNotValid) as refused:
        settings({variable: given})
    assert variable in str(refused.value)
    assert "secret" not in str(refused.value)
