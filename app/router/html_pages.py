"""Pages that the server makes: what operators look at, and refusals, in the style of the talk's page."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from starlette.responses import HTMLResponse

from app.errors import Locale

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; "
)
_STILL: Final = "base-uri 'none'"
_SCRIPTED: Final = "base-uri 'self'; script-src 'self'; connect-src 'self'"

_LANGUAGE: Final = re.compile(r"([a-z]{1,8})[a-z0-9-]*(?:\s*;\s*q\s*=\s*([0-9.]{1,6}))?")


def wants_html(accept: str) -> bool:
    """Return whether `Accept` asks for a page rather than JSON; programs that take anything get JSON."""
    weights = {"text/html": 0.0, "application/json": 0.0}
    for entry in accept.lower().split(","):
        kind, _, rest = entry.partition(";")
        if kind.strip() in weights:
            found = re.search(r"q\s*=\s*([01](?:\.[0-9]*)?)", rest)
            weights[kind.strip()] = float(found[1]) if found else 1.0
    return weights["text/html"] > weights["application/json"]


def language_of(asked: str | None, accepted: str) -> Locale:
    """Return the language of a page: the one asked for, else the browser's, else English."""
    if asked in ("es", "en"):
        return asked
    best: tuple[float, Locale] = (0.0, "en")
    for entry in accepted.lower().split(",")[:20]:
        found = _LANGUAGE.fullmatch(entry.strip())
        if found is None or found[1] not in ("es", "en"):
            continue
        try:
            weight = float(found[2] or 1)
        except ValueError:
            continue
        if weight > best[0]:
            best = (weight, "es" if found[1] == "es" else "en")
    return best[1]


@dataclass(frozen=True, slots=True)
class HtmlFrame:
    """What these pages have of the look that the operator has chosen.

    Attributes:
        version: Of the page's files.
        title: What the page is called.
        has_color: Whether there is a style sheet with its colours.
        logo: Its address below the server's root; None for the page's own.
    """

    version: str
    title: str
    has_color: bool
    logo: str | None


@dataclass(frozen=True, slots=True)
class Script:
    """A page's script, by its file's name, and the page's own address below the server's root."""

    file: str
    here: str


def document(
    frame: HtmlFrame,
    locale: Locale,
    title: str,
    up: str,
    body: Iterable[str],
    *,
    script: Script | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return a page.

    Args:
        frame: How it looks.
        locale: Its language; it links to itself in the other one.
        title: As plain text.
        up: The way from its address to the server's root, such as `../`; empty where it is there.
        body: Parts of its markup, in which all texts are escaped.
        script: With one, addresses are relative to the server's root, as those of the talk's page are.
        status: The answer's.
        headers: Its own ones.
    """
    root = "" if script else up
    head = _head(frame, title, root, script)
    base = f'<base href="{up or "./"}">' if script else ""
    logo = _logo(frame, root)
    other, label = ("en", "English") if locale == "es" else ("es", "Español")
    home = "Ir al agente" if locale == "es" else "To the agent"
    text = f"""<!doctype html>
<html lang="{locale}">
<head>
  <meta charset="utf-8">{base}
{head}
</head>
<body>
  <header>
    <img src="{logo}" alt="" width="36" height="36">
    <h1>{escape(title)}</h1>
    <nav>
      <a href="{root or "./"}">{home}</a>
      <a href="{script.here if script else ""}?lang={other}" lang="{other}" hreflang="{other}">{label}</a>
    </nav>
  </header>
  <main>
{chr(10).join(body)}
  </main>
</body>
</html>
"""
    policy = _POLICY + (_SCRIPTED if script else _STILL)
    said = {**(headers or {}), "Content-Security-Policy": policy, "Vary": "Accept, Accept-Language"}
    return HTMLResponse(text, status, headers=said)


def _head(frame: HtmlFrame, title: str, root: str, script: Script | None) -> str:
    static = f"{root}static/@{frame.version}"
    lines = [
        f"<title>{escape(title)} · {escape(frame.title)}</title>",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f'<link rel="icon" href="{_logo(frame, root)}">',
        f'<link rel="stylesheet" href="{static}/theme.css">',
        f'<link rel="stylesheet" href="{static}/report.css">',
    ]
    if frame.has_color:
        lines.append(f'<link rel="stylesheet" href="{root}page/colors.css">')
    if script is not None:
        lines.append(f'<script type="module" src="{static}/{script.file}"></script>')
    return "\n".join(f"  {line}" for line in lines)


def _logo(frame: HtmlFrame, root: str) -> str:
    return root + (frame.logo or f"static/@{frame.version}/favicon.svg")


_ROUTE_WORDS: Final[dict[Locale, tuple[str, str]]] = {
    "es": ("Rutas del servidor", "Para máquinas: "),
    "en": ("Routes of the server", "For machines: "),
}


def routes_page(frame: HtmlFrame, schema: Mapping[str, Any], locale: Locale) -> HTMLResponse:
    """Return the list of routes of an OpenAPI description, with what it says of each."""
    title, machines = _ROUTE_WORDS[locale]
    body = [f'<p>{machines}<a href="openapi.json">openapi.json</a></p>', '<dl class="routes">']
    for path, methods in schema["paths"].items():
        for method, facts in methods.items():
            said = str(facts.get("description") or facts.get("summary", "")).split("\n\n")
            body.append(f"<div><dt><code>{escape(method.upper())} {escape(path)}</code></dt>")
            body.extend(f'<dd lang="en">{escape(" ".join(part.split()))}</dd>' for part in said)
            names = [parameter["name"] for parameter in facts.get("parameters", ())]
            if names:
                body.append(f'<dd class="more"><code>{escape(", ".join(names))}</code></dd>')
            body.append("</div>")
    body.append("</dl>")
    return document(frame, locale, title, "", body)
