"""Pages that need no scripts: what operators look at, in the style of the page."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from starlette.responses import HTMLResponse

from app.errors import Locale
from app.router.page import Page

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Vary": "Accept, Accept-Language",
}

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


def document(page: Page, locale: Locale, title: str, up: str, body: Iterable[str]) -> HTMLResponse:
    """Return a page.

    Args:
        page: Whose styles it has.
        locale: Its language; it links to itself in the other one.
        title: As plain text.
        up: The way from its address to the server's root, such as `../`.
        body: Parts of its markup, in which all texts are escaped.
    """
    static = f"{up}static/@{page.version}"
    other, label = ("en", "English") if locale == "es" else ("es", "Español")
    home = "Ir al agente" if locale == "es" else "To the agent"
    text = f"""<!doctype html>
<html lang="{locale}">
<head>
  <meta charset="utf-8">
  <title>{escape(title)}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <link rel="icon" href="{static}/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="{static}/theme.css">
  <link rel="stylesheet" href="{static}/report.css">
</head>
<body>
  <header>
    <img src="{static}/favicon.svg" alt="" width="36" height="36">
    <h1>{escape(title)}</h1>
    <nav>
      <a href="{up or "./"}">{home}</a>
      <a href="?lang={other}" lang="{other}" hreflang="{other}">{label}</a>
    </nav>
  </header>
  <main>
{chr(10).join(body)}
  </main>
</body>
</html>
"""
    return HTMLResponse(text, headers=_HEADERS)


_ROUTE_WORDS: Final[dict[Locale, tuple[str, str]]] = {
    "es": ("Rutas del servidor", "Para máquinas: "),
    "en": ("Routes of the server", "For machines: "),
}


def routes_page(page: Page, schema: Mapping[str, Any], locale: Locale) -> HTMLResponse:
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
    return document(page, locale, title, "", body)
