"""What is written short, and how it is said. Each table: written -> Spanish, English."""

from typing import Final

from app.errors import Locale

Pair = tuple[str, str]


def in_locale(pair: Pair, locale: Locale) -> str:
    """The one of that language."""
    return pair[0] if locale == "es" else pair[1]


UNITS: Final[dict[str, tuple[Pair, Pair]]] = {
    "km/h": (("kilómetro por hora", "kilometer per hour"), ("kilómetros por hora", "kilometers per hour")),
    "m/s": (("metro por segundo", "meter per second"), ("metros por segundo", "meters per second")),
    "mph": (("milla por hora", "mile per hour"), ("millas por hora", "miles per hour")),
    "km²": (("kilómetro cuadrado", "square kilometer"), ("kilómetros cuadrados", "square kilometers")),
    "m²": (("metro cuadrado", "square meter"), ("metros cuadrados", "square meters")),
    "m³": (("metro cúbico", "cubic meter"), ("metros cúbicos", "cubic meters")),
    "km": (("kilómetro", "kilometer"), ("kilómetros", "kilometers")),
    "cm": (("centímetro", "centimeter"), ("centímetros", "centimeters")),
    "mm": (("milímetro", "millimeter"), ("milímetros", "millimeters")),
    "m": (("metro", "meter"), ("metros", "meters")),
    "kg": (("kilo", "kilogram"), ("kilos", "kilograms")),
    "mg": (("miligramo", "milligram"), ("miligramos", "milligrams")),
    "g": (("gramo", "gram"), ("gramos", "grams")),
    "ml": (("mililitro", "milliliter"), ("mililitros", "milliliters")),
    "l": (("litro", "liter"), ("litros", "liters")),
    "L": (("litro", "liter"), ("litros", "liters")),
    "TB": (("terabyte", "terabyte"), ("terabytes", "terabytes")),
    "GB": (("gigabyte", "gigabyte"), ("gigabytes", "gigabytes")),
    "MB": (("megabyte", "megabyte"), ("megabytes", "megabytes")),
    "KB": (("kilobyte", "kilobyte"), ("kilobytes", "kilobytes")),
    "kB": (("kilobyte", "kilobyte"), ("kilobytes", "kilobytes")),
    "GHz": (("gigahercio", "gigahertz"), ("gigahercios", "gigahertz")),
    "MHz": (("megahercio", "megahertz"), ("megahercios", "megahertz")),
    "kHz": (("kilohercio", "kilohertz"), ("kilohercios", "kilohertz")),
    "Hz": (("hercio", "hertz"), ("hercios", "hertz")),
    "kWh": (("kilovatio hora", "kilowatt hour"), ("kilovatios hora", "kilowatt hours")),
    "kW": (("kilovatio", "kilowatt"), ("kilovatios", "kilowatts")),
    "W": (("vatio", "watt"), ("vatios", "watts")),
    "°C": (("grado", "degree Celsius"), ("grados", "degrees Celsius")),
    "ºC": (("grado", "degree Celsius"), ("grados", "degrees Celsius")),
    "℃": (("grado", "degree Celsius"), ("grados", "degrees Celsius")),
    "°F": (("grado Fahrenheit", "degree Fahrenheit"), ("grados Fahrenheit", "degrees Fahrenheit")),
    "ºF": (("grado Fahrenheit", "degree Fahrenheit"), ("grados Fahrenheit", "degrees Fahrenheit")),
    "°": (("grado", "degree"), ("grados", "degrees")),
    "h": (("hora", "hour"), ("horas", "hours")),
    "min": (("minuto", "minute"), ("minutos", "minutes")),
    "s": (("segundo", "second"), ("segundos", "seconds")),
    "ms": (("milisegundo", "millisecond"), ("milisegundos", "milliseconds")),
    "lb": (("libra", "pound"), ("libras", "pounds")),
    "oz": (("onza", "ounce"), ("onzas", "ounces")),
    "%": (("por ciento", "percent"), ("por ciento", "percent")),
    "‰": (("por mil", "per thousand"), ("por mil", "per thousand")),
}
"""Written -> one, many."""

FEMININE_UNITS: Final = frozenset({"hora", "milla por hora", "libra", "onza"})

CURRENCIES: Final[dict[str, tuple[Pair, Pair]]] = {
    "€": (("euro", "euro"), ("euros", "euros")),
    "$": (("dólar", "dollar"), ("dólares", "dollars")),
    "£": (("libra", "pound"), ("libras", "pounds")),
    "¥": (("yen", "yen"), ("yenes", "yen")),
    "EUR": (("euro", "euro"), ("euros", "euros")),
    "USD": (("dólar", "dollar"), ("dólares", "dollars")),
    "GBP": (("libra", "pound"), ("libras", "pounds")),
    "MXN": (("peso mexicano", "Mexican peso"), ("pesos mexicanos", "Mexican pesos")),
    "JPY": (("yen", "yen"), ("yenes", "yen")),
}
"""Written -> one, many."""

CENTS: Final[dict[str, Pair]] = {"£": ("peniques", "pence"), "GBP": ("peniques", "pence")}

MONTHS: Final[dict[Locale, tuple[str, ...]]] = {
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto"),
        *("septiembre", "octubre", "noviembre", "diciembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June", "July", "August"),
        *("September", "October", "November", "December"),
    ),
}

