//! The terms of the third category: degrading, hurting, defaming or impersonating a person.
//!
//! Written as [`lexicon`](super::lexicon) says. Whoever is in a photo is a real person, so that
//! [`HARM`] is refused where somebody may be shown or somebody is named; [`MOCKERY`] is harmless of
//! most people and is refused only of somebody who is named or holds an office ([`NAMED`]).

use super::lexicon::{Row, row};
use super::normal::is_invisible;

/// Violence, death, degradation, false crimes and forged words.
#[rustfmt::skip]
pub(super) const HARM: &[Row] = &[
    row("en", &[
        "throat is cut", "drown(,s,ed,ing) @who", "electrocut*", "acid in @poss face", "dog bowl",
        "hit by a truck/car/train/bus", "execut(e,es,ed,ing) @who",
        "head/face/skull smashed/bashed/crushed", "drag* ~ by a rope", "drug addict(,s)",
        "tied/chained ~ whipped",
        "cut(,s,ting) off @poss hand(,s)/head/arm(,s)/leg(,s)/ear(,s)/finger(,s)/tongue",
        "needle in @poss arm", "face/skin/flesh melt(,s,ed,ing)/rot(,s,ting)",
        "leash around @poss neck", "cheat(,s,ed,ing) on @poss husband/wife/girlfriend/boyfriend",
        "racist/sexist/homophobic slur(,s)", "wetting himself/herself", "brib(e,es,ed,ery)",
        "cut(,s,ting) ~ wrist(,s)", "head explod*", "waterboard*", "guillotin*",
        "get(,s,ting)/being/is punched/kicked/beaten", "until ~ bleed(,s,ing)", "nazi*",
        "spit(,s,ting) in @poss face", "wet(,s,ting) @poss pants", "humiliat*",
        "degrad(e,es,ed,ing) @who/president/minister/king/queen", "behead*", "decapitat*",
        "strangl(e,es,ed,ing)", "stabb(ed,ing)", "stab/stabs @who/himself/herself",
        "tortur(e,es,ed,ing)", "lynch(ed,ing)", "being/gets/is/be executed", "murder(s,ed,ing)",
        "kill(,s,ed,ing) @who/himself/herself/themselves/myself",
        "being/gets/get/got/is/was killed/murdered/shot/hanged/stabbed/beaten/whipped/tortured",
        "beat(,s,ing) @who up", "beaten up/bloody", "beat(,s,ing) up @who", "beaten to death",
        "punch(,es,ed,ing) @who", "shoot(,s,ing) @who/himself/herself", "shot in/dead",
        "shot ~ head", "hang(,s,ing) @who/himself/herself", "hanging from a noose/rope",
        "noose around", "suicide", "slit(,s,ting) ~ throat(,s)", "throat cut",
        "chok(e,es,ed,ing) @who", "burn(,s,ed,ing) ~ alive", "burned at the stake",
        "bleed(,s,ing) out", "bleed* to death", "drop(,s,ped,ping) dead", "lying dead", "lies dead",
        "dead body", "corpse(,s)", "in a coffin",
        "dies/dying in/from a crash/overdose/gunshot/pain", "overdos(e,es,ed,ing)",
        "bullet hole(,s)", "confess(,es,ed,ing) to/that",
        "confess* ~ crime(,s)/murder/fraud/affair/treason/theft",
        "admit(,s,ted,ting) ~ crime(,s)/murder/fraud/guilt/guilty/affair/treason/theft",
        "plead* guilty", "fake/forged/false confession/statement/speech/apology/endorsement",
        "tak(e,es,ing) a bribe", "accept(,s,ing) a bribe", "snort(,s,ing) ~ cocaine/coke/line(,s)",
        "cocaine", "heroin", "inject(,s,ing) drugs", "in handcuffs", "handcuffed",
        "get(,s,ting) arrested", "being/is/gets arrested", "mugshot*", "nazi/hitler salute",
        "sieg heil", "on a leash", "on all fours like a dog", "lick* ~ boot(,s)/floor/feet",
        "spit(,s,ting) on @who", "spat on", "pee(,s,ing) on/himself/herself",
        "urinat* on/himself/herself", "wets himself/herself", "cover* in shit/feces/poop/vomit",
        "eat(,s,ing) shit/feces/poop", "shits himself/herself",
        "make fun of her/his/their face/body/weight/disability/skin", "body shame*", "bully*",
        "bulli(,es,ed)", "deepfake*", "deep fake(,s)", "impersonat*",
        "look* like ~ stole/steals/stealing/cheats/cheating/killed",
        "turn* @who into a monkey/pig/ape/rat/cockroach", "like a monkey/ape", "blackface",
    ]),
    row("de", &[
        "wird gehangt", "kopf ab", "demutig*", "erniedrig*", "gedemutigt", "enthaupt*", "gekopft",
        "kopfen", "erwurg*", "erstech*", "erstochen", "folter*", "gefoltert", "ermord*", "totet",
        "toten ihn/sie", "erschiess*", "erschossen", "erhang*", "selbstmord", "leiche", "liegt tot",
        "verprugel*", "gesteht ~ mord/betrug/verbrechen/schuld", "gestandnis", "in handschellen",
        "verhaftet", "kokain", "hitlergruss", "bestechung", "gefalschte* rede/aussage/gestandnis",
        "bespuck*",
    ]),
    row("fr", &[
        "tabass*", "coup(e,ent,er) la tete", "balle dans la tete", "humili*", "decapit*",
        "etrangl*", "poignard*", "tortur*", "assassin(e,ee,er,es,ees,at)", "tue/tuer/tuee ~ balle",
        "abattu(,e)", "pendu(,e)", "suicide", "cadavre", "roue de coups",
        "avoue ~ crime/meurtre/fraude", "faux/fausse aveux/declaration/discours", "menott*",
        "cocaine", "salut nazi", "pot de vin", "crache* sur",
    ]),
    row("es", &[
        "golpea(n,r,do,) hasta", "dispar* en/a la cabeza", "tiro en la cabeza", "humill*",
        "decapit*", "estrangul*", "apunal*", "tortur*", "asesin*", "matar* a", "ahorcad*",
        "suicid*", "cadaver", "golpead*", "confies* ~ crimen/asesinato/fraude/delito", "esposad*",
        "cocaina", "saludo nazi", "soborno", "falsa confesion/declaracion", "escup*",
    ]),
    row("pt", &[
        "tiro na cabeca", "leva um tiro", "humilh*", "decapit*", "estrangul*", "esfaque*",
        "tortur*", "assassin(ado,ada,ar,ato,a)", "enforcad*", "suicid*", "cadaver", "espancad*",
        "confess* ~ crime/assassinato/fraude", "algemad*", "cocaina", "saudacao nazista", "suborno",
        "cusp*",
    ]),
    row("it", &[
        "picchia(no,re)", "lo/la picchia", "spar* in testa", "umili(a,are,ata,ato,ano,azione)",
        "decapit*", "strangol*", "accoltell*", "tortur*", "assassin(ato,ata,are,io)", "uccis(o,a)",
        "uccid*", "impiccat*", "suicid*", "cadavere", "picchiat*",
        "confess* ~ crimine/omicidio/frode/delitto", "ammanettat*", "cocaina", "saluto nazista",
        "tangente", "sput*",
    ]),
    row("nl", &[
        "hoofd geschoten", "verneder*", "onthoofd*", "gewurgd", "wurgt", "neergestoken", "martel*",
        "gemarteld", "vermoord*", "doodgeschoten", "opgehangen", "zelfmoord", "lijk ligt",
        "in elkaar geslagen", "bekent ~ moord/misdaad/fraude", "handboeien", "cocaine",
        "hitlergroet", "steekpenningen",
    ]),
    row("pl", &[
        "strzal* w glowe", "upokarz*", "upokorz*", "ponizan*", "scin* glowe", "dusi ja/go", "dzga*",
        "tortur*", "morduj*", "zamordow*", "zabij*", "zastrzel*", "powieszon*", "samobojstw*",
        "zwloki", "pobit*", "przyznaje ~ morderstwa/oszustwa/zbrodni/winy", "w kajdankach",
        "kokain*", "lapowk*", "hitlerowskie pozdrowienie",
    ]),
    row("tr", &[
        "onu/beni/kadini/adami dov*", "asagilan*", "asagila*", "kafasi kesil*", "bogazlan*",
        "bicaklan*", "iskence*", "oldurul*", "oldur*", "vurularak", "asiliyor", "intihar*", "ceset",
        "dovul*", "sucunu itiraf*", "cinayeti itiraf*", "kelepce*", "kokain", "nazi selami",
        "rusvet*",
    ]),
    row("ru", &[
        "стреля* в голову", "унижа*", "унижен*", "унизи*", "обезглав*", "душит", "задуш*", "зарез*",
        "пытк*", "пытают", "убива*", "убит(,а,ого,ую)", "убийств*", "застрел*", "повешен*",
        "самоубийств*", "труп(,а,ы,ов,ом)", "избива*", "избит*",
        "признается ~ убийств*/преступлен*/мошенничеств*", "наручник*", "кокаин*",
        "нацистск* приветств*", "взятк*", "дипфеик*", "плюет",
    ]),
    row("uk", &[
        "стріля* в голову", "принижу*", "принижен*", "обезголов*", "душить", "задуш*", "заріз*",
        "тортур*", "катують", "вбива*", "вбит*", "вбивств*", "застрел*", "повішен*", "самогубств*",
        "труп(,а,и,ів,ом)", "побит*", "зізнаєт* ~ вбивств*/злочин*", "кайданк*", "кокаїн*",
        "хабар*", "дипфейк*",
    ]),
    row("zh", &[
        "打得~血", "被打得", "中枪", "中槍", "开枪打", "羞辱", "侮辱", "斩首", "斬首", "砍头",
        "勒死", "掐死", "捅死", "刺死", "酷刑", "折磨", "谋杀", "謀殺", "杀死", "殺死", "被杀",
        "枪杀", "槍殺", "枪决", "吊死", "上吊", "自杀", "自殺", "尸体", "屍體", "殴打", "毆打",
        "认罪", "認罪", "承认~罪", "手铐", "手銬", "被捕", "可卡因", "吸毒", "纳粹礼", "受贿",
        "收贿", "深度伪造", "换脸", "換臉",
    ]),
    row("ja", &[
        "首を吊", "撃たれ", "辱め", "屈辱", "侮辱", "斬首", "首を絞め", "刺され", "刺殺", "拷問",
        "殺され", "殺害", "殺す", "射殺", "首吊り", "自殺", "死体", "遺体", "殴られ", "殴る",
        "罪を認め", "罪を告白", "犯行を自白", "手錠", "逮捕", "コカイン", "ナチス式敬礼", "賄賂",
        "ディープフェイク",
    ]),
    row("ko", &[
        "그를~때", "그녀를~때", "때린다", "총~맞", "모욕", "굴욕", "참수", "목~조르", "칼에~찔",
        "고문", "살해", "죽이", "총살", "교수형", "자살", "시체", "구타", "얻어맞", "죄를~자백",
        "범행을~자백", "수갑", "체포", "코카인", "나치경례", "뇌물", "딥페이크",
    ]),
    row("hi", &[
        "अपमानित", "सिर काट*", "गला घोंट*", "चाकू मार*", "यातना", "हत्या", "मार डाल*", "गोली मार*",
        "फांसी", "आत्महत्या", "लाश", "पीटा*", "जुर्म कबूल*", "अपराध कबूल*", "हथकड़ी", "कोकीन",
        "रिश्वत", "डीपफेक", "apmanit", "hatya", "goli mar*", "fansi", "aatmahatya", "rishwat",
    ]),
    row("ar", &[
        "تعذيب*", "اذلال", "يذل", "مهان", "قطع راس*", "يخنق*", "طعن", "يطعن*", "تعذيب", "قتل*",
        "يقتل*", "مقتول", "شنق*", "انتحار*", "ينتحر", "جثه", "يضرب*", "ضرب مبرح",
        "يعترف ~ جريمه/بجريمه/قتل/بالقتل", "مكبل*", "اصفاد", "كوكايين", "تحيه نازيه", "رشوه",
        "تزييف عميق",
    ]),
];

