"""Grid-connected photovoltaic power (光伏发电), central and rooftop: a product type that 二(一) of the measures names.

No official Hebei text is attached. Titles for central plants and for rooftops of the new area were only inferred
(domain §2.2), so the formula follows the older national pattern CM-001-V01 (§4.3). Power of a rooftop that is used on
the spot replaces power of the grid and counts as generation when its own meter shows it (design: §4.3 leaves the rule
to the methodology); a central plant has no such use.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from market.registry.grid import FIRST_VERSION_ON, GridParameters, quantify_generation
from market.registry.methodology import (
    Evidence,
    Example,
    Methodology,
    ProductType,
    Quantification,
    Version,
)
from market.registry.parameters import Choice, Figure
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.quantities import exact_decimals

PRODUCT_TYPE = ProductType(code="photovoltaic", zh="光伏发电", en="Photovoltaic power")


class OwnUseNotCounted(Invalid):
    """Only a rooftop plant serves a building before it serves the grid."""

    code = "photovoltaic.own_use_not_counted"
    message = N_("Power used on the spot counts for rooftop plants only.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters(GridParameters):
    """What a photovoltaic plant reports for one vintage year."""

    installation: Annotated[
        str,
        Choice(
            zh="安装形式",
            en="Installation",
            options={"central": ("集中式", "Central"), "rooftop": ("屋顶分布式", "Rooftop")},
        ),
    ]
    own_use_mwh: Annotated[
        Decimal,
        Figure(
            zh="就地消纳电量（独立表计）", en="Used on the spot, own meter", unit="MWh", highest=Decimal(50_000_000)
        ),
    ] = Decimal(0)


def quantify(parameters: Parameters) -> Quantification:
    """Export and metered own use, less import, times the combined margin (domain §4.3)."""
    if parameters.installation != "rooftop" and parameters.own_use_mwh != 0:
        raise OwnUseNotCounted()
    with exact_decimals():
        return quantify_generation(parameters, parameters.export_mwh + parameters.own_use_mwh)


VERSIONS = {"V01": Version(valid_from_on=FIRST_VERSION_ON, parameters=Parameters, quantify=quantify)}

EXAMPLES = (
    Example(
        title="Central, 100 MW at 1,430 h: 143,000 MWh × 0.8269 = 118,246.7 t",
        version="V01",
        parameters=Parameters(
            installation="central",
            capacity_mw=Decimal(100),
            design_hours_h=Decimal(1430),
            export_mwh=Decimal("143205.5"),
            import_mwh=Decimal("205.5"),
            certificate_mwh=Decimal(0),
        ),
        expected_t=118_246,
    ),
    Example(
        title="Rooftop, 6 MW at 1,050 h, most of it used on the spot: 6,300 MWh × 0.8269 = 5,209.47 t",
        version="V01",
        parameters=Parameters(
            installation="rooftop",
            capacity_mw=Decimal(6),
            design_hours_h=Decimal(1050),
            export_mwh=Decimal(1_900),
            own_use_mwh=Decimal(4_400),
            import_mwh=Decimal(0),
            certificate_mwh=Decimal(0),
        ),
        expected_t=5_209,
    ),
    Example(
        title="The same rooftop when its own use has no meter: 1,900 MWh × 0.8269 = 1,571.11 t",
        version="V01",
        parameters=Parameters(
            installation="rooftop",
            capacity_mw=Decimal(6),
            design_hours_h=Decimal(1050),
            export_mwh=Decimal(1_900),
            import_mwh=Decimal(0),
            certificate_mwh=Decimal(0),
        ),
        expected_t=1_571,
    ),
)

METHODOLOGY = Methodology(
    code="photovoltaic",
    product_type=PRODUCT_TYPE,
    zh="并网光伏发电项目降碳产品方法学",
    en="Grid-connected photovoltaic power",
    evidence=Evidence.INFERRED,
    source_zh=(
        "未附河北官方文本。公式参照 CM-001-V01 / ACM0002；"
        "采用2019年发布的华北电网边际排放因子；"
        "屋顶就地消纳规则和版本日期为演示设定。"
    ),
    source_en=(
        "No official Hebei text attached. Formula after the pattern of CM-001-V01 / ACM0002; margins of the North China"
        " grid, 2019 issue; own use of rooftops and the version date are the demo's."
    ),
    crediting_years=(1, 10),
    versions=VERSIONS,
    examples=EXAMPLES,
)
