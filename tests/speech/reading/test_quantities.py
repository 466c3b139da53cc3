import pytest

from app.errors import Locale
from app.speech.reading import read_aloud, spoken_text


@pytest.mark.parametrize(
    ("locale", "written", "spoken"),
    [
        ("es", "25 × 4 = 100", "veinticinco por cuatro igual a cien"),
        ("es", "2+2=4", "dos más dos igual a cuatro"),
        ("es", "(2+3)*4 = 20", "dos más tres, por cuatro igual a veinte"),
        ("es", "2^10", "dos elevado a diez"),
        ("es", "5-3=2", "cinco menos tres igual a dos"),
        ("es", "-5 °C", "menos cinco grados"),
        ("es", "menos -3", "menos menos tres"),
        ("es", "10-20 personas", "diez a veinte personas"),
        ("es", "3,14 y 3.14", "tres coma catorce y tres coma catorce"),
        (
            "es",
            "1.234.567,89",
            "un millón doscientos treinta y cuatro mil quinientos sesenta y siete coma ochenta y nueve",
        ),
        ("es", "1,234.56", "mil doscientos treinta y cuatro coma cincuenta y seis"),
        ("es", "1.500 €", "mil quinientos euros"),
        ("es", "20,50 €", "veinte euros con cincuenta"),
        ("es", "$5.99", "cinco dólares con noventa y nueve"),
        ("es", "1 €", "un euro"),
        ("es", "2 £", "dos libras"),
        ("es", "21,5°C", "veintiuno coma cinco grados"),
        (
            "es",
            "120 km/h, 80 kg y 16 MB",
            "ciento veinte kilómetros por hora, ochenta kilos y dieciséis megabytes",
        ),
        ("es", "50 %", "cincuenta por ciento"),
        (
            "es",
            "21 personas, 21 libros y 200 casas",
            "veintiuna personas, veintiún libros y doscientas casas",
        ),
        ("es", "1 hora y 1 min", "una hora y un minuto"),
        ("es", "1.º, 2ª, 3er", "primero, segunda, tercer"),
        ("es", "1/2 y 7/9", "un medio y siete novenos"),
        ("es", "192.168.1.1", "ciento noventa y dos punto ciento sesenta y ocho punto uno punto uno"),
        ("es", "versión 3.11.2", "versión tres punto once punto dos"),
        ("es", "llama al 600 123 456", "llama al seis cero cero, uno dos tres, cuatro cinco seis"),
        ("es", "+34 912 345 678", "más tres cuatro, nueve uno dos, tres cuatro cinco, seis siete ocho"),
        ("es", "#5", "número cinco"),
        ("es", "007", "cero cero siete"),
        ("es", "½ kilo", "medio kilo"),
        ("es", "x²", "equis al cuadrado"),
        ("es", "8 m²", "ocho metros cuadrados"),
        ("en", "1,234.56", "one thousand two hundred and thirty-four point five six"),
        ("en", "3.14", "three point one four"),
        ("en", "$5.99 and €20", "five dollars and ninety-nine cents and twenty euros"),
        ("en", "£1.01", "one pound and one penny"),
        ("en", "1st, 2nd, 23rd", "first, second, twenty-third"),
        ("en", "555-1234", "five five five, one two three four"),
        ("en", "(555) 123-4567", "five five five, one two three, four five six seven"),
        ("en", "72°F", "seventy-two degrees Fahrenheit"),
        ("en", "60 mph", "sixty miles per hour"),
        ("en", "10-20 people", "ten to twenty people"),
        ("en", "50% off", "fifty percent off"),
        ("en", "#1", "number one"),
        ("en", "-7", "minus seven"),
        ("en", "3 * 4", "three times four"),
        ("en", "1 kg", "one kilogram"),
        ("en", "2026", "two thousand and twenty-six"),
    ],
)
def test_numbers_are_said_with_their_units(locale: Locale, written: str, spoken: str):
    assert spoken_text(read_aloud(written, locale)) == spoken
