"""What LaTeX's commands and the signs of formulas are called: written -> Spanish, English."""

from collections.abc import Mapping
from typing import Final

from app.errors import Locale

Pair = tuple[str, str]

SIGNS: Final[dict[str, Pair]] = {
    "+": ("más", "plus"),
    "-": ("menos", "minus"),
    "−": ("menos", "minus"),
    "=": ("igual a", "equals"),
    "<": ("menor que", "less than"),
    ">": ("mayor que", "greater than"),
    "*": ("por", "times"),
    "×": ("por", "times"),
    "·": ("por", "times"),
    "/": ("entre", "over"),
    "÷": ("entre", "divided by"),
    "!": ("factorial", "factorial"),
    "%": ("por ciento", "percent"),
    "$": ("dólares", "dollars"),
    "±": ("más menos", "plus or minus"),
    "≤": ("menor o igual que", "less than or equal to"),
    "≥": ("mayor o igual que", "greater than or equal to"),
    "≠": ("distinto de", "is not equal to"),
    "≈": ("aproximadamente", "approximately"),
    "→": ("tiende a", "goes to"),
    "∞": ("infinito", "infinity"),
    "°": ("grados", "degrees"),
    "²": ("al cuadrado", "squared"),
    "³": ("al cubo", "cubed"),
    "|": ("", ""),
}

COMMANDS: Final[dict[str, Pair]] = {
    "times": ("por", "times"),
    "cdot": ("por", "times"),
    "ast": ("por", "times"),
    "div": ("entre", "divided by"),
    "pm": ("más menos", "plus or minus"),
    "mp": ("menos más", "minus or plus"),
    "leq": ("menor o igual que", "less than or equal to"),
    "le": ("menor o igual que", "less than or equal to"),
    "geq": ("mayor o igual que", "greater than or equal to"),
    "ge": ("mayor o igual que", "greater than or equal to"),
    "lt": ("menor que", "less than"),
    "gt": ("mayor que", "greater than"),
    "ll": ("mucho menor que", "much less than"),
    "gg": ("mucho mayor que", "much greater than"),
    "neq": ("distinto de", "is not equal to"),
    "ne": ("distinto de", "is not equal to"),
    "approx": ("aproximadamente", "approximately"),
    "sim": ("similar a", "similar to"),
    "simeq": ("aproximadamente", "approximately"),
    "cong": ("congruente con", "congruent to"),
    "equiv": ("equivalente a", "equivalent to"),
    "propto": ("proporcional a", "proportional to"),
    "infty": ("infinito", "infinity"),
    "partial": ("derivada parcial", "partial"),
    "nabla": ("nabla", "nabla"),
    "in": ("pertenece a", "in"),
    "notin": ("no pertenece a", "not in"),
    "subset": ("subconjunto de", "subset of"),
    "subseteq": ("subconjunto de", "subset of"),
    "cup": ("unión", "union"),
    "cap": ("intersección", "intersection"),
    "emptyset": ("conjunto vacío", "the empty set"),
    "varnothing": ("conjunto vacío", "the empty set"),
    "forall": ("para todo", "for all"),
    "exists": ("existe", "there exists"),
    "neg": ("no", "not"),
    "land": ("y", "and"),
    "wedge": ("y", "and"),
    "lor": ("o", "or"),
    "vee": ("o", "or"),
    "to": ("tiende a", "goes to"),
    "rightarrow": ("tiende a", "goes to"),
    "longrightarrow": ("da", "gives"),
    "leftarrow": ("viene de", "comes from"),
    "Rightarrow": ("implica", "implies"),
    "implies": ("implica", "implies"),
    "Leftrightarrow": ("equivale a", "if and only if"),
    "iff": ("equivale a", "if and only if"),
    "rightleftharpoons": ("en equilibrio con", "in equilibrium with"),
    "mapsto": ("va a", "maps to"),
    "circ": ("grados", "degrees"),
    "degree": ("grados", "degrees"),
    "prime": ("prima", "prime"),
    "ldots": ("puntos suspensivos", "and so on"),
    "dots": ("puntos suspensivos", "and so on"),
    "cdots": ("puntos suspensivos", "and so on"),
    "therefore": ("por tanto", "therefore"),
    "because": ("porque", "because"),
    "perp": ("perpendicular a", "perpendicular to"),
    "parallel": ("paralelo a", "parallel to"),
    "angle": ("ángulo", "angle"),
    "triangle": ("triángulo", "triangle"),
    "mid": ("tal que", "such that"),
    "hbar": ("hache barra", "h bar"),
    "ell": ("ele", "l"),
    "Re": ("parte real de", "the real part of"),
    "Im": ("parte imaginaria de", "the imaginary part of"),
    "binom": ("combinaciones de", "choose"),
    "bmod": ("módulo", "modulo"),
    "pmod": ("módulo", "modulo"),
}

FUNCTIONS: Final[dict[str, Pair]] = {
    "sin": ("seno", "sine"),
    "cos": ("coseno", "cosine"),
    "tan": ("tangente", "tangent"),
    "cot": ("cotangente", "cotangent"),
    "sec": ("secante", "secant"),
    "csc": ("cosecante", "cosecant"),
    "arcsin": ("arcoseno", "arc sine"),
    "arccos": ("arcocoseno", "arc cosine"),
    "arctan": ("arcotangente", "arc tangent"),
    "sinh": ("seno hiperbólico", "hyperbolic sine"),
    "cosh": ("coseno hiperbólico", "hyperbolic cosine"),
    "tanh": ("tangente hiperbólica", "hyperbolic tangent"),
    "log": ("logaritmo", "log"),
    "ln": ("logaritmo natural", "natural log"),
    "exp": ("exponencial", "exponential"),
    "det": ("determinante", "determinant"),
    "max": ("máximo", "maximum"),
    "min": ("mínimo", "minimum"),
    "gcd": ("máximo común divisor", "greatest common divisor"),
    "dim": ("dimensión", "dimension"),
    "arg": ("argumento", "argument"),
}

LARGE_OPERATORS: Final[dict[str, Pair]] = {
    "sum": ("suma", "the sum"),
    "prod": ("producto", "the product"),
    "int": ("integral", "the integral"),
    "iint": ("integral doble", "the double integral"),
    "oint": ("integral cerrada", "the closed integral"),
    "lim": ("límite", "the limit"),
}

ACCENTS: Final[dict[str, Pair]] = {
    "vec": ("vector", "vector"),
    "hat": ("gorro", "hat"),
    "widehat": ("gorro", "hat"),
    "bar": ("barra", "bar"),
    "overline": ("barra", "bar"),
    "tilde": ("tilde", "tilde"),
    "dot": ("punto", "dot"),
    "ddot": ("dos puntos", "double dot"),
}

SILENT: Final = frozenset(
    "mathbb mathcal boldsymbol left right big Big bigl bigr quad qquad displaystyle textstyle"
    " limits nolimits cr nonumber underbrace overbrace boxed biggl biggr bigg mathrm rm bf it"
    " scriptstyle hline centering lbrace rbrace langle rangle lfloor rfloor vert underline"
    " overrightarrow xrightarrow mathfrak ce middle".split()
)
"""Commands for the eye alone; what stands in their braces is read."""


def in_math(table: Mapping[str, Pair], sign: str, locale: Locale) -> str:
    """Return what a sign is called; empty where it is not in the table."""
    pair = table.get(sign)
    return "" if pair is None else pair[0] if locale == "es" else pair[1]
