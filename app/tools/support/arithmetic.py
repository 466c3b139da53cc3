"""Arithmetic that is exact on integers, real and finite on floats, and bounded in work.

Every operation checks the size of its result before it computes it, so that no expression, however short, can
hold a thread for long. What cannot be computed is an `ExpressionError`, a sentence in both languages.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce

from app.errors import Locale

Number = int | float

MAX_BITS = 10_000
"""Largest integer on the way to a result, in bits (about 3,000 digits)."""

MAX_RESULT_DIGITS = 1000
"""Largest integer that is a result; below the 4,300 digits at which Python refuses to write one."""

_MAX_ROUND_DIGITS = 400
# Room for a double's 309 digits before the point and for all the places behind it.
_ROUNDING = Context(prec=_MAX_ROUND_DIGITS + 309, rounding=ROUND_HALF_UP)


class ExpressionError(Exception):
    """An expression has no value; says why in a sentence for the user."""

    def __init__(self, es: str, en: str) -> None:
        super().__init__(en)
        self.es = es
        self.en = en

    def sentence(self, locale: Locale) -> str:
        """Return what the user reads, in their language."""
        return self.es if locale == "es" else self.en


def _too_large() -> ExpressionError:
    return ExpressionError(
        "El resultado es demasiado grande para calcularlo.", "The result is too large to compute."
    )


def _not_real() -> ExpressionError:
    return ExpressionError(
        "La operación no tiene un resultado real.", "The operation has no result among the real numbers."
    )


def _by_zero() -> ExpressionError:
    return ExpressionError("No se puede dividir entre cero.", "Division by zero is not possible.")


def checked(value: Number) -> Number:
    """Return the value itself, where it is small enough or finite.

    Raises:
        ExpressionError: An integer over `MAX_BITS`, an infinity, or no number.
    """
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise _too_large()
    elif math.isnan(value):
        raise _not_real()
    elif math.isinf(value):
        raise _too_large()
    return value


def calling(function: Callable[..., Number], *values: Number) -> Number:
    """Call a function of numbers and turn Python's arithmetic errors into sentences.

    Raises:
        ExpressionError: The function has no real, finite, bounded value there.
    """
    try:
        return checked(function(*values))
    except OverflowError:
        raise _too_large() from None
    except ZeroDivisionError:
        raise _by_zero() from None
    except ValueError:
        raise _not_real() from None


def readable(value: Number) -> Number:
    """Return a result as people write it: 15 significant digits, and no `.0` behind a whole number.

    Raises:
        ExpressionError: An integer of more than `MAX_RESULT_DIGITS` digits.
    """
    if isinstance(value, int):
        if abs(value) >= 10**MAX_RESULT_DIGITS:
            raise _too_large()
        return value
    # Doubles carry 15 decimal digits safely; the 16th and 17th are what makes 0.1+0.2 look wrong.
    rounded = float(f"{value:.15g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def divide(left: Number, right: Number) -> Number:
    """Divide; whole numbers that divide evenly stay whole."""
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    return left / right


def floor_divide(left: Number, right: Number) -> Number:
    """Divide and round down."""
    return left // right


def power(base: Number, exponent: Number) -> Number:
    """Raise to a power; whole and exact where both are whole and the exponent is not negative."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if abs(base) > 1 and (base.bit_length() - 1) * exponent > MAX_BITS:
            raise _too_large()
        return base**exponent
    if base == 0 and exponent < 0:
        raise _by_zero()
    # math.pow refuses where `**` would answer with a complex number.
    return math.pow(base, exponent)


def factorial(value: Number) -> Number:
    """The product of the whole numbers from 1 to the value."""
    count = whole(value)
    if count < 0:
        raise _not_real()
    # Checked first: lgamma takes a float, and the logarithm of the result is then a good measure of its size.
    if count > MAX_BITS or math.lgamma(count + 1) / math.log(2) > MAX_BITS:
        raise _too_large()
    return math.factorial(count)


def whole(value: Number) -> int:
    """Return the value as an integer.

    Raises:
        ExpressionError: It is not whole.
    """
    if isinstance(value, float) and not value.is_integer():
        raise ExpressionError(
            "Esa función solo acepta números enteros.", "That function takes whole numbers only."
        )
    return int(value)


def square_root(value: Number) -> Number:
    """Return the square root; whole and exact where the value is a square."""
    if isinstance(value, int) and value >= 0:
        root = math.isqrt(value)
        if root * root == value:
            return root
    return math.sqrt(value)


