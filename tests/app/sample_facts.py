"""Firms, projects and lines of the demo province that the sample pages are made from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import segno

from matching.sentences import BID_SENTENCES, WORTH_SENTENCES
from tanyi.app.pages import tabular, views_outcomes

Figures = dict[str, int | str]
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
        "P01": (
            "围场北部防护林造林碳汇项目",
            "Northern Weichang shelterbelt afforestation",
            "forestry",
            FARM,
            WEICHANG,
        ),
        "P31": ("白洋淀芦苇湿地固碳项目", "Baiyangdian reed wetland", "wetland", MARSH, ANXIN),
        "P15": ("康保100MW风电降碳产品项目", "Kangbao 100 MW wind farm", "wind", WIND, KANGBAO),
        "P19": ("张北50MW集中式光伏项目", "Zhangbei 50 MW solar plant", "photovoltaic", WIND, KANGBAO),
        "P26": ("高碑店被动房住区项目", "Gaobeidian passive-house quarter", "building", FARM, KANGBAO),
    }[code]
    return {
        **names(chinese, english),
        "code": code,
        "type": type_of(kind),
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


def type_of(kind: str) -> dict[str, str] | str:
    return {"code": kind, **names(*TYPES[kind])} if kind in TYPES else kind


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


def outcome() -> dict[str, Any]:
    """What a round did: two lines, two reasons, what a tonne would be worth."""
    price: Figures = {"limit_fen": 5600, "needed_limit_fen": 6120, "unsold_t": 12400}
    floor: Figures = {"most_outside_t": 17220, "outside_t": 17220, "unsold_t": 4000}
    holder: Figures = {"lot": "L-2026-0012", "from_bid": "B-2026-R1-E03", "other_limit_fen": 5810}
    gain = {"compliance_t": 1, "voluntary_t": -1, "surplus_fen": 320}
    reasons = [("floor", 4000, floor), ("price", 8400, price)]
    worth = [("limit_from_bid", holder | {"needed_limit_fen": 5811}), ("more_from_bid", holder)]
    facts = {
        "reasons": [
            {"tonnes": tonnes, "figures": figures, "message": BID_SENTENCES[code][0]}
            for code, tonnes, figures in reasons
        ],
        "worth": [
            {"kind": kind, "gain": gain, "figures": figures, "message": WORTH_SENTENCES[kind][0]}
            for kind, figures in worth
        ],
    }
    lines = [line("P01", 17220, 5600), line("P15", 4820, 4700) | {"certificate": None}]
    told = views_outcomes.in_both_languages(facts | {"quantity_t": 34440})
    return told | {"round": "2026-R1", "done_t": 22040, "lines": bought(*lines)}


def bought(*lines: dict[str, Any]) -> tabular.Table:
    """What came of a bid."""
    rows = [each | {"state": "RESERVED"} for each in lines]
    return tabular.table(views_outcomes.BOUGHT, tabular.Source.of(rows), tabular.Asked("/bids/B1"))


def frame(who: str | None = None, path: str = "/") -> dict[str, Any]:
    people = {
        "firm": ("周明", "Zhou Ming", STEEL),
        "seller": ("赵林", "Zhao Lin", FARM),
        "organiser": ("陈会", "Chen Hui", EXPO),
        "operator": ("李衡", "Li Heng", names("碳易平台", "Tanyi platform")),
        "regulator": ("何清", "He Qing", names("市级生态环境主管部门", "City ecology department")),
    }
    users = {
        role: {"display_name": names(zh, en), "organisation": whose, "roles": [role], "may_administer": True}
        | {"jurisdiction": "130200" if role == "regulator" else None}
        | {"others": [{"membership_id": 7, **GLASS}] if role == "firm" else []}
        for role, (zh, en, whose) in people.items()
    }
    return {
        "demo": True,
        "user": users[who] if who else None,
        "path": path,
        "csrf_token": "sample-token",
        "flash": [],
        "nonce": "sample-nonce",
    }


def qr_svg() -> str:
    return segno.make(f"https://example.org/certificates/{CERTIFICATE}", error="m").svg_inline(border=0, omitsize=True)
