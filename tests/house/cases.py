"""Seeded violations: for each rule a few small files that break it, and their clean twins that must pass.

A case is a rule's name, a path that the rule holds for, the sabotaged text and the clean text. Words that the rules
look for everywhere are put together from pieces, so that this file keeps the rules itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One sabotage and its clean twin."""

    rule: str
    path: str
    bad: str
    clean: str


def _lines(count: int, line: str = "x = 1\n") -> str:
    return line * count


def _body(count: int) -> str:
    return _lines(count, "    x = 1\n")


IMPORTS = "from datetime import date, datetime\nfrom sqlalchemy import CheckConstraint, insert, update, text\n"
LISTINGS = "market/trading/listings.py"
REFUSAL = (
    "from tanyi.kernel.errors import Conflict, N_, Refusal\n"
    "class {name}({kind}):\n    {doc}\n    code = {code}\n    message = {message}\n"
)
GOOD_REFUSAL = {
    "name": "ListingClosed",
    "kind": "Conflict",
    "doc": '"""It is closed."""',
    "code": '"listing.closed"',
    "message": 'N_("Closed.")',
}


def _refusal(**changed: str) -> str:
    return REFUSAL.format(**{**GOOD_REFUSAL, **changed})


SIZES = [
    Case("a_file_has_at_most_400_lines", LISTINGS, _lines(401), _lines(400)),
    Case("a_function_has_at_most_50_lines", LISTINGS, "def f():\n" + _body(50), "def f():\n" + _body(49)),
    Case(
        "a_function_has_at_most_50_lines",
        LISTINGS,
        "class A:\n    def f(self):\n" + _lines(50, "        x = 1\n"),
        "@mark\ndef f():\n    '''a\n    b'''\n" + _body(49),
    ),
    Case(
        "a_verb_has_at_most_25_lines",
        LISTINGS,
        "def open(work):\n" + _body(26),
        "def open(work, *,\n  a):\n" + _body(25),
    ),
    Case(
        "a_handler_has_at_most_15_lines",
        "tanyi/app/api/trading.py",
        "from litestar import get as g\n@g('/x')\ndef listings(a):\n" + _body(16),
        "from litestar import get\n@get('/x')\ndef listings(\n    a,\n):\n    '''Why.'''\n" + _body(15),
    ),
]

PURITY = [
    Case(
        "rules_are_pure",
        LISTINGS,
        f"{IMPORTS}def f():\n    return datetime.now()\n",
        f"{IMPORTS}def f(now):\n    return now.date()\n",
    ),
    Case("rules_are_pure", LISTINGS, "import time\nx = time.time()\n", "import time\nx = time.perf_counter()\n"),
    Case("rules_are_pure", LISTINGS, "import os\nx = os.environ['A']\n", "def f(os):\n    return os.environ\n"),
    Case("rules_are_pure", LISTINGS, "from os import environ as e\nx = e['A']\n", "import os\nx = os.sep\n"),
    Case("rules_are_pure", LISTINGS, "import random\nx = random.random()\n", "def f(random):\n    return random.x\n"),
    Case("rules_are_pure", LISTINGS, "from uuid import uuid4\nx = uuid4()\n", "from uuid import UUID\nx = UUID('0')\n"),
    Case("rules_are_pure", LISTINGS, "x = open('a')\n", "def open(work):\n    return 1\nx = open(2)\n"),
    Case(
        "rules_are_pure",
        "tanyi/kernel/work.py",
        "import datetime as dt\nx = dt.date.today()\n",
        "import datetime as dt\nx = dt.date(2026, 1, 1)\n",
    ),
    Case("verbs_take_work_first_and_the_rest_by_keyword", LISTINGS, "def f(work, a): ...", "def f(work, *, a): ..."),
    Case("verbs_take_work_first_and_the_rest_by_keyword", LISTINGS, "def f(a, work): ...", "def _f(a, work): ..."),
    Case("verbs_take_work_first_and_the_rest_by_keyword", LISTINGS, "def f(*, work): ...", "def f(work): ..."),
    Case(
        "verbs_never_commit", LISTINGS, "def f(work):\n    work.session.commit()\n", "def f(work):\n    work.flush()\n"
    ),
    Case(
        "verbs_never_commit",
        "matching/rounds.py",
        "def close(work):\n    work.session.rollback()\n",
        "def run(database):\n    database.session.commit()\n",
    ),
    Case(
        "one_file_moves_tonnes_and_one_moves_money",
        LISTINGS,
        f"{IMPORTS}from tanyi.ledger.tables import Block\nx = insert(Block).values(lo=1)\n",
        f"{IMPORTS}from market.trading.tables import Block\nx = insert(Block).values(lo=1)\n",
    ),
    Case(
        "one_file_moves_tonnes_and_one_moves_money",
        "tanyi/ledger/audit.py",
        f"{IMPORTS}from tanyi.ledger import tables\nx = update(tables.Transfer).values(a=1)\n",
        f"{IMPORTS}from tanyi.ledger import tables\nx = select(tables.Transfer)\n",
    ),
    Case(
        "one_file_moves_tonnes_and_one_moves_money",
        "tanyi/ledger/transfers.py",
        "from tanyi.ledger.tables import Issuance\nx = Issuance(lo=1)\n",
        "from tanyi.ledger.tables import Transfer\nx = Transfer(amount_fen=1)\n",
    ),
    Case(
        "one_file_moves_tonnes_and_one_moves_money",
        "tanyi/app/cli.py",
        "x = 'update ledger_account set balance_fen = 0'\n",
        "x = 'CREATE FUNCTION f() … UPDATE ledger_account SET balance_fen = 0'\ny = 'SELECT 1 FROM ledger_block'\n",
    ),
]

