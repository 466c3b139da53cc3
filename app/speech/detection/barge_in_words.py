"""Words with which people nod while somebody speaks, and words with which they stop them.

Written as `barge_in.py` reads them: lower case, without accents and punctuation.
"""

from typing import Final, Literal

from app.errors import Locale


def _phrases(text: str) -> frozenset[str]:
    return frozenset(phrase.strip() for phrase in text.split("|"))


_ASSENTS_ES = _phrases(
    "si|aja|vale|claro|ya|ok|okay|okey|oka|de acuerdo|entiendo|entendido|comprendo|exacto|eso|eso es"
    "|muy bien|perfecto|bien|por supuesto|genial|bueno|que bien|sigue|siga|continua|continue|adelante"
    "|cierto|es verdad|verdad|es cierto|desde luego|anda|vaya|estupendo|correcto|no pares|no te pares"
    "|gracias|dale|hecho|asi es|sin duda|efectivamente|fenomenal|te escucho|te sigo|te oigo|lo veo"
    "|claro que si|que si|no no sigue|no sigue|no continua|no nada sigue|no te preocupes"
    "|ah vale|ah si|ah ya|ah bueno|ah claro|si vale|si claro"
    "|muchas gracias|mil gracias|esta bien|ya veo|ya entiendo|lo entiendo|suena bien|excelente|fantastico"
    "|ah|oh|uy|guau|mm|eh|aha|mjm|ajam|eme hache"
)
_ASSENTS_EN = _phrases(
    "yeah|yes|yep|yup|ya|right|uh huh|mm hmm|mhm|ok|okay|kay|sure|sure thing|i see|got it|gotcha"
    "|of course|makes sense|that makes sense|all right|alright|exactly|cool|great|nice|very good|very nice"
    "|absolutely|definitely|true|that's right|that's true|fine|good|perfect|wow|go on|go ahead|carry on"
    "|keep going|continue|please continue|don't stop|interesting|fair enough|i understand|understood"
    "|sounds good|indeed|totally|certainly|correct|really|no kidding|no no go on|no go on|thanks"
    "|thank you|i know what you mean|i'm listening|go for it|amazing|awesome|lovely"
    "|oh okay|oh yeah|oh right|oh i see|yeah right|yeah okay"
    "|thank you very much|thank you so much|thanks a lot|that's great|that's good|that's fine|that's nice"
    "|sounds great|good to know|i get it|excellent|fantastic|wonderful"
    "|ah|oh|mm|huh|aha|uh"
)
_STOPS_ES = _phrases(
    "para|pare|parad|parate|para ya|espera|espere|esperad|esperate|alto|basta|ya basta|ya vale|vale ya"
    "|ya esta|callate|calla|callad|callese|silencio|stop|detente|detengase|un momento|un segundo|momento"
    "|un minuto|no|no no|perdona|perdon|disculpa|oye|oiga|escucha|escuchame|dejalo|dejame|olvidalo"
    "|cancela|cancelar|corta|suficiente|no sigas|no continues|deja de hablar|pausa|pero|otra cosa|mejor"
    "|chis|chist|sh|shh|incorrecto|que|como|repite|otra vez|mas despacio|siguiente|quieto|tranquilo|aguarda"
)
_STOPS_EN = _phrases(
    "stop|stop it|stop talking|wait|wait up|hold on|hang on|hold it|quiet|be quiet|shut up|enough"
    "|that's enough|no|no no|nope|nah|never mind|nevermind|cancel|cancel that|pause|one moment"
    "|one second|just a second|just a moment|a second|a minute|excuse me|sorry|pardon|actually|listen"
    "|hey|hush|sh|shh|but|silence|halt|forget it|cut it out|knock it off|what|how|repeat|again"
    "|slow down|louder|next|skip|instead|incorrect|get out"
)

ASSENTS: Final[dict[Locale | Literal["both"], frozenset[str]]] = {
    "es": _ASSENTS_ES,
    "en": _ASSENTS_EN,
    # People nod in either language, and “ok”, “yeah” and “stop” are everybody's.
    "both": _ASSENTS_ES | _ASSENTS_EN,
}
STOPS: Final[dict[Locale | Literal["both"], frozenset[str]]] = {
    "es": _STOPS_ES,
    "en": _STOPS_EN,
    "both": _STOPS_ES | _STOPS_EN,
}

OTHERS: Final[dict[Locale, frozenset[str]]] = {
    "es": frozenset(
        """
        cero uno una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince veinte
        treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil millon primero segundo
        tercero cuarto quinto sexto septimo octavo noveno decimo medio media
        lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio julio
        agosto septiembre octubre noviembre diciembre hoy ayer manana tarde noche ahora luego pronto
        manda anade abre busca llama completo directo
        hola adios ninguno ninguna nada nadie nunca tambien tampoco mas menos este esta ese esa aquel
        """.split()
    ),
    "en": frozenset(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
        thousand million first second third fourth fifth sixth seventh eighth ninth tenth half quarter
        monday tuesday wednesday thursday friday saturday sunday january february march april may june july
        august september october november december today yesterday tomorrow morning evening night now later
        let miss create collect
        hello hi bye goodbye none nothing nobody never neither too more less this that these those
        """.split()
    ),
}
"""Short answers that are no nod, however much like one they sound."""

PROMPTS: Final[dict[Locale, str]] = {
    "es": "Sí. Ajá. Mm-hmm. Vale. Claro. Ok. Ya. Genial. Eso es. De acuerdo. Sí, sigue. Para. Espera. Oye. "
    "Cállate. Stop. No. Basta. Un momento.",
    "en": "Yeah. Uh-huh. Mm-hmm. Right. Okay. Sure. I see. Cool. Of course. Exactly. Got it. Oh, okay. Stop. "
    "Wait. Be quiet. Hold on. No. Enough.",
}
"""For a recogniser; also a language is told apart by such words only with their help. No word to stop
may sound like a nod of this list: with “go on” in it, “hold on” is heard as that."""
