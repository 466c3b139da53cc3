"""Finds the time zone that a person means by an IANA name, a city or country, or an offset.

The names come from the IANA database (the system's, or the `tzdata` package's); only places whose name
differs from the database's are listed here.
"""

import difflib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import tzlocal

from app.letters import bare

_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
_MAX_CHARS = 200
_MAX_OFFSET = timedelta(hours=14)

_NO_PLACES = ("Etc/", "SystemV/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/", "posix/", "right/")
"""Areas whose second parts are no places of their own: `US/Central`, `Chile/Continental`."""

_NO_NAMES_OF_PLACES = frozenset({"west", "north", "south", "act", "lhi", "nsw", "victoria"})
"""Second parts that are no place's name when they stand alone: `Australia/West`, `Australia/ACT`."""

_ABBREVIATIONS: dict[str, float] = {
    "west": 1,
    "cest": 2,
    "eest": 3,
    "mest": 2,
    "msk": 3,
    "edt": -4,
    "pst": -8,
    "pdt": -7,
    "mdt": -6,
    "akst": -9,
    "akdt": -8,
    "hdt": -9,
    "brt": -3,
    "clt": -4,
    "pkt": 5,
    "jst": 9,
    "kst": 9,
    "hkt": 8,
    "sgt": 8,
    "wib": 7,
    "awst": 8,
    "acst": 9.5,
    "acdt": 10.5,
    "aest": 10,
    "aedt": 11,
    "nzst": 12,
    "nzdt": 13,
    "sast": 2,
    "wat": 1,
    "cat": 2,
    "eat": 3,
}
"""What clocks show beside the time, in hours before UTC, where all who use it mean the same."""

_AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "cst": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "cdt": ("America/Chicago", "America/Havana"),
    "bst": ("Europe/London", "Asia/Dhaka"),
    "ast": ("America/Puerto_Rico", "Asia/Riyadh"),
    "gst": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "act": ("America/Rio_Branco", "Australia/Canberra"),
    "amt": ("America/Manaus", "Asia/Yerevan"),
    "art": ("America/Argentina/Buenos_Aires",),
    "ect": ("America/Guayaquil",),
    "sst": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "wst": ("Pacific/Apia", "Australia/Perth"),
}
"""Those that mean another time to others, with the places of which they may be said."""

