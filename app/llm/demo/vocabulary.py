"""The small words that the demo knows, as data. All are folded: lower case, without accents."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPANISH = _words(
    """
    a al algo analiza anda ahora ayuda bien buenas bueno buenos calcula calcular clima como con consulta
    cual cuales cuando cuanta cuantas cuanto cuantos da dame de del descarga dia dias dime donde dos el en
    entre eres es esa ese eso esta estas este esto estoy favor fecha frase gracias hace hacer haz hola hora
    hoy la las lenta lento llama llamada lo los llueve luego manana mas me mi mientras muchas muy necesito
    nombre o otra para pero peticion por porfa puedes puedo pues pronostico prueba que quien quiero saber
    sabes se sea segundo segundos si simula sin sobre suma resta son soy su tambien tarda te temperatura
    texto tiempo tiene tienes todo tres tu un una uno usa usted veces vale venga vivo y ya yo multiplica
    raiz cuadrada adios publica herramienta espera segun toma
    resuelve cuenta llover humedad cielo resultado operacion
    palabras letras sentimiento idioma direccion zona horaria cuadrado elevado menos dividido
    """
)
ENGLISH = _words(
    """
    a calculation
    about add after again all am an analyse analyze and any are at be bye by calculate call can check could
    count current date day did divide do does doing done download evaluate fetch for forecast from get give
    good got half have hello help hey hi hot cold how i i'm if in is it its just know like long made make
    many me minus more morning much multiply my name need nice now of off on or out over pause per plan
    please plus power public raining rain request result right run second seconds see send sentence show
    simulate slow snow so some square subtract sum sunny take tell temperature text thank thanks that the
    their there they this time times to today tomorrow tool try up use wait want was we weather what what's
    whats when where which who will wind with words work would you your zone clock root percent divided
    address query another goodbye evening afternoon night ok okay yes sure lookup outside warm umbrella
    degrees humidity
    """
)

TYPO_TARGETS = _words(
    """
    weather clima tiempo temperatura temperature pronostico forecast calcula calcular calculame calculate
    multiplica multiply divide cuanto cuantas hora horas what time analiza analizar analyze analyse palabras
    words sentence frase texto herramienta request peticion segundos seconds current dime simula simulate
    lenta sentiment sentimiento idioma language publica public raiz cuadrada square llamada fetch descarga
    haces hace
    """
)
"""Words whose misspellings are mended, but for those in `NO_TYPOS`."""

NO_TYPOS = _words(
    """
    wait want hat that wheat whats whatsapp times timer item dame dimes dile dije hacer haced hare haga hice
    hacia has haz lento lentas lentos tenta word sword world worlds ward texts text frases  cuento
    cuanta cuantos canto cunado llamadas llamado lamada hara  oras cuando divided divine dividir climas
    ares etch fetched publico publicas publish hours horario ahora tempo tiempos tempero rail ratz faze
    phase races face  pace fetches idiomas tine dimelo dimension squares squared cuadrado cuadradas
    hoja hola honra calculated calculates wat
    """
)
"""Words of their own, however near they are to one in `TYPO_TARGETS`."""

POLITE = _words(
    """
    please pls plz thanks thank gracias favor porfa porfavor porfi kindly amable hola hello hi hey buenas
    buenos good morning afternoon evening dias tardes noches oye oiga mira dude hombre amigo amiga friend
    bot asistente assistant there venga bueno pues ok okay vale well so eh uf ah oh perdona perdon disculpa
    sorry excuse listen escucha vamos anda genial great
    """
)
"""What people say around a request."""

FILLERS = POLITE | _words(
    """
    a al algo alguna am an and answer como any are be been by can could da dame dar darme das de del deme di
    dices dime digame decir decirme cuentame do does e el ella en entonces eres es esa ese eso esta este
    esto estoy exactly exacto exactamente find for get gimme give got gustaria ha haber hacer haces hagas
    haz hazme have he her i i'd i'll i'm if igual in is it it's its just know la las le let let's like lo
    los luego me mi might mostrar muestra muestrame my necesitaria necesito need now ahora of on one or out
    para pero podria podrias podes podeis puede puedes pudieras por porque pretty que quick quickly rapido
    rapidamente quiero quisiera queria querria respuesta resultado result right sabe saber sabes sabrias se
    sea ser seria show si solo some son su tambien also te tell tengo that that's the then this to tu tus un
    una uno up us usted vos voy want wanna was we what what's whats when where which who will would
    wondering y ya yo you your cual cuales cuanto cuanta cuantos cuantas how much many solve look curious
    duda pregunta question ayuda ayudas ayudame ayudar help check chequea comprueba mirar mira ver vez try
    equals equal asap again otra another next siguiente despues after finally from see primero first rapidito
    anything make makes together juntos total sumados toman
    """
)
"""Words that a request may be wrapped in without changing what it asks for."""

DAY_WORDS = _words(
    """
    hoy today tonight now ahora mismo actualmente currently ahorita manana tomorrow ayer yesterday noche
    tarde morning afternoon evening night week weekend semana finde fin dia day days dias moment momento
    right lunes martes miercoles jueves viernes sabado domingo monday tuesday wednesday thursday friday
    saturday sunday pasado later proximo proxima next this este esta esto these estos estas presently
    celsius fahrenheit grados degrees centigrados siguiente
    """
)
"""Words about when (or in which unit); never part of a place by themselves."""

STARTERS = _words("y e and then luego despues tambien also now ahora pero but entonces so ok vale plus or o")
"""Words that a follow-up may begin with."""
