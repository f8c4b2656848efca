"""Somebody without an account who walks through the pages of neutral events: one cookie jar, one step a method.

`FIGURES` is the event fixture of the domain as somebody types it into the calculator.
"""

from __future__ import annotations

import html
import re
from datetime import date
from typing import Any
from urllib.parse import urlencode

from tests.app.web import Site, token_in

HTML = {"Accept": "text/html"}
FIGURES = {
    "quantity-grid_electricity": "42,000",
    "quantity-natural_gas": "900",
    "many-rail": "200",
    "each-rail": "960",
    "many-flight_domestic": "60",
    "each-flight_domestic": "2700",
    "many-car_petrol": "110",
    "each-car_petrol": "180",
    "many-bus": "400",
    "each-bus": "54",
    "many-hotel": "310",
    "each-hotel": "2",
    "many-meal": "400",
    "each-meal": "5",
    "quantity-paper": "180",
    "quantity-pvc": "240",
    "quantity-incineration": "900",
    "quantity-water": "120",
}
MEASURES = ["transit", "paperless"]


def facts_of(first_on: date, last_on: date, **changed: str) -> dict[str, str]:
    """What somebody types on the first page."""
    typed = {
        "name": "第九届燕赵低碳发展论坛",
        "kind": "FORUM",
        "starts_on": first_on.isoformat(),
        "ends_on": last_on.isoformat(),
        "place": "石家庄国际会展中心",
        "region": "HEBEI",
        "participants": "400",
        "organiser": "燕赵会展有限公司",
        "content": "四百人的低碳发展研讨会",
    }
    return typed | changed


class Walker:
    """A browser profile without a browser."""

    def __init__(self, site: Site, language: str = "zh") -> None:
        self.client = site.client
        self.client.cookies.clear()
        self.client.cookies.set("tanyi_locale", language)

    def reads(self, path: str, status: int = 200) -> str:
        """A page, whose answer has this status."""
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return html.unescape(answer.text)

    def sends(self, path: str, page: str, fields: dict[str, Any], status: int = 303) -> Any:
        """A form of a page, with the token that the page gave."""
        form = {"_csrf_token": token_in(page), **fields}
        answer = self.client.post(path, data=form, headers=HTML, follow_redirects=False)
        assert answer.status_code == status, (path, answer.status_code, _said(answer.text))
        return answer

    def calculates(self, facts: dict[str, str], figures: dict[str, str], contact: str = "13812345678") -> str:
        """From the facts to a saved estimate; gives the number of the event."""
        page = self.reads("/neutral/calculate?" + urlencode(facts))
        form = facts | figures | {"contact": contact, "forcing": "yes", "action": "save"}
        answer = self.sends("/neutral/calculate", page, form)
        found = re.fullmatch(r"/neutral/(N\d+)/measures", answer.headers["location"])
        assert found is not None, answer.headers["location"]
        return found.group(1)

    def reduces_first(self, number: str) -> None:
        """Two measures that are offered, and one in words of one's own."""
        page = self.reads(f"/neutral/{number}/measures")
        form = {"measures": MEASURES, "own": "会场使用绿色电力"}
        assert self.sends(f"/neutral/{number}/measures", page, form).headers["location"] == f"/neutral/{number}/plan"

    def publishes(self, number: str) -> None:
        """The plan, as it is shown."""
        page = self.reads(f"/neutral/{number}/plan")
        self.sends(f"/neutral/{number}/plan", page, {})

    def covers_the_cheapest_way(self, number: str) -> str:
        """What the optimiser proposes, paid at once; gives the number of the retirement."""
        page = self.reads(f"/neutral/{number}/offsets")
        cheapest = re.search(r'<form class="take".*?</form>', page, re.DOTALL)
        assert cheapest is not None, _said(page)
        chosen = dict(re.findall(r'name="(quantity-L\d+)" value="(\d+)"', cheapest.group(0)))
        checkout = self.sends(f"/neutral/{number}/offsets", page, chosen).headers["location"]
        page = self.reads(checkout)
        paid = self.pays(number, page)
        return paid.headers["location"].rpartition("/")[2]

    def pays(self, number: str, page: str, status: int = 303, **changed: str) -> Any:
        """The form of the checkout as it stands, with what has changed."""
        form = dict(re.findall(r'name="((?:quantity-L\d+)|key)" value="([^"]+)"', page))
        return self.sends(f"/neutral/{number}/checkout", page, form | {"understood": "yes"} | changed, status)

    def states_what_was_real(self, number: str, figures: dict[str, str]) -> None:
        """The figures after the event."""
        page = self.reads(f"/neutral/{number}/actuals")
        self.sends(f"/neutral/{number}/actuals", page, figures | {"forcing": "yes", "action": "save"})

    def confirms_itself(self, number: str) -> None:
        """The organiser's own word, and the statement after reading it."""
        page = self.reads(f"/neutral/{number}/confirmation")
        form = {"way": "SELF", "responsible": "燕赵会展有限公司", "evidence": "电费单\n车票清单", "understood": "yes"}
        answer = self.sends(f"/neutral/{number}/confirmation", page, form)
        page = self.reads(answer.headers["location"])
        self.sends(f"/neutral/{number}/statement", page, {})


def _said(page: str) -> list[str]:
    """What a page says is wrong."""
    plain = re.findall(r'class="(?:field-error|notice notice-danger)[^>]*>(.*?)</(?:p|div)>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each).strip() for each in plain] or [page[:400]]