_PLACES: dict[str, str] = {
    "Africa/Addis_Ababa": "etiopia ethiopia adis_abeba",
    "Africa/Algiers": "argel argelia algeria",
    "Africa/Cairo": "el_cairo egipto alejandria",
    "Africa/Casablanca": "marruecos morocco rabat marrakech marraquech",
    "Africa/Johannesburg": "johannesburgo sudafrica south_africa ciudad_del_cabo cape_town pretoria durban",
    "Africa/Lagos": "nigeria abuja",
    "Africa/Nairobi": "kenia kenya",
    "Africa/Tunis": "tunez",
    "America/Argentina/Buenos_Aires": "argentina rosario la_plata mar_del_plata",
    "America/Argentina/Cordoba": "cordoba_argentina",
    "America/Asuncion": "paraguay",
    "America/Bogota": "colombia medellin cali barranquilla cartagena_de_indias bogota_dc",
    "America/Caracas": "venezuela maracaibo valencia_venezuela",
    "America/Chicago": (
        "houston dallas austin nueva_orleans new_orleans san_antonio memphis nashville minneapolis "
        "kansas_city milwaukee oklahoma_city"
    ),
    "America/Costa_Rica": "san_jose_de_costa_rica",
    "America/Denver": "salt_lake_city albuquerque colorado_springs",
    "America/Edmonton": "calgary",
    "America/El_Salvador": "san_salvador",
    "America/Guatemala": "ciudad_de_guatemala",
    "America/Guayaquil": "quito ecuador",
    "America/Havana": "la_habana habana",
    "America/La_Paz": "bolivia santa_cruz_de_la_sierra cochabamba",
    "America/Lima": "peru cusco cuzco arequipa trujillo",
    "America/Los_Angeles": (
        "san_francisco seattle san_diego las_vegas california portland sacramento oakland "
        "silicon_valley hollywood palo_alto san_jose_california"
    ),
    "America/Managua": "nicaragua",
    "America/Mexico_City": "mexico ciudad_de_mexico cdmx puebla guadalajara mexico_df mexico_d.f. df",
    "America/Montevideo": "uruguay punta_del_este",
    "America/New_York": (
        "nueva_york nyc washington boston miami filadelfia philadelphia atlanta new_york_city ny "
        "washington_dc washington_d.c. orlando manhattan brooklyn baltimore pittsburgh tampa "
        "charlotte cleveland"
    ),
    "America/Panama": "ciudad_de_panama panama_city",
    "America/Phoenix": "tucson",
    "America/Port-au-Prince": "puerto_principe",
    "America/Port_of_Spain": "puerto_espana",
    "America/Puerto_Rico": "san_juan san_juan_de_puerto_rico",
    "America/Santiago": "chile santiago_de_chile valparaiso vina_del_mar",
    "America/Santo_Domingo": "republica_dominicana dominican_republic",
    "America/Sao_Paulo": (
        "brasilia rio_de_janeiro rio brasil brazil san_pablo curitiba porto_alegre belo_horizonte"
    ),
    "America/Tegucigalpa": "honduras",
    "America/Toronto": "ottawa quebec",
    "Asia/Amman": "aman",
    "Asia/Baghdad": "bagdad",
    "Asia/Bangkok": "tailandia thailand phuket",
    "Asia/Damascus": "damasco",
    "Asia/Dhaka": "daca",
    "Asia/Dubai": (
        "emiratos_arabes_unidos abu_dabi abu_dhabi emiratos emiratos_arabes united_arab_emirates uae"
    ),
    "Asia/Ho_Chi_Minh": "vietnam ciudad_ho_chi_minh",
    "Asia/Jakarta": "yakarta",
    "Asia/Jerusalem": "jerusalen haifa",
    "Asia/Karachi": "pakistan islamabad lahore",
    "Asia/Kathmandu": "nepal",
    "Asia/Kolkata": (
        "bombay mumbai delhi nueva_delhi new_delhi bangalore india la_india calcuta bengaluru chennai "
        "hyderabad"
    ),
    "Asia/Manila": "filipinas philippines",
    "Asia/Riyadh": "arabia_saudi arabia_saudita saudi_arabia riad la_meca mecca jeddah",
    "Asia/Seoul": "seul corea_del_sur south_korea corea korea busan",
    "Asia/Shanghai": "pekin beijing china shenzhen guangzhou canton wuhan",
    "Asia/Singapore": "singapur",
    "Asia/Taipei": "taiwan",
    "Asia/Tashkent": "taskent",
    "Asia/Tehran": "teheran",
    "Asia/Tokyo": "tokio osaka japon kioto kyoto yokohama hiroshima nagoya sapporo",
    "Asia/Yangon": "rangun",
    "Atlantic/Canary": (
        "canarias islas_canarias canary_islands las_palmas tenerife las_palmas_de_gran_canaria "
        "santa_cruz_de_tenerife gran_canaria lanzarote fuerteventura"
    ),
    "Atlantic/Reykjavik": "reikiavik islandia",
    "Australia/Brisbane": "gold_coast",
    "Australia/Sydney": "sidney canberra",
    "Europe/Amsterdam": (
        "paises_bajos netherlands holanda the_netherlands holland rotterdam la_haya the_hague"
    ),
    "Europe/Athens": "atenas grecia greece",
    "Europe/Belgrade": "belgrado",
    "Europe/Berlin": (
        "alemania germany munich frankfurt hamburgo hamburg colonia cologne francfort stuttgart "
        "dusseldorf leipzig"
    ),
    "Europe/Brussels": "bruselas belgica belgium brujas amberes antwerp",
    "Europe/Bucharest": "bucarest rumania romania",
    "Europe/Budapest": "hungria hungary",
    "Europe/Copenhagen": "copenhague dinamarca denmark",
    "Europe/Dublin": "irlanda ireland",
    "Europe/Helsinki": "finlandia finland",
    "Europe/Istanbul": "estambul turquia ankara",
    "Europe/Kyiv": "kiev ucrania ukraine",
    "Europe/Lisbon": "lisboa oporto porto",
    "Europe/Ljubljana": "liubliana",
    "Europe/London": (
        "londres inglaterra england reino_unido united_kingdom uk edimburgo edinburgh escocia "
        "scotland gales wales gran_bretana great_britain britain manchester liverpool glasgow "
        "birmingham oxford cambridge cardiff bristol leeds"
    ),
    "Europe/Luxembourg": "luxemburgo",
    "Europe/Madrid": (
        "espana spain barcelona valencia sevilla seville bilbao zaragoza malaga murcia granada "
        "alicante valladolid vigo gijon oviedo santander san_sebastian pamplona salamanca "
        "palma_de_mallorca palma mallorca ibiza cadiz almeria burgos la_coruna a_coruna girona "
        "tarragona santiago_de_compostela marbella logrono badajoz huelva jaen segovia avila "
        "albacete vitoria donostia benidorm"
    ),
    "Europe/Moscow": "moscu san_petersburgo saint_petersburg st_petersburg st._petersburg",
    "Europe/Oslo": "noruega norway bergen",
    "Europe/Paris": (
        "francia france lyon marsella marseille niza nice burdeos bordeaux toulouse tolosa "
        "estrasburgo strasbourg"
    ),
    "Europe/Prague": "praga republica_checa chequia czech_republic czechia",
    "Europe/Rome": (
        "roma italia italy milan napoles naples venecia venice florencia florence turin bolonia bologna"
    ),
    "Europe/Stockholm": "estocolmo suecia sweden gotemburgo",
    "Europe/Tallinn": "tallin",
    "Europe/Vatican": "vaticano el_vaticano",
    "Europe/Vienna": "viena austria salzburgo salzburg",
    "Europe/Vilnius": "vilna",
    "Europe/Warsaw": "varsovia polonia cracovia krakow",
    "Europe/Zagreb": "croacia croatia",
    "Europe/Zurich": "ginebra geneva suiza switzerland berna bern basilea basel lausana",
    "Pacific/Auckland": "nueva_zelanda new_zealand wellington christchurch",
    "Pacific/Honolulu": "hawai hawaii",
}
"""IANA names and the other names, in `_key` form, of places that keep their time."""


