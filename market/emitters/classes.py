"""Classes of emitters (分类管理, 一(四)): key, general, other, by the yearly emissions of the enterprise as stated.

以上 includes its number and the two (不含) close the other ends, so the classes partition all figures. The stated figure
is compared at its own precision; a missing one is UNCLASSIFIED, never OTHER.
"""

from __future__ import annotations

from decimal import Decimal

from market.emitters.policy import Law

KEY, GENERAL, OTHER, UNCLASSIFIED = "KEY", "GENERAL", "OTHER", "UNCLASSIFIED"


def emitter_class(emissions_tco2e: Decimal | None, law: Law) -> str:
    """The class of an enterprise by its year's emissions in tCO2e, None when they are not verified."""
    if emissions_tco2e is None:
        return UNCLASSIFIED
    if emissions_tco2e >= law.key_from_tco2e:
        return KEY
    return GENERAL if emissions_tco2e >= law.general_from_tco2e else OTHER
