"""Grid-connected renewable power: net generation times the combined margin of the grid (组合边际).

The formula that wind and photovoltaic projects share, after the pattern of ACM0002 and CM-001-V01 (domain §4.3):

    EF_CM = w_OM × EF_OM + w_BM × EF_BM        ER = EG_PJ × EF_CM        PE = LK = 0

The weights move the result by 16 %, so they and the factors are parameters with defaults (North China, 2019 issue),
never constants of the formula. These are baseline factors of the operating and the build margin; the average factors of
purchased power are other figures for another purpose and must not be used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from market.registry.methodology import Quantification, Remark, Step, quantified
from market.registry.parameters import Figure
from tanyi.kernel.errors import N_, Invalid

LONGEST_YEAR_H = 8784  # hours of a leap year; no meter can show more than the capacity for all of them
TOLERATED_ABOVE_DESIGN = Decimal("1.15")
FIRST_VERSION_ON = date(2021, 1, 1)  # design: the demo's first vintage, no official text names a day


class WeightsDoNotAddUp(Invalid):
    """The weights of operating and build margin are shares of one whole."""

    code = "grid.weights_do_not_add_up"
    message = N_("The weights of the operating margin and the build margin must add up to 1, not %(sum)s.")


class ImpossibleGeneration(Invalid):
    """More than the whole capacity in every hour of the longest year."""

    code = "grid.impossible_generation"
    message = N_("%(generation_mwh)s MWh is more than the capacity can generate in a year (%(most_mwh)s MWh).")


class GreenCertificatesHeld(Invalid):
    """The same megawatt-hour may not carry a green certificate (绿证) and a reduction product."""

    code = "grid.green_certificates_held"
    message = N_("Green certificates stand for %(certificate_mwh)s MWh of this generation; they must be zero.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridParameters:
    """What every grid-connected plant reports for one vintage year."""

    capacity_mw: Annotated[
        Decimal, Figure(zh="并网装机容量", en="Grid-connected capacity", unit="MW", highest=Decimal(5000))
    ]
    design_hours_h: Annotated[
        Decimal,
        Figure(
            zh="可行性研究年利用小时数", en="Full-load hours of the design", unit="h", highest=Decimal(LONGEST_YEAR_H)
        ),
    ]
    export_mwh: Annotated[
        Decimal,
        Figure(zh="上网电量（结算表计）", en="Grid export, settlement meter", unit="MWh", highest=Decimal(50_000_000)),
    ]
    import_mwh: Annotated[
        Decimal,
        Figure(zh="下网电量（结算表计）", en="Grid import, settlement meter", unit="MWh", highest=Decimal(50_000_000)),
    ]
    certificate_mwh: Annotated[
        Decimal,
        Figure(
            zh="同一电量已持有绿证",
            en="Green certificates held for the same generation",
            unit="MWh",
            highest=Decimal(50_000_000),
        ),
    ]
    operating_margin_weight: Annotated[
        Decimal, Figure(zh="电量边际权重", en="Weight of the operating margin", unit="1", highest=Decimal(1))
    ] = Decimal("0.75")
    build_margin_weight: Annotated[
        Decimal, Figure(zh="容量边际权重", en="Weight of the build margin", unit="1", highest=Decimal(1))
    ] = Decimal("0.25")
    operating_margin_tco2_per_mwh: Annotated[
        Decimal, Figure(zh="电量边际排放因子", en="Operating margin factor", unit="tCO2/MWh", highest=Decimal(2))
    ] = Decimal("0.9419")
    build_margin_tco2_per_mwh: Annotated[
        Decimal, Figure(zh="容量边际排放因子", en="Build margin factor", unit="tCO2/MWh", highest=Decimal(2))
    ] = Decimal("0.4819")


def combined_margin(reported: GridParameters) -> Decimal:
    """EF_CM in tCO2/MWh; weights that are not shares of one whole are refused."""
    weights = reported.operating_margin_weight + reported.build_margin_weight
    if weights != 1:
        raise WeightsDoNotAddUp(sum=f"{weights:f}")
    return (
        reported.operating_margin_weight * reported.operating_margin_tco2_per_mwh
        + reported.build_margin_weight * reported.build_margin_tco2_per_mwh
    )


def quantify_generation(reported: GridParameters, generation_mwh: Decimal) -> Quantification:
    """The reduction of a year in which the plant generated `generation_mwh` for the grid and for use on the spot."""
    refuse_unless_creditable(reported, generation_mwh)
    net_mwh = generation_mwh - reported.import_mwh
    factor = combined_margin(reported)
    reduction = net_mwh * factor
    steps = [
        Step("EG_gross", "MWh", generation_mwh),
        Step("EG_import", "MWh", reported.import_mwh),
        Step("EG_PJ", "MWh", net_mwh),
        Step("EF_CM", "tCO2/MWh", factor),
        Step("BE", "tCO2e", reduction),
        Step("PE", "tCO2e", Decimal(0)),
        Step("ER", "tCO2e", reduction),
    ]
    return quantified(reduction, steps, _remarks(reported, generation_mwh))


def refuse_unless_creditable(reported: GridParameters, generation_mwh: Decimal) -> None:
    """Generation must be physically possible and carry no green certificate (domain §4.3, form)."""
    most_mwh = reported.capacity_mw * LONGEST_YEAR_H
    if generation_mwh > most_mwh:
        raise ImpossibleGeneration(generation_mwh=f"{generation_mwh:f}", most_mwh=f"{most_mwh:f}")
    if reported.certificate_mwh != 0:
        raise GreenCertificatesHeld(certificate_mwh=f"{reported.certificate_mwh:f}")


def _remarks(reported: GridParameters, generation_mwh: Decimal) -> tuple[Remark, ...]:
    expected_mwh = reported.capacity_mw * reported.design_hours_h
    if generation_mwh <= expected_mwh * TOLERATED_ABOVE_DESIGN:
        return ()
    facts = {"generation_mwh": f"{generation_mwh:f}", "expected_mwh": f"{expected_mwh:f}"}
    return (
        Remark(
            code="grid.hours_above_design",
            message=N_("%(generation_mwh)s MWh is over 15 %% above what the design expects (%(expected_mwh)s MWh)."),
            facts=facts,
        ),
    )