/// What anybody may do in a clip, and what makes a named person say or be what they are not.
#[rustfmt::skip]
pub(super) const MOCKERY: &[Row] = &[
    row("en", &[
        "in the voice of", "passes/passed out", "snort(,s,ed,ing)", "addict*", "kick(,s,ed,ing)",
        "guilty", "confess(,es,ed,ing,ion)", "admit(,s,ted,ting)",
        "apolog(ise,ises,ize,izes,izing,ising,y)", "announc(e,es,ed,ing)", "declar(e,es,ed,ing)",
        "resign(,s,ed,ing)", "endors(e,es,ed,ing)", "surrender(,s,ed,ing)",
        "say(,s,ing) that/he/she/i/we", "tell(,s,ing) ~ vote(,r,rs)/people/viewers",
        "promis(,es,ing) to", "drunk", "stoned", "senile", "crying like a baby", "kneel(,s,ing)",
        "begging", "begs", "clown", "ugly", "fat", "idiot", "stupid", "crazy", "devil", "demon",
        "monkey", "pig", "arrest(,s,ed)", "prison", "jail", "dead", "dying", "dies", "blood(,y)",
        "gun", "insult*", "mock(,s,ed,ing)", "slap(,s,ped,ping)", "advertis(e,es,ing)", "scam",
        "crypto/bitcoin giveaway", "invest(,ing) in", "vomit*", "diaper",
    ]),
    row("de", &[
        "gesteh*", "gesteht", "gibt zu", "entschuldigt", "kundigt an", "erklart", "tritt zuruck",
        "betrunken", "kniet", "bettelt", "clown", "idiot", "dumm", "fett", "gefangnis", "tot",
        "blut*", "wirbt",
    ]),
    row("fr", &[
        "avou*", "admet", "s excuse", "annonc*", "declar*", "demission*", "ivre", "agenouill*",
        "supplie", "clown", "idiot*", "prison", "mort(,e)", "sang",
    ]),
    row("es", &[
        "confes*", "confies*", "admit*", "anunci*", "declar*", "dimit*", "renunci*", "borrach*",
        "arrodill*", "suplic*", "payaso", "idiota", "carcel", "muert*", "sangr*",
    ]),
    row("pt", &[
        "confess*", "admit*", "anunci*", "declar*", "renunci*", "bebad*", "ajoelh*", "palhaco",
        "idiota", "prisao", "mort*",
    ]),
    row("it", &[
        "confess*", "ammett*", "annunci*", "dichiar*", "dimett*", "ubriac*", "inginocchi*",
        "pagliaccio", "idiota", "prigione", "mort*",
    ]),
    row("nl", &[
        "beken*", "geeft toe", "kondigt aan", "verklaart", "treedt af", "dronken", "knielt",
        "clown", "idioot", "gevangenis", "dood",
    ]),
    row("pl", &[
        "przyznaj*", "oglasza", "oswiadcza", "rezygnuje", "pijan*", "kleka", "klaun", "idiota",
        "wiezieni*", "martw*",
    ]),
    row("tr", &[
        "itiraf*", "acikl*", "istifa*", "sarhos", "diz cok*", "palyaco", "aptal", "hapis*", "olu",
    ]),
    row("ru", &[
        "признает*", "признани*", "объявля*", "заявля*", "отставк*", "пьян*", "колен*", "клоун*",
        "идиот*", "тюрьм*", "мертв*",
    ]),
    row("uk", &[
        "зізнаєт*", "оголошу*", "заявля*", "відставк*", "пян*", "колін*", "клоун*", "ідіот*",
        "вязниц*", "мертв*",
    ]),
    row("zh", &[
        "承认", "承認", "坦白", "忏悔", "宣布", "辞职", "辭職", "道歉", "喝醉", "下跪", "小丑",
        "白痴", "监狱", "死",
    ]),
    row("ja", &[
        "告白", "自白", "認め", "発表", "宣言", "辞任", "謝罪", "酔っ", "土下座", "ピエロ", "馬鹿",
        "刑務所", "死",
    ]),
    row("ko", &[
        "고백", "자백", "인정", "발표", "선언", "사임", "사과하", "취한", "무릎꿇", "무릎을꿇",
        "광대", "바보", "감옥", "죽",
    ]),
    row("hi", &[
        "कबूल*", "घोषणा", "इस्तीफा", "माफी", "नशे", "घुटने", "जोकर", "बेवकूफ", "जेल", "मर*",
        "kabool*", "kabul karta", "istifa",
    ]),
    row("ar", &[
        "يعترف*", "تعترف*", "يعلن*", "يستقيل", "يعتذر", "سكران", "يركع", "مهرج", "غبي", "سجن*",
        "ميت",
    ]),
];

