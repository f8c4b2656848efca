"""The public pages: home, registry, projects, market, listings, rounds and certificates."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from matching import rounds
from settlement import certificates
from tanyi.app.api import certificates as signed_files
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_certificates, views_market, views_registry, views_rounds
from tanyi.app.pages.organiser import empty_form
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel.errors import NotFound
from tanyi.kernel.work import Reader

LONGEST_ADDRESS = 500


def here(request: Request[Any, Any, Any]) -> str:
    """The address of this page with its query, so that changing the language keeps what was searched for."""
    query = request.url.query
    whole = f"{request.url.path}?{query}" if query else request.url.path
    return whole if len(whole) <= LONGEST_ADDRESS and whole.isprintable() else request.url.path


@get("/", opt=access(scope="public"), sync_to_thread=True)
def home(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
    """The market in ten seconds."""
    return page(visitor, "pages/public/home.html", **views_market.home(reader))


@get("/registry", opt=access(scope="public"), sync_to_thread=True)
def registry(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """The public search of projects and serials; the number of a certificate leads to it."""
    number = pieces.typed(request.query_params, "q").strip().upper()
    if certificates.is_issued(reader, number):
        return see_other(f"/certificates/{number}")
    jurisdiction = visitor.user.jurisdiction if visitor.user else None
    found = views_registry.registry(reader, request.query_params, jurisdiction)
    return page(visitor, "pages/public/registry.html", path=here(request), **found)


@get("/projects/{code:str}", opt=access(scope="public"), sync_to_thread=True)
def project(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    code: FromPath[str],
) -> Response[str]:
    """One project and where each of its tonnes is."""
    found = views_registry.project(reader, code, request.query_params)
    return page(visitor, "pages/public/project.html", path=here(request), **found)


@get("/market", opt=access(scope="public"), sync_to_thread=True)
def market(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """What is on sale."""
    offers = views_market.market(reader, request.query_params)
    return page(visitor, "pages/public/market.html", path=here(request), **offers)


@get("/listings/{number:str}", opt=access(scope="public"), sync_to_thread=True)
def listing(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """One listing; an organiser may buy from it here, and its seller reads what a round did with it."""
    offer = views_market.listing(reader, number, buyer=visitor.actor)
    return page(visitor, "pages/public/listing.html", **(offer | empty_form()))


@get("/rounds", opt=access(scope="public"), sync_to_thread=True)
def all_rounds(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """All rounds, newest first."""
    may_operate = "operator" in visitor.actor.roles
    found = views_rounds.all_rounds(reader, request.query_params, may_operate=may_operate)
    return page(visitor, "pages/public/rounds.html", **found)


@get("/rounds/{number:str}", opt=access(scope="public"), sync_to_thread=True)
def one_round(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[str]:
    """One round: its result once it is published."""
    may_operate = "operator" in visitor.actor.roles
    found = views_rounds.result(reader, number, request.query_params, may_operate=may_operate)
    return page(visitor, "pages/public/round.html", **found)


@get("/rounds/{number:str}/problem.json", opt=access(scope="public"), sync_to_thread=True)
def problem_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The frozen problem of a published round, byte for byte."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.problem)


@get("/rounds/{number:str}/result.json", opt=access(scope="public"), sync_to_thread=True)
def result_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The checked result of a published round, byte for byte."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.result)


@get("/rounds/{number:str}/certificate.json", opt=access(scope="public"), sync_to_thread=True)
def bounds_file(reader: NamedDependency[Reader], number: FromPath[str]) -> Response[bytes]:
    """The certificate of the bounds of a published round, byte for byte; a round solved before there were any has none."""
    found = rounds.by_number(reader, pieces.named(number))
    return _published_file(found, found.certificate)


def _published_file(found: rounds.Round, raw: bytes | None) -> Response[bytes]:
    if found.published_at is None or raw is None:
        raise NotFound
    return Response(raw, media_type="application/json")


@get("/certificates/{name:str}", opt=access(scope="public"), sync_to_thread=True)
def certificate(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    house: NamedDependency[Installation],
    name: FromPath[str],
) -> Response[Any]:
    """The public page of a certificate, or its signed file for a name that ends with .json."""
    if name.endswith(".json"):
        return signed_files.signed_file(reader, pieces.named(name))
    told = views_certificates.certificate(reader, name, house.settings.public_url)
    return page(visitor, "pages/public/certificate.html", **told)


@get("/docs", opt=access(scope="public"), sync_to_thread=True)
def docs(visitor: NamedDependency[Visitor]) -> Response[str]:
    """The page on which the programming interface can be read and tried."""
    return page(visitor, "pages/public/docs.html", schema_url="/schema/openapi.json")


ROUTES = [
    docs,
    home,
    registry,
    project,
    market,
    listing,
    all_rounds,
    one_round,
    problem_file,
    result_file,
    bounds_file,
    certificate,
]
