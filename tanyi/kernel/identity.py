"""Who is who: unified social credit codes (统一社会信用代码, GB 32100), prefecture codes, and numbers that people read."""

from __future__ import annotations

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from tanyi.kernel.errors import N_, Invalid


class BadCreditCode(Invalid):
    """The 18 characters are not a unified social credit code: wrong length, alphabet or check character."""

    code = "identity.bad_credit_code"
    message = N_("%(given)s is not a valid unified social credit code.")


# GB/T 2260 codes of the eleven prefecture cities and Xiong'an; names are labels of the site.
REGIONS: dict[str, str] = {
    "130100": N_("Shijiazhuang"),
    "130200": N_("Tangshan"),
    "130300": N_("Qinhuangdao"),
    "130400": N_("Handan"),
    "130500": N_("Xingtai"),
    "130600": N_("Baoding"),
    "130700": N_("Zhangjiakou"),
    "130800": N_("Chengde"),
    "130900": N_("Cangzhou"),
    "131000": N_("Langfang"),
    "131100": N_("Hengshui"),
    "133100": N_("Xiong'an New Area"),
}


PROVINCE = "130000"


def covers(jurisdiction: str, region: str) -> bool:
    """Whether an office for `jurisdiction` looks after `region`: the province all of it, a city its counties.

    By GB/T 2260: 130000 is the province, 1301xx a city and its counties. Xiong'an is 133100 and its parts.
    """
    return region.startswith(area_prefix(jurisdiction))


def area_prefix(jurisdiction: str) -> str:
    """The digits with which every region of a jurisdiction begins."""
    return jurisdiction[:2] if jurisdiction.endswith("0000") else jurisdiction.removesuffix("00")


def credit_code(given: str) -> str:
    """The code without spaces and in capitals, or `BadCreditCode`."""
    try:
        return uscc.validate(given)
    except ValidationError as wrong:
        raise BadCreditCode(given=given) from wrong


def serial(product_type: str, project_code: str, vintage: int, lo: int, end: int) -> str:
    """The public serial of the tonnes [lo, end): both ends named, so the last is end - 1 (invariants §1)."""
    return f"HB-{product_type}-{project_code}-{vintage}-{lo}-{end - 1}"