/// Offices, fame and ties that say who somebody is.
#[rustfmt::skip]
pub(super) const NAMED: &[Row] = &[
    row("en", &[
        "the king/queen", "president", "vice president", "prime minister", "chancellor", "minister",
        "senator", "congress(man,woman)", "governor", "mayor", "politician(,s)", "head of state",
        "his/her majesty", "pope", "prince of", "princess of", "celebrity", "celebrities",
        "famous actor/actress/singer/person/woman/man/youtuber/footballer", "pop star",
        "movie star", "film star", "influencer", "youtuber", "the ceo", "supreme court", "my ex",
        "my boss", "my teacher", "my classmate(,s)", "my coworker(,s)", "my colleague(,s)",
        "my neighbor/neighbour", "ex girlfriend/boyfriend/wife/husband", "this politician",
        "general secretary",
    ]),
    row("de", &[
        "prasident(,in)", "bundeskanzler(,in)", "kanzler(,in)", "minister(,in)",
        "burgermeister(,in)", "politiker(,in)", "papst", "promi(,s)",
        "beruhmt* schauspieler*/sanger*", "mein* chef*", "mein* lehrer*", "mein* ex",
        "bundesprasident*",
    ]),
    row("fr", &[
        "president(,e)", "premier ministre", "ministre", "senateur", "maire", "le pape",
        "celebrite", "mon ex", "mon patron", "politicien*",
    ]),
    row("es", &[
        "president(e,a)", "primer ministro", "ministr(o,a)", "senador*", "alcalde*", "el papa",
        "famos(o,a) actor/actriz/cantante", "mi ex", "mi jefe", "politic(o,a)",
    ]),
    row("pt", &[
        "president(e,a)", "primeiro ministro", "ministr(o,a)", "senador*", "prefeito", "o papa",
        "celebridade", "meu ex", "meu chefe", "politic(o,a)",
    ]),
    row("it", &[
        "president(e,essa)", "primo ministro", "ministr(o,a)", "senator*", "sindaco", "il papa",
        "celebrita", "il mio ex", "il mio capo", "politic(o,a)",
    ]),
    row("nl", &[
        "president", "premier", "minister", "burgemeester", "politic(us,i)", "de paus",
        "beroemdheid", "mijn ex", "mijn baas",
    ]),
    row("pl", &[
        "prezydent*", "premier*", "minister*", "senator*", "burmistrz*", "polityk*", "papiez*",
        "celebryt*", "moj szef", "moja byla", "moj byly",
    ]),
    row("tr", &[
        "cumhurbaskan*", "baskan*", "basbakan*", "bakan", "belediye baskan*", "politikaci",
        "siyasetci", "papa", "unlu oyuncu/sarkici", "patronum", "eski sevgilim",
    ]),
    row("ru", &[
        "президент*", "премьер*", "министр*", "сенатор*", "мэр*", "политик*", "папа римский",
        "знаменитост*", "мои начальник", "моя бывшая", "канцлер*",
    ]),
    row("uk", &[
        "президент*", "премєр*", "міністр*", "сенатор*", "мер", "політик*", "папа римськии",
        "знаменитіст*", "міи начальник", "моя колишня", "канцлер*",
    ]),
    row("zh", &[
        "我老板", "我的老师", "总统", "總統", "主席", "总理", "總理", "首相", "部长", "部長",
        "市长", "市長", "政治家", "政客", "教皇", "明星", "我的老板", "我的前任",
    ]),
    row("ja", &[
        "大統領", "首相", "総理", "大臣", "市長", "知事", "政治家", "教皇", "芸能人", "有名人",
        "私の上司", "元カノ", "元彼",
    ]),
    row("ko", &[
        "대통령", "총리", "장관", "시장님", "국회의원", "정치인", "교황", "연예인", "유명인",
        "전여친", "전남친",
    ]),
    row("hi", &[
        "राष्ट्रपति", "प्रधानमंत्री", "प्रधान मंत्री", "मुख्यमंत्री", "मंत्री", "नेता", "अभिनेत्री",
        "अभिनेता", "मेरा बॉस", "rashtrapati", "pradhan mantri", "neta",
    ]),
    row("ar", &[
        "رييس", "الرئيس", "رئيس", "وزير", "ملك", "سياسي", "البابا", "مشهور*", "مديري", "طليقتي",
    ]),
];

