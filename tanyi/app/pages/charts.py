"""Charts: a table that is also drawn. The drawing, the table behind it and its file come from the same rows.

The drawing is made in the browser (`static/charts.js`) from the JSON that `data` gives; without scripts the table stands
there. The first column names what is compared, the others are the series. Colours are names of classes in the style
sheet, so that a product type has one colour everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

from babel.dates import format_date

from tanyi.app.pages import tabular
from tanyi.app.pages.formats import BABEL
from tanyi.app.pages.rendering import spoken
from tanyi.app.pages.tabular import Asked, Column, Row, Said, Source, Spec, Table

# columns and stack stand upright, rows lie flat, a curve runs through (tonnes, price)
Kind = Literal["columns", "stack", "rows", "curve"]
MONTHS: Final = {"zh": "y年M月", "en": "MMM y"}


@dataclass(frozen=True)
class Chart:
    """A table and how it is drawn. `colours` are the series' classes, or the rows' when there is one series."""

    table: Table
    kind: Kind
    colours: Sequence[str]
    is_coloured_by_row: bool = False
    mark: Mapping[str, int] | None = None  # of a curve: what was matched, as quantity_t and price_fen

    @property
    def name(self) -> str:
        return self.table.spec.name

    @property
    def title(self) -> Said:
        return self.table.spec.title

    def data(self, locale: str) -> dict[str, Any]:
        """What the browser draws: exactly the cells of the table, figures as text so that none is rounded on the way."""
        first, *series = self.table.spec.columns
        rows = list(self.table.rows)
        return {
            "kind": self.kind,
            "categories": [_category(first, row, locale) for row in rows],
            "series": [spoken(column.head, locale) for column in series],
            "values": [[_figure(column.cell(row, locale)) for row in rows] for column in series],
            "units": [spoken(tabular.UNITS.get(column.kind, ""), locale) for column in (first, *series)],
            "colours": list(self.colours),
            "isColouredByRow": self.is_coloured_by_row,
            "mark": {key: _figure(figure) for key, figure in self.mark.items()} if self.mark else None,
        }


def _category(column: Column, row: Row, locale: str) -> str:
    said = column.cell(row, locale)
    if isinstance(said, date):
        return format_date(said, MONTHS[locale], locale=BABEL[locale])
    return "" if said is None else str(said)


def _figure(cell: object) -> str | None:
    return None if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def chart(
    asked: Asked,
    kind: Kind,
    name: str,
    title: Said,
    columns: Sequence[Column],
    rows: Sequence[Row],
    colours: Sequence[str],
    **more: Any,
) -> Chart | None:
    """A chart of these rows; None when there is nothing to draw."""
    spec = Spec(name, title, tuple(columns), is_whole=True, is_sortable=False)
    return Chart(tabular.table(spec, Source.of(rows), asked), kind, colours, **more) if rows else None
