"""Explanations in words: figures as people read them, both languages whole, told to those whose bid or listing it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from market.trading import bids, listings
from matching import rounds
from matching.explain import explain_bid, explain_lot
from matching.sentences import BID_SENTENCES, LOT_SENTENCES, PLACE, WORTH_SENTENCES
from tanyi.app import explanations
from tanyi.app.factory import application_of
from tanyi.app.installation import Installation, open_installation
from tanyi.app.pages import views_firms, views_market
from tanyi.app.pages.tabular import Asked
from tanyi.kernel.config import settings
from tests.app.desks import HTML
from tests.app.web import BASE
from tests.matching.rounds import bid, lot, problem, result

EVERY_SENTENCE = [
    sentence
    for sentences in (BID_SENTENCES, LOT_SENTENCES, WORTH_SENTENCES)
    for variants in sentences.values()
    for sentence in variants
]


@pytest.fixture(scope="module")
def demo(demo_folder: Path) -> Iterator[Installation]:
    """The demo as it stands after its run; read and never changed."""
    with open_installation(settings({}, demo_folder)) as house:
        yield house


class TestWords:
    @pytest.mark.parametrize("sentence", EVERY_SENTENCE)
    def test_every_sentence_is_told_in_both_languages(self, sentence: str):
        figures: dict[str, int | str] = {name.replace("_yuan", "_fen"): 612_000 for name in PLACE.findall(sentence)}
        chinese, english = (explanations.in_words(sentence, figures, locale) for locale in ("zh", "en"))
        assert re.search(r"[\u4e00-\u9fff]", chinese)
        assert not re.search(r"[\u4e00-\u9fff]", english)
        for name in figures:
            shown = "6,120.00" if name.endswith("_fen") else "612000" if name == "vintage" else "612,000"
            assert shown in chinese
            assert shown in english

    def test_money_is_in_yuan_and_tonnes_are_grouped(self):
        figures: dict[str, int | str] = {"limit_fen": 5600, "needed_limit_fen": 6120, "unsold_t": 12400}
        said = explanations.in_words(BID_SENTENCES["price"][0], figures, "en")
        assert said == "At a limit of 61.20 yuan instead of 56.00, 12,400 t more were unsold."

    def test_types_and_regions_are_told_by_name(self):
        message = BID_SENTENCES["region"][0]
        assert "Chengde" in explanations.in_words(message, {"region": "130800", "unsold_t": 1}, "en")
        assert "XX-9" in explanations.in_words(message, {"region": "XX-9", "unsold_t": 1}, "zh")
        message = BID_SENTENCES["type"][0]
        assert "Wind power" in explanations.in_words(message, {"product_type": "wind", "unsold_t": 1}, "en")

    @pytest.mark.parametrize("locale", ["zh", "en"])
    def test_an_explanation_has_its_figures_beside_its_sentences(self, locale: str):
        round_ = problem([lot("L1", 4), lot("L2", 4, ask_fen=90)], [bid("B1", 10)])
        explained = explain_bid(round_, result(round_, {("B1", "L1"): 4}), "B1")
        told = explanations.spoken(explained, locale)
        for fact, spoken in zip(
            explained["reasons"] + explained["worth"], told["reasons"] + told["worth"], strict=True
        ):
            assert spoken["figures"] == fact["figures"]
            assert spoken["sentence"]
            assert "message" not in spoken

    def test_a_gain_is_told_goal_by_goal_with_its_sign(self):
        bids_ = [bid("B1", 4, limit_fen=700), bid("B2", 4, limit_fen=150, purpose="voluntary")]
        round_ = problem([lot("L1", 8)], bids_)
        explained = explain_bid(round_, result(round_, {("B1", "L1"): 4, ("B2", "L1"): 4}), "B1")
        (worth,) = explanations.spoken(explained, "en")["worth"]
        assert worth["gain_sentence"] == "Gain for the round: +1 t for duties, −1 t voluntary, +5.50 yuan."

    def test_the_command_tells_lines_reasons_and_worth(self):
        round_ = problem([lot("L1", 4, 5000)], [bid("B1", 10, 7000)])
        solved = result(round_, {("B1", "L1"): 4})
        told = list(explanations.as_text(explain_bid(round_, solved, "B1"), "en"))
        assert told[:2] == ["B1: 4 of 10 t.", "  4 t of lot L1 at 50.00 yuan"]
        assert told[2].startswith("- 6 t not served: Only 4 t on offer suit the bid")
        told = list(explanations.as_text(explain_lot(round_, solved, "L1"), "en"))
        assert told[1:3] == ["  4 t to bid B1 at 50.00 yuan", "What one more tonne would be worth:"]


HERE = Asked("/")


class TestPages:
    def test_a_firm_reads_what_its_bid_bought_and_what_a_tonne_would_be_worth(self, demo: Installation):
        with demo.open_reader() as reader:
            found = next(each for each in bids.of_round(reader, rounds.by_number(reader, "2026-1").id))
            outcome = views_firms.bid(reader, found.number, found.buyer_id, HERE)["outcome"]
            assert sum(line["quantity_t"] for line in outcome["lines"].rows) == outcome["done_t"] == found.quantity_t
            assert {"name_zh", "name_en"} <= set(outcome["worth"][0]["sentence"])

    def test_a_bid_in_an_open_round_has_no_outcome_yet(self, demo: Installation):
        with demo.open_reader() as reader:
            found = next(each for each in bids.of_round(reader, rounds.by_number(reader, "2026-2").id))
            assert views_firms.bid(reader, found.number, found.buyer_id, HERE)["outcome"] is None

    def test_only_its_seller_reads_what_a_round_did_with_a_listing(self, demo: Installation):
        with demo.open_reader() as reader:
            for offer in listings.of_round(reader, rounds.by_number(reader, "2026-1").id):
                told = views_market.listing(
                    reader, offer.number, HERE, is_organiser=False, organisation_id=offer.seller_id
                )
                outcome: dict[str, Any] = told["outcome"]
                unsold_t = outcome["quantity_t"] - outcome["done_t"]
                assert sum(line["quantity_t"] for line in outcome["lines"].rows) == outcome["done_t"]
                assert sum(reason["tonnes"] for reason in outcome["reasons"]) == unsold_t
                stranger = views_market.listing(reader, offer.number, HERE, is_organiser=False)
                assert stranger["outcome"] is None

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_a_stranger_sees_the_listing_as_before(self, demo: Installation, language: str):
        with TestClient(application_of(demo), base_url=BASE) as client:
            client.cookies.set("tanyi_locale", language)
            answer = client.get("/listings/L100001", headers=HTML)
        assert answer.status_code == 200
        assert 'id="worth"' not in answer.text