def _round(value: Number, digits: Number = 0) -> Number:
    # Halves go away from zero, as people learn it, and on the digits that they see: 2.675 is 2.68 then.
    places = whole(digits)
    if abs(places) > _MAX_ROUND_DIGITS:
        raise _too_large()
    if isinstance(value, int):
        step = 10 ** max(0, -places)
        return _sign(value) * ((abs(value) + step // 2) // step * step)
    if places >= 0 and abs(value) >= 2**52:
        return value  # No double of that size has a fraction.
    rounded = _ROUNDING.quantize(Decimal(repr(value)), Decimal(1).scaleb(-places))
    return int(rounded) if places <= 0 else float(rounded)


def _of_angle(function: Callable[[float], float]) -> Callable[[Number], Number]:
    def without_noise(angle: Number) -> Number:
        value = function(angle)
        # The nearest double to pi is not pi: sin(pi) would come out as 1.2e-16.
        return 0 if abs(value) < 1e-15 and abs(angle) > 1 else value

    return without_noise


def _logarithm(value: Number, base: Number | None = None) -> Number:
    return math.log(value) if base is None else math.log(value) / math.log(base)


def _combinations(total: Number, chosen: Number) -> Number:
    n, k = whole(total), whole(chosen)
    if min(k, n - k) * n.bit_length() > MAX_BITS:
        raise _too_large()
    return math.comb(n, k)


def _permutations(total: Number, chosen: Number) -> Number:
    n, k = whole(total), whole(chosen)
    if k <= n and k * n.bit_length() > MAX_BITS:
        raise _too_large()
    return math.perm(n, k)


def _least_common_multiple(*values: Number) -> Number:
    # Step by step: the multiple of many large numbers at once could be far over the limit.
    return reduce(lambda left, right: checked(math.lcm(whole(left), whole(right))), values, 1)


def _greatest_common_divisor(*values: Number) -> Number:
    return math.gcd(*map(whole, values))


def _mean(*values: Number) -> Number:
    return divide(sum(values), len(values))


def _modulo(left: Number, right: Number) -> Number:
    return left % right


def _magnitude(value: Number) -> Number:
    return abs(value)


def _sign(value: Number) -> int:
    return (value > 0) - (value < 0)


def _total(*values: Number) -> Number:
    return sum(values)


def _smallest(*values: Number) -> Number:
    return min(values)


def _largest(*values: Number) -> Number:
    return max(values)


def _median(*values: Number) -> Number:
    return statistics.median(values)


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its name, with the least and the most arguments it takes."""

    compute: Callable[..., Number]
    least: int = 1
    most: int = 1


_MANY = 1000

CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "π": math.pi,
    "e": math.e,
    "tau": math.tau,
    "τ": math.tau,
    "phi": (1 + math.sqrt(5)) / 2,
    "φ": (1 + math.sqrt(5)) / 2,
}

_FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(square_root),
    "cbrt": Function(math.cbrt),
    "abs": Function(_magnitude),
    "sign": Function(_sign),
    "exp": Function(math.exp),
    "ln": Function(math.log),
    "log": Function(_logarithm, 1, 2),
    "log10": Function(math.log10),
    "log2": Function(math.log2),
    "sin": Function(_of_angle(math.sin)),
    "cos": Function(_of_angle(math.cos)),
    "tan": Function(_of_angle(math.tan)),
    "asin": Function(math.asin),
    "acos": Function(math.acos),
    "atan": Function(math.atan),
    "atan2": Function(math.atan2, 2, 2),
    "sinh": Function(math.sinh),
    "cosh": Function(math.cosh),
    "tanh": Function(math.tanh),
    "asinh": Function(math.asinh),
    "acosh": Function(math.acosh),
    "atanh": Function(math.atanh),
    "degrees": Function(math.degrees),
    "radians": Function(math.radians),
    "hypot": Function(math.hypot, 1, _MANY),
    "round": Function(_round, 1, 2),
    "floor": Function(math.floor),
    "ceil": Function(math.ceil),
    "trunc": Function(int),
    "factorial": Function(factorial),
    "comb": Function(_combinations, 2, 2),
    "perm": Function(_permutations, 2, 2),
    "gcd": Function(_greatest_common_divisor, 1, _MANY),
    "lcm": Function(_least_common_multiple, 1, _MANY),
    "pow": Function(power, 2, 2),
    "mod": Function(_modulo, 2, 2),
    "min": Function(_smallest, 1, _MANY),
    "max": Function(_largest, 1, _MANY),
    "sum": Function(_total, 1, _MANY),
    "mean": Function(_mean, 1, _MANY),
    "median": Function(_median, 1, _MANY),
}

# Other names of the same functions, in English and Spanish, without accents.
_ALIASES: dict[str, str] = {
    "raiz": "sqrt", "raizcubica": "cbrt", "absoluto": "abs", "signo": "sign",
    "sen": "sin", "seno": "sin", "coseno": "cos", "tg": "tan", "tangente": "tan",
    "arcsin": "asin", "arcsen": "asin", "asen": "asin", "arccos": "acos", "arctan": "atan", "arctg": "atan",
    "senh": "sinh", "tgh": "tanh", "grados": "degrees", "radianes": "radians", "hipotenusa": "hypot",
    "redondear": "round", "redondeo": "round", "piso": "floor", "suelo": "floor", "techo": "ceil",
    "truncar": "trunc", "fact": "factorial", "ncr": "comb", "npr": "perm", "combinaciones": "comb",
    "permutaciones": "perm", "mcd": "gcd", "mcm": "lcm", "potencia": "pow", "minimo": "min", "maximo": "max",
    "suma": "sum", "avg": "mean", "average": "mean", "media": "mean", "promedio": "mean", "mediana": "median",
}  # fmt: skip

FUNCTIONS: dict[str, Function] = _FUNCTIONS | {alias: _FUNCTIONS[name] for alias, name in _ALIASES.items()}
"""Every function by its lower-case name without accents."""