class UnknownZone(Exception):
    """No time zone goes by that name.

    Attributes:
        suggestions: Up to three IANA names that look alike, best first.
    """

    def __init__(self, suggestions: tuple[str, ...]) -> None:
        super().__init__("unknown time zone")
        self.suggestions = suggestions


def find_zone(name: str) -> tuple[str, tzinfo]:
    """Find a time zone.

    Args:
        name: `Asia/Tokyo`, `asia/tokyo`, `Tokio`, `Nueva York`, `España`, `UTC`, `UTC+2`, `-03:30`. Case,
            accents and the choice of space, hyphen or underscore do not matter.

    Returns:
        The name, as the IANA database writes it, and the zone.

    Raises:
        UnknownZone: Nothing goes by that name.
    """
    name = name[:_MAX_CHARS]  # Comparing costs time by the length of the name.
    key = _key(name)
    known = _names()
    if key in known:
        return known[key], ZoneInfo(known[key])
    if offset := _offset(name):
        return offset
    if key in _ABBREVIATIONS:
        zone = timezone(timedelta(hours=_ABBREVIATIONS[key]), key.upper())
        return key.upper(), zone
    raise UnknownZone(_AMBIGUOUS.get(key) or _alike(key, known))


def server_zone(moment: datetime | None = None) -> tuple[str, tzinfo]:
    """Return the zone of the machine that the server runs on, as `date` shows it at a moment (now).

    The system says what time it is: `TZ` may be a rule, an abbreviation or no zone at all. Where the
    machine's name for its zone is one of the IANA database, and the time there is the same, it is that one.

    Returns:
        The zone's name, `local` where it has none, and the zone, which may be good for that moment alone.
    """
    moment = moment or datetime.now(UTC)
    try:
        offset = moment.astimezone().utcoffset() or timedelta()
    except (ValueError, OverflowError, OSError):  # a rule by which here is a day and more from UTC
        return "UTC", UTC
    zone = _named_zone()
    if zone is not None and moment.astimezone(zone).utcoffset() == offset:
        return zone.key, zone
    return "local", timezone(offset)


def _named_zone() -> ZoneInfo | None:
    try:
        zone = tzlocal.get_localzone()
        return zone if getattr(zone, "key", None) else None
    except Exception:  # whatever stands in TZ, /etc/timezone and /etc/localtime: the system knows the time
        return None


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", bare(name.strip()))


def _offset(name: str) -> tuple[str, tzinfo] | None:
    match = _OFFSET.fullmatch(name.replace("−", "-").replace(" ", "").lower())
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > _MAX_OFFSET:
        return None
    zone = timezone(-offset if sign == "-" else offset)
    return str(zone), zone


@cache
def _names() -> dict[str, str]:
    zones = sorted(available_timezones(), key=lambda zone: (len(zone), zone))
    known: dict[str, str] = {}
    for zone in zones:
        known[_key(zone)] = zone
    for zone in zones:
        if "/" in zone and not zone.startswith(_NO_PLACES):
            # The shortest name of a place comes first: America/Louisville, America/Kentucky/Louisville.
            known.setdefault(_key(zone.rpartition("/")[2]), zone)
    for word in _NO_NAMES_OF_PLACES:
        known.pop(word, None)
    for zone, places in _PLACES.items():
        known.update((place, zone) for place in places.split() if _key(zone) in known)
    return known


def _alike(key: str, known: dict[str, str]) -> tuple[str, ...]:
    # The place says more than the area: "Europe/" alone makes every European zone look alike. What stands
    # behind a comma may be the place's country, or say that it is another one ("Paris, Texas").
    place = key.partition(",")[0].rpartition("/")[2]
    near = difflib.get_close_matches(place, known, n=6, cutoff=0.7)
    return tuple(dict.fromkeys(known[match] for match in near))[:3]
