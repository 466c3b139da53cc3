"""Which time zone a place is in, for the places that people ask about; and the names of all zones.

Zones come from the installed time zone database. The tables add what it does not know: Spanish names, big
cities that share another's zone, and countries with one zone.
"""

import functools
import zoneinfo

from app.llm.demo.text import fold

_REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)

_CITIES = """
Africa/Algiers: argel
Africa/Cairo: el cairo, cairo, alejandria
Africa/Casablanca: rabat, marrakech, marraquech
Africa/Ceuta: ceuta
Africa/Johannesburg: johannesburgo, ciudad del cabo, cape town, pretoria, durban
Africa/Lagos: abuja
Africa/Nairobi: nairobi
Africa/Tripoli: tripoli
Africa/Tunis: tunez
Africa/Addis_Ababa: adis abeba
Africa/Dakar: dakar
America/Argentina/Buenos_Aires: buenos aires, rosario, la plata, mar del plata
America/Argentina/Cordoba: cordoba argentina
America/Bogota: bogota, medellin, cali, barranquilla, cartagena de indias, bogota dc
America/Caracas: caracas, maracaibo, valencia venezuela
America/Chicago: chicago, houston, dallas, austin, nueva orleans, new orleans, san antonio, memphis,
  nashville, minneapolis, kansas city, milwaukee, oklahoma city
America/Costa_Rica: san jose de costa rica
America/Denver: salt lake city, albuquerque, colorado springs
America/Edmonton: calgary
America/Guatemala: ciudad de guatemala
America/Guayaquil: quito, guayaquil
America/Havana: la habana, habana
America/La_Paz: la paz, santa cruz de la sierra, cochabamba
America/Lima: cusco, cuzco, arequipa, trujillo
America/Los_Angeles: los angeles, san francisco, san diego, seattle, las vegas, portland,
  sacramento, oakland, silicon valley, hollywood, palo alto, san jose california, california
America/Mexico_City: ciudad de mexico, mexico city, mexico df, mexico d.f., cdmx, guadalajara,
  puebla, df
America/Monterrey: monterrey
America/Montevideo: montevideo, punta del este
America/New_York: nueva york, new york city, nyc, ny, miami, boston, washington, washington dc,
  washington d.c., filadelfia, philadelphia, atlanta, orlando, manhattan, brooklyn, baltimore,
  pittsburgh, tampa, charlotte, cleveland, florida
America/Panama: ciudad de panama, panama city
America/Phoenix: tucson
America/Port_of_Spain: puerto espana
America/Port-au-Prince: puerto principe
America/Puerto_Rico: san juan de puerto rico
America/Rio_Branco: rio branco
America/Santiago: santiago de chile, valparaiso, vina del mar
America/Santo_Domingo: santo domingo
America/Sao_Paulo: sao paulo, san pablo, rio de janeiro, rio, brasilia, curitiba, porto alegre, belo
  horizonte
America/Toronto: toronto, montreal, ottawa, quebec
America/Vancouver: vancouver
America/Asuncion: asuncion
America/Tegucigalpa: tegucigalpa
America/El_Salvador: san salvador
America/Tijuana: tijuana
America/Cancun: cancun
Asia/Baghdad: bagdad
Asia/Bangkok: bangkok, phuket
Asia/Beirut: beirut
Asia/Damascus: damasco
Asia/Dhaka: daca, dhaka
Asia/Dubai: abu dabi, abu dhabi
Asia/Ho_Chi_Minh: saigon, ciudad ho chi minh
Asia/Hong_Kong: hong kong, hongkong
Asia/Jakarta: yakarta
Asia/Jerusalem: jerusalen, haifa
Asia/Kabul: kabul
Asia/Karachi: islamabad, lahore
Asia/Kathmandu: katmandu
Asia/Kolkata: calcuta, bombay, mumbai, delhi, nueva delhi, new delhi, bangalore, bengaluru, chennai,
  hyderabad
Asia/Macau: macao
Asia/Manila: manila
Asia/Riyadh: riad, la meca, mecca, jeddah
Asia/Saigon: saigon
Asia/Seoul: seul, busan
Asia/Shanghai: pekin, beijing, shenzhen, guangzhou, canton, wuhan
Asia/Singapore: singapur
Asia/Taipei: taipei
Asia/Tashkent: taskent
Asia/Tehran: teheran
Asia/Tokyo: tokio, osaka, kioto, kyoto, yokohama, hiroshima, nagoya, sapporo
Asia/Ulaanbaatar: ulan bator
Asia/Vladivostok: vladivostok
Asia/Yangon: rangun, yangon
Asia/Amman: aman
Atlantic/Azores: azores
Atlantic/Canary: canarias, islas canarias, las palmas, las palmas de gran canaria, tenerife, santa
  cruz de tenerife, gran canaria, canary islands, lanzarote, fuerteventura
Atlantic/Reykjavik: reikiavik, reykjavik
Australia/Sydney: sidney, sydney, canberra
Australia/Melbourne: melbourne
Australia/Brisbane: gold coast
Europe/Amsterdam: rotterdam, la haya, the hague
Europe/Athens: atenas
Europe/Belgrade: belgrado
Europe/Berlin: munich, hamburgo, hamburg, frankfurt, francfort, colonia, cologne, stuttgart,
  dusseldorf, leipzig
Europe/Bratislava: bratislava
Europe/Brussels: bruselas, brujas, amberes, antwerp
Europe/Bucharest: bucarest
Europe/Copenhagen: copenhague
Europe/Dublin: dublin
Europe/Helsinki: helsinki
Europe/Istanbul: estambul, istanbul, ankara
Europe/Kyiv: kiev, kyiv
Europe/Lisbon: lisboa, oporto, porto
Europe/Ljubljana: liubliana
Europe/London: londres, manchester, liverpool, edimburgo, edinburgh, glasgow, birmingham, oxford,
  cambridge, cardiff, bristol, leeds
Europe/Luxembourg: luxemburgo
Europe/Madrid: barcelona, valencia, sevilla, seville, zaragoza, malaga, bilbao, murcia, granada,
  alicante, valladolid, vigo, gijon, oviedo, santander, san sebastian, pamplona, toledo,
  salamanca, palma de mallorca, palma, mallorca, ibiza, cadiz, almeria, burgos, leon, la coruna, a
  coruna, girona, tarragona, santiago de compostela, marbella, logrono, badajoz, huelva, jaen,
  cuenca, segovia, avila, albacete, vitoria, donostia, benidorm
Europe/Monaco: monaco
Europe/Moscow: moscu, san petersburgo, saint petersburg, st petersburg, st. petersburg
Europe/Oslo: oslo, bergen
Europe/Paris: lyon, marsella, marseille, niza, nice, burdeos, bordeaux, toulouse, tolosa,
  estrasburgo, strasbourg
Europe/Prague: praga
Europe/Rome: roma, milan, napoles, naples, venecia, venice, florencia, florence, turin, bolonia,
  bologna
Europe/Sofia: sofia
Europe/Stockholm: estocolmo, gotemburgo
Europe/Tallinn: tallin
Europe/Vatican: vaticano, el vaticano
Europe/Vienna: viena, salzburgo, salzburg
Europe/Vilnius: vilna
Europe/Warsaw: varsovia, cracovia, krakow
Europe/Zurich: zurich, ginebra, geneva, berna, bern, basilea, basel, lausana
Pacific/Auckland: wellington, christchurch
Pacific/Honolulu: hawai, hawaii
"""

