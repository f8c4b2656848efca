"""Grid-connected wind power (风力发电): a product type that 二(一) of the measures names.

No official Hebei text is attached. Titles of such a methodology were only inferred (domain §2.2), onshore wind has no
twin among the national methodologies in force (§3.1), so the formula follows the older national pattern CM-001-V01
(§4.3). Curtailed power is not credited: only what the settlement meter shows counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from market.registry.grid import FIRST_VERSION_ON, GridParameters, quantify_generation
from market.registry.methodology import (
    Evidence,
    Example,
    Methodology,
    ProductType,
    Quantification,
    Version,
)
from tanyi.kernel.quantities import exact_decimals

PRODUCT_TYPE = ProductType(code="wind", zh="风力发电", en="Wind power")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters(GridParameters):
    """What a wind farm reports for one vintage year: the common figures and nothing else."""


def quantify(parameters: Parameters) -> Quantification:
    """Export less import, times the combined margin (domain §4.3)."""
    with exact_decimals():
        return quantify_generation(parameters, parameters.export_mwh)


VERSIONS = {"V01": Version(valid_from_on=FIRST_VERSION_ON, parameters=Parameters, quantify=quantify)}

EXAMPLES = (
    Example(
        title="100 MW at 2,450 h with the North China factors: 245,000 MWh × 0.8269 = 202,590.5 t",
        version="V01",
        parameters=Parameters(
            capacity_mw=Decimal(100),
            design_hours_h=Decimal(2450),
            export_mwh=Decimal("245812.40"),
            import_mwh=Decimal("812.40"),
            certificate_mwh=Decimal(0),
        ),
        expected_t=202_590,
    ),
    Example(
        title="Equal weights, the other choice: 10,000 MWh × 0.7119 = 7,119 t exactly",
        version="V01",
        parameters=Parameters(
            capacity_mw=Decimal(5),
            design_hours_h=Decimal(2100),
            export_mwh=Decimal(10_000),
            import_mwh=Decimal(0),
            certificate_mwh=Decimal(0),
            operating_margin_weight=Decimal("0.5"),
            build_margin_weight=Decimal("0.5"),
        ),
        expected_t=7_119,
    ),
    Example(
        title="One watt-hour short of a whole tonne is rounded down: 9,999.999999 MWh × 0.8269",
        version="V01",
        parameters=Parameters(
            capacity_mw=Decimal(5),
            design_hours_h=Decimal(2100),
            export_mwh=Decimal("9999.999999"),
            import_mwh=Decimal(0),
            certificate_mwh=Decimal(0),
        ),
        expected_t=8_268,
    ),
)

METHODOLOGY = Methodology(
    code="wind",
    product_type=PRODUCT_TYPE,
    zh="并网风力发电项目降碳产品方法学",
    en="Grid-connected wind power",
    evidence=Evidence.INFERRED,
    source_zh=(
        "未附河北官方文本。公式参照 CM-001-V01 / ACM0002；采用2019年发布的华北电网边际排放因子；版本日期为演示设定。"
    ),
    source_en=(
        "No official Hebei text attached. Formula after the pattern of CM-001-V01 / ACM0002; margins of the North China"
        " grid, 2019 issue; the version date is the demo's."
    ),
    crediting_years=(1, 10),
    versions=VERSIONS,
    examples=EXAMPLES,
)
