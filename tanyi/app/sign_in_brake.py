"""The brake on guessing: how often somebody may be wrong before a pause, counted in the database for all processes.

The rule, in words. A while is ten minutes from its first wrong try; trying on does not make it longer.

1. One name from one address: ten tries.
2. One address, whatever the names: a hundred tries.
3. One name from addresses at which this person has not signed in during the last 30 days: thirty tries in all. Only such
   addresses then wait. So a stranger with many addresses cannot go on guessing, and cannot keep a person out of the places
   where that person works; who is at a new place during an attack waits up to ten minutes at a time.
4. Codes of the second factor: five tries in fifteen minutes for one person; one gets that far with the password only.

The right password takes its own try back under 1 to 3. The address is the peer of the connection. Only when that is one of
`TANYI_TRUSTED_PROXIES` is the header X-Forwarded-For asked, and of it the right-most address that is no such proxy: what
stands further left was written by the guesser. An IPv6 address counts by its /64, which is what one line gets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tanyi.app.installation import Installation
from tanyi.kernel import attempts
from tanyi.kernel.errors import N_, Unavailable

WINDOW_S: Final = 600
WINDOW = timedelta(seconds=WINDOW_S)
MOST_FAILURES: Final = 10
MOST_FROM_PEER: Final = 100
MOST_FOR_NAME: Final = 30
CODE_WINDOW = timedelta(minutes=15)
MOST_CODES: Final = 5
KNOWN_FOR = timedelta(days=30)
LONGEST_NAME = 200


class TooManyAttempts(Unavailable):
    """Too many wrong passwords for this name or from this address."""

    code = "security.too_many_attempts"
    message = N_("Too many failed attempts to sign in. Please wait ten minutes and try again.")


class TooManyCodes(TooManyAttempts):
    """Too many wrong codes of the second factor."""

    code = "security.too_many_codes"
    message = N_("Too many wrong codes. Please wait fifteen minutes and try again.")


def count(house: Installation, username: str, peer: str) -> None:
    """Counts a try before it is made, so that tries at the same moment count too; refuses with `TooManyAttempts`."""
    pair, whole_peer, name, place = _marks(house, username, peer)
    with house.open_work() as work:
        most = {pair: MOST_FAILURES, whole_peer: MOST_FROM_PEER}
        if not attempts.is_known_place(work, mark=place):
            most[name] = MOST_FOR_NAME
        is_free = attempts.count(work, most=most, within=WINDOW)
    if not is_free:
        raise TooManyAttempts


def release(house: Installation, username: str, peer: str) -> None:
    """The password was right: the try is taken back, and the address is known for this person."""
    pair, whole_peer, name, place = _marks(house, username, peer)
    with house.open_work() as work:
        attempts.forget(work, mark=pair)
        attempts.take_back(work, marks=sorted([whole_peer, name]))
        attempts.know_place(work, mark=place, until_at=work.now + KNOWN_FOR)


def count_code(house: Installation, user_id: int) -> None:
    """Counts a code of the second factor before it is looked at; refuses with `TooManyCodes`."""
    with house.open_work() as work:
        is_free = attempts.count(work, most={_code_mark(house, user_id): MOST_CODES}, within=CODE_WINDOW)
    if not is_free:
        raise TooManyCodes


def release_code(house: Installation, user_id: int) -> None:
    """The code was right: the wrong ones before it are forgotten."""
    with house.open_work() as work:
        attempts.forget(work, mark=_code_mark(house, user_id))


def peer_of(socket_peer: str, forwarded: Sequence[str], trusted: Sequence[str]) -> str:
    """The address that tries count for; `forwarded` are the values of X-Forwarded-For in their order."""
    proxies = [ipaddress.ip_network(network) for network in trusted]
    peer = _address(socket_peer)
    hops = [part.strip() for header in forwarded for part in header.split(",")]
    while peer is not None and hops and any(peer in network for network in proxies):
        further = _address(hops.pop())
        if further is None:  # not an address: whatever stands here, the proxy before it is the last one known
            break
        peer = further
    if peer is None:
        return socket_peer
    return str(peer) if peer.version == 4 else str(ipaddress.ip_network((peer, 64), strict=False))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if found.version == 6 else found


def _marks(house: Installation, username: str, peer: str) -> tuple[str, str, str, str]:
    name, mark = username.casefold()[:LONGEST_NAME], house.sealing_key.mark
    return mark("name at peer", name, peer), mark("peer", peer), mark("name", name), mark("place", name, peer)


def _code_mark(house: Installation, user_id: int) -> str:
    return house.sealing_key.mark("code", str(user_id))
