"""Contexts for every page, with figures of the demo province: used by the tests of the templates and for screenshots.

`pages()` gives name → (template, context). The contexts hold what the head of each template asks for, and nothing else.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import segno

NOON = datetime(2026, 9, 18, 6, 30, tzinfo=UTC)
PAGING = {"page": 1, "pages": 1, "total": 3}
SHA = "4f7c1e0b9a3d52c86e1f70b4d9285a6c3e17f08b2d94a65c1e7038bf5d2a9c64"
CERTIFICATE = "HB-RC-2026-000017"

TYPES = {
    "forestry": ("林业碳汇", "Forestry"),
    "wetland": ("湿地固碳", "Wetland"),
    "photovoltaic": ("光伏发电", "Photovoltaic"),
    "wind": ("风力发电", "Wind power"),
}


def names(chinese: str, english: str) -> dict[str, str]:
    return {"name_zh": chinese, "name_en": english}


STEEL = names("燕北钢铁集团有限公司", "Yanbei Steel Group Co., Ltd.")
CEMENT = names("赞皇双线水泥有限公司", "Zanhuang Twin-Line Cement Co., Ltd.")
CERAMICS = names("高邑釉彩陶瓷有限公司", "Gaoyi Glazed Ceramics Co., Ltd.")
GLASS = names("沙河明澈玻璃有限公司", "Shahe Clear Glass Co., Ltd.")
PAPER = names("满城一亩泉纸业有限公司", "Mancheng Yimuquan Paper Co., Ltd.")
FARM = names("围场北岭林场", "Weichang Beiling Forest Farm")
MARSH = names("安新芦荡生态有限公司", "Anxin Reed Marsh Ecology Co., Ltd.")
WIND = names("康保高原风电有限公司", "Kangbao Plateau Wind Power Co., Ltd.")
EXPO = names("石家庄冀展会展有限公司", "Shijiazhuang Jizhan Exhibitions Co., Ltd.")
VERIFIER = names("燕赵绿证核查有限公司", "Yanzhao Green Verification Co., Ltd.")
WEICHANG = names("承德市围场满族蒙古族自治县", "Weichang County, Chengde")
ANXIN = names("雄安新区（安新县）", "Anxin County, Xiong'an")
KANGBAO = names("张家口市康保县", "Kangbao County, Zhangjiakou")


def project(code: str) -> dict[str, Any]:
    chinese, english, kind, owner, county = {
        "P01": ("围场北部防护林造林碳汇项目", "Northern Weichang shelterbelt afforestation", "forestry", FARM, WEICHANG),
        "P31": ("白洋淀芦苇湿地固碳项目", "Baiyangdian reed wetland", "wetland", MARSH, ANXIN),
        "P15": ("康保100MW风电降碳产品项目", "Kangbao 100 MW wind farm", "wind", WIND, KANGBAO),
        "P19": ("张北50MW集中式光伏项目", "Zhangbei 50 MW solar plant", "photovoltaic", WIND, KANGBAO),
        "P26": ("高碑店被动房住区项目", "Gaobeidian passive-house quarter", "ultra_low_energy_building", FARM, KANGBAO),
    }[code]
    return {
        **names(chinese, english),
        "code": code,
        "type": names(*TYPES[kind]) if kind in TYPES else kind,
        "type_code": kind,
        "owner": owner,
        "seller": owner,
        "county": county,
        "story_zh": "在坝上高原南缘的宜林荒地上营造落叶松与樟子松防护林，阻挡南下风沙，涵养滦河水源。"
        "当地护林员与周边村民承担抚育管护，项目收益按协议返还林场和村集体。",
        "story_en": "Larch and Mongolian pine on former waste land at the southern edge of the Bashang plateau hold back "
        "the sand and feed the springs of the Luan river. Foresters and villagers nearby tend the stands; "
        "the proceeds return to the forest farm and the villages.",
        "methodology": {"code": "HB-AFF", "version": "1", **names("造林碳汇方法学", "Afforestation methodology")},
    }


def line(code: str, quantity_t: int, price_fen: int) -> dict[str, Any]:
    return {
        **{key: project(code)[key] for key in ("type", "type_code", "county", "seller", "methodology")},
        "project": project(code),
        "quantity_t": quantity_t,
        "price_fen": price_fen,
        "cost_fen": quantity_t * price_fen,
        "vintage": 2025,
        "buyer": STEEL,
        "round": "2026-R1",
        "certificate": CERTIFICATE,
        "serial": f"HB-FOR-{code}-2025-1402001-{1402000 + quantity_t}",
    }


def frame(who: str | None = None, path: str = "/") -> dict[str, Any]:
    users = {
        "firm": {"display_name": "周明", "organisation": STEEL, "roles": ["firm"]},
        "seller": {"display_name": "赵林", "organisation": FARM, "roles": ["seller"]},
        "organiser": {"display_name": "陈会", "organisation": EXPO, "roles": ["organiser"]},
        "operator": {"display_name": "李衡", "organisation": names("碳易平台", "Tanyi platform"), "roles": ["operator"]},
    }
    return {
        "demo": True,
        "user": users[who] if who else None,
        "path": path,
        "csrf_token": "sample-token",
        "flash": [],
    }


def public_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    shown = [("wind", 147600, 4600), ("forestry", 96012, 5400), ("photovoltaic", 43210, 4500), ("wetland", 37746, 6000)]
    latest = [
        (CERTIFICATE, 34440, STEEL, "COMPLIANCE_BENCHMARK"),
        ("HB-RC-2026-000016", 119, names("第十二届冀中绿色论坛", "12th Green Forum of Central Hebei"), "VOLUNTARY_EVENT"),
        ("HB-RC-2026-000015", 3410, GLASS, "COMPLIANCE_BENCHMARK"),
    ]
    home = {
        "figures": {"offered_t": 324568, "due_t": 254211, "covered_t": 254211, "retired_t": 254330}
        | {"projects": 40, "firms": 17, "certificates": 21},
        "last_round": {"number": "2026-R1", "published_at": NOON, "quantity_t": 254211, "coverage_gap_ppm": 0}
        | {"average_price_fen": 5217, "firms": 17, "sellers": 23, "status": "optimal"},
        "offered_by_type": [
            {"type": names(*TYPES[code]), "code": code, "quantity_t": tonnes, "lowest_price_fen": price}
            for code, tonnes, price in shown
        ],
        "certificates": [
            {"number": number, "retired_at": NOON, "quantity_t": tonnes, "beneficiary": whose, "purpose": purpose}
            for number, tonnes, whose, purpose in latest
        ],
    }
    empty = home | {"last_round": None, "offered_by_type": [], "certificates": []}
    rows = [
        {**project(code), "state": state, "issued_t": issued, "retired_t": retired, "offered_t": offered}
        for code, state, issued, retired, offered in [
            ("P01", "ISSUED", 56120, 33672, 0),
            ("P31", "ISSUED", 26860, 16116, 1200),
            ("P15", "ISSUED", 202590, 21388, 9000),
            ("P26", "METHODOLOGY_PENDING", 0, 0, 0),
        ]
    ]
    registry = {
        "query": {"q": "", "type": "", "state": ""},
        "types": ["forestry", "wetland", "wind", "photovoltaic", "ultra_low_energy_building"],
        "states": ["REGISTERED", "ISSUED", "METHODOLOGY_PENDING"],
        "paging": {"page": 1, "pages": 2, "total": 40},
        "projects": rows,
        "found_block": None,
    }
    block = {"serial": "HB-FOR-P01-2025-1402001-1435672", "project_code": "P01", "state": "RETIRED", "holder": STEEL}
    found = registry | {"found_block": block | {"certificate": CERTIFICATE}, "projects": []}
    listings = [line("P15", 21002, 4700), line("P31", 7744, 6200), line("P01", 22448, 5600)]
    market = {
        "query": {"type": "", "region": "", "price_to": "", "sort": "price"},
        "types": [{"code": code, **names(*TYPES[code])} for code in TYPES],
        "regions": [{"code": "130800", **names("承德市", "Chengde")}, {"code": "130700", **names("张家口市", "Zhangjiakou")}],
        "paging": PAGING,
        "listings": [{**each, "number": f"L-2026-00{n}"} for n, each in enumerate(listings, 10)],
    }
    return {
        "home": ("pages/public/home.html", home | frame()),
        "home-empty": ("pages/public/home.html", empty | frame() | {"demo": False}),
        "registry": ("pages/public/registry.html", registry | frame(path="/registry")),
        "registry-serial": ("pages/public/registry.html", found | frame(path="/registry")),
        "market": ("pages/public/market.html", market | frame(path="/market")),
        "market-empty": ("pages/public/market.html", market | {"listings": []} | frame(path="/market")),
        "sign-in": ("pages/public/sign_in.html", sign_in() | frame(path="/sign-in")),
        "sign-in-plain": ("pages/public/sign_in.html", sign_in() | {"accounts": [], "error": None} | frame()),
        "error": ("pages/public/error.html", error(404) | frame()),
        "error-down": ("pages/public/error.html", error(503) | frame()),
    }


def sign_in() -> dict[str, Any]:
    people = [("周明", "Zhou Ming", STEEL, "firm"), ("赵林", "Zhao Lin", FARM, "seller")]
    people += [("陈会", "Chen Hui", EXPO, "organiser"), ("李衡", "Li Heng", names("碳易平台", "Tanyi platform"), "operator")]
    accounts = [
        {"display_name": names(zh, en), "organisation": whose, "role": role, "username": role, "password": f"{role}-4821"}
        for zh, en, whose, role in people
    ]
    return {"next": "", "username": "", "error": None, "accounts": accounts}


def error(status: int) -> dict[str, Any]:
    return {"status": status, "title": "—", "message": "—", "code": "not_found", "todo": None}


def project_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    course = ["SUBMITTED", "ACCEPTED", "PUBLICISED", "VALIDATED", "REGISTERED", "ISSUED"]
    steps = [
        {"state": state, "at": date(2025, 2, 10) + timedelta(days=40 * n), "is_done": True, "is_now": n == 5}
        for n, state in enumerate(course)
    ]
    figures = [
        ("A", "面积", "Area", "ha", "9200"),
        ("ΔC_PROJ", "项目碳储量年变化量", "Yearly change of carbon stock", "tCO2e", "62355.56"),
        ("GHG_E", "火灾等排放", "Emissions of fire", "tCO2e", "0.00"),
        ("K_RISK", "非持久性风险扣减", "Deduction for the risk of reversal", "—", "0.10"),
        ("CDR", "年度减排量", "Reduction of the year", "tCO2e", "56120.00"),
    ]
    report = {
        **{"number": "M-P01-2025", "period_from_on": date(2025, 1, 1), "period_to_on": date(2025, 12, 31)},
        **{"vintage": 2025, "state": "ISSUED", "verified_t": 56120, "issued_t": 56120, "verifier": VERIFIER},
        "quantification": [
            {"symbol": symbol, **names(zh, en), "unit": unit, "figure": Decimal(text)}
            for symbol, zh, en, unit, text in figures
        ],
    }
    blocks = [
        {"serial": f"HB-FOR-P01-2025-{low}-{low + tonnes - 1}", "quantity_t": tonnes, "vintage": 2025, "state": state}
        | {"holder": holder, "certificate": certificate}
        for low, tonnes, state, holder, certificate in [
            (1402001, 17220, "RETIRED", STEEL, CERTIFICATE),
            (1419221, 16452, "LISTED", FARM, None),
            (1435673, 22448, "FREE", FARM, None),
        ]
    ]
    events = [("签发 56,120 吨", None), ("监测报告通过核查", "燕赵绿证核查有限公司"), ("项目登记", None)]
    context = {
        "project": project("P01") | {"state": "ISSUED", "is_methodology_pending": False, "certified_yearly_t": 56120},
        "steps": steps,
        "places": {"held_t": 22448, "listed_t": 16452, "sold_t": 0, "retired_t": 17220, "issued_t": 56120},
        "reports": [report],
        "blocks": blocks,
        "paging": PAGING,
        "listings": [{"number": "L-2026-0012", "quantity_t": 16452, "price_fen": 5600, "vintage": 2025}],
        "events": [{"at": NOON - timedelta(days=30 * n), "title": t, "detail": d} for n, (t, d) in enumerate(events)],
    }
    waiting = [
        step | {"at": step["at"] if n < 2 else None, "is_done": n < 1, "is_now": n == 1} for n, step in enumerate(steps)
    ]
    pending = project("P26") | {"state": "METHODOLOGY_PENDING", "is_methodology_pending": True, "methodology": None}
    bare = {"reports": [], "blocks": [], "listings": [], "events": [], "steps": waiting}
    context_pending = context | bare | {"project": pending | {"certified_yearly_t": None}}
    selling = {"number": "L-2026-0012", "state": "OPEN", "price_fen": 5600, "quantity_t": 16452, "vintage": 2025}
    listing = {
        "listing": selling | {"seller": FARM, "opened_at": NOON},
        "project": project("P01"),
        "smallest_t": 1,
        "purchase_key": "5e8c",
        "errors": {},
        "may_buy": False,
        "form": dict.fromkeys(("quantity_t", "event_name", "event_on", "event_place", "beneficiary"), ""),
    }
    typed = {"quantity_t": "20000", "event_name": "12th Forum", "event_on": "2026-11-08", "event_place": "Shijiazhuang"}
    buying = listing | {"may_buy": True, "form": typed | {"beneficiary": ""}, "errors": {"quantity_t": "≤ 16,452"}}
    buying["listing"] = listing["listing"]
    return {
        "project": ("pages/public/project.html", context | frame(path="/registry")),
        "project-pending": ("pages/public/project.html", context_pending | frame(path="/registry")),
        "listing": ("pages/public/listing.html", listing | frame(path="/market")),
        "listing-buy": ("pages/public/listing.html", buying | frame("organiser", "/market")),
        "listing-other-role": ("pages/public/listing.html", listing | frame("firm", "/market")),
    }


def pages() -> dict[str, tuple[str, dict[str, Any]]]:
    """name → (template, context) for every page and each of its variants."""
    from tests.app.sample_desks import desk_pages  # noqa: PLC0415  the desks build on the samples above

    return public_pages() | project_pages() | desk_pages()


def qr_svg() -> str:
    return segno.make(f"https://example.org/certificates/{CERTIFICATE}", error="m").svg_inline(border=0, dark="#17221e")
