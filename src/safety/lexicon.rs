//! The terms, as data: one table per subject, one row per language.
//!
//! How a term is written:
//! - `word` is that word and no longer one, so "Essex" holds no term. `a/b` is either.
//! - `nud(e,es,ity)` is a stem with one of these endings; an empty ending is the bare stem.
//! - `undress*` is any word that begins so.
//! - `a b` are neighbours; `a ~ b` may have up to three words between, but no preposition.
//! - `@name` is any word of that row of [`CLASSES`].
//! - In scripts without spaces a term is found inside text; `~` is there up to six characters.
//!
//! The tables are kept out of the formatter: it would put every term on a line of its own.
//!
//! Accents and case do not matter. The terms are the plain ones that a refusal needs; slang that
//! is also an everyday word in one of the languages is left out on purpose, see each table.

/// Terms of one language.
pub(super) struct Row {
    /// ISO 639 code; "any" for what all languages share.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and a test"))]
    pub(super) language: &'static str,
    /// The terms.
    pub(super) terms: &'static [&'static str],
}

pub(super) const fn row(language: &'static str, terms: &'static [&'static str]) -> Row {
    Row { language, terms }
}

/// Words that stand for each other within a term.
#[rustfmt::skip]
pub(super) const CLASSES: &[(&str, &str)] = &[
    ("poss", "her/his/their/the/my/your/our/this/that/these/those"),
    ("who", "her/him/them/she/he/woman/women/man/men/lady/person/people/girl/boy/guy/model/wife"),
    ("wear", "cloth(es,ing)/dress(,es)/shirt(,s)/tshirt(,s)/pants/trousers/jeans/shorts/\
     skirt(,s)/blouse(,s)/bra(,s)/panties/underwear/undies/bikini(,s)/swimsuit(,s)/lingerie/\
     robe/bathrobe/towel/outfit(,s)/garment(,s)/gown/attire/apparel/leggings/stockings/boxers/\
     knickers/thong/leotard/pajamas/pyjamas/nightgown/everything"),
    ("small", "bikini(,s)/lingerie/underwear/panties/thong/bra/negligee/nothing"),
    ("off", "remov(e,es,ed,ing)/eras(e,es,ed,ing)/delet(e,es,ed,ing)/strip(,s,ped,ping)/\
     shed(,s)"),
    ("take", "take/takes/taking/took/taken/pull(,s,ed,ing)/peel(,s,ed,ing)/rip(,s,ped,ping)/\
     tear(,s)/tore/get/gets/slip(,s,ped,ping)"),
    ("open", "unbutton(,s,ed,ing)/unzip(,s,ped,ping)/unhook(,s,ed,ing)/unfasten(,s,ed,ing)/undo"),
    ("part", "breast(,s)/boob(,s)/tits/nipple(,s)/crotch/genital(,s)/butt/buttock(,s)/ass/\
     thigh(,s)/groin/vagina/penis"),
    ("feel", "touch(,es,ed,ing)/grab(,s,bed,bing)/squeez(e,es,ed,ing)/caress(,es,ed,ing)/\
     strok(e,es,ed,ing)/rub(,s,bed,bing)/fondl(e,es,ed,ing)/kiss(,es,ed,ing)/lick(,s,ed,ing)/\
     suck(,s,ed,ing)/slap(,s,ped,ping)/spank(,s,ed,ing)/feel(,s,ing)/expos(e,es,ed,ing)/\
     show(,s,ed,ing)/reveal(,s,ed,ing)/flash(,es,ed,ing)/bounc(e,es,ed,ing)/jiggl(e,es,ed,ing)/\
     shak(e,es,ing)/enlarg(e,es,ed,ing)/uncover(,s,ed,ing)/bare/naked/big/huge"),
    ("lookon", "film(,s,ed,ing)/record(,s,ed,ing)/photograph(,s,ed,ing)/watch(,es,ed,ing)"),
    ("zehn", "sechs/sieben/acht/neun/zehn/elf/zwolf/zwoelf/dreizehn/vierzehn/funfzehn/\
     fuenfzehn/sechzehn/siebzehn"),
    ("kleid", "hoschen/hoeschen/kleid(,er,ung)/hose(,n)/bluse/bh/hemd/oberteil/unterhose/slip/rock/unterwasche/\
     unterwaesche/bikini"),
    ("ropa", "ropa/vestido/camisa/blusa/falda/pantalon(,es)/sujetador/bragas/roupa(,s)/saia/\
     calca(,s)/calcinha/sutia"),
    ("habit", "tshirt(,s)/vetement(,s)/robe/habits/culotte/soutien/jupe/chemisier/pantalon/vestit(o,i)/\
     maglietta/reggiseno/mutande/gonna/camicia"),
    ("nudefr", "est/toute/tout/tous/toutes/completement/entierement/soit/mets/met/rends/\
     femme(,s)/fille(,s)/homme/corps/seins/enfant/garcon"),
    ("kleren", "kleren/kleding/jurk/rok/bh/broek/slipje/ondergoed"),
    ("odezh", "одежд*/платье/юбк*/трус*/лифчик*/бюстгальтер*/рубашк*/блузк*/штан*/одяг*/сукн*/\
     спідниц*/білизн*"),
    ("libas", "ملابس/ملابسك/ثيابك/ملابسها/ملابسه/ملابسهم/ثياب/ثيابها/ثيابه/فستانها/قميصها"),
];

/// Who is, or looks like, a minor.
///
/// Broad on purpose, "girl" and "boy" too: it only counts together with a sexual term. Left out:
/// "student", "pupil", "son" and German "Kind" alone (English "kind"), which are too often others.
#[rustfmt::skip]
pub(super) const MINORS: &[Row] = &[
    row("any", &["👧", "👦", "👶", "🧒", "🚸", "loli(,s,ta,tas,con)", "lolicon*", "shota(,s,con)"]),
    row("en", &[
        "highschool*", "high schooler(,s)", "middleschool*",
        "child(,s,ren,rens,like,ish,hood)", "kid(,s,do,dos,die,dies)", "baby", "babies",
        "infant(,s,ile)", "toddler*", "newborn*", "minor(,s)", "underage(,d)", "under age",
        "under 18", "u 18", "under eighteen", "younger than 18", "below 18", "below the age",
        "teen(,s,age,aged,ager,agers)", "preteen*", "pre teen*", "tween(,s)", "youngster*",
        "juvenile*", "adolescen*", "pubescen*", "prepubescen*", "girl(,s,ie)", "boy(,s)",
        "schoolgirl*", "schoolboy*", "schoolchild*", "schoolkid*", "schooler(,s)", "high school",
        "middle school", "elementary school", "primary school", "kindergart*", "preschool*",
        "jailbait", "barely legal", "daughter*", "stepdaughter*", "niece*", "nephew*",
        "grandchild*", "stepson(,s)", "grandson(,s)", "my/her/his/their/your/our son(,s)",
        "year/month/months/week/weeks old", "boyhood", "sweet sixteen",
    ]),
    row("de", &[
        "kinder(,n)", "kindes", "kindlich*", "kindchen", "kleinkind*", "schulkind*",
        "ein/das/dem/des/dieses/kleines/nacktes/junges kind(,s)", "kinderporn*", "kindersex*",
        "baby(,s)", "saugling*", "maedchen*", "madchen*", "jungs",
        "der/den/dem/ein/einen/kleiner junge(,n)", "minderjahrig*", "minderjaehrig*",
        "jugendlich*", "teenagerin*", "schuler(,in,innen,n)", "schueler(,in,innen,n)", "tochter",
        "toechter", "@zehn jahre",
        "sechsjahrig*/siebenjahrig*/achtjahrig*/neunjahrig*/zehnjahrig*/elfjahrig*/zwolfjahrig*",
        "dreizehnjahrig*/vierzehnjahrig*/funfzehnjahrig*/sechzehnjahrig*/siebzehnjahrig*",
    ]),
    row("fr", &[
        "enfant*", "bebe(,s)", "fillette*", "fille(,s)", "garcon(,s)", "garconnet*",
        "gamin(,e,s,es)", "gosse(,s)", "mineur(,e,s,es)", "ado(,s)", "adolescent*", "ecolier*",
        "ecoliere*", "collegien*", "lyceen*", "quatorze/quinze/seize/treize/douze/onze/dix ans",
    ]),
    row("es", &[
        "nin(o,a,os,as)", "ninit(a,o,as,os)", "menor(,es)", "bebe(,s)", "infant(e,es,il)",
        "adolescente*", "colegial(,a,es,as)", "chiquill(o,a,os,as)", "muchachit(a,o)",
        "quinceaner(a,o)", "diez/once/doce/trece/catorce/quince/dieciseis/diecisiete anos",
    ]),
    row("pt", &[
        "menin(a,o,as,os)", "crianca(,s)", "criancinha(,s)", "garotinh(a,o)", "novinha(,s)",
        "dez/onze/doze/treze/catorze/quatorze/quinze/dezesseis/dezessete anos",
    ]),
    row("it", &[
        "bambin(o,a,i,e)", "neonat(o,a,i)", "minorenn(e,i)", "ragazzin(o,a,i,e)",
        "fanciull(a,o,e,i)", "bimb(a,i,e)", "studentess(a,e)",
        "dieci/undici/dodici/tredici/quattordici/quindici/sedici anni",
    ]),
    row("nl", &[
        "kinderen", "kindje(,s)", "meisje(,s)", "jongetje(,s)", "jongen(,s)", "peuter(,s)",
        "kleuter(,s)", "minderjarig*", "tiener(,s)", "puber(,s)", "een/het/dit kind",
        "scholier(,e,en)", "schoolmeisje*",
    ]),
    row("pl", &[
        "dzieck(o,a,u,iem)", "dziec(i,iom,mi)", "dzieciecy*", "dziewczyn(ka,ki,ke,ce,ek)",
        "dziewczynk*", "chlopczyk*", "chlopiec", "chlopc(a,y,em,ow)", "niemowl*", "nieletni*",
        "nastolat*", "maloletni*", "uczennic*", "niepelnoletni*",
    ]),
    row("tr", &[
        "cocuk*", "bebek*", "kiz", "kizi", "kizin", "kizlar*", "kucuk kiz/oglan", "oglan*",
        "ergen*", "resit olmayan", "resit degil", "liseli*", "ilkokul*", "ortaokul*",
    ]),
    row("ru", &[
        "ребен*", "дет(и,ей,ям,ьми,ях,ка,ки)", "детск*", "девочк*", "мальчик*", "малыш*",
        "младен*", "школьниц*", "школьник*", "подрост*", "малолет*", "несовершеннолетн*", "дочк*",
        "дочер*", "дочь",
    ]),
    row("uk", &[
        "дитин*", "дитяч*", "діт(и,ей,ям,ьми,ях)", "дівчинк*", "дівчатк*", "хлопчик*", "немовл*",
        "неповнолітн*", "підліт*", "школяр*", "малолітн*", "доньк*",
    ]),
    row("zh", &[
        "儿童", "兒童", "孩子", "小孩", "女孩", "男孩", "幼女", "幼童", "幼儿", "幼兒", "萝莉",
        "蘿莉", "正太", "未成年", "婴儿", "嬰兒", "宝宝", "寶寶", "小学生", "小學生", "初中生",
        "中学生", "中學生", "高中生", "少女", "少年", "女童", "男童", "女儿", "女兒",
    ]),
    row("ja", &[
        "子供", "子ども", "こども", "幼児", "女児", "男児", "赤ちゃん", "赤ん坊", "女子高生",
        "女子中学生", "女子小学生", "小学生", "高校生", "ロリ", "ショタ", "園児", "児童", "女の子",
        "男の子", "おんなのこ", "娘",
    ]),
    row("ko", &[
        "아이", "어린이", "아동", "소녀", "소년", "아기", "미성년", "초등학생", "중학생",
        "고등학생", "여고생", "여중생", "로리", "유아", "청소년", "열살", "열한살", "열두살",
        "열세살", "열네살", "열다섯살", "열여섯살", "열일곱살", "다섯살", "여섯살", "일곱살",
        "여덟살", "아홉살",
    ]),
    row("hi", &[
        "बच्च*", "लड़क*", "नाबालिग*", "किशोर*", "शिशु", "बालक", "बालिका", "छात्रा",
        "bachch(a,i,e,o)", "bach(a,i,che,chi,cho)", "bacch(a,i,e,o)", "ladk(i,a,iyan,iyon)",
        "larki", "nabalig*", "kishori",
    ]),
    row("ar", &[
        "طفل(,ه,تي,ان,تين)", "اطفال", "بنت", "بنات", "ولد", "اولاد", "صبي(,ه,ان)", "فتاه", "فتيات",
        "قاصر(,ه,ات,ين)", "رضيع(,ه)", "مراهق(,ه,ات,ين)", "طالبه",
    ]),
];

/// Nudity, undressing and sexual acts: refused for a person, and with any word of [`MINORS`].
///
/// "Sexy" and "seductive" are here because they sexualise whoever is in the photo. Left out for
/// adults: kisses, swimwear that is worn already, and slang for body parts that also names animals,
/// cones, tails or a tilt of the head.
#[rustfmt::skip]
pub(super) const INTIMATE: &[Row] = &[
    row("any", &[
        "🔞", "🍆💦", "🍑💦", "🍑🍆", "🍆🍑", "nsfw", "xxx", "hentai", "ecchi", "ahegao",
        "porn(,o,os,n,ographic,ography,ografia,ografie,ografi,star,hub)", "onlyfans", "bdsm",
        "r 18", "erotic*", "erotik*", "erotyc*", "erotiq*",
    ]),
    row("en", &[
        "lift(,s,ed,ing)/rais(e,es,ed,ing) @poss top", "@wear com(e,es,ing) off",
        "@wear becom(e,es,ing)/turn(,s,ing) transparent/invisible/sheer",
        "what ~ under/beneath/underneath @poss @wear", "perform(,s,ing) oral", "nekkid",
        "stripteaz*", "wank(,s,ing)", "jerk(,s,ing) off", "@take it/everything ~ all off",
        "@take it/everything off", "without/minus her/his/their/a top",
        "@wear transparent/invisible", "cloth(es,ing) removed/gone",
        "@wear slid(e,es,ing) off/down", "dress/robe/towel fall(,s,ing) to/down",
        "open(,s,ed,ing) her/his/their ~ @wear", "reveal(,s,ing)/expos(e,es,ing) ~ chest",
        "nud(e,es,ed,ist,ity,ism)", "naked*", "unclothed", "unclad", "undress*",
        "disrob(e,es,ed,ing)", "topless*", "striptease*", "stripper*",
        "strip/strips/stripped/stripping ~ @who", "strip tease",
        "strip/strips/stripped/stripping naked/nude/down/herself/himself/off", "in the buff",
        "birthday suit", "@off ~ @wear", "@off @poss ~ top", "@take off ~ @wear",
        "@take ~ @wear off", "@take off her/his/their ~ top", "@take her/his/their ~ top off",
        "@take down/aside ~ @wear", "@take ~ @wear down/aside",
        "get(,s)/slip(,s)/step(,s) out of ~ @wear", "@off all ~ @wear",
        "@open her/his/their ~ @wear",
        "lift(,s,ed,ing)/rais(e,es,ed,ing)/hike(,s)/flip(,s) up ~ @wear",
        "lift(,s,ed,ing)/rais(e,es,ed,ing)/hike(,s)/flip(,s) ~ skirt/dress/shirt/blouse/bra",
        "drop(,s,ped,ping)/los(e,es,ing) her/his/their/the/all ~ @wear",
        "rip(,s)/tear(,s)/tore open ~ @wear",
        "without/minus ~ cloth(es,ing)/bra/panties/underwear/pants/shirt/bikini/dress",
        "without anything on", "no cloth(es,ing)/bra/panties/underwear/pants/shirt",
        "wear(,s,ing) nothing", "nothing but/under ~ @poss/a/skin/towel",
        "wear(,s,ing) only ~ @small", "see through ~ @wear", "seethrough",
        "transparent/sheer/invisible ~ @wear", "cloth(es,ing) off",
        "cloth(es,ing) fall(,s,ing)/melt(,s,ing)", "@wear fall(,s,ing) off",
        "@wear disappear(,s,ing)/vanish(,es,ing)/dissolv(e,es,ing)",
        "put(,s,ting)/dress(,es,ed)/chang(e,es,ed,ing)/turn(,s,ed) ~ in/into/to ~ @small",
        "swap(,s,ped)/replac(e,es,ed,ing) ~ in/into/to/with/for ~ @small", "make ~ wear ~ @small",
        "sex(,y,ier,iest,ual,ually,ualise,ualize,ualised,ualized,ualizing,iness,tape,ting,o,e,ist)",
        "seductive*", "seduc(e,es,ing,tion)", "sensual*", "lewd*", "horny", "arous(ed,al,ing)",
        "lust(,y,ful)", "intercourse", "blow job*", "blowjob*", "handjob*", "hand job*",
        "masturbat*", "orgasm*", "cum(,s,ming,shot,shots)", "ejaculat*", "semen", "fellatio",
        "cunnilingus", "deepthroat*", "penetrat* her/him/them/herself", "anal", "dildo*",
        "vibrator*", "threesome*", "gangbang*", "orgy", "orgies", "fuck(,s,ed,ing,er,able)",
        "dry hump*", "hump(,s,ing) @who", "moan(,s,ing)", "doggy style", "doggystyle",
        "cowgirl/missionary position", "lap dance*", "lapdance*", "mak(e,es,ing) love", "genital*",
        "genitals", "private part(,s)", "penis(,es)", "vagina*", "vulva", "clitoris", "clit",
        "nipple*", "areola*", "pubic", "erection*", "boob(,s,ies)", "tits", "titties", "pussy",
        "pussies", "cunt(,s)", "slut*", "whore*", "camgirl*", "fetish*", "bondage", "cleavage",
        "@feel ~ @part", "@part bounc*/jiggl*/expos*/show*/visible/out/reveal*", "camel toe",
        "cameltoe", "his/hard/erect/suck(,s,ing) ~ cock", "his/hard/erect/suck(,s,ing) ~ dick",
        "dick pic*", "spread(,s,ing) ~ leg(,s)", "spread eagle(,d)", "twerk*",
        "bare bottom/body/skin/chested/breasted",
    ]),
    row("de", &[
        "splitternackt*", "hullen fallen",
        "nackt(,e,er,es,en,em,heit,bild,bilder,foto,fotos,video,videos)", "entkleide*",
        "entblosst*", "entbloss*", "entbloess*", "zieh(,t,en,e) sich/sie/ihn aus",
        "zieh* ~ @kleid ~ aus", "sich ausz*", "@kleid ausz(iehen,ieht)",
        "sie/ihn/frau ausz(iehen,ieht)", "ausgezogen", "ohne ~ @kleid", "oben ohne", "sexuell*",
        "sexvideo*", "fick(en,t,st,e)", "bruste", "brueste", "titten", "brustwarze*", "muschi",
        "geschlechtsverkehr", "geschlechtsteil*", "masturbier*", "selbstbefriedig*", "kinderporn*",
        "kindersex*", "pornografisch*",
    ]),
    row("fr", &[
        "nue", "nues", "@nudefr nu(,s)", "deshabill*", "denud*", "devet(,ue,us,ir)",
        "enlev* ~ @habit", "retir* ~ @habit", "ote(,r) ~ @habit", "sans vetement(,s)",
        "sans habits", "sexe(,s)", "sexuel*", "seins", "tetons", "nichons", "baise(r,nt)",
        "masturb*", "fellation", "penis", "strip tease",
    ]),
    row("es", &[
        "toc* ~ pechos/senos/tetas", "baj* ~ bragas/calzones", "desnud*", "desvest*", "desvist*",
        "quit* ~ @ropa", "sin ropa", "sexual(,es,mente)", "tetas", "pezon(,es)", "follar",
        "follando", "follan", "pene", "penes", "coito", "masturb*", "eyacul*",
        "encuer(ada,ado,adas,ados)", "sacate la ropa",
    ]),
    row("pt", &[
        "nua", "nuas", "pelada", "peladas", "despir", "despindo", "dispa", "sem roupa(,s)",
        "tir* ~ @ropa", "nudez", "transar", "transando", "foder", "fodendo", "seios", "mamilos",
        "buceta", "ficar nu", "completamente nu", "homem nu",
    ]),
    row("it", &[
        "nud(a,o,i)", "spogli(a,ati,arsi,are,arla,arlo,ano,andosi,arello)", "senza vestiti",
        "togli* ~ @habit", "toglie(rsi,rle,re) ~ @habit", "sesso", "sessual(e,i,mente)", "tette",
        "capezzol*", "scopare", "scopano", "masturb*", "figa", "cazzo",
    ]),
    row("nl", &[
        "borsten", "naakt(,e,foto,fotos,heid)", "uitkled*", "uitgekleed*", "ontkled*", "ontkleed*",
        "kleed* ~ uit", "trek* ~ @kleren uit", "@kleren uittrek*", "doe* ~ @kleren uit",
        "zonder @kleren", "seks*", "seksueel", "neuk(en,t)", "tepel(,s)", "tieten", "kutje",
    ]),
    row("pl", &[
        "nago", "nagie", "nagiej", "nagich", "nagosc*",
        "naga/nagi kobiet*/dziew*/mezczyzn*/dziec*",
        "kobiet*/dziew*/mezczyzn*/dzieck* naga/nagi/nagie",
        "goly/gola/gole kobiet*/dziew*/dzieck*", "rozbier*", "rozbierz*", "rozebra*",
        "zdejm* ~ ubrani*/sukienk*/bluzk*/majtk*/stanik*", "bez ubran*", "seks*",
        "stosunek plciowy", "cycki", "sutki", "cipk*", "kutas*", "ruch(ac,a,aja)", "masturb*",
    ]),
    row("tr", &[
        "ciplak*", "soyun*", "kadini/kizi/onu/beni soy", "soyul*", "soymak", "soydur*",
        "elbise*/giysi*/kiyafet*/ustu* cikar*",
        "sutyen* cikar*", "seks*", "cinsel*", "sikis*", "memeler*", "gogusler*", "mastur*",
        "porno*",
    ]),
    row("ru", &[
        "убер* ~ @odezh", "гол(ая,ыи,ое,ые,ого,ую,ои,ым,ых,ышом,енькая,ыми)", "обнажен*", "обнажи*",
        "обнажа*", "раздев*", "раздеть*", "разден*", "раздет*", "нагишом", "наг(ая,ои,ую,ие)",
        "сними*/снима*/снять ~ @odezh", "без одежды", "стриптиз*", "секс*", "порно*", "эроти*",
        "половои акт", "совокуп*", "мастурб*", "трах(ает,ать,нул,ают,ни)", "ебет", "ебать",
        "сиськ*", "соск(и,ов,ами)", "член(,ом) ~ рот*", "минет*", "гениталии",
        "гол(ая,ыи,ые) груд*", "интим*", "оргазм*",
    ]),
    row("uk", &[
        "гол(а,ии,і,ого,ої,у,их,ими,яка)", "оголен*", "оголи*", "оголя*", "роздяг*", "роздяга*",
        "роздягн*", "зніма*/зніми*/зняти ~ @odezh", "без одягу", "сексуал*", "статев*", "стрип*",
        "цицьк*", "ерот*",
    ]),
    row("zh", &[
        "衣服去掉", "去掉~衣", "裸", "脱衣", "脫衣", "脱光", "脫光", "脱~衣", "脫~衣", "脱~裙",
        "脫~裙", "脱~裤", "脫~褲", "脱~内衣", "衣服脱", "衣服脫", "去衣", "不穿衣", "没穿衣",
        "沒穿衣", "一丝不挂", "一絲不掛", "性交", "做爱", "做愛", "性爱", "性愛", "性感", "性行为",
        "色情", "情色", "淫", "乳房", "乳头", "乳頭", "阴茎", "陰莖", "阴道", "陰道", "口交",
        "肛交", "自慰", "手淫", "露点", "露點", "走光",
    ]),
    row("ja", &[
        "服~透け", "スカート~めく", "裸", "ヌード", "はだかの", "はだかに", "ハダカ", "脱がせ",
        "脱がす", "脱がし", "服~脱", "下着~脱", "スカート~脱", "ブラ~外", "脱衣", "セックス",
        "性行為", "エロい", "エロく", "エロ動画", "エロ画像", "エッチな", "アダルトビデオ",
        "ポルノ", "おっぱい", "乳首", "巨乳", "陰部", "性器", "ペニス", "膣", "フェラチオ",
        "パンチラ", "オナニー", "アヘ顔", "胸~揉", "セクシー", "下着姿",
    ]),
    row("ko", &[
        "가슴~만져", "나체", "알몸", "누드", "옷~벗", "속옷~벗", "치마~벗", "바지~벗", "그녀~벗겨",
        "여자~벗겨", "발가벗", "벌거벗", "홀딱벗", "섹스", "섹시", "성관계", "성행위", "야동",
        "포르노", "음란", "가슴~만지", "젖꼭지", "성기", "자위행위", "음부", "야한", "에로",
    ]),
    row("hi", &[
        "नंग*", "नग्न*", "निर्वस्त्र", "कपड़* ~ उतार*", "बिना कपड़*", "सेक्स*", "यौन", "अश्लील*",
        "संभोग", "पोर्न*", "स्तन", "nang(a,i,e,apan)", "kapd(e,a,on) ~ utar*", "kapd(e,a) utar*",
        "bina kapd(e,o,on)", "chuda(i,yi)", "chod(na,o,te)", "ashleel*", "sambhog",
    ]),
    row("ar", &[
        "عار(,يه,يا,ي,يات)", "عاري*", "عراه", "عري", "تعري", "تتعري", "يتعري", "عريان(,ه)",
        "خلع*/تخلع/يخلع/اخلع*/اخلعي/انزع*/ينزع/تنزع/ازل/نزع ~ @libas", "بدون @libas", "بلا @libas",
        "سكس*", "جنسي", "جنسيا", "صور جنسيه", "ممارسه الجنس", "مارس* الجنس", "يمارس* الجنس",
        "اباحي*", "بورنو", "استمناء", "ثدي*", "مهبل*",
    ]),
];

/// What is without consent whoever it shows: refused even if no person is in the photo.
///
/// Trivial spellings only; a scene that describes violence without naming it is not found.
#[rustfmt::skip]
pub(super) const FORCED: &[Row] = &[
    row("en", &[
        "@lookon ~ secret*/covert* in/at ~ shower*/chang*/bath*/locker/bedroom/toilet*",
        "secret*/covert* @lookon ~ in/at ~ shower*/chang*/bath*/locker/bedroom/toilet*",
        "deepfake/deepfakes/faceswap/face porn*/nud*/sex*/naked",
        "deep fake/fakes porn*/nud*/sex*/naked", "porn*/nud*/sex* deepfake*", "porn* deep fake*",
        "deepnude*", "nudif*", "nudefy*", "undresser", "undress app/ai/filter",
        "cloth(es,ing) remover", "face swap* ~ porn*/nude*/sex*",
        "swap* ~ face* ~ onto/on/into ~ porn*/nude*", "revenge porn*",
        "hidden/spy/secret cam(,era,eras,s)", "spycam*", "voyeur*", "upskirt*", "up skirt",
        "up her skirt", "under her skirt", "peek*/look(,s,ing) under ~ dress/skirt",
        "down her blouse/shirt", "downblouse*", "creepshot*",
        "peeping tom*", "peep* ~ shower*/chang*/bath*/undress*",
        "secret*/covert* ~ @lookon ~ shower*/chang*/bath*/undress*/bedroom",
        "grop(e,es,ed,ing,er)", "rap(e,es,ed,ing,ist,ists)", "molest*", "sexual* assault*",
        "sexual* abus*", "sexual* harass*", "sextortion", "nonconsensual*", "non consensual*",
        "forced sex", "fondl(e,es,ed,ing) @who", "against her will",
        "without her/his/their consent", "csam", "csem", "child porn*", "pedo(,s,phile,philia)",
        "paedo*", "pedophil*", "incest*", "x ray ~ cloth(es,ing)", "xray ~ cloth(es,ing)",
    ]),
    row("de", &[
        "vergewaltig*", "rachepornos", "racheporno", "spanner", "versteckte* kamera",
        "kinderporn*", "begrapsch*", "begrabsch*", "sexueller missbrauch",
    ]),
    row("fr", &[
        "violer", "violee", "violeur*", "le/un viol", "camera cachee", "voyeurisme",
        "attouchement*", "abus sexuel*", "pedoporn*",
    ]),
    row("es", &[
        "violacion*", "violarla", "violarlo", "violando", "camara oculta", "porno vengativo",
        "manose*", "abuso sexual", "pornovenganza",
    ]),
    row("pt", &[
        "estupr*", "camera escondida", "abuso sexual", "pornografia de vinganca", "apalp*",
    ]),
    row("it", &[
        "stupr(o,a,are,ato,ata,atore)", "telecamera nascosta", "palpeggi*", "abuso sessuale",
        "pedoporn*",
    ]),
    row("nl", &["verkracht*", "verborgen camera", "wraakporno", "aanrand*", "kinderporno"]),
    row("pl", &["gwalt*", "zgwalc*", "ukryta/ukrytej kamer*", "molestow*"]),
    row("tr", &["tecavuz*", "gizli kamera", "taciz*"]),
    row("ru", &[
        "изнасил*", "насилует", "скрыт* камер*", "вуаиер*", "домогательств*", "дипфеик порно",
        "порно дипфеик*", "детск* порно*", "под юбк*", "лапает",
    ]),
    row("uk", &["згвалт*", "прихован* камер*", "домаганн*", "дитяч* порно*"]),
    row("zh", &[
        "强奸", "強姦", "强暴", "強暴", "偷拍", "偷窥", "偷窺", "裙底", "换脸色情", "換臉色情",
        "迷奸", "迷姦", "猥亵", "猥褻", "乱伦", "亂倫",
    ]),
    row("ja", &[
        "盗撮", "痴漢", "レイプ", "強姦", "スカートの中", "リベンジポルノ",
        "ディープフェイクポルノ", "のぞき見", "児童ポルノ", "わいせつ",
    ]),
    row("ko", &["강간", "몰카", "불법촬영", "도촬", "딥페이크포르노", "성폭행", "성추행", "치마속"]),
    row("hi", &["बलात्कार*", "छिपा कैमरा", "balatkar*", "छेड़छाड़"]),
    row("ar", &["اغتصاب*", "يغتصب*", "تحرش*", "يتحرش*", "كاميرا خفيه", "كاميرا مخفيه"]),
];

/// What is fine for an adult in a photo and not for a minor.
///
/// Swimming and bathing as such stay possible: "kids in swimsuits", "the baby in the bath".
#[rustfmt::skip]
pub(super) const SUGGESTIVE: &[Row] = &[
    row("en", &[
        "@small", "breast(,s)", "thong(,s)", "french kiss*", "tongue kiss*", "kiss* ~ passionate*",
        "passionate* ~ kiss*", "mak(e,es,ing) out", "undies", "pant(y,ies)", "miniskirt*",
        "flirt*", "touch* herself/himself/themselves", "on her/his knees", "butt", "buttock*",
        "crotch*", "virgin*", "kink(y,s)", "provocative*", "suggestive* ~ pose*", "pole dance*",
        "fondl*", "grind* on", "intimate*", "scantily", "skimpy", "hot body", "condom*",
        "stripp(ed,ing)", "bed ~ together",
    ]),
    row("de", &["unterwasche", "unterwaesche", "reizvoll*", "dessous", "zungenkuss*"]),
    row("fr", &["lingerie", "culotte", "sous vetements"]),
    row("es", &["ropa interior", "lenceria", "bragas", "calzones"]),
    row("pt", &["calcinha", "roupa intima"]),
    row("it", &["mutandine", "biancheria intima"]),
    row("nl", &["ondergoed", "slipje", "lingerie"]),
    row("pl", &["bielizn*", "majtk*"]),
    row("tr", &["ic camasir*", "kulot*"]),
    row("ru", &["нижне* бель*", "трусик*", "белье"]),
    row("uk", &["нижн* білизн*", "трусик*"]),
    row("zh", &["胸部", "露出胸", "内衣", "內衣", "内裤", "內褲", "丝袜诱惑", "比基尼"]),
    row("ja", &["パンツが見え", "パンツ見え", "下着", "パンツ一", "ビキニ", "ブラジャー"]),
    row("ko", &["속옷", "팬티", "비키니"]),
    row("hi", &["अंतर्वस्त्र", "ब्रा"]),
    row("ar", &["ملابس داخليه", "ملابسها الداخليه", "بيكيني"]),
];

/// Phrases that hold a term and mean something else; they are taken out before anything is sought.
///
/// Only neighbours with nothing but a space or hyphen between count, so that punctuation cannot
/// turn a term into one of these.
#[rustfmt::skip]
pub(super) const HARMLESS: &[Row] = &[
    row("en", &[
        "the naked eye(,s)", "naked mole rat(,s)", "naked flame(,s)/bulb(,s)/truth/cake(,s)",
        "naked branch(,es)/tree(,s)/twig(,s)",
        "nude lip(,s,stick,sticks)/makeup/color/colour/tone(,s)",
        "nude shade(,s)/palette/heel(,s)/pump(,s)/nail(,s)", "breast cancer", "breast pocket(,s)",
        "breast stroke", "breast plate", "breast feed*", "breast milk", "breast pump",
        "chicken/turkey/duck/robin/robins breast(,s)", "same/opposite/fair sex",
        "sex chromosome(,s)", "magna/summa/cum cum/laude laude", "cum laude",
        "rape field(,s)/flower(,s)/blossom(,s)/seed", "oilseed rape",
        "blue/great/coal/marsh/willow tits", "pussy cat(,s)/willow(,s)", "wind moan*",
        "top hat(,s)", "dress shoe(,s)/code", "baby blue/pink/bump/grand/powder",
        "kid glove(,s)/leather", "a minor", "b minor", "c minor", "d minor", "e minor", "f minor",
        "g minor", "minor key", "minor detail(,s)/change(,s)/motion/movement(,s)/adjustment(,s)",
        "nu metal/jazz/disco", "penne", "towel(,s)/robe(,s) off the/a rack/hook/shelf/line",
        "boob tube", "lust for life",
    ]),
    row("de", &["nackt* ast*/aest*/zweig*/baum*/baeum*/fuss*/fuess*/fels*/auge*/wand/beton"]),
    row("fr", &["rape a fromage", "nuee", "nuees", "pieds nu(,s)", "tete nue", "oeil nu"]),
    row("es", &[
        "pies/arboles desnudos", "ramas desnudas", "arbol desnudo", "un nudo", "el nudo", "nudos",
    ]),
    row("pt", &["ramos nus", "a olho nu", "bola pelada"]),
    row("it", &["piedi nudi", "occhio nudo", "rami nudi", "alberi nudi"]),
    row("nl", &["naakte bomen/takken"]),
    row("tr", &["ciplak ayak*", "ciplak goz*"]),
    row("ru", &["гол* ветв*/ветк*/дерев*/земл*/стен*", "гол* ног*", "голым глазом"]),
    row("uk", &["гол* гілк*/дерев*/земл*", "голим оком"]),
    row("zh", &["裸眼", "裸子植物", "赤裸裸的真相", "裸麦"]),
    row("ja", &["裸足", "裸眼", "裸の王様", "裸の木", "裸電球"]),
    row("ko", &["에로스상"]),
];

/// What makes a number an age, straight after it.
#[rustfmt::skip]
pub(super) const AGE_UNITS: &[&str] = &[
    "yo", "yr(,s)", "year(,s)", "yearold*", "y o", "anos", "ano", "ans",
    "jahr(,e,en,ig,ige,iger,iges)", "jaehrig*", "jahrig*", "anni", "jaar", "jarig*", "lat",
    "letni*", "rok", "yas*", "лет", "летн*", "год(,а,ик)", "рок(и,ів)", "річн*", "साल", "वर्ष*",
    "saal", "sal", "سنه", "سنوات", "عام(,ا)", "اعوام",
];

/// What makes a number an age, straight before it or one word earlier.
#[rustfmt::skip]
pub(super) const AGE_LEADS: &[&str] = &["age", "aged", "alter", "agee", "edad", "idade", "eta"];

/// Characters after a number that make it an age, in scripts without spaces.
#[rustfmt::skip]
pub(super) const AGE_SIGNS: &[char] = &['岁', '歲', '歳', '才', '세', '살'];

/// Numbers under 18 in words, place is value; written with or without an accent or hyphen.
#[rustfmt::skip]
pub(super) const NUMBERS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
];