ABBREVIATIONS: Final[dict[Locale, dict[str, str]]] = {
    "es": {
        "Sr.": "señor",
        "Sra.": "señora",
        "Srta.": "señorita",
        "Sres.": "señores",
        "Dr.": "doctor",
        "Dra.": "doctora",
        "D.": "don",
        "Dña.": "doña",
        "Ud.": "usted",
        "Uds.": "ustedes",
        "p. ej.": "por ejemplo",
        "p.ej.": "por ejemplo",
        "EE. UU.": "Estados Unidos",
        "EE.UU.": "Estados Unidos",
        "etc.": "etcétera",
        "vs.": "contra",
        "vs": "contra",
        "pág.": "página",
        "págs.": "páginas",
        "núm.": "número",
        "n.º": "número",
        "nº": "número",
        "N.º": "número",
        "Nº": "número",
        "av.": "avenida",
        "Av.": "avenida",
        "Avda.": "avenida",
        "c/": "calle",
        "C/": "calle",
        "tel.": "teléfono",
        "Tel.": "teléfono",
        "aprox.": "aproximadamente",
        "máx.": "máximo",
        "mín.": "mínimo",
        "a. C.": "antes de Cristo",
        "d. C.": "después de Cristo",
        "a.C.": "antes de Cristo",
        "d.C.": "después de Cristo",
        "S. A.": "ese a",
        "S.A.": "ese a",
    },
    "en": {
        "Mr.": "mister",
        "Mrs.": "missus",
        "Ms.": "miz",
        "Dr.": "doctor",
        "Prof.": "professor",
        "St.": "saint",
        "vs.": "versus",
        "vs": "versus",
        "etc.": "et cetera",
        "e.g.": "for example",
        "i.e.": "that is",
        "approx.": "approximately",
        "No.": "number",
        "Inc.": "incorporated",
        "Ltd.": "limited",
        "Jr.": "junior",
        "Sr.": "senior",
        "U.S.": "U S",
        "U.K.": "U K",
        "U.S.A.": "U S A",
    },
}
"""Read only where nothing of a word stands before or after them; a point in them ends no sentence."""

ONLY_BEFORE_NUMBERS: Final = frozenset({"No.", "nº", "Nº", "n.º", "N.º"})

ENDS_SENTENCES: Final = frozenset(
    {"etc.", "Inc.", "Ltd.", "Jr.", "U.S.", "U.K.", "EE. UU.", "EE.UU.", "Uds."}
)
"""Abbreviations whose point may be the sentence's as well: so it is at the end, and before a capital."""

LETTERS: Final[dict[Locale, dict[str, str]]] = {
    "es": dict(
        zip(
            "abcdefghijklmnñopqrstuvwxyz",
            (
                "a be ce de e efe ge hache i jota ka ele eme ene eñe o pe cu erre ese te u uve uve_doble"
                " equis i_griega zeta"
            ).split(),
            strict=True,
        )
    ),
    "en": {letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"},
}
"""The names of letters; the synthesisers know the English ones by the capital."""

SPELLED: Final = frozenset(
    "USB API URL IA AI UE EU CPU GPU PDF ADN DNI IP SMS TV PC UI IT HTTP HTTPS HTML CSS SQL USA UK US UN EEUU"
    " ONG CEO FAQ ID VIP PIN_ IBM UTC GMT BBC".split()
)
"""Acronyms that are said letter by letter though they have vowels, and some that have none."""

SYMBOLS: Final[dict[str, Pair]] = {
    "+": ("más", "plus"),
    "=": ("igual a", "equals"),
    "×": ("por", "times"),
    "÷": ("entre", "divided by"),
    "±": ("más menos", "plus or minus"),
    "≈": ("aproximadamente", "approximately"),
    "≠": ("distinto de", "is not"),
    "≤": ("menor o igual que", "less than or equal to"),
    "≥": ("mayor o igual que", "greater than or equal to"),
    "√": ("raíz de", "the square root of"),
    "π": ("pi", "pi"),
    "∞": ("infinito", "infinity"),
    "&": ("y", "and"),
    "@": ("arroba", "at"),
    "€": ("euros", "euros"),
    "$": ("dólares", "dollars"),
    "£": ("libras", "pounds"),
    "%": ("por ciento", "percent"),
    "→": ("", ""),
    "²": ("al cuadrado", "squared"),
    "³": ("al cubo", "cubed"),
    "½": ("un medio", "one half"),
    "⅓": ("un tercio", "one third"),
    "¼": ("un cuarto", "one quarter"),
    "¾": ("tres cuartos", "three quarters"),
}

OPERATORS: Final[dict[str, Pair]] = {
    "-": ("menos", "minus"),
    "−": ("menos", "minus"),
    "–": ("menos", "minus"),
    "*": ("por", "times"),
    "x": ("por", "times"),
    "·": ("por", "times"),
    "/": ("entre", "divided by"),
    "^": ("elevado a", "to the power of"),
    "<": ("menor que", "less than"),
    ">": ("mayor que", "greater than"),
}
"""What these signs are between numbers; elsewhere they are none."""

FRACTIONS: Final[dict[tuple[int, int], Pair]] = {
    (1, 2): ("un medio", "one half"),
    (1, 3): ("un tercio", "one third"),
    (2, 3): ("dos tercios", "two thirds"),
    (1, 4): ("un cuarto", "one quarter"),
    (3, 4): ("tres cuartos", "three quarters"),
    (24, 7): ("veinticuatro siete", "twenty-four seven"),
}
