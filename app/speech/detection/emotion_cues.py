"""Words that tell how somebody feels, in Spanish and English, each with how much it tells, from 0 to 1.

The patterns are for text in lower case, without accents, and without what stands in quotes.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.chat import Mood


@dataclass(frozen=True, slots=True)
class Cue:
    """What tells of a mood.

    Attributes:
        turns: Whether a “not” before it takes it back: “no estoy enfadado”.
    """

    mood: Mood
    weight: float
    pattern: re.Pattern[str]
    turns: bool = True


def _cue(mood: Mood, weight: float, words: str, *, turns: bool = True) -> Cue:
    return Cue(mood, weight, re.compile(rf"(?<!\w)(?:{words})(?!\w)"), turns)


NEGATION: Final = re.compile(
    r"(?<!\w)(?:no|nunca|nada|ni|sin|tampoco|not|never|isn't|wasn't|aren't|don't|doesn't|didn't|won't"
    r"|haven't|hasn't|nothing|without)(?: \w+){0,2} $"
)
"""Before a cue: the last words of what comes before it, with the space behind them."""

_FRUSTRATED: Final = (
    _cue(
        "frustrated",
        0.85,
        r"mierdas?|joder|cono|hostias?|puto|puta|putos|cojones|cabron\w*|carajo|maldit[oa]s?|"
        r"me cago en \w+|gilipollas|imbecil|idiota|estupid[oa]s?|shit(?:ty)?|fuck\w*|bullshit|crap(?:py)?|"
        r"damn(?:ed)?|damn it|wtf|asshole|bloody|stupid|idiot\w*|moron|dumb|what the hell|for god's sake",
    ),
    _cue(
        "frustrated",
        0.8,
        r"no (?:me )?(?:funciona|sirve|va(?! a))(?: de nada| para nada)?|"
        r"(?:no|nunca) (?:me )?(?:entiendes|escuchas|enteras)(?: nada| de nada)?|"
        r"no (?:es|era) (?:eso )?lo que|eso no es|no te he (?:pedido|preguntado|dicho)|"
        r"no (?:he|te) (?:pedido|pedi|pregunte)|no has (?:entendido|hecho)|"
        r"asi no hay (?:manera|forma|quien)|no hay (?:manera|forma)|no sirves (?:para nada|de nada)|"
        r"(?:doesn't|does not|isn't|is not|won't|still not|not) work(?:ing)?|"
        r"you (?:don't|never|do not) (?:understand|listen|get it)|"
        r"not what i (?:asked|wanted|said|meant|want)|that's not (?:it|right)|i didn't (?:ask|say|mean)|"
        r"you're not (?:listening|helping)|wasn't what",
        turns=False,
    ),
    _cue(
        "frustrated",
        0.75,
        r"ya te (?:lo )?(?:dije|he dicho|lo he dicho|lo dije|explique|he explicado)|"
        r"te (?:lo )?(?:he )?(?:dicho|dije|repito|repeti\w*|explicado|"
        r"explique)(?: ya)? (?:\w+ )?(?:veces|tres|mil|dos)|"
        r"(?:ya van|he dicho|dicho|explicado|pedido|preguntado|repetido|intentado) (?:\w+ )?veces|"
        r"(?:estoy|me tienes|me teneis) (?:muy |ya |tan |bastante )?(?:hart[oa]|cansad[oa]|frustrad[oa]|"
        r"enfadad[oa]|cabread[oa]|desesperad[oa]|furios[oa]|molest[oa])|"
        r"cuantas veces (?:te|lo|tengo|hay|mas)|por enesima vez|enesima|mil veces|"
        r"(?:already|just) (?:told|said|explained|asked)|"
        r"how many (?:more )?times (?:do|must|have|will|should) i|"
        r"(?:i'm|i am|so|getting|really) (?:(?!not )\w+ )?(?:sick of|tired of|fed up|frustrated|angry|"
        r"annoyed|upset|furious|mad)|"
        r"(?:told|said|asked|explained|tried|repeated)(?: \w+){0,2} (?:\w+ )?times|"
        r"a (?:hundred|thousand|million) times|umpteenth|sick and tired",
    ),
    _cue(
        "frustrated",
        0.65,
        r"horrible|horroroso|desastre|pesadilla|inutil\w*|pesim[oa]|vergonzos[oa]|verguenza|"
        r"una porquer\w+|(?:es|son|de|menuda|una) basura|fatal|increible que|ridicul[oa]|absurd[oa]|"
        r"lamentable|insoportable|inaceptable|una perdida de tiempo|vaya tela|por nada|"
        r"siempre (?:igual|lo mismo)|otra vez (?:lo mismo|igual|mal|no|el mismo|la misma|con)|"
        r"lo mismo (?:otra vez|de siempre)|(?:el )?mismo error|(?:te has |te )?(?:vuelto a )?equivoca\w*|"
        r"esta mal|sigue (?:fallando|mal|sin|igual)|fallando|no puede ser|"
        r"me (?:desespera|molesta|enfada|cabrea|frustra)\w*|terrible|awful|useless|ridiculous|nightmare|"
        r"disaster|pathetic|unacceptable|hopeless|rubbish|garbage|worthless|(?:what a|is a|such a) joke|"
        r"disappoint\w+|waste of time|for nothing|thanks a lot for|"
        r"(?:the )?same (?:\w+ )?(?:error|mistake|thing|answer|problem)(?: again)?|wrong again|"
        r"still (?:fails|failing|wrong|broken|not|the same)|that's wrong|not again|"
        r"keeps? (?:failing|breaking|getting|doing)|unbelievable|i give up|annoying|frustrating|"
        r"hate (?:this|it|you|that)|broken",
    ),
    _cue(
        "frustrated",
        0.55,
        r"(?:he dicho|que he dicho|te digo que|te estoy diciendo|te pedi|te he pedido)|"
        r"(?:llevo|llevamos) (?:\w+ ){1,3}(?:intentando\w*|esperando|asi|con esto)|en serio\?|de verdad\?|"
        r"por dios|madre mia|menud[oa] \w+|i said|i asked (?:you )?for|i told you|"
        r"(?:i've|i have) been (?:trying|waiting|asking)|seriously\?|come on already|oh god|"
        r"for heaven's sake|are you (?:kidding|deaf|even)",
    ),
    _cue(
        "frustrated",
        0.65,
        r"(?:es|va|van|por) (?:ya )?(?:la )?(?:segunda|tercera|cuarta|quinta|decima) vez (?:que (?:te|"
        r"lo|me|pido|digo)|ya)|de una (?:vez|santa vez)|de una vez por todas|"
        r"perd(?:er|iendo|ido) (?:el|mi) tiempo|dar(?:le|me|nos)? vueltas|dando vueltas|"
        r"(?:dejalo|olvidalo|paso|da igual)(?:\W+(?:ya|mejor|lo|que|da).*)?|"
        r"(?:no|sin) (?:avanz|ayud|respond|contest|aclar|coincid|arregl|solucion|resuelv|"
        r"resolv)\w+(?! (?:al|a la|el) )|no (?:has|estas) \w+(?:ido|ado|endo|ando)(?! nada mal)|"
        r"no te (?:he|estas|enteras|has)|nada de lo que|(?:no|que no) era (?:eso|asi)|"
        r"no era (?:tan )?(?:dificil|complicado)|y dale|tan (?:complicado|dificil) (?:es|era)|tan dificil|"
        r"por que no (?:me )?(?:haces|puedes|lo haces|entiendes|escuchas)|"
        r"(?:llev|he estado|hemos estado|pasad)\w* (?:\w+ ){0,3}(?:toda|todo) (?:la|el) (?:tarde|manana|"
        r"noche|dia|rato)|(?:llevo|hace) (?:\w+ )?(?:horas|siglos|dias|semanas)|"
        r"(?:second|third|fourth|fifth|tenth|nth) time (?:i|that|we|you|now)|for once|once and for all|"
        r"wast(?:e|es|ed|ing) (?:of )?(?:my|our) time|(?:in|around) circles|forget it|"
        r"i(?:'ll| will) (?:just )?(?:do|find|look|figure|check|ask) .*(?:myself|elsewhere)|"
        r"(?:doesn't|didn't|don't|isn't|not) (?:even )?(?:answer|help|helping|answering|make sense|"
        r"making sense|fix|solve)\w*|"
        r"you (?:keep|kept|never|still|haven't|didn't|aren't|can't|just don't) \w+|how hard (?:can|is)|"
        r"is it (?:so|that|really that) (?:hard|difficult)|why (?:can't|won't|don't|aren't) you|"
        r"(?:been|waited|spent) (?:\w+ ){0,5}all (?:day|morning|afternoon|evening|night)|"
        r"(?:been|waiting|trying) (?:\w+ ){0,4}for (?:hours|days|weeks|ages)|what's wrong with you|"
        r"nothing i (?:asked|said)|that wasn't",
        turns=False,
    ),
    _cue(
        "frustrated",
        0.65,
        r"birria|chapuza|patetic[oa]|penos[oa]|nefast[oa]|torpe|lent[oa] eres|inepto|incompetente|asco|"
        r"me tienes (?:frit|negr)\w+|no lo aguanto|no (?:lo )?soporto|no aguanto mas|"
        r"(?:pero )?(?:es que )?tu (?:lees|escuchas|me oyes|entiendes)|"
        r"me (?:estas|estais) (?:\w+ )?(?:volviendo|tomando|liando|mareando|haciendo)|"
        r"que (?:rabia|pena|coraje|fastidio|lata|rollo|horror|asco|decepcion|paciencia)|decepcion\w*|peor|"
        r"no doy credito|me rindo|vaya (?:mierda|lio|rollo|forma|manera)|lousy|lame|clueless|incompetent|"
        r"sucks?|worst|worse|mess|messed|screwed|hell|do you (?:even|ever)|can't stand|had enough|"
        r"driving me (?:mad|crazy|nuts|insane)|kidding me|clearly not|obviously not|makes no sense|"
        r"nonsense|let(?:ting)? me down|shame|poor (?:answer|service|job|show)|no use|pointless",
    ),
    _cue(
        "frustrated",
        0.3,
        r"otra vez|de nuevo|uf+|buf+|puf+|argh?|again|ugh+|sigh",
        turns=False,
    ),
    _cue(
        "frustrated",
        0.7,
        r"[😠😡🤬😤👎🙄]+",
        turns=False,
    ),
)

_HURRIED: Final = (
    _cue(
        "hurried",
        0.8,
        r"(?:tengo|llevo|voy con|con|la|mucha|tanta) (?:mucha |algo de |un poco de )?prisa|date prisa|"
        r"apurate|de prisa|deprisa|apur[oa]d[oa]|es urgente|urgente\w*|urge|"
        r"no (?:tengo|hay|me da|nos queda|me queda) (?:mas )?tiempo(?! (?:para|en))|al grano|cuanto antes|"
        r"lo antes posible|llego tarde|llegamos tarde|a toda prisa|sin rodeos|no te enrolles|"
        r"in a (?:\w+ )?(?:hurry|rush)|hurry(?: up)?|asap|as soon as possible|urgent(?:ly)?|"
        r"(?:no|not much|don't have(?: any| the)?|haven't(?: got)?(?: any)?) time(?: to lose)?|"
        r"(?:get|cut) to the (?:point|chase)|(?:i'm|i am|running|be) (?:\w+ )?late|"
        r"rush(?:ing|ed)?(?: you)?|make it (?:quick|short|fast)|"
        r"(?:be|quickly|keep it) (?:quick|brief|short|fast)|pressed for time|short on time|out of time|"
        r"no (?:long )?(?:details|explanations?)",
        turns=False,
    ),
    _cue(
        "hurried",
        0.65,
        r"^\W*(?:rapido|rapidito|corre|venga)|"
        r"(?:muy |mas )?rapid(?:o|amente),? (?:por favor|que|dime|necesito)|venga,? venga|vamos,? vamos|"
        r"corre,? (?:que|corre)|(?:lo|la|los|las) necesito ya|(?:lo|la) (?:\w+ ){0,2}ahora mismo|"
        r"me (?:quedan?|faltan?) (?:solo )?(?:\w+ )?(?:minutos?|segundos?)|"
        r"(?:sale|empieza|cierra|cierran|sale el \w+) (?:ya|en) (?:\w+ )?(?:minutos?|segundos?)?|"
        r"pierdo el (?:tren|vuelo|bus|autobus|avion)|que me cierran|"
        r"^\W*(?:quick(?:ly)?|fast(?! food)|hurry)|"
        r"(?:need|want|tell|give|do) (?:\w+ ){1,3}right (?:now|away)|come on,? come on|"
        r"(?:got|have|only) (?:\w+ ){0,2}(?:minutes?|seconds?)|(?:minutes?|seconds?) left|"
        r"(?:leaves|starts|closes|boards|departs) in (?:\w+ )?(?:minutes?|seconds?)|"
        r"miss(?:ing)? (?:my|the) (?:train|flight|bus|plane)|quick question|chop chop",
        turns=False,
    ),
    _cue(
        "hurried",
        0.5,
        r"en (?:una|dos) (?:frase|palabra)s?|en breve|minutos?,? (?:\w+ ){0,3}(?:ya|ahora)|"
        r"necesito (?:\w+ ){0,3}(?:ya|ahora)|rapido|entro en una reunion|"
        r"in (?:one|a|two) (?:sentence|word|line)s?|in short|need (?:\w+ ){0,3}now|now please|quickly|"
        r"walking into|about to (?:board|leave|start)",
        turns=False,
    ),
    _cue(
        "hurried",
        0.6,
        r"(?:me|nos) (?:esta|estan) (?:esperando|llamando)|"
        r"tengo que (?:irme|salir|colgar|marcharme|entrar|coger|correr)|"
        r"me (?:tengo que|voy a tener que) ir|me voy (?:ya|corriendo)|salgo (?:ya|en|pitando|ahora)|"
        r"pitando|abrevia\w*|no te (?:alargues|extiendas|enrolles)|(?:se|mas) breve|"
        r"sin (?:explicaciones|detalles|rollos|preambulos)|(?:en|a) la puerta|"
        r"se me (?:acaba|echa|hace) \w+|antes de que (?:cierr|sal|empie|me|lleg|se)\w*|"
        r"(?:contesta|responde|dime|dimelo|hazlo|acaba|termina) (?:\w+ )?pronto|(?:voy|estoy) conduciendo|"
        r"en (?:dos|cuatro) palabras|lo (?:mas )?(?:rapido|pronto) (?:que|posible)|"
        r"no (?:puedo|me hagas) esperar|contrarreloj|ultimo minuto|acelera|agiliza|espabila|aligera|"
        r"ya,? ya,? (?:pero|y|dime)|a la carrera|ando (?:justo|corto|mal) de tiempo|justo de tiempo|"
        r"(?:are|is|they're|he's|she's|everyone's|people are) (?:\w+ )?waiting|"
        r"(?:have|got|need) to (?:go|run|dash|leave|hang up|catch|be (?:there|off)|head)|"
        r"gotta (?:go|run|dash|leave)|(?:keep|make|keep it|make it) (?:it )?(?:short|brief|snappy)|"
        r"be brief|briefly|no (?:long )?(?:stor(?:y|ies)|waffle|small talk)|(?:at|outside) the door|"
        r"(?:running|dying) (?:out|low)|(?:is|'s) (?:dying|running out|about to)|"
        r"before (?:it|they|the \w+) (?:close|leave|start|go)\w*|(?:answer|soon|reply) (?:soon|fast)|"
        r"i'm driving|in two words|at the last minute|no (?:second|moment)s? to lose|speed (?:it )?up|"
        r"skip the|tight (?:schedule|deadline)|the clock is ticking|time is (?:short|running)|"
        r"yeah,? yeah,? (?:but|just|so)|on the run|step on it|move it",
        turns=False,
    ),
    _cue(
        "hurried",
        0.35,
        r"solo (?:dime|el|la|lo)|dime solo|resume(?:melo|lo)?|resumiendo|ya mismo|ahora mismo|"
        r"inmediatamente|ahora ya|just (?:tell|give) me|sum it up|right (?:now|away)|immediately|at once",
    ),
    _cue(
        "hurried",
        0.4,
        r"[⏰⌛⏳🏃]+",
        turns=False,
    ),
)

_PLEASED: Final = (
    _cue(
        "pleased",
        0.8,
        r"me (?:encanta|ha encantado|encanto)|muchas gracias|mil gracias|gracias de corazon|"
        r"(?:que|una) (?:maravilla|alegria|gozada|pasada|ilusion)|maravillos[oa]|justo lo que|"
        r"exactamente lo que|me has (?:ayudado|salvado|sido)(?: \w+)?|"
        r"eres (?:muy |un |una |el |la )?(?:amable|genial|sol|crack|maquina|mejor|encanto|majo|maja|"
        r"estupend[oa])|buen trabajo|bien hecho|me alegr\w+|"
        r"(?:estoy|muy) (?:muy |tan )?(?:content[oa]|feliz|encantad[oa]|satisfech[oa])|"
        r"por fin (?:funciona|sale|va)|ha salido (?:\w+ )?(?:bien|redondo|perfecto|genial)|salvado el dia|"
        r"(?:i |really |just )?love (?:it|this|that|you)|thank you (?:so|very) much|"
        r"thanks a (?:lot|million|bunch)|"
        r"(?:so|very|really|been) (?:\w+ )?(?:helpful|kind|happy|glad|pleased|nice of)|wonderful|"
        r"just what i|exactly what i|well done|good (?:job|work)|great (?:job|work)|"
        r"you(?:'re| are) (?:\w+ )?(?:the best|amazing|great|kind|awesome|a star|brilliant|a lifesaver)|"
        r"(?:made|saved) my day|i'm (?:\w+ )?(?:glad|happy|pleased|delighted)|what a relief|finally works|"
        r"(?:came|turned|worked) out (?:\w+ )?(?:well|great|perfectly|right|fine)",
    ),
    _cue(
        "pleased",
        0.7,
        r"^\W*(?:\w+\W+){0,2}gracias|perfect[oa]|genial|estupend[oa]|fantastic[oa]|excelente|fenomenal|"
        r"buenisim[oa]|increible|que (?:bien|bueno|guay|chulo)|bravo|ole|ha funcionado|acertado|"
        r"te lo agradezco|muy amable|^\W*(?:\w+\W+){0,2}(?:thanks|thank you|thx)|perfect|"
        r"great(?! (?:britain|wall))|fantastic|excellent|awesome|amazing|brilliant|superb|lovely|"
        r"^\W*(?:\w+\W+)?(?:nice|cool|cheers)|it worked|appreciate|yay|hooray|beautiful(?:ly)?|impressive|"
        r"got it right",
    ),
    _cue(
        "pleased",
        0.65,
        r"(?:que |eres |menudo |vaya )crack|de (?:lujo|perlas|maravilla|diez|miedo|fabula)|da gusto|"
        r"(?:un|menudo) (?:peso|alivio)(?: de encima| menos)?|"
        r"que (?:alivio|gusto|ilusion|detalle|suerte|ricura|majo|maja|arte|listo|lista|buena|bonito|"
        r"fuerte|rapido)|chapo|mola\w*|flip\w+|alucin\w+|brutal|impresionante|magnific[oa]|esplendid[oa]|"
        r"sensacional|soberbi[oa]|ideal|de diez|clavado|lo has clavado|has acertado|diste en el clavo|"
        r"te debo una|ostras|"
        r"me (?:gusta|ha gustado|flipa|fascina|viene|vale|sirve) (?:mucho|muchisimo|mogollon|un monton|"
        r"genial|perfecto|de \w+)|si,? senor|eso es lo que (?:queria|buscaba|necesitaba)|"
        r"(?:exactamente|precisamente|justo) (?:eso|lo)|lo que (?:queria|buscaba|necesitaba)|"
        r"eres (?:de gran|muy|lo mas)|"
        r"(?:ya )?(?:esta|quedo|ha quedado|te ha quedado) (?:perfecto|genial|muy bien|precioso|estupendo)|"
        r"un placer|encantad[oa]|you (?:rock|rule|nailed|did it|got it|are a)|nailed it|spot on|"
        r"(?:a )?(?:weight|load) off|relief|(?:now )?we're talking|(?:turned|came|worked) out|nicely|"
        r"exactly (?:what|right|that|it)|what i (?:was (?:looking|hoping)|needed|wanted)|hoping for|"
        r"much appreciated|wow|clear and|so (?:clear|easy|quick|fast|good|cool|nice)|"
        r"(?:really|very|pretty|quite|super|so) (?:good|cool|nice|useful|impressed|clear|fast|quick|"
        r"sweet|neat)|sweet|neat|bravo|hats off|kudos|top notch|first class|splendid|marvell?ous|terrific|"
        r"fabulous|stunning|delightful|i owe you|i like (?:it|that|this|how|your)|like a charm|"
        r"best (?:answer|assistant|ever)|delighted|enjoy\w*|pleasure|a treat|good (?:one|stuff|call)|"
        r"better than i",
    ),
    _cue(
        "pleased",
        0.7,
        r"no (?:esta|estuvo|ha estado|es) (?:nada )?mal(?: del todo)?|(?:nada|no) (?:tan )?mal|"
        r"no me puedo quejar|no tengo (?:ninguna )?queja|not (?:\w+ )?bad(?: at all)?|can't complain|"
        r"no complaints|couldn't be (?:better|happier)",
        turns=False,
    ),
    _cue(
        "pleased",
        0.35,
        r"(?:ja|je|ji){2,}j?|muy bien|bien|gracias|(?:ha|he){2,}h?|lol|good|well|thanks|thank you|thx",
    ),
    _cue(
        "pleased",
        0.7,
        r"[😀😁😂😃😄😊😍🥰🙏👍🎉❤️💯🤩]+",
        turns=False,
    ),
)

CUES: Final = (*_FRUSTRATED, *_HURRIED, *_PLEASED)