QUANTITIES = [
    Case("no_float_in_quantity_code", LISTINGS, "price_fen = 5.5\n", "price_fen = 5\n"),
    Case("no_float_in_quantity_code", LISTINGS, "x = float(quantity_t)\n", "x = Decimal(quantity_t)\n"),
    Case("no_float_in_quantity_code", "matching/solver.py", "rate = 0.1\n", "seconds = 0.1\nf(timeout=2.5)\n"),
    Case("no_float_in_quantity_code", "tanyi/ledger/blocks.py", "f(1e3)\n", "f(1_000)\n"),
    Case("a_name_with_a_unit_is_never_a_float", LISTINGS, "def f(price_fen: float): ...", "def f(price_fen: int): ..."),
    Case(
        "a_name_with_a_unit_is_never_a_float",
        "tanyi/app/api/trading.py",
        "class A:\n    mass_kg: float | None\n",
        "class A:\n    seconds: float | None\n",
    ),
    Case("a_quantity_says_its_unit", LISTINGS, "def f(amount): ...", "def f(amount_fen): ..."),
    Case("a_quantity_says_its_unit", LISTINGS, "class A:\n    qty: int\n", "class A:\n    quantity_t: int\n"),
    Case("a_quantity_says_its_unit", LISTINGS, "def f(*, value: Decimal): ...", "def f(value: object): ..."),
    Case(
        "a_time_is_named_at_and_a_date_on",
        LISTINGS,
        f"{IMPORTS}class A:\n    opened: datetime\n",
        f"{IMPORTS}class A:\n    opened_at: datetime\n",
    ),
    Case(
        "a_time_is_named_at_and_a_date_on",
        LISTINGS,
        f"{IMPORTS}class A:\n    due_at: Mapped[date | None]\n",
        f"{IMPORTS}class A:\n    due_on: Mapped[date | None]\n    holidays: tuple[date, ...]\n",
    ),
]

