"""Answers on the page: markdown made of DOM nodes, whatever it holds and however it comes."""

import json
import random
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.test_page_readers import SHOW_ANSWER
from tests.support.browser import ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKDOWN = """(pieces) => import("/static/markdown.js").then(({ Markdown }) => {
    const root = document.createElement("div");
    const markdown = new Markdown(root);
    for (const piece of pieces) markdown.add(piece);
    markdown.end();
    for (const each of root.querySelectorAll("*")) {
        for (const name of ["dir", "tabindex", "role", "aria-label", "data-label", "data-text", "title",
            "rel", "target", "data-sign", "disabled"]) each.removeAttribute(name);
    }
    root.querySelectorAll(".code-head button").forEach((button) => button.remove());
    root.normalize();
    return root.innerHTML;
})"""


def code(language: str, text: str) -> str:
    head = f'<div class="code-head"><span class="code-language">{language}</span></div>'
    return f'<div class="code-block">{head}<pre class=""><code>{text}</code></pre></div>'


def link(address: str, label: str, host: str) -> str:
    return f'<a href="{address}">{label}<bdi class="link-host"> ({host})</bdi></a>'


def table(inner: str) -> str:
    return f'<div class="table-frame"><table>{inner}</table></div>'


PICTURE = "<span><span>Imagen</span>: un gato</span>"
TICK = '<input class="task-box" type="checkbox">'
TICKED = '<input class="task-box" type="checkbox" checked="">'

WRITTEN = [
    ("hola", "<p>hola</p>"),
    ("una\ndos\n\ntres", "<p>una\ndos</p><p>tres</p>"),
    ("# Uno\n## Dos\ntexto", "<h3>Uno</h3><h4>Dos</h4><p>texto</p>"),
    ("## Uno\n#### Dos\n# Tres\n### Cuatro", "<h3>Uno</h3><h4>Dos</h4><h3>Tres</h3><h4>Cuatro</h4>"),
    ("#hashtag", "<p>#hashtag</p>"),
    ("**fuerte** y *leve* y ~~fuera~~", "<p><strong>fuerte</strong> y <em>leve</em> y <del>fuera</del></p>"),
    ("***las dos***", "<p><em><strong>las dos</strong></em></p>"),
    ("**Nota:**texto", "<p><strong>Nota:</strong>texto</p>"),
    ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
    ("2*3*4 y 2 * 3 * 4 y snake_case_name", "<p>2*3*4 y 2 * 3 * 4 y snake_case_name</p>"),
    ("**sin fin", "<p>**sin fin</p>"),
    (r"\*no\* \# c:\dir", r"<p>*no* # c:\dir</p>"),
    ("usa `x * y` y ``a`b``", "<p>usa <code>x * y</code> y <code>a`b</code></p>"),
    ("un ` suelto", "<p>un ` suelto</p>"),
    (
        "- a\n- b\n  - c\n- d",
        "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li><li><p>d</p></li></ul>",
    ),
    (
        "1. a\n  - b\n2. c",
        "<ol><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ol>",
    ),
    ("3) a\n4) b", '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'),
    ("1. a\n\n2. b", "<ol><li><p>a</p></li><li><p>b</p></li></ol>"),
    ("En\n1492. Colón", "<p>En\n1492. Colón</p>"),
    (
        "- [ ] leche\n- [x] pan",
        f'<ul><li class="task">{TICK}<p>leche</p></li><li class="task">{TICKED}<p>pan</p></li></ul>',
    ),
    ("> cita\n> más\n\nfuera", "<blockquote><p>cita\nmás</p></blockquote><p>fuera</p>"),
    ("> - a\n>   - b", "<blockquote><ul><li><p>a</p><ul><li><p>b</p></li></ul></li></ul></blockquote>"),
    ("arriba\n\n---\n\nabajo", "<p>arriba</p><hr><p>abajo</p>"),
    ("```python\nx = 1\n\n  y\n```\nfin", code("python", "x = 1\n\n  y") + "<p>fin</p>"),
    ("~~~\n```\n~~~", code("", "```").replace("></span>", ">Código</span>", 1)),
    ("```js\nsin fin", code("js", "sin fin")),
    (
        "- a:\n```sh\nls\n```\n- b",
        "<ul><li><p>a:</p></li></ul>" + code("sh", "ls") + "<ul><li><p>b</p></li></ul>",
    ),
    ("- a:\n  ```sh\n  ls\n  ```\n- b", f"<ul><li><p>a:</p>{code('sh', 'ls')}</li><li><p>b</p></li></ul>"),
    (
        "Precios:\n| a | b |\n|:--|--:|\n| 1 | `x\\|y` |\n| 2 |\n\nfin",
        "<p>Precios:</p>"
        + table(
            '<thead><tr><th scope="col">a</th><th scope="col" data-side="end">b</th></tr></thead>'
            '<tbody><tr><td>1</td><td data-side="end"><code>x|y</code></td></tr>'
            '<tr><td>2</td><td data-side="end"></td></tr></tbody>'
        )
        + "<p>fin</p>",
    ),
    ("a | b\nc | d", "<p>a | b\nc | d</p>"),
    ("[aquí](https://example.org/x)", f"<p>{link('https://example.org/x', 'aquí', 'example.org')}</p>"),
    (
        "[https://bank.example](https://evil.example/)",
        f"<p>{link('https://evil.example/', 'https://bank.example', 'evil.example')}</p>",
    ),
    (
        "[x](https://bank.example@evil.example/)",
        f"<p>{link('https://bank.example@evil.example/', 'x', 'evil.example')}</p>",
    ),
    ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
    ("[x](/agent/health) [y](data:text/html,z)", "<p>[x](/agent/health) [y](data:text/html,z)</p>"),
    ("lista[0] y [nota]", "<p>lista[0] y [nota]</p>"),
    (
        "![un gato](https://example.org/g.png)",
        f"<p>{link('https://example.org/g.png', PICTURE, 'example.org')}</p>",
    ),
    (
        "<https://example.org>",
        '<p><a href="https://example.org/">https://example.org</a></p>'.replace("org/", "org"),
    ),
    (
        "ver https://example.org/a_(b).",
        '<p>ver <a href="https://example.org/a_(b)">https://example.org/a_(b)</a>.</p>',
    ),
    (
        "<b>x</b> &amp; <script>y</script>",
        "<p>&lt;b&gt;x&lt;/b&gt; &amp;amp; &lt;script&gt;y&lt;/script&gt;</p>",
    ),
]


