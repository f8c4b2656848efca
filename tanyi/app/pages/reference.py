"""Finding and understanding: the search over the whole site, the glossary, and the style of the site itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency

from tanyi.app.pages import labels, pieces, tabular, terms, tiles, views_search
from tanyi.app.pages.charts import chart
from tanyi.app.pages.exports import answer, asked_of, here
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec
from tanyi.app.pages.views_todo import Todo
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader

COLOURS: Final = (  # token of the style sheet, what it means
    ("ink", N_("Text")),
    ("muted", N_("Text of second rank")),
    ("pine", N_("What can be pressed; what is chosen")),
    ("good", N_("It went well, it is in order")),
    ("warn", N_("It needs attention, or rests on an assumption")),
    ("bad", N_("It failed, or is refused")),
)
SAMPLE: Final = Spec(
    "sample",
    N_("A table"),
    (
        Column("type", N_("Type"), "type"),
        Column("code", N_("Code"), "serial", place="under"),
        Column("state", N_("State"), "state", words="listing"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("on", N_("Date"), "date"),
    ),
)
SHOWN_ON, SHOWN_AT = date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@get("/search", opt=access(scope="public"), sync_to_thread=True)
def search(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """Everything that fits and that the reader may see; an exact number leads straight there."""
    asked = pieces.typed(request.query_params, "q")
    address = views_search.straight_to(reader, asked, visitor.user) if asked else None
    if address is not None:
        return see_other(address)
    found = views_search.search(reader, asked, visitor.user)
    told = views_search.examples(reader) | {"asked": asked, "groups": found, "shortest": views_search.SHORTEST}
    return page(visitor, "pages/public/search.html", path=here(request), **told)


@get("/glossary", opt=access(scope="public"), sync_to_thread=True)
def glossary(visitor: NamedDependency[Visitor]) -> Response[str]:
    """All terms, chapter by chapter."""
    return page(visitor, "pages/public/glossary.html", chapters=terms.CHAPTERS)


@get("/style", opt=access(scope="public"), sync_to_thread=True)
def style(request: Request[Any, Any, Any], visitor: NamedDependency[Visitor]) -> Response[Any]:
    """The living style page: every part that pages are made of, drawn by the very macros that the pages use."""
    asked = asked_of(request, visitor)
    return answer(visitor, asked, "pages/public/style.html", examples(asked))


def examples(asked: Asked) -> dict[str, Any]:
    """What the parts of the style page are shown with: round figures that nobody takes for real ones."""
    rows = [
        {"type": code, "code": f"HB-{code}-P00-2026-{1000 * place + 1}-{1000 * place + 1000}", "state": state}
        | {"quantity_t": 1000 * (place + 1), "price_fen": 5000 + 100 * place, "on": SHOWN_ON}
        for place, (code, state) in enumerate(
            zip(labels.PRODUCT_TYPES, [*labels.LISTING, *labels.LISTING], strict=False)
        )
    ]
    columns = [Column("type", N_("Type"), "type"), Column("quantity_t", N_("Tonnes"), "tonnes")]
    figures = {code: 1000 * place for place, code in enumerate(REGIONS)}
    filters = [Filter("type", N_("Product type"), pieces.type_options(labels.PRODUCT_TYPES))]
    sample = tabular.table(SAMPLE, Source.of(rows), asked, filters=filters, chosen={"type": ""})
    more: dict[str, Any] = {"is_coloured_by_row": True}
    return {
        "colours": COLOURS,
        "types": list(labels.PRODUCT_TYPES),
        "states": labels.LISTING,
        "table": sample,
        "chart": chart(asked, "rows", "sample-chart", N_("A chart"), columns, rows, list(labels.PRODUCT_TYPES), **more),
        "map": tiles.tile_map(asked, "sample", N_("A tile map"), figures, "/registry"),
        "todo": [Todo(N_("Something waits for you."), {}, "/style", N_("Do it"), due_on=SHOWN_ON, is_urgent=True)],
        "shown_at": SHOWN_AT,
        "shown_on": SHOWN_ON,
    }


ROUTES = [search, glossary, style]
