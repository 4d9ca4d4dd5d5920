"""Reads a question alone. Pure: rules of English grammar, no model, no topic words.

Only closed classes of words are listed; what is not in them is content. A question is read as
`asking phrase · auxiliary · subject · rest`: enough to find what it talks about and where
something else can take its place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_WORDS = 60  # a longer question, or a pasted text, says itself what it is about


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


BE = _set("is are was were be been being isn't aren't wasn't weren't 's 're")
HAVE = _set("has have had hasn't haven't hadn't 've")
DO = _set("do does did don't didn't can could will would shall should may might must can't 'll 'd")
AUXILIARIES = BE | HAVE | DO
ASKING = _set("who whom whose what which when where why how")
HE, SHE, IT = _set("he him his"), _set("she her hers"), _set("it its")
THEY = _set("they them their theirs those these")
OWNERS = _set("his her its their")
PERSONS = _set("i you we me us my your our mine yours ours someone anyone everyone")
PRONOUNS = HE | SHE | IT | THEY
AMOUNTS = _set("one two three four five some any no every each all both many much more most few")
DETERMINERS = OWNERS | AMOUNTS | _set("the a an my your our this that these those")
PREPOSITIONS = _set(
    "of in on at to for from with by about after before during since until till into onto over "
    "near under between among against through without within across behind per than as like "
    "around inside outside towards besides despite upon"
)
SUBORDINATORS = _set("when while because if after before since until although though whether as")
POINTING = _set("this that these those")
OPENERS = SUBORDINATORS | ASKING | _set("and or but that to , ; : .")  # of a clause or a part
TIMES = _set("today now nowadays currently yesterday tomorrow")
_ADVERBS = TIMES | _set(
    "too also either then here there still ever only just yet again else already out up down off "
    "away back home late early online tonight together"
)
FUNCTION = AUXILIARIES | ASKING | PRONOUNS | PERSONS | DETERMINERS | PREPOSITIONS | SUBORDINATORS
FUNCTION |= _ADVERBS | _set("and or but not so very really please")
COMMANDS = _set("tell give explain describe list name show say compare define")
ORDINALS = {"first": 0, "former": 0, "second": 1, "last": -1, "latter": -1}
_MALE = _set("man boy father husband son brother uncle king prince grandfather")
_FEMALE = _set("woman girl mother wife daughter sister aunt queen princess grandmother")
_ING_NOUNS = _set(
    "building ceiling meeting wedding opening painting setting spring string morning evening "
    "thing something anything clothing training parking heating housing king ring wing"
)
_IRREGULAR = _set(  # participles and past forms without -ed
    "born built made won led sold bought found known written wrote seen taken took given gave "
    "done kept lost paid said set sent spent told begun began broken chosen come driven fallen "
    "grown left met put read run shown stolen worn called open free safe available possible"
)
VERBS = _set(
    "make take get go use need work live mean cost last keep give find see know think want help "
    "play move hold bring begin write stand lose pay meet lead learn stop speak spend grow open "
    "walk win buy die send say tell build stay fall cut sell pass cover happen start become have "
    "come run put read set"
)
PARTS = _set(  # nouns that say nothing without an "of …"
    "reason cause difference result price cost author owner size length weight age date purpose "
    "aim outcome advantage disadvantage benefit consequence alternative piece part rest"
)
_SOCIAL = _set("thanks thank cheers ok okay hi hello hey bye goodbye great good nice yes no sorry")
_SOCIAL_REST = _SOCIAL | _set(
    "you very much so that 's was is helpful a lot for the your help all got it i see morning day "
    "evening please there again of course makes sense cool perfect wow lovely right fine"
)
_CLITIC = r"[’'](?:s|re|ll|d|ve)\b"
_WORD = re.compile(
    r"""["“][^"”\n]{1,80}["”]"""  # a title
    rf"|\b(?:it|he|she|they|that|there|who|what|where|when|how)(?={_CLITIC})|{_CLITIC}"
    r"|[^\W_]+(?:[’'.&/-][^\W_]+)*(?:(?<=s)[’'](?=\s))?|&|[^\w\s]",
    re.I,
)
_LEAD = re.compile(
    r"(?:(?:ok|okay|well|right|great|thanks|thank you|sorry)[,.!]\s*)*"
    r"(?:(?:and|but|so|or|then|also|even|only|not)\b[,:]?\s+)*"
    r"(?:(?:what|how)\s+(?:about|of)\s+|what\s+(?=if\b))?",
    re.I,
)
_CLAUSE = re.compile(
    r"\s(?:that|which|who|where)\s[^,;:.?!]+?(?=\s(?:when|while|because|if)\b|[,;:.?!]|$)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, a quoted title or a mark, at `start:end` of its question."""

    text: str = ""
    low: str = ""
    start: int = 0
    end: int = 0
    is_name: bool = False  # capitalised, a number or a quoted title
    is_content: bool = False

    @property
    def is_participle(self) -> bool:
        """True of "made", "called" and "selling", as far as the form tells."""
        regular = re.fullmatch(r"\w+(?:[^e]ed|\wing)", self.low) and self.low not in _ING_NOUNS
        return not self.is_name and (bool(regular) or self.low in _IRREGULAR)


@dataclass(frozen=True, slots=True)
class Mention:
    """Something talked about, at `start:end` of its question; both 0 if it is only described."""

    text: str
    start: int
    end: int
    head: str  # the main noun
    before: str  # the word before it
    is_name: bool
    is_person: bool = False

    @property
    def is_plural(self) -> bool:
        """By its ending; a name is one thing."""
        return not self.is_name and singular(self.head) != self.head

    def fits(self, pronoun: str) -> bool:
        """Whether the pronoun can stand for it."""
        if pronoun in HE | SHE:
            is_name = self.is_name and all(part.istitle() for part in self.text.split())
            other_sex = self.head in (_FEMALE if pronoun in HE else _MALE)
            return not other_sex and (is_name or self.is_person)
        return (self.is_plural or self.is_person) != (pronoun in IT)


def _words(text: str) -> list[Word]:
    shouted = text.isupper() and " " in text.strip()
    found: list[Word] = []
    for match in _WORD.finditer(text):
        part, low = match[0], match[0].replace("’", "'").lower()
        never = PERSONS if found else FUNCTION | COMMANDS
        is_name = part[0] in '"“&' or part[0].isdigit()
        is_name = is_name or (part[0].isupper() and not shouted and low not in never)
        is_content = is_name or (part[0].isalnum() and low not in FUNCTION)
        found.append(Word(part, low, *match.span(), is_name, is_content))
        if len(found) > LONGEST_WORDS:
            break
    return found


class Question:
    """A question read as `asking phrase · auxiliary · subject · rest`, as far as it can be.

    Attributes:
        text, bare: As given, and without the mark at the end.
        answer: What was answered, if it was asked before.
        is_led: Whether an opening "and", "ok, but" or "what about" was taken off.
        lows: Its words in small letters, without punctuation.
        content: Those of its words that are in no list of function words.
        asks: How many words ask: 2 of "how long is it", 4 of "in how many countries is it".
        auxiliary: The auxiliary after them, or "".
        mentions: Its noun phrases, the subject first, each followed by those inside it.
    """

    def __init__(self, text: str, answer: str = "", *, is_led: bool = False) -> None:
        self.text, self.answer, self.is_led = text, answer, is_led
        self.bare, self.words = text.rstrip(" ?!."), _words(text)
        self.lows = [w.low for w in self.words if w.text[0].isalnum() or len(w.text) > 1]
        self.content = [word for word in self.words if word.is_content]
        self.asks = self._asking()
        low = self.word(self.asks).low
        self.auxiliary = low if low in AUXILIARIES else ""
        self.mentions = tuple(self._mentions())

    def word(self, at: int) -> Word:
        """The word at this place, before and after the last an empty one."""
        return self.words[at] if 0 <= at < len(self.words) else Word()

    def tail(self, at: int) -> str:
        """The text from this word on, without the mark at the end."""
        return self.bare[self.word(at).start :] if at < len(self.words) else ""

    def without_lead(self) -> "Question":
        """What follows an opening "and", "ok, but" or "what about"; itself if there is none."""
        rest = _LEAD.sub("", self.text, count=1)
        return self if rest == self.text else Question(rest, is_led=True)

    @property
    def is_social(self) -> bool:
        """True of "ok, thanks!", and of no words at all."""
        said = set(self.lows)
        return not said or (bool(said & _SOCIAL) and said <= _SOCIAL_REST)

    @property
    def asks_for_subject(self) -> bool:
        """True of "who founded it?" and "which company has mastered it?"."""
        after = self.word(self.asks + 1)
        asks_what = self.word(0).low in ("who", "what", "which")
        if not self.auxiliary:
            return asks_what or self.asks >= 3
        if self.word(0).low == "who" and self.auxiliary in DO - _set("do does did"):
            return after.is_content and not self.word(self.asks + 2).is_content  # a verb
        return asks_what and (after.low in AUXILIARIES or after.is_participle)

    @property
    def asked_noun(self) -> str:
        """The noun phrase of "which firm", "how many of the members", or ""."""
        if self._noun_at >= self.asks:
            return ""
        return self.text[self.word(self._noun_at).start : self.word(self.asks - 1).end]

    @property
    def statement(self) -> str:
        """Itself as a statement: "someone founded X" for "who founded X?", or ""."""
        if self.asks_for_subject:
            subject = "someone" if self.word(0).low == "who" else self.asked_noun or "something"
            return f"{subject} {self.tail(self.asks)}"
        if not self.auxiliary or not self.mentions:
            return ""
        subject, rest = self.mentions[0].text, self.bare[self.mentions[0].end :]
        return f"{subject} {self.auxiliary} {rest.strip()}".strip()

    @property
    def is_fragment(self) -> bool:
        """Whether it has no clause of its own: "in Taiwan?", "why not?", "the second one?"."""
        lows = self.lows
        if self.asks:
            clause = AUXILIARIES | PRONOUNS | PERSONS | {"to"}
            limit = int(lows[0] not in ("who", "what", "whom"))
            is_short = len(lows) <= 4 and len(self.content) <= limit
            return is_short and not clause & set(lows[:-1]) and lows[-1] not in clause - {"to"}
        if not lows or not (self.is_led or self.text.endswith("?")):
            return False
        longest = 6 if self.is_led or lows[0] in PREPOSITIONS else 4
        return len(lows) <= longest and not (AUXILIARIES | COMMANDS | ASKING) & set(lows)

    @property
    def _noun_at(self) -> int:
        at = next((k for k in range(min(2, self.asks)) if self.word(k).low in ASKING), 0) + 1
        if self.word(at - 1).low == "how":
            return at + 1 if self.word(at).low in ("many", "much") else self.asks  # "how long"
        return at + (self.word(at).low == "of")

    def _asking(self) -> int:
        at = int(self.word(0).low in PREPOSITIONS)
        if self.word(at).low not in ASKING:
            return 0
        end = at + 1
        if self.word(at).low in ("what", "which", "whose", "how"):
            while self.word(end).is_content or self.word(end).low in AMOUNTS | {"of", "the"}:
                end += 1
            if self.word(end).low not in AUXILIARIES:  # "which firm | makes chips"
                first = at + 1 + (self.word(at).low in ("which", "whose"))
                first += 2 * (self.word(at + 1).low in ("many", "much"))
                words = [(k, self.word(k)) for k in range(first, end)]
                verbs = (k for k, w in words if w.is_participle or singular(w.low) in VERBS)
                end = min(next(verbs, first), len(self.words))
        return end

    def _mentions(self) -> Iterator[Mention]:
        at, verb = self.asks + bool(self.auxiliary), self.auxiliary
        at += self.word(0).low in COMMANDS
        if self.asks_for_subject:
            rest = re.split(r"[,;:] ", self.tail(self.asks))[0]
            if self.word(0).low == "who":
                yield Mention(f"the person who {rest}", 0, 0, "person", "", False, True)
            elif self.asked_noun:
                head = self.word(self.asks - 1).low
                yield Mention(f"the {self.asked_noun} that {rest}", 0, 0, head, "", False)
            at, verb = at + 1, ""
        is_person = self.word(0).low == "who" and verb in BE
        while at < len(self.words):
            phrases = self.phrases(at, verb, is_person)
            lone = len(phrases) == 1 and verb in BE and phrases[0].text == self.word(at).low
            if lone and self.word(at + 1).low in ("in", "at", "on", "about", "with", "to"):
                phrases = []  # "what is new in …"
            opens = phrases or self.word(at).low in PRONOUNS | PERSONS | {"to"}
            end = phrases[0].end if phrases else self.word(at).end
            while self.word(at).end and self.word(at).start < end:
                at += 1
            yield from phrases
            if opens:
                word = self.word(at)
                is_verb = verb in DO or not phrases or (verb and word.is_participle)
                at += bool(is_verb) and word.is_content and not word.is_name
                verb, is_person = "", False
        if self.asked_noun:
            yield from self.phrases(self._noun_at, "")

    def phrases(self, start: int, verb: str, is_person: bool = False) -> list[Mention]:
        """The noun phrase that starts here and those inside it; `verb`: the auxiliary before it."""
        head = start
        while self.word(head).low in DETERMINERS:
            head += 1
        end, owner = head, 0
        while self.word(end).is_content:
            word, last = self.word(end), self.word(end - 1)
            owner = end if end > head and last.low.endswith(("'s", "s'")) else owner
            many = verb in ("are", "were") and word.low.endswith("s")
            is_bare = end > head == start and self.word(head).is_name
            if is_bare and not (owner or many or word.is_name):
                break  # a bare name ends where the small letters begin
            if end > head and word.low == "first" and not self.word(end + 1).is_content:
                break
            end += 1
        after = self.word(end).low
        goes_on = after in BE | HAVE | _ADVERBS | _set("not of that which who where")
        end = self._verb(max(head, owner), end, verb, must_see=goes_on) if verb else end
        if end == head:
            return []
        first, last, inner = self.word(start), self.word(end - 1), list[Mention]()
        stop, after = last.end, self.word(end).low
        if after == "of" or (verb and after in ("on", "for")):
            inner = self.phrases(end + 1, verb)
            stop = inner[0].end if inner else stop
        elif not last.is_name and (clause := _CLAUSE.match(self.text, last.end)):
            verbs = [w.start - 1 for w in self.words[end + 2 :] if verb in DO and w.low in VERBS]
            stop = min([clause.end(), *verbs])
        if owner:
            whole = re.sub(r"['’]s?$", "", self.text[first.start : self.word(owner - 1).end])
            span, name = (first.start, first.start + len(whole)), self.word(owner - 1).is_name
            inner.append(Mention(whole, *span, self.word(owner - 1).low, "'s", name))
        is_name = all(word.is_name for word in self.words[head:end])
        is_person = is_person or last.low in _MALE | _FEMALE | {"person", "people"}
        text, before = self.text[first.start : stop], self.word(start - 1).low
        return [Mention(text, first.start, stop, last.low, before, is_name, is_person), *inner]

    def _verb(self, head: int, end: int, auxiliary: str, *, must_see: bool) -> int:
        """Where in a run of content words the verb stands; `end` if there is none."""
        for at in range(head + 1, end):
            is_base = self.word(at).low in VERBS and not self.word(at).is_name
            if is_base if auxiliary in DO else self.word(at).is_participle:
                return at
        has_last = end - head > 1 and not self.word(end - 1).is_name
        return end - 1 if has_last and auxiliary in DO and not must_see else end


def is_empty(text: str) -> bool:
    """Whether there is nothing to see: white space, control and invisible characters alone."""
    return not any(char.isprintable() and not char.isspace() for char in text)


def singular(noun: str) -> str:
    """The noun without a plural ending; another word may lose an s."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("ches", "shes", "sses", "xes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun
