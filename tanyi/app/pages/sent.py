"""Forms that send more than one value a field, or a file: what was sent, as text, lists of ticks and bytes.

The ordinary `form` dependency takes single texts and refuses everything else; the forms of events have boxes to tick
and a workbook to upload, so their routes ask for `sent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.di import Provide

from tanyi.app.security import CSRF_FIELD

MOST_TICKS = 200


@dataclass(frozen=True)
class Sent:
    """`typed` holds the last text of each field, `ticked` all of them, `file` the bytes of a file that came along."""

    typed: Mapping[str, str] = field(default_factory=dict)
    ticked: Mapping[str, list[str]] = field(default_factory=dict)
    file: bytes | None = None

    def chosen(self, name: str, known: Iterable[str]) -> list[str]:
        """What was ticked under a name, of what could be, in the order of what could be."""
        said = self.ticked.get(name, [])
        return [each for each in known if each in said]


async def provide_sent(request: Request[Any, Any, Any]) -> Sent:
    """Dependency `sent`, without the token that the gate has checked."""
    typed: dict[str, str] = {}
    ticked: dict[str, list[str]] = {}
    file: bytes | None = None
    for name, given in (await request.form()).multi_items():
        if isinstance(given, UploadFile):
            file = await given.read() or file
        elif isinstance(given, str) and name != CSRF_FIELD:
            typed[name] = given
            ticked.setdefault(name, [])
            if len(ticked[name]) < MOST_TICKS:
                ticked[name].append(given)
    return Sent(typed, ticked, file)


def sent_of_query(request: Request[Any, Any, Any]) -> Sent:
    """What stands in the address of a question, in the same shape."""
    query = request.query_params
    names = list(dict.fromkeys(query.keys()))
    ticked = {name: [str(each) for each in query.getall(name)][:MOST_TICKS] for name in names}
    return Sent({name: each[-1] for name, each in ticked.items()}, ticked)


SENT = {"sent": Provide(provide_sent)}