async def test_what_models_write_is_shown_as_it_is_meant(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        wrong = []
        for written, wanted in WRITTEN:
            made = await visitor.run(MARKDOWN, [written])
            if made != wanted:
                wrong.append(f"{written!r}\n  wanted {wanted}\n  made   {made}")
        assert not wrong, "\n".join(wrong)


CUTS = """async (texts) => {
    const { Markdown } = await import("/static/markdown.js");
    const made = (pieces) => {
        const root = document.createElement("div");
        const markdown = new Markdown(root);
        for (const piece of pieces) markdown.add(piece);
        markdown.end();
        root.normalize();
        return root.innerHTML;
    };
    const different = [];
    for (const text of texts) {
        const whole = made([text]);
        for (const pattern of [/[^]/gu, /[^]{1,2}/gu, /[^]{1,7}/gu, /\\s*\\S+/gu]) {
            const pieces = text.match(pattern) ?? [];
            if (pieces.join("") !== text) pieces.push(text.slice(pieces.join("").length));
            const cut = made(pieces);
            if (cut !== whole) different.push([text, cut, whole]);
        }
    }
    return different.slice(0, 3);
}"""

PARTS = [
    *(written for written, _ in WRITTEN),
    *"* ** *** _ ~~ ` `` ``` ~~~ [ ]( ) ![ < > # - + 1. 1) | |-|-| --- \\ \n \n\n    \t".split(" "),
    " ", "\n", "\n\n", "palabra ", "año", "日本語", "😀", "https://a.example/b", "- [ ] ", "x",
]  # fmt: skip


async def test_an_answer_is_the_same_however_it_is_cut(chrome: Browser, server: ServerProcess) -> None:
    chance = random.Random(7)
    texts = [written for written, _ in WRITTEN]
    texts += ["".join(chance.choices(PARTS, k=chance.randint(2, 40))) for _ in range(400)]
    texts += [
        "*a " * 1500 + "`" * 300,
        "[" * 3000,
        "palabra" * 900 + " **x**",
        "-" * 260 + " a",
        "a|b\n" * 40,
    ]
    async with visiting(chrome, server.url) as visitor:
        assert await visitor.run(CUTS, texts) == []


TIMED = """async ([unit, length, size]) => {
    const { Markdown } = await import("/static/markdown.js");
    const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
    const root = document.createElement("div");
    const markdown = new Markdown(root);
    const began = performance.now();
    for (let at = 0; at < length; at += size) markdown.add(text.slice(at, at + size));
    markdown.end();
    let depth = 0;
    for (const each of root.querySelectorAll("*")) {
        let own = 0;
        for (let up = each; up !== root; up = up.parentElement) own += 1;
        depth = Math.max(depth, own);
    }
    return [performance.now() - began, depth];
}"""

HOSTILE = [
    "palabra ", "palabra", "**", "*a ", "_a_", "[", "[a](", "![", "`", "``a", "> ", "- ", "  - a\n", "1. ",
    "|", "> > > a\n", "a|b\n", "|-", "<", "<http://", "http://a ", "~~", "\\", "# ", "```\n", " ", "\n",
    "*[_", "- > ", "[a](http://b) ",
]  # fmt: skip


async def test_long_and_hostile_answers_stay_cheap_and_shallow(
    chrome: Browser, server: ServerProcess
) -> None:
    """16,000 characters, four at a time: a bound ten times as wide as what the slowest of them takes."""
    async with visiting(chrome, server.url) as visitor:
        for unit in HOSTILE:
            took_ms, depth = await visitor.run(TIMED, [unit, 16_000, 4])
            assert took_ms < 10_000, (unit, took_ms)
            assert depth <= 40, (unit, depth)


async def test_each_letter_of_a_long_answer_costs_the_same(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        text = "Una **frase** con `código`, sin que nada quede abierto. "
        await visitor.run(TIMED, [text, 16_000, 4])
        short, _ = await visitor.run(TIMED, [text, 16_000, 4])
        long, _ = await visitor.run(TIMED, [text, 128_000, 4])

    assert long < short * 8 * 10


async def test_answer_and_code_are_copied_as_they_were_written(
    chrome: Browser, server: ServerProcess
) -> None:
    written = "Mira:\n\n```python\nprint(1)\n```"
    async with visiting(chrome, server.url) as visitor:
        await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await visitor.run(SHOW_ANSWER, written)

        await visitor.log.get_by_role("button", name="Copiar el código").click()
        await expect(visitor.spoken.filter(has_text="Copiado")).to_have_count(1)
        assert await visitor.run("() => navigator.clipboard.readText()") == "print(1)"
        await visitor.log.get_by_role("button", name="Copiar la respuesta").click()
        await expect(visitor.spoken.filter(has_text="Copiado")).to_have_count(2)
        assert await visitor.run("() => navigator.clipboard.readText()") == written


async def test_links_lead_away_safely_and_pictures_are_not_loaded(
    chrome: Browser, server: ServerProcess
) -> None:
    asked: list[str] = []
    async with visiting(chrome, server.url) as visitor:
        visitor.page.on("request", lambda request: asked.append(request.url))
        await visitor.run(SHOW_ANSWER, "![x](https://example.org/x.png) [y](https://example.org/y)")

        links = visitor.answers.get_by_role("link")
        await expect(links).to_have_text(["Imagen: x (example.org)", "y (example.org)"])
        for each in await links.all():
            await expect(each).to_have_attribute("rel", "noopener noreferrer")
            await expect(each).to_have_attribute("target", "_blank")
        await expect(visitor.log.locator("img")).to_have_count(0)
        assert not [url for url in asked if "example.org" in url]


async def test_right_to_left_answers_read_from_the_right(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.run(SHOW_ANSWER, "مرحبا\n\n- واحد\n\nhola")

        sides = await visitor.answers.locator("p").evaluate_all(
            "all => all.map((each) => getComputedStyle(each).direction)"
        )
        assert sides == ["rtl", "rtl", "ltr"]


SHOW_STOPPED = """async ([content, heard]) => {
    const { TalkPage } = await import("/static/view.js");
    const page = new TalkPage(() => {}, () => {});
    page.openTurn("turn-test", null, null);
    page.addChunk("turn-test", content);
    page.closeTurn("turn-test", "interrupted", heard);
}"""


@pytest.mark.parametrize(
    ("content", "heard", "struck"),
    [
        ("uno dos tres cuatro", "uno dos", [" tres cuatro"]),
        ("# Uno\n\n- **dos** tres\n- cuatro", "# Uno\n\n- **dos**", [" tres", "cuatro"]),
        ("uno dos", "", ["uno dos"]),
        ("uno dos", "uno dos", []),
        ("uno dos\n", "uno dos", []),
        ("uno dos", "otra cosa", []),
        ("uno dos", None, []),
    ],
)
async def test_what_was_not_heard_is_struck_out(
    chrome: Browser, server: ServerProcess, content: str, heard: str | None, struck: list[str]
) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.run(SHOW_STOPPED, [content, heard])

        assert await visitor.answers.locator("s.unheard").all_text_contents() == struck
        await expect(visitor.answers.get_by_text("No se llegó a oír:")).to_have_count(1 if struck else 0)
        await visitor.reads(visitor.log, "Respuesta interrumpida")
        shown: Any = await visitor.answers.text_content()
        assert "\uf8c7" not in json.dumps(shown, ensure_ascii=False)