STATES = [
    Case(
        "no_state_is_compared_by_hand",
        LISTINGS,
        "def f(listing):\n    if listing.state == 'OPEN':\n        return 1\n",
        "def f(session):\n    return select(Listing).where(Listing.id == 1, Listing.state == 'OPEN')\n",
    ),
    Case(
        "no_state_is_compared_by_hand",
        "tanyi/app/api/trading.py",
        "x = trade.status in {'SETTLED', 'CANCELLED'}\n",
        "x = reply.status == 200\ny = TRADE.may(trade.status, 'SETTLED')\n",
    ),
    Case(
        "no_state_is_compared_by_hand",
        "tanyi/ledger/blocks.py",
        "x = [b for b in blocks if b.state != FREE]\n",
        "open_ones = Block.state == FREE\ny = q.where(table.c.state == FREE, b.state == FREE)\n",
    ),
    *(
        Case("a_refusal_has_a_kind_a_code_and_a_message", LISTINGS, bad, _refusal())
        for bad in (
            _refusal(code='"Listing Closed"'),
            _refusal(message='"Closed."'),
            _refusal(doc="x = 1"),
            _refusal(name="ListingClosedError"),
            _refusal(kind="Refusal"),
            _refusal() + _refusal(name="ListingGone"),
            _refusal() + "class TwiceClosed(ListingClosed):\n    '''Below one of ours.'''\n",
        )
    ),
]

NAMES = [
    Case("no_banned_name", "market/trading/utils.py", "", ""),
    Case("no_banned_name", "tests/common.py", "", ""),
    Case("no_banned_name", LISTINGS, "class BlockManager: ...", "class Management: ..."),
    Case("no_banned_name", LISTINGS, "def do_open(work): ...", "def dock(work): ..."),
    Case("no_banned_name", LISTINGS, "def process(work): ...", "def processes_that_live(): ..."),
    Case("no_banned_name", LISTINGS, "def _date_helper(): ...", "def uncommon(): ..."),
    Case("a_module_says_what_it_is", LISTINGS, "x = 1\n", "'''Listings (挂牌).'''\n"),
    Case("what_is_public_has_a_docstring", LISTINGS, "def open(work): ...", "def open(work):\n    '''Opens.'''\n"),
    Case("what_is_public_has_a_docstring", LISTINGS, "class A:\n    x = 1\n", "class _A:\n    x = 1\n"),
    Case("what_is_public_has_a_docstring", LISTINGS, "def split(b): ...", "def no_bid_is_overfilled(b): ..."),
]

TABLES = [
    Case(
        "tables_are_private_to_their_package",
        LISTINGS,
        "from tanyi.ledger.tables import Block\n",
        "from market.trading.tables import Listing\nfrom tanyi.ledger import blocks\n",
    ),
    Case(
        "tables_are_private_to_their_package",
        "matching/desk.py",
        "def f():\n    from market.trading import tables\n",
        "from matching import tables\nfrom . import tables as ours\n",
    ),
    Case(
        "relationships_raise_when_not_loaded",
        "market/trading/tables.py",
        "from sqlalchemy.orm import relationship\nx = relationship('Bid')\n",
        "from sqlalchemy.orm import relationship\nx = relationship('Bid', lazy='raise')\n",
    ),
    Case(
        "relationships_raise_when_not_loaded",
        "market/trading/tables.py",
        "from sqlalchemy import orm\nx = orm.relationship('Bid', lazy='select')\n",
        "from sqlalchemy import orm\nx = orm.relationship('Bid', lazy='raise')\n",
    ),
    *(
        Case(
            "a_table_is_named_after_its_package_and_one_row",
            "market/trading/tables.py",
            f"class Listing:\n    __tablename__ = '{name}'\n",
            "class Address:\n    __tablename__ = 'trading_address'\n",
        )
        for name in ("listing", "trading_listings")
    ),
    Case(
        "a_table_is_named_after_its_package_and_one_row",
        "matching/tables.py",
        "from sqlalchemy import Table\nx = Table('rounds', metadata)\n",
        "from sqlalchemy import Table\nx = Table('matching_round', metadata)\n",
    ),
    *(
        Case(
            "a_constraint_is_named_by_a_sentence",
            "market/trading/tables.py",
            f"{IMPORTS}x = CheckConstraint('a <> b'{name})\n",
            f"{IMPORTS}x = CheckConstraint('a <> b', name='no_owner_trades_with_itself')\n",
        )
        for name in ("", ", name='ck_trade'")
    ),
]