_COUNTRIES = """
Africa/Cairo: egipto, egypt
Africa/Casablanca: marruecos, morocco
Africa/Johannesburg: sudafrica, south africa
Africa/Lagos: nigeria
Africa/Nairobi: kenia, kenya
Africa/Addis_Ababa: etiopia, ethiopia
America/Argentina/Buenos_Aires: argentina
America/Asuncion: paraguay
America/Bogota: colombia
America/Caracas: venezuela
America/Costa_Rica: costa rica
America/Guatemala: guatemala
America/Guayaquil: ecuador
America/Havana: cuba
America/La_Paz: bolivia
America/Lima: peru
America/Managua: nicaragua
America/Mexico_City: mexico
America/Montevideo: uruguay
America/Panama: panama
America/Santiago: chile
America/Santo_Domingo: republica dominicana, dominican republic
America/Tegucigalpa: honduras
America/El_Salvador: el salvador
America/Sao_Paulo: brasil, brazil
Asia/Dubai: emiratos, emiratos arabes, united arab emirates, uae
Asia/Jerusalem: israel
Asia/Kolkata: india, la india
Asia/Karachi: pakistan
Asia/Manila: filipinas, philippines
Asia/Riyadh: arabia saudi, arabia saudita, saudi arabia
Asia/Seoul: corea, corea del sur, korea, south korea
Asia/Shanghai: china
Asia/Taipei: taiwan
Asia/Tehran: iran
Asia/Tokyo: japon, japan
Asia/Bangkok: tailandia, thailand
Asia/Ho_Chi_Minh: vietnam
Asia/Kathmandu: nepal
Atlantic/Reykjavik: islandia, iceland
Europe/Amsterdam: paises bajos, holanda, netherlands, the netherlands, holland
Europe/Athens: grecia, greece
Europe/Berlin: alemania, germany
Europe/Brussels: belgica, belgium
Europe/Bucharest: rumania, romania
Europe/Budapest: hungria, hungary
Europe/Copenhagen: dinamarca, denmark
Europe/Dublin: irlanda, ireland
Europe/Helsinki: finlandia, finland
Europe/Istanbul: turquia, turkey
Europe/Kyiv: ucrania, ukraine
Europe/Lisbon: portugal
Europe/London: inglaterra, england, reino unido, united kingdom, uk, escocia, scotland, gales,
  wales, gran bretana, great britain, britain
Europe/Madrid: espana, spain
Europe/Oslo: noruega, norway
Europe/Paris: francia, france
Europe/Prague: republica checa, chequia, czech republic, czechia
Europe/Rome: italia, italy
Europe/Stockholm: suecia, sweden
Europe/Vienna: austria
Europe/Warsaw: polonia, poland
Europe/Zagreb: croacia, croatia
Europe/Zurich: suiza, switzerland
Pacific/Auckland: nueva zelanda, new zealand
"""


def _table(text: str) -> dict[str, str]:
    # A row that is too long for a line goes on, indented, in the next.
    rows = (line.partition(": ") for line in text.strip().replace("\n  ", " ").splitlines())
    return {name.strip(): zone for zone, _, names in rows for name in names.split(",")}


COUNTRIES = _table(_COUNTRIES)
"""Folded names of countries and the zone of their capital."""


@functools.cache
def zones() -> dict[str, str]:
    """All zones of the time zone database by their folded name: `europe/madrid` to `Europe/Madrid`."""
    return {fold(name): name for name in zoneinfo.available_timezones()}


@functools.cache
def places() -> dict[str, str]:
    """Folded names of places and the zone that each is in.

    A zone's last part counts as a city's name (`America/New_York`: new york).
    """
    known: dict[str, str] = {}
    for name in sorted(zones().values(), key=lambda name: (name.count("/"), name)):
        region, _, city = name.partition("/")
        if city and region in _REGIONS:
            last = fold(city.rpartition("/")[2])
            known.setdefault(last.replace("_", " "), name)
            known.setdefault(last.replace("_", " ").replace("-", " "), name)
    return known | COUNTRIES | _table(_CITIES)
