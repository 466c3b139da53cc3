"""`calculate`: a calculator for what people write.

`2+2`, `3,5×2`, `15% de 80`, `5!`, `√2`, `raíz(16)`, `2^10`, `sin(pi/6)`, `round(2.675, 2)`. Integers are
exact, halves are rounded away from zero, angles are in radians. `app/tools/support/expression.py` describes
the language.
"""

from pydantic import BaseModel, ConfigDict, Field

from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.arithmetic import ExpressionError, Number
from app.tools.support.expression import evaluate


class Arguments(BaseModel):
    """What to compute."""

    model_config = ConfigDict(extra="forbid")

    expression: str = Field(
        description=(
            "The expression, for example '2*(3+4)', 'sqrt(2)', '15% de 80', '2^10', '5!', 'log(8, 2)'. "
            "Angles are in radians; log is the natural logarithm."
        )
    )


class Result(BaseModel):
    """A computed expression: an exact integer, or a float of 15 significant digits."""

    expression: str
    result: Number


@tool(ends_soon=True, from_outside=False)
def run(args: Arguments, ctx: ToolContext) -> Result:
    """Computes a mathematical expression, exactly where it can.

    Knows arithmetic, powers, percentages, roots, factorials, logarithms, trigonometry, rounding, gcd, lcm,
    combinations, sums and means.
    """
    try:
        return Result(expression=args.expression, result=evaluate(args.expression))
    except ExpressionError as exc:
        raise ToolError(exc.sentence(ctx.locale)) from None
