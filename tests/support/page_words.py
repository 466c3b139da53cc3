"""What is said and answered on the page, in both languages, and the tools that work for it."""

import asyncio
from typing import Any, Literal

from pydantic import BaseModel

from app.errors.llm import LlmUnavailable
from app.llm.base import ChatRequest
from app.tools.base import Tool, ToolContext
from tests.support.scripted import Answer, Fails, Says, Until, calls, says

Language = Literal["es", "en"]
LANGUAGES: tuple[Language, ...] = ("es", "en")

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

_CODE = """```python
total = sum(sale.amount for sale in sales if sale.shop in ("Lima", "Cuzco", "Arequipa"))
```"""

ASKED: dict[Language, dict[str, str]] = {
    "es": {
        "greet": "Hola",
        "stream": "¿Qué puedo ver en Lima en tres días?",
        "stock": "Mira en todos los almacenes si queda la talla 42",
        "meanwhile": "¿Y qué hora es en Tokio?",
        "pay": "Paga la factura de la imprenta",
        "fail": "Resume el informe de ayer",
        "month": "¿Cómo fue el mes?",
        "story": "Cuéntame un cuento",
    },
    "en": {
        "greet": "Hello",
        "stream": "What can I see in Lima in three days?",
        "stock": "Look in all warehouses for size 42",
        "meanwhile": "And what time is it in Tokyo?",
        "pay": "Pay the printer's invoice",
        "fail": "Sum up yesterday's report",
        "month": "How was the month?",
        "story": "Tell me a story",
    },
}
"""What a person says, by what becomes of it."""

_ANSWERED: dict[Language, dict[str, str]] = {
    "es": {
        "greet": "Hola, ¿en qué te ayudo?",
        "stream": "## Lima en tres días\n\n"
        "1. **El centro**: la plaza Mayor, San Francisco y sus *catacumbas*.\n"
        "2. **Barranco**: el puente de los Suspiros, y el mar al caer el",
        "stock": "Lo miro en los cinco almacenes. Mientras tanto, pregúntame lo que quieras.",
        "meanwhile": "En Tokio son las 21:07 del lunes.",
        "pay": "La factura está pagada.",
        "month": "Mejor que el anterior:\n\n"
        "| Tienda | Ventas | Cambio |\n|---|--:|--:|\n| Lima | 12.400 € | +8 % |\n"
        "| Cuzco | 7.150 € | −2 % |\n\n- [x] Cuadra con la caja\n- [ ] Falta una factura\n\n"
        "> «Las cuentas claras» — [el manual](https://example.org/manual)\n\n"
        f"{_CODE}\n\n{LONG_WORD}",
        "story": ", ".join(["había una vez un rey que tenía tres hijas"] * 30) + ".",
    },
    "en": {
        "greet": "Hello, how can I help?",
        "stream": "## Lima in three days\n\n"
        "1. **The centre**: the main square, San Francisco and its *catacombs*.\n"
        "2. **Barranco**: the Bridge of Sighs, and the sea at",
        "stock": "I am looking in the five warehouses. Meanwhile, ask me whatever you like.",
        "meanwhile": "In Tokyo it is 21:07 on Monday.",
        "pay": "The invoice is paid.",
        "month": "Better than the one before:\n\n"
        "| Shop | Sales | Change |\n|---|--:|--:|\n| Lima | 12,400 € | +8 % |\n"
        "| Cuzco | 7,150 € | −2 % |\n\n- [x] Agrees with the till\n- [ ] One invoice is missing\n\n"
        "> “Good accounts” — [the manual](https://example.org/manual)\n\n"
        f"{_CODE}\n\n{LONG_WORD}",
        "story": ", ".join(["once there was a king who had three daughters"] * 30) + ".",
    },
}

HEARD: dict[Language, str] = {
    "es": "dime por favor qué hora es ahora",
    "en": "tell me please what time it is",
}

PROFILES: dict[Language, dict[str, Any]] = {
    "es": {
        "name": "Ana",
        "language": "es",
        "preferences": {"tono": "breve", "unidades": "métricas"},
        "notes": ["le gusta el té", f"escribe {LONG_WORD}"],
    },
    "en": {
        "name": "Ana",
        "language": "en",
        "preferences": {"tone": "brief", "units": "metric"},
        "notes": ["likes tea", f"writes {LONG_WORD}"],
    },
}


class _StockArgs(BaseModel):
    size: int = 42


class _PayArgs(BaseModel):
    payee: str
    amount: float
    reference: str


def answered(request: ChatRequest) -> Answer:
    """The answer to the user's last text; a tool that has been called is still at work, or has ended."""
    said = next(str(m["content"]) for m in reversed(request.messages) if m["role"] == "user")
    is_called = request.messages[-1]["role"] == "tool"
    known = ((each, what) for each in LANGUAGES for what, asked in ASKED[each].items() if asked in said)
    language, what = next(known, (request.locale, "greet"))
    answer = _ANSWERED[language].get(what, "")
    if what == "stream":
        return [*says(*(f"{word} " for word in answer.split(" "))), Until(asyncio.Event())]
    if what == "fail":
        return [Fails(LlmUnavailable("as planned"))]
    if what == "stock" and not is_called:
        return calls(("stock_lookup", {"size": 42}))
    if what == "month" and not is_called:
        return calls(("sales_report", {"size": 42}))
    if what == "pay" and not is_called:
        invoice = {"payee": "Imprenta Rímac", "amount": 248.5, "reference": "INV-2026-0117"}
        return calls(("money_transfer", invoice))
    return [Says(answer)]


async def _stock(args: _StockArgs, ctx: ToolContext) -> Any:
    said = {"es": "2 de 5 almacenes", "en": "2 of 5 warehouses"}
    ctx.progress(said[ctx.locale], 0.4)
    await asyncio.Event().wait()


async def _sales(args: _StockArgs, ctx: ToolContext) -> Any:
    return {
        "shops": [{"name": "Lima", "sales": 12400.0}, {"name": "Cuzco", "sales": 7150.0, "note": LONG_WORD}]
    }


async def _pay(args: _PayArgs, ctx: ToolContext) -> Any:
    return "paid"


def tools_of_the_page() -> list[Tool]:
    return [
        Tool("stock_lookup", "Looks.", _StockArgs, _stock, "read", timeout_s=600, inline_wait_s=0.1),
        Tool("sales_report", "Looks.", _StockArgs, _sales, "read"),
        Tool("money_transfer", "Pays.", _PayArgs, _pay, "write"),
    ]