/// Prepositions that end a gap: "remove the stain from the shirt" undresses nobody.
#[rustfmt::skip]
pub(super) const GAP_ENDS: &[&str] =
    &["from", "at", "on", "in", "over", "into", "onto", "near", "behind", "under", "by"];

#[cfg(test)]
mod tests {
    use super::super::people::{HARM, HARMLESS_PEOPLE, MOCKERY, NAMED};
    use super::{AGE_UNITS, CLASSES, FORCED, HARMLESS, INTIMATE, MINORS, Row, SUGGESTIVE};

    #[rustfmt::skip]
    const LANGUAGES: [&str; 16] = [
        "en", "de", "fr", "es", "pt", "it", "nl", "pl", "tr", "ru", "uk", "zh", "ja", "ko", "hi",
        "ar",
    ];

    fn all_terms() -> impl Iterator<Item = &'static str> {
        let rows =
            [MINORS, INTIMATE, FORCED, SUGGESTIVE, HARMLESS, HARM, MOCKERY, NAMED, HARMLESS_PEOPLE];
        let rows = rows.into_iter().flatten();
        rows.flat_map(|row| row.terms).chain(AGE_UNITS).copied()
    }

    #[test]
    fn every_language_has_its_core_terms() {
        let has = |rows: &[Row], language| rows.iter().any(|row| row.language == language);
        for language in LANGUAGES {
            for rows in [MINORS, INTIMATE, FORCED, SUGGESTIVE, HARM, MOCKERY, NAMED] {
                assert!(has(rows, language), "{language}");
            }
        }
    }

    #[test]
    fn terms_are_well_formed() {
        let members = CLASSES.iter().flat_map(|(_, members)| members.split('/'));
        for term in all_terms().chain(members) {
            assert_eq!(term, term.trim(), "{term:?}");
            assert_eq!(term.matches('(').count(), term.matches(')').count(), "{term}");
            for word in term.split([' ', '/']).filter(|word| *word != "~") {
                assert!(
                    !word.is_empty()
                        && word.split(['(', ',']).all(|part| part.chars().count() < 30),
                    "{term}"
                );
                let star = word.find('*').is_none_or(|at| at + 1 == word.len());
                assert!(star && !word.starts_with('('), "{term}");
                if let Some(name) = word.strip_prefix('@') {
                    assert!(CLASSES.iter().any(|(class, _)| *class == name), "{term}");
                }
            }
        }
    }
}
