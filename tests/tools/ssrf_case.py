"""Reads the cases of tests/cases/ssrf_cases.txt and plays them."""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from app.errors import Locale
from app.tools import make_http_request
from app.tools.base import ToolError
from app.tools.support.public_http import Network
from tests.support.context import arguments_of, settings_with, tool_context
from tests.tools.support.stand_in import (
    Authority,
    RecordingBackend,
    ScriptedResolver,
    Site,
    response,
    serving,
)

CASES_FILE = Path(__file__).parents[1] / "cases" / "ssrf_cases.txt"

PUBLIC = frozenset(
    (
        *("8.8.8.8", "8.8.4.4", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "169.253.1.1"),
        *("172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
    )
)
"""The addresses in the cases that may be connected to, written out: the test has no rule of its own."""


@dataclass
class Case:
    line: str
    verdict: str = ""
    url: str = ""
    method: str | None = None
    header: tuple[str, str] | None = None
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    is_rebinding: bool = False
    private: str = ""
    hops: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> dict[str, Any]:
        values: dict[str, Any] = {"url": self.url}
        if self.method is not None:
            values["method"] = self.method
        if self.header is not None:
            values["headers"] = dict([self.header])
        return values

    @property
    def is_about_the_url(self) -> bool:
        """Not about a method, a header or the number of redirects, which have sentences of their own."""
        return self.method is None and self.header is None and len(self.hops) < 7


@dataclass
class Outcome:
    status: int | None
    refusal: ToolError | ValidationError | None
    contacts: list[tuple[str, int]]
    asked: list[str]
    requested: list[str]


def read_cases() -> list[Case]:
    lines = CASES_FILE.read_text(encoding="utf-8").splitlines()
    return [parse(line) for line in lines if line and not line.startswith("#")]


def parse(line: str) -> Case:
    verdict, text, _why = line.split("\t")
    case = Case(line, verdict)
    if text.startswith("esc:"):
        text = codecs.decode(text.removeprefix("esc:"), "unicode_escape")
    padded_to = 0
    while word := re.match(r"(resolve:|rebind:|private=|long:)(\S+) ", text):
        text = text[word.end() :]
        if word[1] == "private=":
            case.private = word[2]
        if word[1] in ("resolve:", "rebind:"):
            name, answers = word[2].split("=")
            case.is_rebinding = word[1] == "rebind:"
            case.names[name] = [part.split(",") for part in answers.split("|")]
        if word[1] == "long:":
            padded_to = int(word[2])
    if word := re.match(r"(header|method):(.*?) (?=https?://)", text, re.DOTALL):
        text = text[word.end() :]
        if word[1] == "method":
            case.method = word[2]
        else:
            name, _, value = word[2].partition(": ")
            case.header = (name, value)
    if text.startswith("redirect:"):
        case.hops = text.removeprefix("redirect:").split(" -> ")
        text = case.hops[0]
    case.url = text.ljust(padded_to, "a")
    return case


async def play(case: Case, authority: Authority, locale: Locale = "es") -> Outcome:
    """Runs the tool on the case; the internet is two servers on loopback, one of them with TLS."""
    site = Site([*(response(302, location=hop) for hop in case.hops[1:]), response(body=b"reached")])
    resolver = ScriptedResolver(case.names)
    settings = settings_with(http_tool_allowed_private=case.private)
    certificate = authority.server_context(
        "1.1.1.1", "8.8.8.8", "8.8.4.4", *(host for host in case.names if "xn--" not in host)
    )
    async with serving(site) as port, serving(site, certificate) as tls_port:
        backend = RecordingBackend(port, tls_port)
        network = Network(resolver, backend, lambda: authority.trust)
        status, refusal = None, None
        async with tool_context(settings, locale=locale) as ctx:
            try:
                args = arguments_of(make_http_request.run, **case.arguments)
                status = (await make_http_request.fetch(args, ctx, network))["status"]
            except (ToolError, ValidationError) as exc:
                refusal = exc
    requested = [request.headers["host"] + request.target for request in site.requests]
    return Outcome(status, refusal, backend.contacts, resolver.asked, requested)


def allowed_contacts(case: Case) -> set[str]:
    private = urlsplit(f"//{case.private}").hostname if case.private else None
    return set(PUBLIC) | ({private} if private else set())
