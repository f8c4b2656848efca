"""The two gettext catalogs: msgids are English source text, Chinese comes first for the reader, both are complete.

`python -m tanyi.app.catalogs update` collects the msgids of Python and templates and merges them into both catalogs,
keeping what is translated; English gets its msgid as text, Chinese waits for a translator. `check` names every msgid that
lacks a text, every place (`%(name)s`) that differs and everything that is no longer used; a test runs it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

PACKAGES = ("tanyi", "market", "matching", "settlement", "templates")
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
LOCALES = ("zh_Hans", "en")
PLACE = re.compile(r"%\((\w+)\)[sd]|%%")
HEADER = "# Texts of the site. Merge new ones with `make catalogs`."


def extracted(checkout: Path) -> Catalog:
    """Every msgid of the sources, with the files that use it."""
    with (checkout / "babel.cfg").open(encoding="utf-8") as lines:
        methods, options = parse_mapping_cfg(lines)
    found = Catalog(charset="utf-8")
    for package in PACKAGES:
        rows = extract_from_dir(checkout / package, methods, options, KEYWORDS, strip_comment_tags=True)
        for filename, _line, message, _comments, context in rows:
            found.add(message, None, [(f"{package}/{filename}", None)], context=context)  # type: ignore[list-item]
    return found


def path_of(checkout: Path, locale: str) -> Path:
    """Where the catalog of one locale is committed."""
    return checkout / "templates" / "locale" / locale / "LC_MESSAGES" / "tanyi.po"


def read(checkout: Path, locale: str) -> Catalog:
    """The committed catalog, empty when there is none yet."""
    path = path_of(checkout, locale)
    if not path.is_file():
        return Catalog(locale=locale, charset="utf-8")
    with path.open("rb") as lines:
        return read_po(lines, locale=locale)


def update(checkout: Path) -> None:
    """Merges the msgids of the sources into both catalogs; translations are kept, unused ones dropped, nothing guessed."""
    template = extracted(checkout)
    for locale in LOCALES:
        catalog = read(checkout, locale)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        catalog.header_comment, catalog.fuzzy = HEADER, False
        if locale == "en":
            _fill_english(catalog)
        path = path_of(checkout, locale)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_as_po(catalog))


def problems(checkout: Path) -> Iterator[str]:
    """One sentence for each thing that is wrong with the catalogs; none when they are complete."""
    template = extracted(checkout)
    for locale in LOCALES:
        catalog = read(checkout, locale)
        for message in template:
            if message.id:
                yield from _problems_of(catalog.get(_key(message), message.context), message, locale)
        for message in catalog:
            if message.id and template.get(_key(message), message.context) is None:
                yield f"{locale}: no longer used: {_key(message)!r}"
        yield from (f"{locale}: obsolete: {key!r}" for key in catalog.obsolete)


def _problems_of(found: Message | None, message: Message, locale: str) -> Iterator[str]:
    key = _key(message)
    texts = _texts(found.string) if found else ()
    if found is None or not texts or not all(text.strip() for text in texts):
        yield f"{locale}: not translated: {key!r}"
    elif found.fuzzy:
        yield f"{locale}: marked as doubtful: {key!r}"
    elif any(_places(text) != _places(each) for text in texts for each in _texts(message.id)[-1:]):
        yield f"{locale}: other places than the source: {key!r}"


def _key(message: Message) -> str:
    return _texts(message.id)[0]


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (tuple, list)) else ()


def _places(text: str) -> list[str]:
    return sorted({found.group(0) for found in PLACE.finditer(text)})


def _fill_english(catalog: Catalog) -> None:
    for message in catalog:
        if message.id and not any(_texts(message.string)):
            message.string = message.id


def _as_po(catalog: Catalog) -> bytes:
    """The file without dates and line numbers, sorted, so that it changes only when a text does."""
    written = BytesIO()
    write_po(written, catalog, width=110, sort_output=True, include_lineno=False, include_previous=False)
    volatile = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Last-Translator', b'"Language-Team', b'"Generated-By')
    volatile += (b'"Project-Id-Version', b'"Report-Msgid-Bugs-To')
    return b"".join(line for line in written.getvalue().splitlines(keepends=True) if not line.startswith(volatile))


def main(arguments: list[str]) -> int:
    """`update` (also called `extract`) or `check`; 0 done, 1 something is missing, 2 neither was asked for."""
    checkout = Path.cwd()
    if arguments in (["update"], ["extract"]):
        update(checkout)
    elif arguments != ["check"]:
        print("usage: python -m tanyi.app.catalogs update|check", file=sys.stderr)
        return 2
    found = list(problems(checkout))
    print("\n".join(found) if found else "both catalogs are complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
