"""Afforestation carbon sinks (造林碳汇): new trees on land that was no forest, after the pattern of CCER-14-001-V01.

No official Hebei text is attached. Forest products were traded in Hebei but the text was not found (domain §2.2); the
national formula and the species defaults are general knowledge to be checked against the text before anything real is
issued (§4.1):

    C_TREE  = Σ V × D × BEF × (1 + R) × CF × A                     tC
    ΔC_PROJ = [C_TREE(t2) − C_TREE(t1)] × 44/12 ÷ (t2 − t1)        tCO2e a year
    CDR     = (ΔC_PROJ − ΔC_BSL − GHG_E) × (1 − d_U) × (1 − K_RISK), leakage 0

Shrubs and bamboo of the project are left out, which is conservative. The K_RISK tonnes are never issued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from market.registry.methodology import (
    Evidence,
    Example,
    Methodology,
    ProductType,
    Quantification,
    Step,
    Version,
    quantified,
    quotient_down,
)
from market.registry.parameters import Choice, Day, Figure, Label, Rows
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.quantities import exact_decimals

PRODUCT_TYPE = ProductType(code="forestry", zh="林业碳汇", en="Forestry")


@dataclass(frozen=True, slots=True)
class Species:
    """Default biomass factors of a tree species, all (known), not checked against the official text."""

    zh: str
    en: str
    wood_density_t_per_m3: Decimal
    expansion: Decimal
    root_to_shoot: Decimal
    carbon_share: Decimal


def _known(zh: str, en: str, density: str, expansion: str, roots: str, carbon: str) -> Species:
    return Species(zh, en, Decimal(density), Decimal(expansion), Decimal(roots), Decimal(carbon))


SPECIES = {
    "larch": _known("落叶松", "Larch", "0.490", "1.416", "0.212", "0.521"),
    "oil_pine": _known("油松", "Chinese oil pine", "0.360", "1.589", "0.251", "0.521"),
    "mongolian_pine": _known("樟子松", "Mongolian pine", "0.375", "2.513", "0.241", "0.522"),
    "spruce": _known("云杉", "Spruce", "0.342", "1.734", "0.224", "0.521"),
    "birch": _known("桦木", "Birch", "0.541", "1.424", "0.248", "0.491"),
    "poplar": _known("杨树", "Poplar", "0.378", "1.446", "0.227", "0.496"),
    "oak": _known("栎类", "Oak", "0.676", "1.355", "0.292", "0.500"),
}

# Up to and including this uncertainty at 90 % confidence, this share is deducted; above the last, measure more plots.
UNCERTAINTY_DEDUCTIONS = (
    (Decimal(10), Decimal(0)),
    (Decimal(20), Decimal("0.06")),
    (Decimal(30), Decimal("0.11")),
)
LEAST_PARCEL_M2 = Decimal(400)
LEAST_PARCEL_UNTIL_2019_M2 = Decimal(667)
LEAST_YEARS_WITHOUT_FOREST = Decimal(3)
MOST_SHRUB_CLEARED_PERCENT = Decimal(20)
TOLERATED_AREA_DIFFERENCE = Decimal("0.01")


class ParcelTooSmall(Invalid):
    """A single parcel has at least 400 m², for projects started in or before 2019 at least 667 m²."""

    code = "afforestation.parcel_too_small"
    message = N_("The smallest parcel has %(parcel_m2)s m²; at least %(least_m2)s m² are required.")


class WasForestLately(Invalid):
    """The land did not meet the definition of forest for at least three years before the start."""

    code = "afforestation.was_forest_lately"
    message = N_("The land was without forest for %(years)s years before the start; at least 3 are required.")


class WetlandPlanted(Invalid):
    """Wetland may not be afforested."""

    code = "afforestation.wetland_planted"
    message = N_("The project area holds %(wetland_ha)s ha of wetland; none is allowed.")


class TooManyShrubsCleared(Invalid):
    """Shrubs and small bamboo may be removed on 20 % of the area at most."""

    code = "afforestation.too_many_shrubs_cleared"
    message = N_("Shrubs were removed on %(percent)s %% of the area; at most 20 %% are allowed.")


class StrataDoNotCoverTheArea(Invalid):
    """The strata together are the mapped area, within one per cent."""

    code = "afforestation.strata_do_not_cover_the_area"
    message = N_("The strata add up to %(strata_ha)s ha but %(mapped_ha)s ha are mapped; 1 %% may differ.")


class MorePlotsNeeded(Invalid):
    """Above 30 % uncertainty there is no deduction that would do: more plots must be measured."""

    code = "afforestation.more_plots_needed"
    message = N_("The uncertainty is %(percent)s %%; above 30 %% more sample plots must be measured.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A stratum of one species and age: its area and the standing volume at both surveys."""

    stratum: Annotated[str, Label(zh="碳层", en="Stratum")]
    species: Annotated[
        str, Choice(zh="树种", en="Species", options={code: (each.zh, each.en) for code, each in SPECIES.items()})
    ]
    area_ha: Annotated[Decimal, Figure(zh="面积", en="Area", unit="ha", highest=Decimal(1_000_000))]
    volume_before_m3_per_ha: Annotated[
        Decimal,
        Figure(zh="前次调查蓄积量", en="Volume at the earlier survey", unit="m³/ha", highest=Decimal(2_000)),
    ]
    volume_after_m3_per_ha: Annotated[
        Decimal, Figure(zh="本次调查蓄积量", en="Volume at the later survey", unit="m³/ha", highest=Decimal(2_000))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What an afforestation project reports for one vintage year."""

    planted_from_on: Annotated[
        date, Day(zh="项目开工日期", en="Start of planting", first_on=date(2000, 1, 1), last_on=date(2100, 12, 31))
    ]
    mapped_area_ha: Annotated[
        Decimal, Figure(zh="矢量边界面积", en="Mapped area", unit="ha", highest=Decimal(1_000_000))
    ]
    smallest_parcel_m2: Annotated[
        Decimal, Figure(zh="最小地块面积", en="Smallest parcel", unit="m²", highest=Decimal(10_000_000_000))
    ]
    without_forest_years: Annotated[
        Decimal, Figure(zh="开工前无林年数", en="Years without forest before the start", unit="a", highest=Decimal(200))
    ]
    wetland_ha: Annotated[
        Decimal, Figure(zh="边界内湿地面积", en="Wetland inside the boundary", unit="ha", highest=Decimal(1_000_000))
    ]
    shrub_cleared_percent: Annotated[
        Decimal, Figure(zh="清除灌木面积比例", en="Area cleared of shrubs", unit="%", highest=Decimal(100))
    ]
    survey_interval_years: Annotated[
        Decimal,
        Figure(zh="两次调查间隔", en="Years between the surveys", unit="a", lowest=Decimal("0.5"), highest=Decimal(10)),
    ]
    strata: Annotated[tuple[Stratum, ...], Rows(zh="碳层表", en="Strata", row=Stratum)]
    baseline_tco2e: Annotated[
        Decimal,
        Figure(
            zh="基准线碳储量年变化量", en="Yearly change of the baseline", unit="tCO2e", highest=Decimal(10_000_000)
        ),
    ]
    burning_tco2e: Annotated[
        Decimal,
        Figure(zh="火灾排放量", en="Emissions of fires in the year", unit="tCO2e", highest=Decimal(10_000_000)),
    ]
    uncertainty_percent: Annotated[
        Decimal,
        Figure(zh="不确定性（90%置信水平）", en="Uncertainty at 90 % confidence", unit="%", highest=Decimal(100)),
    ]
    risk_share: Annotated[
        Decimal, Figure(zh="非持久性风险扣减率", en="Non-permanence risk share", unit="1", highest=Decimal(1))
    ] = Decimal("0.10")


def quantify(parameters: Parameters) -> Quantification:
    """The yearly removal, multiplied through by 12 × years so that the only division comes last (domain §4.1)."""
    refuse_unless_applicable(parameters)
    with exact_decimals():
        before_tc, after_tc = carbon_stocks_tc(parameters.strata)
        deducted = uncertainty_deduction(parameters.uncertainty_percent)
        divisor = 12 * parameters.survey_interval_years
        gained = (after_tc - before_tc) * 44
        net = gained - (parameters.baseline_tco2e + parameters.burning_tco2e) * divisor
        credited = net * (1 - deducted) * (1 - parameters.risk_share)
        removal = quotient_down(credited, divisor)
        steps = [
            Step("C_TREE(t1)", "tC", before_tc),
            Step("C_TREE(t2)", "tC", after_tc),
            Step("ΔC_PROJ", "tCO2e", quotient_down(gained, divisor)),
            Step("ΔC_BSL", "tCO2e", parameters.baseline_tco2e),
            Step("GHG_E", "tCO2e", parameters.burning_tco2e),
            Step("d_U", "1", deducted),
            Step("K_RISK", "1", parameters.risk_share),
            Step("CDR", "tCO2e", removal),
        ]
        return quantified(removal, steps)


def carbon_stocks_tc(strata: Sequence[Stratum]) -> tuple[Decimal, Decimal]:
    """Carbon in living trees at the earlier and at the later survey, in tonnes of carbon."""
    before_tc, after_tc = Decimal(0), Decimal(0)
    for each in strata:
        species = SPECIES[each.species]
        tc_per_m3 = (
            species.wood_density_t_per_m3 * species.expansion * (1 + species.root_to_shoot) * species.carbon_share
        )
        before_tc += each.volume_before_m3_per_ha * each.area_ha * tc_per_m3
        after_tc += each.volume_after_m3_per_ha * each.area_ha * tc_per_m3
    return before_tc, after_tc


def uncertainty_deduction(uncertainty_percent: Decimal) -> Decimal:
    """The share deducted for the uncertainty of the survey (rule of the older AR-CM-001)."""
    for up_to_percent, share in UNCERTAINTY_DEDUCTIONS:
        if uncertainty_percent <= up_to_percent:
            return share
    raise MorePlotsNeeded(percent=f"{uncertainty_percent:f}")


def refuse_unless_applicable(parameters: Parameters) -> None:
    """The conditions of use that can be told from figures (domain §4.1); title and species are for the verifier."""
    started_late = parameters.planted_from_on.year > 2019
    least_m2 = LEAST_PARCEL_M2 if started_late else LEAST_PARCEL_UNTIL_2019_M2
    if parameters.smallest_parcel_m2 < least_m2:
        raise ParcelTooSmall(parcel_m2=f"{parameters.smallest_parcel_m2:f}", least_m2=f"{least_m2:f}")
    if parameters.without_forest_years < LEAST_YEARS_WITHOUT_FOREST:
        raise WasForestLately(years=f"{parameters.without_forest_years:f}")
    if parameters.wetland_ha > 0:
        raise WetlandPlanted(wetland_ha=f"{parameters.wetland_ha:f}")
    if parameters.shrub_cleared_percent > MOST_SHRUB_CLEARED_PERCENT:
        raise TooManyShrubsCleared(percent=f"{parameters.shrub_cleared_percent:f}")
    strata_ha = sum((each.area_ha for each in parameters.strata), Decimal(0))
    if abs(strata_ha - parameters.mapped_area_ha) > parameters.mapped_area_ha * TOLERATED_AREA_DIFFERENCE:
        raise StrataDoNotCoverTheArea(strata_ha=f"{strata_ha:f}", mapped_ha=f"{parameters.mapped_area_ha:f}")


VERSIONS = {"V01": Version(valid_from_on=date(2021, 1, 1), parameters=Parameters, quantify=quantify)}


def _example(strata: tuple[Stratum, ...], mapped_ha: int, *, uncertainty_percent: int, baseline: str) -> Parameters:
    return Parameters(
        planted_from_on=date(2012, 4, 10),
        mapped_area_ha=Decimal(mapped_ha),
        smallest_parcel_m2=Decimal(667),
        without_forest_years=Decimal(12),
        wetland_ha=Decimal(0),
        shrub_cleared_percent=Decimal(20),
        survey_interval_years=Decimal(5),
        strata=strata,
        baseline_tco2e=Decimal(baseline),
        burning_tco2e=Decimal(0),
        uncertainty_percent=Decimal(uncertainty_percent),
    )


def _larch(area_ha: int, before: str, after: str) -> Stratum:
    return Stratum(
        stratum="larch 2012",
        species="larch",
        area_ha=Decimal(area_ha),
        volume_before_m3_per_ha=Decimal(before),
        volume_after_m3_per_ha=Decimal(after),
    )


EXAMPLES = (
    Example(
        title="9,200 ha of larch that gained 21.6 m³/ha in five years, yearly baseline 1,500 t",
        version="V01",
        parameters=_example((_larch(9_200, "38.20", "59.80"),), 9_200, uncertainty_percent=8, baseline="1500"),
        expected_t=56_112,
    ),
    Example(
        title="Larch and spruce, uncertainty 14 %, so 6 % are deducted before the risk share",
        version="V01",
        parameters=_example(
            (
                _larch(300, "20.00", "42.00"),
                Stratum(
                    stratum="spruce 2012",
                    species="spruce",
                    area_ha=Decimal(200),
                    volume_before_m3_per_ha=Decimal("8.5"),
                    volume_after_m3_per_ha=Decimal("24.5"),
                ),
            ),
            500,
            uncertainty_percent=14,
            baseline="0",
        ),
        expected_t=2_544,
    ),
    Example(
        title="Oak that gives exactly 7,203 t, where a rounded quotient before the end could lose the last tonne",
        version="V01",
        parameters=_example(
            (
                Stratum(
                    stratum="oak 2012",
                    species="oak",
                    area_ha=Decimal(1_000),
                    volume_before_m3_per_ha=Decimal("11.5"),
                    volume_after_m3_per_ha=Decimal("31.5"),
                ),
            ),
            1_000,
            uncertainty_percent=10,
            baseline="675.27184",
        ),
        expected_t=7_203,
    ),
)

METHODOLOGY = Methodology(
    code="afforestation",
    product_type=PRODUCT_TYPE,
    zh="造林碳汇项目降碳产品方法学",
    en="Afforestation carbon sinks",
    evidence=Evidence.TRADED_TEXT_NOT_FOUND,
    source_zh=(
        "未附河北官方文本。公式和适用条件参照 CCER-14-001-V01；"
        "树种缺省值为一般知识；"
        "不确定性扣减规则取自 AR-CM-001；"
        "版本日期为演示设定。"
    ),
    source_en=(
        "No official Hebei text attached. Formula and conditions after the pattern of CCER-14-001-V01; species defaults"
        " are general knowledge; the uncertainty deductions are those of AR-CM-001; the version date is the demo's."
    ),
    crediting_years=(20, 40),
    versions=VERSIONS,
    examples=EXAMPLES,
)
