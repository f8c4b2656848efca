"""Wetland carbon sinks (湿地固碳): marsh, reed and salt marsh, with CCER-14-002-V01 (mangroves) as the pattern only.

No official Hebei text is attached. Wetland products were traded but the text was not found (domain §2.2, §4.2):

    CDR = [Σ A × (ΔC_biomass + ΔC_soil) × 44/12 − GHG_CH4 − GHG_N2O − BSL] × (1 − K_RISK)

Methane is taken as zero where the water holds more than 18 ‰ of salt. Harvested reed is an annual crop: above-ground
carbon may be entered only where its use is durable, which is for the verifier to judge.
"""

from __future__ import annotations

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
from market.registry.parameters import Choice, Figure, Label, Rows
from tanyi.kernel.quantities import exact_decimals

PRODUCT_TYPE = ProductType(code="wetland", zh="湿地固碳", en="Wetland")

TIDAL_MARSH_SOIL_TC_PER_HA = Decimal("0.91")  # a year; IPCC 2013 Wetlands Supplement (known)
METHANE_FREE_ABOVE_PERMILLE = Decimal(18)
# tCO2e per tonne of CH4 and of N2O (known); the report says which set it used.
WARMING_POTENTIALS = {
    "AR5": (Decimal(28), Decimal(265)),
    "AR6": (Decimal("27.9"), Decimal(273)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A stratum of one vegetation and water regime, with its yearly accumulation and gas fluxes per hectare."""

    stratum: Annotated[str, Label(zh="碳层", en="Stratum")]
    area_ha: Annotated[Decimal, Figure(zh="面积", en="Area", unit="ha", highest=Decimal(1_000_000))]
    biomass_gain_tc_per_ha: Annotated[
        Decimal, Figure(zh="生物质碳年积累量", en="Yearly gain in biomass", unit="tC/ha", highest=Decimal(50))
    ]
    soil_gain_tc_per_ha: Annotated[
        Decimal, Figure(zh="土壤碳年积累量", en="Yearly gain in soil", unit="tC/ha", highest=Decimal(50))
    ]
    salinity_permille: Annotated[Decimal, Figure(zh="水体盐度", en="Salinity", unit="‰", highest=Decimal(350))]
    methane_kg_per_ha: Annotated[
        Decimal, Figure(zh="甲烷年通量", en="Yearly methane flux", unit="kg CH4/ha", highest=Decimal(10_000))
    ]
    nitrous_oxide_kg_per_ha: Annotated[
        Decimal, Figure(zh="氧化亚氮年通量", en="Yearly nitrous oxide flux", unit="kg N2O/ha", highest=Decimal(1_000))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a wetland project reports for one vintage year."""

    strata: Annotated[tuple[Stratum, ...], Rows(zh="碳层表", en="Strata", row=Stratum)]
    warming_potentials: Annotated[
        str,
        Choice(
            zh="全球增温潜势来源",
            en="Global warming potentials",
            options={"AR5": ("IPCC 第五次评估报告", "IPCC AR5"), "AR6": ("IPCC 第六次评估报告", "IPCC AR6")},
        ),
    ]
    baseline_tco2e: Annotated[
        Decimal, Figure(zh="基准线年清除量", en="Yearly baseline removal", unit="tCO2e", highest=Decimal(10_000_000))
    ]
    risk_share: Annotated[
        Decimal, Figure(zh="非持久性风险扣减率", en="Non-permanence risk share", unit="1", highest=Decimal(1))
    ] = Decimal("0.10")


def quantify(parameters: Parameters) -> Quantification:
    """The yearly removal, multiplied through by 12 so that the only division comes last (domain §4.2)."""
    with exact_decimals():
        carbon_tc = sum(
            (each.area_ha * (each.biomass_gain_tc_per_ha + each.soil_gain_tc_per_ha) for each in parameters.strata),
            Decimal(0),
        )
        methane_tco2e, nitrous_oxide_tco2e = gases_tco2e(parameters)
        lost_tco2e = methane_tco2e + nitrous_oxide_tco2e + parameters.baseline_tco2e
        removal = quotient_down((carbon_tc * 44 - lost_tco2e * 12) * (1 - parameters.risk_share), Decimal(12))
        steps = [
            Step("ΔC", "tC", carbon_tc),
            Step("ΔC_CO2", "tCO2e", quotient_down(carbon_tc * 44, Decimal(12))),
            Step("GHG_CH4", "tCO2e", methane_tco2e),
            Step("GHG_N2O", "tCO2e", nitrous_oxide_tco2e),
            Step("BSL", "tCO2e", parameters.baseline_tco2e),
            Step("K_RISK", "1", parameters.risk_share),
            Step("CDR", "tCO2e", removal),
        ]
        return quantified(removal, steps)


def gases_tco2e(parameters: Parameters) -> tuple[Decimal, Decimal]:
    """Methane and nitrous oxide of the year; methane is zero in strata above 18 ‰ of salt (domain §4.2)."""
    methane_potential, nitrous_oxide_potential = WARMING_POTENTIALS[parameters.warming_potentials]
    methane_t, nitrous_oxide_t = Decimal(0), Decimal(0)
    for each in parameters.strata:
        if each.salinity_permille <= METHANE_FREE_ABOVE_PERMILLE:
            methane_t += each.area_ha * each.methane_kg_per_ha * Decimal("0.001")
        nitrous_oxide_t += each.area_ha * each.nitrous_oxide_kg_per_ha * Decimal("0.001")
    return methane_t * methane_potential, nitrous_oxide_t * nitrous_oxide_potential


VERSIONS = {"V01": Version(valid_from_on=date(2021, 1, 1), parameters=Parameters, quantify=quantify)}


def _stratum(area_ha: int, *, biomass: str, soil: Decimal, salinity: str, methane: str, nitrous: str) -> Stratum:
    return Stratum(
        stratum="S-1",
        area_ha=Decimal(area_ha),
        biomass_gain_tc_per_ha=Decimal(biomass),
        soil_gain_tc_per_ha=soil,
        salinity_permille=Decimal(salinity),
        methane_kg_per_ha=Decimal(methane),
        nitrous_oxide_kg_per_ha=Decimal(nitrous),
    )


EXAMPLES = (
    Example(
        title="Salt marsh at the soil default: 1,200 ha × 0.91 tC × 44/12 × 0.9 = 3,603.6 t; methane does not count",
        version="V01",
        parameters=Parameters(
            strata=(
                _stratum(
                    1_200,
                    biomass="0",
                    soil=TIDAL_MARSH_SOIL_TC_PER_HA,
                    salinity="24.5",
                    methane="40",
                    nitrous="0",
                ),
            ),
            warming_potentials="AR5",
            baseline_tco2e=Decimal(0),
        ),
        expected_t=3_603,
    ),
    Example(
        title="The same marsh at exactly 18 ‰: methane counts, 1,200 ha × 40 kg × 28 = 1,344 t before the risk share",
        version="V01",
        parameters=Parameters(
            strata=(
                _stratum(1_200, biomass="0", soil=TIDAL_MARSH_SOIL_TC_PER_HA, salinity="18", methane="40", nitrous="0"),
            ),
            warming_potentials="AR5",
            baseline_tco2e=Decimal(0),
        ),
        expected_t=2_394,
    ),
    Example(
        title="Fresh reed bed, AR6: (1,500 tC × 44/12 − 1,395 − 81.9 − 23.1) × 0.9 = 3,600 t exactly",
        version="V01",
        parameters=Parameters(
            strata=(_stratum(1_000, biomass="0.6", soil=Decimal("0.9"), salinity="0.6", methane="50", nitrous="0.3"),),
            warming_potentials="AR6",
            baseline_tco2e=Decimal("23.1"),
        ),
        expected_t=3_600,
    ),
)

METHODOLOGY = Methodology(
    code="wetland",
    product_type=PRODUCT_TYPE,
    zh="湿地固碳项目降碳产品方法学",
    en="Wetland carbon sinks",
    evidence=Evidence.TRADED_TEXT_NOT_FOUND,
    source_zh=(
        "未附河北官方文本。公式参照 CCER-14-002-V01（该方法学仅适用于红树林）；"
        "土壤缺省值取自 IPCC 2013 年湿地增补指南；"
        "风险扣减率、计入期和版本日期为演示设定。"
    ),
    source_en=(
        "No official Hebei text attached. Formula after the pattern of CCER-14-002-V01, which itself covers mangroves"
        " only; soil default of the IPCC 2013 Wetlands Supplement; risk share, crediting period and version date are"
        " the demo's."
    ),
    crediting_years=(20, 40),
    versions=VERSIONS,
    examples=EXAMPLES,
)
