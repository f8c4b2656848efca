"""The rule for a new password: long enough, and something left beside what everybody tries first."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from tanyi.kernel import passwords

NAMES = ["steel.compliance", "Zhou Ming", "Yanbei Steel Group Co., Ltd."]


@pytest.mark.parametrize("password", ["short", "elevencha.r", "x" * 201])
def test_too_short_or_endless_is_refused(password):
    with pytest.raises(passwords.PasswordTooShort):
        passwords.refuse_unless_strong(password, names=NAMES)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Passw0rd!!!!",
        "123456789012",
        "qwertyuiop12",
        "1qaz2wsx3edc",
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "987654321000",
        "steel.compliance",
        "Steel-Compliance-1",
        "zhou ming 1234",
        "tanyi1234567",
        "iloveyou2026",
        "ababababababab",
    ],
)
def test_what_everybody_tries_first_is_refused(password):
    with pytest.raises(passwords.PasswordTooObvious):
        passwords.refuse_unless_strong(password, names=NAMES)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "tulip-anvil-herring", "林海雪原三百六十五里春风化雨", "8f3Kq0z-Lm2w", "k7 q2 z9 w4 m1"],
)
def test_unrelated_words_and_random_characters_are_taken(password):
    passwords.refuse_unless_strong(password, names=NAMES)


def test_the_hash_is_argon2id_with_the_parameters_of_the_rfc():
    kept = passwords.hashed("correct horse battery")
    parameters = extract_parameters(kept)
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        Type.ID,
        65_536,
        3,
        4,
    )
    assert not PasswordHasher().check_needs_rehash(kept)


def test_a_password_is_the_same_however_a_keyboard_composes_it():
    composed = "Müllerstraße am Fluss"
    passwords.refuse_unless_right(passwords.hashed(composed), unicodedata.normalize("NFD", composed))


def test_nobody_has_the_empty_password():
    with pytest.raises(passwords.WrongCredentials):
        passwords.refuse_unless_right(passwords.hashed(None), "")
