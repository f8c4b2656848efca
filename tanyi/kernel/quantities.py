"""Whole quantities: `Tonnes` of tCO2e, `Mass` in kilograms, `Money` in fen. They never mix and are never floats.

Each is an integer with a unit. Adding tonnes to fen is a `TypeError`, so is adding a bare number to either: the unit
was forgotten. Formulas run in `Decimal` on the figures as stated and only their results become quantities, through a
named function that says direction and authority. The only bridges from a mass to tonnes are `tonnes_due` (up, against
the debtor) and `tonnes_issuable` (down, against the seller).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import NoReturn, Self

LARGEST = 2**62  # what fits a BIGINT column with room for one addition
LARGEST_DIGITS = len(str(LARGEST))


class NotAQuantity(ValueError):  # noqa: N818  named after what is wrong
    """The figure given is not a whole number of the unit: a float, a bool, a string, negative or beyond BIGINT."""


class _Whole(int):
    """An integer with a unit; the subclasses say which. `lowest` bounds it from below."""

    lowest = 0

    def __new__(cls, number: int) -> Self:
        if isinstance(number, bool) or not isinstance(number, int):
            raise NotAQuantity(f"{cls.__name__} takes a whole number, not {number!r}")
        if isinstance(number, _Whole) and type(number) is not cls:
            raise NotAQuantity(f"{type(number).__name__} is not {cls.__name__}")
        if not cls.lowest <= int(number) <= LARGEST:
            raise NotAQuantity(f"{cls.__name__} {int(number)} is out of range")
        return super().__new__(cls, number)

    def _same(self, other: object) -> int:
        if type(other) is type(self) or (type(other) is int and other == 0):  # 0 so that sum() works
            return int(other)
        raise TypeError(f"{type(self).__name__} and {type(other).__name__} do not mix")

    def __add__(self, other: int) -> Self:
        return type(self)(int(self) + self._same(other))

    __radd__ = __add__

    def __sub__(self, other: int) -> Self:
        return type(self)(int(self) - self._same(other))

    def __rsub__(self, other: int) -> Self:
        return type(self)(self._same(other) - int(self))

    def __mul__(self, other: int) -> Self:
        if type(other) is not int:
            raise TypeError(f"{type(self).__name__} may be multiplied by a plain number only")
        return type(self)(int(self) * other)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} divided would be a float; a formula runs in Decimal")

    __rtruediv__ = __truediv__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    def __str__(self) -> str:
        return str(int(self))

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)


class Tonnes(_Whole):
    """Whole tonnes of CO2 equivalent, never negative: the unit of issuance, trade and retirement."""


class Mass(_Whole):
    """Kilograms of CO2 equivalent, never negative: a stored measurement."""


class Money(_Whole):
    """Fen (1/100 yuan). Signed, since a correction may run the other way."""

    lowest = -LARGEST


def cost_fen(price_fen: Money, quantity_t: Tonnes) -> Money:
    """What `quantity_t` tonnes cost at `price_fen` a tonne. Exact: no rounding takes place."""
    if not isinstance(price_fen, Money) or not isinstance(quantity_t, Tonnes):
        raise TypeError("cost_fen takes a price in Money and a quantity in Tonnes")
    return Money(int(price_fen) * int(quantity_t))


def tonnes_due(emission_tco2e: Decimal) -> Tonnes:
    """A duty in whole tonnes: rounded up, once, at the end (domain §1.6 case 13; the plan may decide otherwise)."""
    return Tonnes(int(_exact(emission_tco2e).to_integral_value(ROUND_CEILING)))


def tonnes_issuable(reduction_tco2e: Decimal) -> Tonnes:
    """An issuance in whole tonnes: rounded down, once a vintage, so that no tonne is made by rounding (case 14)."""
    return Tonnes(int(_exact(reduction_tco2e).to_integral_value(ROUND_FLOOR)))


def mass_kg(figure_tco2e: Decimal) -> Mass:
    """A stated figure in tCO2e as stored kilograms, half up (design: the nearest kilogram)."""
    return Mass(int(_shifted(_exact(figure_tco2e), 3).to_integral_value(ROUND_HALF_UP)))


def money_from_yuan(yuan: Decimal) -> Money:
    """A price written in yuan as fen; a third decimal is refused, not rounded (tick of 0.01 yuan, domain §5.1)."""
    fen = _shifted(_exact(yuan), 2)
    if fen != fen.to_integral_value():
        raise NotAQuantity(f"{yuan} yuan is not a whole number of fen")
    return Money(int(fen))


def yuan(amount_fen: int) -> Decimal:
    """Fen as yuan with two decimals, for display."""
    return _shifted(Decimal(int(amount_fen)), -2)


@contextmanager
def exact_decimals() -> Iterator[None]:
    """Decimal arithmetic that cannot round: a sum or product that would lose a digit is an error, not a result.

    One lost digit just below a whole tonne would issue or withhold a tonne, or add one to a duty.
    """
    with localcontext(Context(prec=1000, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])):
        yield


def _exact(figure: Decimal) -> Decimal:
    if not isinstance(figure, Decimal) or not figure.is_finite():
        raise NotAQuantity(f"{figure!r} is not a finite Decimal")
    if figure.adjusted() >= LARGEST_DIGITS:  # before any arithmetic: 1e999999999 as an integer would fill the memory
        raise NotAQuantity(f"{figure!r} is out of range")
    return figure


def _shifted(figure: Decimal, places: int) -> Decimal:
    """The figure times a power of ten, exact: a multiplication would round to the precision of the moment."""
    sign, digits, exponent = figure.as_tuple()
    assert isinstance(exponent, int), "the figure is finite"
    return Decimal((sign, digits, exponent + places))
