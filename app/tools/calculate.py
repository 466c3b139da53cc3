"""`calculate`: a calculator for what people write.

`2+2`, `3,5×2`, `15% de 80`, `100+10%`, `1.234,50 €`, `5!`, `√2`, `raíz(16)`, `2^10`, `sin(30°)`,
`round(2.675, 2)`. Integers are exact, halves are rounded away from zero, angles are in radians. The talk's
language decides what `1.000` is, and the result says how it was read. `app/tools/support/expression.py`
describes the language.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.arithmetic import ExpressionError, Number
from app.tools.support.expression import compute


class CalculateArguments(BaseModel):
    """What to compute."""

    model_config = ConfigDict(extra="forbid")

    expression: str = Field(
        description=(
            "The expression just as the user wrote it, or with plain numbers: digits and a decimal point, "
            "no thousands separators. For example '2*(3+4)', 'sqrt(2)', '15% de 80', '100+10%' (110), "
            "'2^10', '5!', 'log(8, 2)', 'sin(30°)'. Angles are in radians; log is the natural logarithm."
        )
    )


class CalculateResult(BaseModel):
    """A computed expression: an exact integer, or a float of 15 significant digits.

    Attributes:
        read_as: What was computed, where the expression could be read in more than one way.
        note: How it was read, for the user.
    """

    expression: str
    result: Number
    read_as: str | None = None
    note: str | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None}


@tool(ends_soon=True, from_outside=False)
def run(args: CalculateArguments, ctx: ToolContext) -> CalculateResult:
    """Compute a mathematical expression, exactly where it can.

    Knows arithmetic, powers, percentages, roots, factorials, logarithms, trigonometry, rounding, gcd, lcm,
    combinations, sums and means.
    """
    try:
        computed = compute(args.expression, ctx.locale)
    except ExpressionError as exc:
        raise ToolError(exc.sentence(ctx.locale)) from None
    return CalculateResult(
        expression=args.expression,
        result=computed.value,
        read_as=computed.read_as or None,
        note=" ".join(computed.notes) or None,
    )
