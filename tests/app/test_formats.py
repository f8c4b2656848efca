"""How figures, dates and names are written, the words for codes, and the catalogs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from market.emitters import obligations
from market.registry import projects
from market.trading import bids, listings, trades
from settlement.certificate_claim import NEEDS_OF_PURPOSE
from tanyi.app import assets, catalogs
from tanyi.app.pages import formats, labels, rendering
from tanyi.kernel.errors import Invalid
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.quantities import Money, Tonnes

CHECKOUT = Path(__file__).parents[2]
BILINGUAL = {"name_zh": "北岭林场", "name_en": "Beiling Forest Farm"}


def shown(expression: str, locale: str, **context: Any) -> str:
    return rendering.environment().from_string("{{ " + expression + " }}").render(locale=locale, **context)


class TestFiguresAreWrittenAsReadersExpect:
    def test_tonnes_are_grouped_and_carry_their_unit(self) -> None:
        assert shown("n|tonnes", "zh", n=191909) == "191,909\u00a0吨"
        assert shown("n|tonnes", "en", n=191909) == "191,909\u00a0t"

    def test_money_is_exact_to_the_fen(self) -> None:
        assert [formats.yuan(fen) for fen in (5600, 5, 0, -12345)] == ["¥56.00", "¥0.05", "¥0.00", "−¥123.45"]

    def test_quantities_with_a_unit_are_written_like_plain_numbers(self) -> None:
        assert shown("n|tonnes", "en", n=Tonnes(34440)) == "34,440\u00a0t"
        assert formats.yuan(Money(-5)) == "−¥0.05"
        assert formats.share_permille(Tonnes(1), Tonnes(4)) == 250

    def test_a_price_names_what_it_is_for(self) -> None:
        assert shown("n|yuan_per_tonne", "zh", n=5600) == "56.00\u00a0元/吨"
        assert shown("n|yuan_per_tonne", "en", n=5600) == "CNY\u00a056.00/t"

    def test_a_stated_figure_keeps_its_decimals(self) -> None:
        figures = (Decimal("14694400.50"), "0.10", Decimal(-9600), "−", 1000)
        assert [formats.figure(each) for each in (*figures[:3], figures[4])] == [
            "14,694,400.50",
            "0.10",
            "−9,600",
            "1,000",
        ]

    def test_permille_become_percent_without_rounding(self) -> None:
        assert [formats.percent(each) for each in (500, 405, 0, 1000)] == ["50%", "40.5%", "0%", "100%"]

    def test_a_bar_is_full_only_when_everything_is_covered(self) -> None:
        assert formats.share_permille(34439, 34440) == 999
        assert formats.share_permille(0, 0) == 0

    def test_an_instant_is_shown_in_the_time_of_hebei(self) -> None:
        new_year = datetime(2025, 12, 31, 16, 5, tzinfo=UTC)
        assert shown("t|date", "zh", t=new_year) == "2026年1月1日"
        assert shown("t|datetime", "en", t=new_year) == "1 Jan 2026, 00:05"
        assert shown("t|date", "en", t=date(2026, 3, 15)) == "15 March 2026"

    def test_a_filter_over_a_constant_follows_each_reader(self) -> None:
        template = rendering.environment().from_string("{{ 5|tonnes }}")
        assert template.render(locale="zh") != template.render(locale="en")


class TestNamesFollowTheReader:
    def test_each_language_gets_its_name(self) -> None:
        assert shown("n|local_name", "zh", n=BILINGUAL) == "北岭林场"
        assert shown("n|local_name", "en", n=BILINGUAL) == "Beiling Forest Farm"

    def test_a_chinese_name_on_an_english_page_says_its_language(self) -> None:
        name = {"name_zh": "<甲>", "name_en": None}
        assert shown("n|local_name", "en", n=name) == '<span lang="zh-Hans">&lt;甲&gt;</span>'

    def test_a_serial_breaks_after_hyphens_only_and_is_escaped(self) -> None:
        assert shown("n|serial", "en", n="HB-1<") == '<span class="code" translate="no">HB-<wbr>1&lt;</span>'

    def test_an_address_keeps_its_query_without_empty_values(self) -> None:
        assert rendering.with_query("/market", {"type": "", "sort": "price"}, page=2) == "/market?sort=price&page=2"


class TestEveryCodeHasAWord:
    @pytest.mark.parametrize(
        ("kind", "states"),
        [
            ("project", projects.STATES.states),
            ("listing", listings.STATES.states),
            ("bid", bids.STATES.states),
            ("trade", trades.STATES.states),
            ("obligation", obligations.STATES.states),
        ],
    )
    def test_every_state_of_a_lifecycle(self, kind: str, states: frozenset[str]) -> None:
        assert {state for state in states if labels.state_word(kind, state) is None} == set()

    def test_every_purpose_of_a_retirement(self) -> None:
        assert set(NEEDS_OF_PURPOSE) == set(labels.PURPOSES)

    def test_a_code_without_a_word_is_shown_as_it_is(self) -> None:
        assert shown("'seaweed'|type_name", "zh") == "seaweed"


class TestTheCatalogsAreComplete:
    def test_every_msgid_has_a_text_in_both_languages(self) -> None:
        assert list(catalogs.problems(CHECKOUT)) == []

    def test_a_refusal_is_told_in_the_readers_language(self) -> None:
        message = rendering.translate(Invalid.message, locale="zh", detail="the file is too large")
        assert message == "请求无效：文件过大"
        assert "%(" not in rendering.translate(WrongState.message, locale="zh", thing="a", state="b", wanted="c")


class TestFrontEndFiles:
    def test_the_lock_names_no_host(self) -> None:
        assert "http" not in (CHECKOUT / "package-lock.json").read_text(encoding="utf-8")
        assert "omit-lockfile-registry-resolved=true" in (CHECKOUT / ".npmrc").read_text(encoding="utf-8")

    def test_a_missing_package_file_is_named(self, tmp_path: Path) -> None:
        lock = (CHECKOUT / "package-lock.json").read_bytes()
        (tmp_path / "package-lock.json").write_bytes(lock)
        stamp = tmp_path / assets.STAMP
        stamp.parent.mkdir()
        stamp.write_text(assets.hashlib.sha256(lock).hexdigest())
        with pytest.raises(assets.NoFrontEnd, match=r"@tabler/core/dist/css/tabler\.min\.css is missing"):
            assets.build(tmp_path)