LANGUAGES = [
    Case("no_chinese_in_code", LISTINGS, "x = f('挂牌')\n", "def f():\n    '''挂牌协议'''  # 挂牌\n"),
    Case(
        "no_chinese_in_code",
        LISTINGS,
        "x = {'name': '林场'}\n",
        "x = {'name_zh': '林场', 'zh': '吨'}\nf(name_zh='林')\n",
    ),
    Case("no_chinese_in_code", LISTINGS, "def f():\n    return '吨'\n", "def in_chinese():\n    return '吨'\n"),
    Case("no_chinese_in_code", "tanyi/app/cli.py", "echo(f'共{x}吨')\n", "echo('DEMO 演示，无法律效力')\n"),
    *(
        Case("no_text_outside_the_catalogs_in_templates", "templates/pages/home.html", bad, clean)
        for bad, clean in (
            ("<h1>Offered</h1>", "<h1>{{ _('Offered') }} · 5 t</h1>"),
            ("<p>{{ x }} 吨</p>", "<p>{% trans n=x %}{{ n }} tonnes{% endtrans %}</p>"),
            ("<a title='More'>{{ x }}</a>", "<a title=\"{{ _('More') }}\" class='btn btn-primary'>{{ x }}</a>"),
            ("<input placeholder='Name'>", "<input placeholder=\"{{ _('Name') }}\" name='name'>"),
            ("<img alt='A forest'>", "<img alt=''><script>let word = 1</script>"),
            ("<button aria-label='Close'></button>", "{# Close #}<button aria-label=\"{{ _('Close') }}\"></button>"),
            ("<input type='submit' value='Send'>", "<input type='hidden' value='Send'>"),
            ("{{ card('提供') }}", "{{ card(_('Offered')) }} {{ _('提供') }}"),
            ("<p lang='zh'>吨</p><p>Yes</p>", "<p lang='zh-Hans'>{{ x }}吨</p><i translate='no'>ppm</i>"),
            ("{% block body %}Yes{% endblock %}", "{% block body_class %}page{% endblock %}"),
            ("<p>{% if a %}Yes{% endif %}</p>", "<p>{% if a %}{{ _('Yes') }}{% endif %}</p>"),
        )
    ),
]

LEFT = "TO" + "DO"
PATH = "/" + "root" + "/x"
HOST = "https://" + "pypi" + ".org/simple"
LEFTOVERS = [
    Case("nothing_is_left_for_later", LISTINGS, f"x = 1  # {LEFT} later\n", f"x = '{LEFT} in data'\n"),
    Case("nothing_is_left_for_later", LISTINGS, f"'''Listings. {LEFT}: write.'''\n", "'''Listings.'''\n"),
    Case("nothing_is_left_for_later", "docs/map.md", f"{LEFT}: draw\n", "Drawn.\n"),
    Case(
        "nothing_is_left_for_later", LISTINGS, "def f():\n    raise NotImplementedError\n", "def f():\n    return 1\n"
    ),
    Case(
        "nothing_is_left_for_later",
        LISTINGS,
        "def f():\n    '''Why.'''\n    pass\n",
        "class A(Protocol):\n    def f(self): ...\ntry:\n    f()\nexcept E:\n    pass\n",
    ),
    Case("nothing_names_the_machine_it_was_written_on", "docs/map.md", f"see {PATH}\n", "see docs/root/x\n"),
    Case("nothing_names_the_machine_it_was_written_on", "requirements.lock", f"{HOST}\n", "litestar==2.25\n"),
]

TESTS = [
    Case("a_test_is_a_sentence", "tests/x/test_a.py", "def test_foo(): ...", "def test_a_duty_is_rounded_up(): ..."),
    Case(
        "no_test_is_skipped",
        "tests/x/test_a.py",
        "import pytest\n@pytest.mark.skipif(True, reason='x')\ndef test_x(): ...\n",
        "import pytest\n@pytest.mark.parametrize('x', ['skip'])\ndef test_x(x): ...\n",
    ),
    Case(
        "no_test_is_skipped",
        "tests/x/test_a.py",
        "from pytest import importorskip as i\nx = i('numpy')\n",
        "import numpy\n",
    ),
]

CASES = [*SIZES, *PURITY, *QUANTITIES, *STATES, *NAMES, *TABLES, *LANGUAGES, *LEFTOVERS, *TESTS]