/// Phrases that hold a term and hurt nobody.
#[rustfmt::skip]
pub(super) const HARMLESS_PEOPLE: &[Row] = &[
    row("en", &[
        "stabbing motion/pain", "blood orange(,s)/moon/red",
        "dead leaves/leaf/sea/pan/calm/tree(,s)/wood/end/center/centre", "to die for", "dying to",
        "dying of laughter", "dying light", "shot in/on the/a golden/studio/35mm/film",
        "shot in slow/black/one/4k/hd/portrait/sunlight/soft", "killer smile/whale(,s)/heels/look",
        "murder of crows", "guinea pig(,s)", "clown fish/nose", "fat cat", "crazy hair/socks",
        "hangs his/her coat/hat/jacket/scarf/head", "hanging his/her/their head(,s)",
        "hang(,s,ing) his/her head", "punch bowl", "heroine*", "punches the/a air/bag", "choker",
        "chokes up", "stone cold",
    ]),
    row("de", &["tote blatter", "toter winkel", "todlich"]),
    row("ja", &["必死"]),
];

/// Whether two neighbouring words are written as a name is, in a text that is not all in capitals
/// and not a headline: "Erika Mustermann", "Иван Петров".
pub(super) fn names_somebody(prompt: &str) -> bool {
    let shown: String = prompt.chars().filter(|c| !is_invisible(*c)).collect();
    let words: Vec<&str> = shown.split_whitespace().collect();
    // A headline has few small words.
    let small = words.iter().filter(|word| word.starts_with(char::is_lowercase)).count();
    if small * 3 < words.len() {
        return false;
    }
    words.windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        // A comma or full stop between them ends the name.
        first.ends_with(char::is_alphabetic) && is_name(first) && is_name(second)
    })
}

