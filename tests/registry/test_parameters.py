"""Parameters: what a document may state, how a refusal names the place, and what is generated from the fields."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import pytest

from market.registry import methodology, parameters
from tanyi.kernel.errors import Invalid
from tanyi.kernel.quantities import Tonnes

EVERY = methodology.all_methodologies()


def stated_in(code: str, position: int = 0) -> dict:
    """The document of a worked example, as it comes over the wire."""
    return json.loads(json.dumps(methodology.as_document(methodology.by_code(code).examples[position].parameters)))


# Reading


@pytest.mark.parametrize(
    "wrong",
    [
        1.5,
        True,
        False,
        None,
        "",
        " 5",
        "5 ",
        "1e5",
        "NaN",
        "Infinity",
        "-Infinity",
        "+5",
        "05",
        ".5",
        "5.",
        "1_000",
        "1,000",
        "１２",
        "-0",
        "-0.0",
        "0x10",
        "5\n",
        "1" * 19,
        "0." + "1" * 13,
        10**18,
        pytest.param(10**5000, id="five thousand digits"),
        [],
        {},
    ],
)
def test_a_figure_that_is_not_plain_is_refused_with_its_path(wrong):
    stated = {**stated_in("wind"), "export_mwh": wrong}
    with pytest.raises(parameters.NotAPlainFigure) as refused:
        methodology.read_parameters("wind", "V01", stated)
    assert refused.value.facts["path"] == "$.export_mwh"
    assert isinstance(refused.value, Invalid)


@pytest.mark.parametrize("wrong", ["-1", "-0.000001", 50_000_001, "50000000.000001"])
def test_a_figure_out_of_bounds_is_refused(wrong):
    stated = {**stated_in("wind"), "export_mwh": wrong}
    with pytest.raises(parameters.OutOfBounds, match=r"\$\.export_mwh must lie between 0 and 50000000 MWh"):
        methodology.read_parameters("wind", "V01", stated)


def test_a_whole_number_is_as_good_as_text():
    stated = {**stated_in("wind", 1), "export_mwh": 10_000}
    assert methodology.quantify("wind", "V01", stated).quantity_t == Tonnes(7_119)


def test_unknown_and_missing_parameters_are_refused_and_defaults_fill_in():
    stated = stated_in("wind")
    with pytest.raises(parameters.UnknownParameter, match=r"\$\.colour"):
        methodology.read_parameters("wind", "V01", {**stated, "colour": "green"})
    without_factor = {name: figure for name, figure in stated.items() if not name.startswith("build_margin")}
    assert methodology.quantify("wind", "V01", without_factor).quantity_t == Tonnes(202_590)
    del stated["export_mwh"]
    with pytest.raises(parameters.MissingParameter, match=r"\$\.export_mwh"):
        methodology.read_parameters("wind", "V01", stated)


@pytest.mark.parametrize(
    ("name", "wrong", "refusal"),
    [
        ("species", "baobab", parameters.NotAnOption),
        ("species", ["larch"], parameters.NotAnOption),
        ("stratum", "", parameters.WrongShape),
        ("stratum", "a\u0007b", parameters.WrongShape),
        ("stratum", "x" * 41, parameters.WrongShape),
        ("area_ha", 1.0, parameters.NotAPlainFigure),
        ("wolves", 3, parameters.UnknownParameter),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(name, wrong, refusal):
    stated = stated_in("afforestation", 1)
    stated["strata"][1][name] = wrong
    with pytest.raises(refusal) as refused:
        methodology.read_parameters("afforestation", "V01", stated)
    assert refused.value.facts["path"] == f"$.strata[1].{name}"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("strata", []),
        ("strata", {}),
        ("strata", [[]]),
        ("planted_from_on", "10/04/2012"),
        ("planted_from_on", "2012-02-30"),
        ("planted_from_on", "20120410"),
        ("planted_from_on", 20120410),
    ],
)
def test_a_wrong_list_or_day_is_refused(name, wrong):
    with pytest.raises(parameters.WrongShape):
        methodology.read_parameters("afforestation", "V01", {**stated_in("afforestation"), name: wrong})


@pytest.mark.parametrize("wrong", [None, [], "x", 1])
def test_a_document_that_is_no_object_is_refused(wrong):
    with pytest.raises(parameters.WrongShape):
        methodology.read_parameters("wetland", "V01", wrong)


# Generated schema and form


@pytest.mark.parametrize("which", EVERY, ids=lambda each: each.code)
def test_schema_and_form_are_generated_from_the_parameters(which):
    names = [each.name for each in dataclasses.fields(which.version(which.latest()).parameters)]
    schema, form = methodology.json_schema(which.code), methodology.form_fields(which.code)
    json.dumps(schema)
    assert list(schema["properties"]) == names == [line.name for line in form]
    assert schema["additionalProperties"] is False
    assert schema["required"] == [line.name for line in form if line.is_required]
    for line in form:
        assert line.zh
        assert line.en
        assert line.kind != "figure" or (line.unit and line.lowest is not None and line.highest is not None)
        assert (line.kind == "rows") == bool(line.rows)


def test_a_day_out_of_bounds_is_refused_and_the_form_shows_them():
    stated = {**stated_in("afforestation"), "planted_from_on": "1999-12-31"}
    with pytest.raises(parameters.OutOfBounds, match="between 2000-01-01 and 2100-12-31"):
        methodology.read_parameters("afforestation", "V01", stated)
    day = next(line for line in methodology.form_fields("afforestation") if line.kind == "day")
    assert (day.lowest, day.highest) == ("2000-01-01", "2100-12-31")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """A shape of this test: a whole number, which no methodology asks for yet."""

    sheep_count: Annotated[int, parameters.Whole(zh="羊只数", en="Sheep", unit="1", lowest=1, highest=9)] = 3


@pytest.mark.parametrize(
    ("raw", "refusal"), [(True, "plain"), ("5", "plain"), (5.0, "plain"), (0, "between 1 and 9 1")]
)
def test_a_whole_number_is_read_strictly(raw, refusal):
    with pytest.raises(parameters.ParameterRefused, match=refusal):
        parameters.read(Herd, {"sheep_count": raw})


def test_a_whole_number_has_its_schema_and_default():
    assert parameters.read(Herd, {}) == Herd(sheep_count=3)
    assert parameters.read(Herd, {"sheep_count": 9}).sheep_count == 9
    asked = parameters.json_schema(Herd)["properties"]["sheep_count"]
    assert (asked["type"], asked["minimum"], asked["maximum"], asked["default"]) == ("integer", 1, 9, 3)
