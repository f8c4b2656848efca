"""Refusals on the wire: each kind has its status, each refusal its code, and nobody is told our internals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar import get
from litestar.di import NamedDependency
from litestar.testing import TestClient
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tanyi.app import factory, problems
from tanyi.app.factory import application_of
from tanyi.app.problems import STATUSES, status_of
from tanyi.app.security import NotSignedIn, access
from tanyi.app.sign_in_brake import TooManyAttempts
from tanyi.kernel import db
from tanyi.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from tanyi.kernel.idempotency import KeyUsedOtherwise
from tanyi.kernel.passwords import WrongCredentials
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Work
from tests.app.web import BASE
from tests.market_makers import Market, make_house

PAGE = {"Accept": "text/html"}


def every_refusal(kind: type[Refusal] = Refusal) -> set[type[Refusal]]:
    return {kind}.union(*(every_refusal(each) for each in kind.__subclasses__()))


class TestTheTable:
    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            (NotFound, 404),
            (Forbidden, 403),
            (Invalid, 400),
            (Conflict, 409),
            (Unavailable, 503),
            (NotSignedIn, 401),
            (WrongCredentials, 401),
            (KeyUsedOtherwise, 422),
            (TooManyAttempts, 429),
        ],
    )
    def test_each_kind_has_its_status(self, kind: type[Refusal], status: int) -> None:
        assert STATUSES[kind] == status

    def test_every_refusal_of_the_house_is_of_one_of_the_five_kinds(self) -> None:
        kinds = (NotFound, Forbidden, Invalid, Conflict, Unavailable)
        strays = [found.__name__ for found in every_refusal() - {Refusal} if not issubclass(found, kinds)]
        assert strays == []

    def test_every_refusal_has_a_code_of_its_own(self) -> None:
        codes: dict[str, str] = {}
        for found in every_refusal():
            if "code" in vars(found) and not found.__module__.startswith("tests"):
                assert codes.setdefault(found.code, found.__name__) == found.__name__

    def test_a_refusal_takes_the_status_of_its_nearest_kind(self) -> None:
        class Special(NotFound):
            code = "tests.special"

        assert status_of(Special()) == 404


@pytest.fixture
def broken(market: Market, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient[Any]]:
    """A site with routes that go wrong in every way."""
    public = access(scope="public", asks_who=False)

    @get("/bug", opt=public, sync_to_thread=True)
    def bug() -> str:
        raise ValueError("the secret inside")

    @get("/constraint", opt=public, sync_to_thread=True)
    def constraint(work: NamedDependency[Work]) -> str:
        work.session.execute(text("UPDATE kernel_answer SET status = 0"))
        return ""

    @get("/duplicate", opt=public, sync_to_thread=True)
    def duplicate(work: NamedDependency[Work]) -> str:
        query = "INSERT INTO settlement_inbox (event, kind, subject, received_at) VALUES ('e', 'k', 's', now())"
        for _ in range(2):
            work.session.execute(text(query))
        return ""

    @get("/crowd", opt=public, sync_to_thread=True)
    def crowd() -> str:
        raise PoolTimeout("QueuePool limit of size 10 overflow 10 reached")

    @get("/figure", opt=public, sync_to_thread=True)
    def figure() -> str:
        return str(Tonnes(-1))

    @get("/nul", opt=public, sync_to_thread=True)
    def nul(work: NamedDependency[Work]) -> str:
        work.session.execute(text("SELECT CAST(:given AS text)"), {"given": "a\0b"})
        return ""

    routes = [bug, constraint, duplicate, crowd, figure, nul]
    real = factory._static_files
    monkeypatch.setattr(factory, "_static_files", lambda: factory.Router("/", route_handlers=[real(), *routes]))
    with TestClient(application_of(market.house), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


class TestWhatIsTold:
    def test_a_problem_document_has_all_its_parts(self, broken: TestClient[Any]) -> None:
        answer = broken.get("/api/v1/rounds/2099-1", headers={"Accept-Language": "en"})
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json() == {
            "type": "urn:tanyi:refusal:not_found",
            "title": "Not Found",
            "status": 404,
            "detail": NotFound.message,
            "code": "not_found",
            "facts": {},
        }

    def test_people_get_a_page_and_programs_a_document(self, broken: TestClient[Any]) -> None:
        page = broken.get("/rounds/2099-1", headers=PAGE)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "not_found" in page.text
        document = broken.get("/api/v1/rounds/2099-1", headers=PAGE)
        assert document.json()["code"] == "not_found"

    def test_a_bug_tells_its_number_and_nothing_else(self, broken: TestClient[Any], caplog: Any) -> None:
        answer = broken.get("/bug")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "secret" not in answer.text
        assert "ValueError" not in answer.text
        assert answer.json()["facts"]["request"] in caplog.text
        assert "the secret inside" in caplog.text

    def test_a_broken_constraint_is_a_conflict_by_its_name(self, broken: TestClient[Any]) -> None:
        answer = broken.get("/duplicate")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict.settlement_inbox_pkey")
        assert "INSERT" not in answer.text

    def test_what_the_role_may_not_do_in_the_database_is_a_bug(self, broken: TestClient[Any]) -> None:
        answer = broken.get("/constraint")
        assert answer.status_code == 500
        assert "kernel_answer" not in answer.text

    def test_a_crowd_is_asked_to_come_back(self, broken: TestClient[Any]) -> None:
        answer = broken.get("/crowd")
        assert (answer.status_code, answer.json()["code"]) == (503, "database.busy")
        assert answer.headers["retry-after"] == "2"

    @pytest.mark.parametrize("path", ["/figure", "/nul"])
    def test_a_figure_or_text_that_cannot_be_kept_is_invalid(self, broken: TestClient[Any], path: str) -> None:
        answer = broken.get(path)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")

    def test_a_wrong_method_names_the_right_ones(self, broken: TestClient[Any]) -> None:
        answer = broken.delete("/health")
        assert (answer.status_code, answer.json()["code"]) == (405, "http.405")
        assert "GET" in answer.headers["allow"]

    def test_a_body_beyond_the_limit_is_refused(self, broken: TestClient[Any]) -> None:
        answer = broken.post("/gateway/webhooks", content=b"x" * (factory.LARGEST_BODY + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "http.413")

    def test_a_parameter_that_is_no_number_is_named(self, broken: TestClient[Any]) -> None:
        answer = broken.get("/api/v1/rounds?limit=many")
        assert answer.status_code == 400
        assert "limit" in answer.json()["detail"]

    def test_nothing_is_kept_by_a_cache(self, broken: TestClient[Any]) -> None:
        assert broken.get("/api/v1/rounds/2099-1").headers["cache-control"] == "no-store"


class TestADatabaseThatIsDown:
    @pytest.fixture
    def down(self, market: Market, tmp_path: Path) -> Iterator[TestClient[Any]]:
        nowhere = db.Database(owner_url=f"postgresql://nobody@/none?host={tmp_path}")
        house = replace(make_house(market.house.database, tmp_path), database=nowhere)
        with TestClient(application_of(house), base_url=BASE, raise_server_exceptions=False) as client:
            yield client
        nowhere.close()

    @pytest.mark.parametrize("path", ["/health", "/api/v1/projects", "/log/checkpoint"])
    def test_programs_are_told_so(self, down: TestClient[Any], path: str) -> None:
        answer = down.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "database.down")
        assert answer.headers["retry-after"] == "2"

    def test_people_get_a_page_that_needs_no_database(self, down: TestClient[Any]) -> None:
        answer = down.get("/registry", headers=PAGE | {"Cookie": "tanyi_session=whatever"})
        assert answer.status_code == 503
        assert "database.down" in answer.text

    def test_what_needs_no_database_still_answers(self, down: TestClient[Any]) -> None:
        assert down.get("/static/tanyi.css").status_code == 200
        assert down.get("/.well-known/jwks.json").status_code == 200


def test_the_table_of_handlers_leaves_nothing_out() -> None:
    assert Exception in problems.HANDLERS