/// A capital and small letters, and no word that begins sentences.
fn is_name(word: &str) -> bool {
    const LEADERS: &[&str] = &[
        "A", "An", "The", "She", "He", "It", "They", "This", "That", "Then", "First", "Her", "His",
        "In", "On", "At", "And", "My", "Der", "Die", "Das", "Ein", "Eine", "Er", "Sie", "Le", "La",
        "Les", "El", "Los", "Las", "Il", "Un", "Une", "Una",
    ];
    let word = word.trim_matches(|c: char| !c.is_alphabetic());
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && letters.next().is_some_and(char::is_lowercase)
        && !LEADERS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::super::{Category, Subject, check_prompt};
    use super::names_somebody;

    /// Refused of whoever is in the photo.
    const HARM_REFUSED: &[&str] = &[
        "humiliate her in front of everyone",
        "hum1l1ate h e r",
        "he is beheaded",
        "kill him",
        "stab him in the chest",
        "he gets punched until he bleeds",
        "she slits her throat",
        "put a noose around his neck",
        "he confesses to a murder",
        "she admits to the fraud",
        "a mugshot of him",
        "he does a Hitler salute",
        "on a leash, barking",
        "spit in her face",
        "fake confession",
        "turn her into a pig",
        "erniedrige sie",
        "il est menotté",
        "le disparan en la cabeza",
        "ele é algemado",
        "umilia il mio capo",
        "hij wordt vermoord",
        "zostaje zamordowany",
        "onu öldürüyor",
        "его убивают",
        "його вбивають",
        "他被枪杀",
        "彼が殴られる",
        "그가 살해된다",
        "उसकी हत्या",
        "يقتل الرجل",
    ];

    /// Refused because of who it is about, in any photo.
    const NAMED_REFUSED: &[&str] = &[
        "the president confesses",
        "the prime minister is drunk",
        "my ex begging and kneeling",
        "the senator resigns in tears",
        "a celebrity endorses my coin",
        "listen as Erika Mustermann says that we won",
        "der Kanzler gesteht",
        "le ministre ivre",
        "el presidente renuncia",
        "президент заявляет о войне",
        "总统宣布辞职",
        "首相が謝罪する",
        "대통령이 사임한다",
    ];

    /// Fine for every photo.
    const PASSES: &[&str] = &[
        "the president smiles and waves",
        "Erika Mustermann turns her head",
        "my ex nods",
        "he kneels and ties his shoe",
        "she announces dinner",
        "he confesses his love",
        "a clown juggles",
        "blood orange, dead leaves, killer whale",
        "shot on film, shot in slow motion",
        "he hangs his head",
        "the minister opens the church door",
        "murder of crows",
        "der Minister nickt",
        "le chat tue le temps",
        "президент улыбается",
        "总统挥手",
        "死海の波",
    ];

    #[test]
    fn abuse_of_a_person_is_refused_and_a_name_alone_is_not() {
        let (person, nobody) = (Subject::default(), Subject { shows_person: false });
        let abuse = Err(Category::NamedPersonAbuse);
        for prompt in HARM_REFUSED {
            assert_eq!(check_prompt(prompt, person), abuse, "{prompt}");
        }
        for prompt in NAMED_REFUSED {
            assert_eq!(check_prompt(prompt, person), abuse, "{prompt}");
            assert_eq!(check_prompt(prompt, nobody), abuse, "{prompt}");
        }
        for prompt in PASSES {
            assert_eq!(check_prompt(prompt, person), Ok(()), "{prompt}");
        }
        // Nobody is hurt where nobody is shown or named.
        assert_eq!(check_prompt("the old tree is beheaded by the storm", nobody), Ok(()));
    }

    #[test]
    fn a_name_is_two_capitals_in_running_text() {
        for named in [
            "erika sees Erika Mustermann smile",
            "Max Muster nods twice",
            "вот Иван Петров говорит",
        ] {
            assert!(names_somebody(named), "{named}");
        }
        for plain in [
            "She smiles, slow zoom in",
            "SHE SMILES AND WAVES",
            "Slow Zoom In On Her Face",
            "she nods. Then smiles",
            "in Paris, Rome and Oslo",
            "",
        ] {
            assert!(!names_somebody(plain), "{plain}");
        }
    }
}
