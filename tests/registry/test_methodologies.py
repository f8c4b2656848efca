"""Methodologies: worked examples, exact arithmetic, strict reading, conditions of use, versions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal, Inexact
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.registry import grid, methodology
from market.registry.methodologies import afforestation, photovoltaic, wetland, wind
from tanyi.kernel import quantities
from tanyi.kernel.errors import NotFound
from tanyi.kernel.quantities import Tonnes

EVERY = methodology.all_methodologies()
EVERY_EXAMPLE = [
    pytest.param(each, example, id=f"{each.code}: {example.title}") for each in EVERY for example in each.examples
]


def document_of(example: methodology.Example) -> dict:
    return json.loads(json.dumps(methodology.as_document(example.parameters)))


def example_of(code: str, position: int = 0) -> methodology.Example:
    return methodology.by_code(code).examples[position]


# Worked examples


@pytest.mark.parametrize(("which", "example"), EVERY_EXAMPLE)
def test_a_worked_example_gives_its_tonnes_from_its_document(which, example):
    result = methodology.quantify(which.code, example.version, document_of(example))
    assert result.quantity_t == Tonnes(example.expected_t)
    assert result.reduction_tco2e.is_finite()
    assert result.quantity_t == floor(result.reduction_tco2e)
    assert result.steps[-1].figure == result.reduction_tco2e


@pytest.mark.parametrize(("which", "example"), EVERY_EXAMPLE)
def test_parameters_survive_being_stored(which, example):
    read = methodology.read_parameters(which.code, example.version, document_of(example))
    assert read == example.parameters
    assert methodology.as_document(read) == document_of(example)


@pytest.mark.parametrize("which", EVERY, ids=lambda each: each.code)
def test_a_methodology_has_at_least_three_examples_and_says_what_it_rests_on(which):
    assert len(which.examples) >= methodology.FEWEST_EXAMPLES
    assert {example.version for example in which.examples} == set(which.versions)
    assert which.evidence is methodology.Evidence.TEXT_ATTACHED or "No official Hebei text attached" in which.source_en
    assert which.evidence is methodology.Evidence.TEXT_ATTACHED or "未附河北官方文本" in which.source_zh
    assert which.zh
    assert which.en
    fewest, most = which.crediting_years
    assert 1 <= fewest <= most


# Discovery and versions


def test_the_four_files_are_found_by_walking_the_package():
    assert {each.code: each.product_type.code for each in EVERY} == {
        "afforestation": "forestry",
        "photovoltaic": "photovoltaic",
        "wetland": "wetland",
        "wind": "wind",
    }
    assert [each.code for each in methodology.product_types()] == ["forestry", "photovoltaic", "wetland", "wind"]


def test_an_unknown_methodology_or_version_is_refused():
    with pytest.raises(methodology.UnknownMethodology):
        methodology.by_code("perpetual_motion")
    with pytest.raises(methodology.UnknownMethodologyVersion):
        methodology.quantify("wind", "V99", document_of(example_of("wind")))
    with pytest.raises(NotFound):
        methodology.by_reference("wind@")


def test_a_reference_names_methodology_and_version():
    assert methodology.reference("wind", "V01") == "wind@V01"
    which, version = methodology.by_reference("wind@V01")
    assert (which.code, version) == ("wind", "V01")


def test_an_old_report_keeps_its_own_version_and_a_new_one_takes_the_one_in_force():
    old = wind.VERSIONS["V01"]
    half = lambda reported: methodology.quantified(wind.quantify(reported).reduction_tco2e / 2, [])  # noqa: E731
    newer = methodology.Version(valid_from_on=date(2027, 1, 1), parameters=old.parameters, quantify=half)
    both = replace(wind.METHODOLOGY, versions={"V02": newer, "V01": old})
    assert both.version_on(date(2026, 12, 31)) == "V01"
    assert both.version_on(date(2027, 1, 1)) == both.latest() == "V02"
    stated = wind.EXAMPLES[1].parameters
    assert both.version("V01").quantify(stated).quantity_t == Tonnes(7_119)
    assert both.version("V02").quantify(stated).quantity_t == Tonnes(3_559)
    with pytest.raises(methodology.UnknownMethodologyVersion):
        both.version_on(date(2020, 12, 31))


# Exact arithmetic


def test_exact_decimals_never_lose_a_digit():
    with quantities.exact_decimals(), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(afforestation.SPECIES)),
            st.decimals(0, 5000, places=4),
            st.decimals(0, 300, places=3),
            st.decimals(0, 100, places=3),
        ),
        min_size=1,
        max_size=6,
    ),
    st.decimals(0, 500, places=2),
    st.sampled_from(["0", "10", "10.1", "20", "29.99", "30"]),
    st.decimals(Decimal("0.5"), 10, places=2),
)
def test_afforestation_agrees_with_rational_arithmetic(rows, baseline, uncertainty, years):
    strata = tuple(
        afforestation.Stratum(
            stratum=str(position),
            species=species,
            area_ha=area,
            volume_before_m3_per_ha=before,
            volume_after_m3_per_ha=before + gain,
        )
        for position, (species, area, before, gain) in enumerate(rows)
    )
    stated = replace(
        example_of("afforestation").parameters,
        strata=strata,
        mapped_area_ha=sum((row.area_ha for row in strata), Decimal(0)),
        baseline_tco2e=baseline,
        uncertainty_percent=Decimal(uncertainty),
        survey_interval_years=years,
    )
    carbon = Fraction(0)
    for species, area, _, gain in rows:
        tree = afforestation.SPECIES[species]
        factors = (tree.wood_density_t_per_m3, tree.expansion, 1 + tree.root_to_shoot, tree.carbon_share, area, gain)
        product = Fraction(1)
        for factor in factors:
            product *= Fraction(factor)
        carbon += product
    deducted = Fraction(afforestation.uncertainty_deduction(Decimal(uncertainty)))
    truth = (carbon * Fraction(44, 12) / Fraction(years) - Fraction(baseline)) * (1 - deducted) * Fraction(9, 10)
    if truth < 0:
        with pytest.raises(methodology.NothingReduced):
            afforestation.quantify(stated)
    else:
        result = afforestation.quantify(stated)
        assert result.quantity_t == floor(truth)
        assert 0 <= truth - Fraction(result.reduction_tco2e) < Fraction(1, 10**12)


@given(st.decimals(0, 400_000, places=6), st.decimals(0, 1000, places=6), st.decimals(0, 1, places=4))
def test_generation_agrees_with_rational_arithmetic(export, imported, weight):
    stated = replace(
        example_of("wind").parameters,
        export_mwh=export,
        import_mwh=imported,
        operating_margin_weight=weight,
        build_margin_weight=1 - weight,
    )
    factor = Fraction(weight) * Fraction("0.9419") + (1 - Fraction(weight)) * Fraction("0.4819")
    truth = (Fraction(export) - Fraction(imported)) * factor
    if truth < 0:
        with pytest.raises(methodology.NothingReduced):
            wind.quantify(stated)
    else:
        assert Fraction(wind.quantify(stated).reduction_tco2e) == truth
        assert wind.quantify(stated).quantity_t == floor(truth)


# Conditions of use: afforestation


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"smallest_parcel_m2": Decimal("666.99")}, afforestation.ParcelTooSmall),
        ({"planted_from_on": date(2019, 12, 31), "smallest_parcel_m2": Decimal(666)}, afforestation.ParcelTooSmall),
        ({"planted_from_on": date(2020, 1, 1), "smallest_parcel_m2": Decimal("399.9")}, afforestation.ParcelTooSmall),
        ({"without_forest_years": Decimal("2.99")}, afforestation.WasForestLately),
        ({"wetland_ha": Decimal("0.01")}, afforestation.WetlandPlanted),
        ({"shrub_cleared_percent": Decimal("20.01")}, afforestation.TooManyShrubsCleared),
        ({"mapped_area_ha": Decimal(9_109)}, None),
        ({"mapped_area_ha": Decimal(9_108)}, afforestation.StrataDoNotCoverTheArea),
        ({"mapped_area_ha": Decimal(9_293)}, afforestation.StrataDoNotCoverTheArea),
        ({"uncertainty_percent": Decimal("30.01")}, afforestation.MorePlotsNeeded),
        ({"uncertainty_percent": Decimal(30)}, None),
        ({"planted_from_on": date(2020, 1, 1), "smallest_parcel_m2": Decimal(400)}, None),
        ({"without_forest_years": Decimal(3), "shrub_cleared_percent": Decimal(20)}, None),
    ],
)
def test_the_conditions_of_afforestation_bite_at_their_edge(change, refusal):
    stated = replace(example_of("afforestation").parameters, **change)
    if refusal is None:
        assert afforestation.quantify(stated).quantity_t > 0
    else:
        with pytest.raises(refusal):
            afforestation.quantify(stated)


@pytest.mark.parametrize(
    ("percent", "share"),
    [("0", "0"), ("10", "0"), ("10.01", "0.06"), ("20", "0.06"), ("20.01", "0.11"), ("30", "0.11")],
)
def test_the_uncertainty_deduction_steps_as_in_the_table(percent, share):
    assert afforestation.uncertainty_deduction(Decimal(percent)) == Decimal(share)


def test_a_forest_that_lost_carbon_issues_nothing():
    lost = replace(example_of("afforestation").parameters.strata[0], volume_after_m3_per_ha=Decimal(1))
    with pytest.raises(methodology.NothingReduced):
        afforestation.quantify(replace(example_of("afforestation").parameters, strata=(lost,)))


# Conditions of use: grid


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"export_mwh": Decimal("878400.01")}, grid.ImpossibleGeneration),
        ({"export_mwh": Decimal(878_400)}, None),
        ({"certificate_mwh": Decimal("0.001")}, grid.GreenCertificatesHeld),
        ({"build_margin_weight": Decimal("0.26")}, grid.WeightsDoNotAddUp),
        ({"import_mwh": Decimal(300_000)}, methodology.NothingReduced),
    ],
)
def test_the_conditions_of_a_plant_bite_at_their_edge(change, refusal):
    stated = replace(example_of("wind").parameters, **change)
    if refusal is None:
        assert wind.quantify(stated).quantity_t > 0
    else:
        with pytest.raises(refusal):
            wind.quantify(stated)


def test_generation_far_above_the_design_is_remarked_but_not_refused():
    at_edge = replace(example_of("wind").parameters, export_mwh=Decimal(281_750))
    assert wind.quantify(at_edge).remarks == ()
    above = wind.quantify(replace(at_edge, export_mwh=Decimal("281750.001")))
    assert [remark.code for remark in above.remarks] == ["grid.hours_above_design"]
    assert "281750.001 MWh is over 15 %" in above.remarks[0].message % above.remarks[0].facts


def test_the_margins_of_north_china_combine_as_published():
    assert grid.combined_margin(example_of("wind").parameters) == Decimal("0.8269")
    assert grid.combined_margin(example_of("wind", 1).parameters) == Decimal("0.7119")


def test_own_use_counts_for_rooftops_only():
    with pytest.raises(photovoltaic.OwnUseNotCounted):
        photovoltaic.quantify(replace(example_of("photovoltaic").parameters, own_use_mwh=Decimal(1)))


# Wetland


def test_methane_is_counted_up_to_and_including_eighteen_permille():
    salty, brackish = example_of("wetland", 0).parameters, example_of("wetland", 1).parameters
    assert wetland.gases_tco2e(salty)[0] == 0
    assert wetland.gases_tco2e(brackish)[0] == Decimal(1_344)


def test_the_set_of_warming_potentials_is_stated_by_the_report():
    stated = example_of("wetland", 2).parameters
    assert wetland.gases_tco2e(stated) == (Decimal(1395), Decimal("81.9"))
    assert wetland.gases_tco2e(replace(stated, warming_potentials="AR5")) == (Decimal(1_400), Decimal("79.5"))
