"""`get_current_time`: date and time, here or in any time zone.

The zone is an IANA name, a well-known city or country in Spanish or English, or an offset such as `UTC+2`;
without one it is the server's own.
"""

from datetime import datetime, tzinfo

from pydantic import BaseModel, ConfigDict, Field

from app.errors import Locale
from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.time_zones import UnknownZone, find_zone, server_zone

_WEEKDAYS: dict[Locale, tuple[str, ...]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS: dict[Locale, str] = {
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "en": "January February March April May June July August September October November December",
}
_MAX_SHOWN = 60


class GetCurrentTimeArguments(BaseModel):
    """Where."""

    model_config = ConfigDict(extra="forbid")

    timezone: str | None = Field(
        default=None,
        description=(
            "An IANA time zone such as 'Asia/Tokyo', a well-known city or country, or an offset such as "
            "'UTC+2'. Leave it out for the server's own time zone."
        ),
    )


class GetCurrentTimeResult(BaseModel):
    """A moment in a time zone.

    `iso` has the offset and whole seconds; `date` is `YYYY-MM-DD`, `time` `HH:MM:SS`; `weekday` and
    `sentence` are in the user's language.
    """

    iso: str
    timezone: str
    utc_offset: str
    date: str
    time: str
    weekday: str
    sentence: str


@tool(ends_soon=True, from_outside=False)
def run(args: GetCurrentTimeArguments, ctx: ToolContext) -> GetCurrentTimeResult:
    """Tell the current date, time and weekday, in any time zone or in the server's own."""
    wanted = (args.timezone or "").strip()
    moment = ctx.clock.now()
    name, zone = _zone(wanted, ctx.locale) if wanted else server_zone(moment)
    now = moment.astimezone(zone).replace(microsecond=0)
    offset = now.isoformat()[19:]
    weekday = _WEEKDAYS[ctx.locale][now.weekday()]
    return GetCurrentTimeResult(
        iso=now.isoformat(),
        timezone=name,
        utc_offset=offset,
        date=f"{now:%Y-%m-%d}",
        time=f"{now:%H:%M:%S}",
        weekday=weekday,
        sentence=_sentence(now, weekday, f"{name} (UTC{offset})", ctx.locale),
    )


def _zone(name: str, locale: Locale) -> tuple[str, tzinfo]:
    try:
        return find_zone(name)
    except UnknownZone as exc:
        raise ToolError(_unknown(name, exc.suggestions, locale)) from None


def _unknown(name: str, suggestions: tuple[str, ...], locale: Locale) -> str:
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:_MAX_SHOWN])
    listed = ", ".join(suggestions)
    if locale == "es":
        hint = f"¿Quizá {listed}?" if listed else "Usa un nombre IANA como Europe/Madrid."
        return f"No conozco la zona horaria «{shown}». {hint}"
    hint = f"Perhaps {listed}?" if listed else "Use an IANA name such as Europe/London."
    return f"I do not know the time zone “{shown}”. {hint}"


def _sentence(now: datetime, weekday: str, place: str, locale: Locale) -> str:
    month = _MONTHS[locale].split()[now.month - 1]
    if locale == "es":
        verb = "es la" if now.hour == 1 else "son las"
        return f"En {place} {verb} {now:%H:%M} del {weekday}, {now.day} de {month} de {now.year}."
    return f"In {place} it is {now:%H:%M} on {weekday}, {now.day} {month} {now.year}."
