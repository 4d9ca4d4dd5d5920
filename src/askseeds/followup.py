"""Makes a follow-up question stand alone. Pure: rules of English grammar, no model, no topic words.

Only closed classes of words are listed; what is not in them is content. A question is read as
`asking phrase · auxiliary · subject · rest`: enough to find what was talked about and to put
something else in its place. In doubt a question is left as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from askseeds.types import Turn

HISTORY_TURNS = 20  # "it" does not refer to what was said before them
LONGEST_WORDS = 60  # a longer question, or a pasted text, says itself what it is about


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BE = _set("is are was were be been being isn't aren't wasn't weren't 's 're")
_HAVE = _set("has have had hasn't haven't hadn't 've")
_DO = _set("do does did don't didn't can could will would shall should may might must can't 'll 'd")
_AUXILIARIES = _BE | _HAVE | _DO
_ASKING = _set("who whom whose what which when where why how")
_HE, _SHE, _IT = _set("he him his"), _set("she her hers"), _set("it its")
_THEY = _set("they them their theirs those these")
_OWNERS = _set("his her its their")
_PERSONS = _set("i you we me us my your our mine yours ours someone anyone everyone")
_AMOUNTS = _set("one two three four five some any no every each all both many much more most few")
_DETERMINERS = _OWNERS | _AMOUNTS | _set("the a an my your our this that these those")
_PREPOSITIONS = _set(
    "of in on at to for from with by about after before during since until till into onto over "
    "near under between among against through without within across behind per than as like "
    "around inside outside towards besides despite upon"
)
_SUBORDINATORS = _set("when while because if after before since until although though whether as")
_OPENERS = _SUBORDINATORS | _ASKING | _set("and or but that to , ; : .")
_TIMES = _set("today now nowadays currently yesterday tomorrow")
_ADVERBS = _TIMES | _set(
    "too also either then here there still ever only just yet again else already out up down off away back home"
)
_FUNCTION = _AUXILIARIES | _ASKING | _HE | _SHE | _IT | _THEY | _PERSONS | _DETERMINERS
_FUNCTION |= (
    _PREPOSITIONS | _SUBORDINATORS | _ADVERBS | _set("and or but not so very really please")
)
_COMMANDS = _set("tell give explain describe list name show say compare define")
_ORDINALS = {"first": 0, "former": 0, "second": 1, "last": -1, "latter": -1}
_MALE = _set("man boy father husband son brother uncle king prince grandfather")
_FEMALE = _set("woman girl mother wife daughter sister aunt queen princess grandmother")
_ING_NOUNS = _set(
    "building ceiling meeting wedding opening painting setting spring string morning evening thing "
    "something anything clothing training parking heating housing king ring wing"
)
_IRREGULAR = _set(  # participles and past forms without -ed
    "born built made won led sold bought found known written wrote seen taken took given gave "
    "done kept lost paid said set sent spent told begun began broken chosen come driven fallen "
    "grown left met put read run ran shot shown stolen worn called open free safe available possible"
)
_VERBS = _set(
    "make take get go use need work live mean cost last keep give find see know think want help "
    "play move hold bring begin write stand lose pay meet lead learn stop speak spend grow open "
    "walk win buy die send say tell build stay fall cut sell pass cover happen start become have come run "
    "put read set"
)
_PARTS = _set(  # nouns that say nothing without an "of …"
    "reason cause difference result price cost author owner size length weight age date purpose "
    "aim outcome advantage disadvantage benefit consequence alternative piece part rest"
)
_SOCIAL = _set(
    "thanks thank thx cheers ok okay hi hello hey bye goodbye great good nice yes no sorry"
)
_SOCIAL_REST = _SOCIAL | _set(
    "you very much so that 's was is helpful a lot for the your help all got it i see "
    "morning day evening please there again of course makes sense cool perfect wow lovely right "
    "fine"
)
_CLITIC = r"[’'](?:s|re|ll|d|ve)\b"
_WORD = re.compile(
    r"""["“][^"”\n]{1,80}["”]"""  # a title
    rf"|\b(?:it|he|she|they|that|there|who|what|where|when|how)(?={_CLITIC})|{_CLITIC}"
    r"|[^\W_]+(?:[’'.&/-][^\W_]+)*(?:(?<=s)[’'](?=\s))?|&|[^\w\s]",
    re.I,
)
_OPENING = r"(?:(?:ok|okay|well|right|great|thanks|thank you|sorry)[,.!]\s*)*"
_LEAD = re.compile(
    _OPENING + r"(?:(?:and|but|so|or|then|also)\b[,:]?\s+)*"
    r"(?:(?:what|how)\s+(?:about|of)\s+|what\s+(?=if\b))?",
    re.I,
)
_CLAUSE = re.compile(
    r"\s(?:that|which|who|where)\s[^,;:.?!]+?(?=\s(?:when|while|because|if)\b|[,;:.?!]|$)"
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w-]*(?:\s(?:&\s)?[A-Z][\w-]*)*")


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it can be asked without its history.

    Args:
        question: As it was typed.
        history: Earlier turns, oldest first; each may itself be a follow-up of those before it.

    Returns:
        `question` itself, unchanged, when it stands alone or when nothing better is known.
    """
    talk: list[_Question] = []
    for turn in history[-HISTORY_TURNS:]:
        asked = _Question(_resolve(turn.question, talk), turn.answer)
        if not asked.is_social:
            talk.append(asked)
    return _resolve(question, talk)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str = ""
    low: str = ""
    start: int = 0
    end: int = 0
    is_name: bool = False  # capitalised, a number or a quoted title
    is_content: bool = False

    @property
    def is_participle(self) -> bool:
        regular = re.fullmatch(r"\w+(?:[^e]ed|\wing)", self.low) is not None
        regular = regular and self.low not in _ING_NOUNS
        return not self.is_name and (regular or self.low in _IRREGULAR)


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something talked about, at `start:end` of its question; both 0 if it stands nowhere there."""

    text: str
    start: int
    end: int
    head: str  # the main noun
    before: str  # the word before it
    is_name: bool
    is_person: bool = False

    @property
    def is_plural(self) -> bool:
        return not self.is_name and _singular(self.head) != self.head

    def fits(self, pronoun: str) -> bool:
        """Whether the pronoun can stand for it."""
        if pronoun in _HE | _SHE:
            is_name = self.is_name and all(part.istitle() for part in self.text.split())
            other_sex = self.head in (_FEMALE if pronoun in _HE else _MALE)
            return not other_sex and (is_name or self.is_person)
        return (self.is_plural or self.is_person) != (pronoun in _IT)


def _words(text: str) -> list[_Word]:
    shouted = text.isupper() and " " in text.strip()
    found: list[_Word] = []
    for match in _WORD.finditer(text):
        part, low = match[0], match[0].replace("’", "'").lower()
        never = _PERSONS if found else _FUNCTION | _COMMANDS
        is_name = part[0] in '"“&' or part[0].isdigit()
        is_name = is_name or (part[0].isupper() and not shouted and low not in never)
        is_content = is_name or (part[0].isalnum() and low not in _FUNCTION)
        found.append(_Word(part, low, *match.span(), is_name, is_content))
        if len(found) > LONGEST_WORDS:
            break
    return found


class _Question:
    """A question read as `asking phrase · auxiliary · subject · rest`, as far as it can be.

    Attributes:
        lows: Its words in small letters, without punctuation.
        asks: How many words ask: 2 of "how long is it", 4 of "in how many countries is it".
        auxiliary: The auxiliary after them, or "".
        mentions: Its noun phrases, the subject first, each followed by those inside it.
    """

    def __init__(self, text: str, answer: str = "") -> None:
        self.text, self.answer, self.words = text, answer, _words(text)
        self.bare = text.rstrip(" ?!.")
        self.lows = [
            word.low for word in self.words if word.text[0].isalnum() or len(word.text) > 1
        ]
        self.asks = self._asking()
        low = self.word(self.asks).low
        self.auxiliary = low if low in _AUXILIARIES else ""
        self.mentions = tuple(self._mentions())

    def word(self, at: int) -> _Word:
        return self.words[at] if 0 <= at < len(self.words) else _Word()

    def tail(self, at: int) -> str:
        return self.bare[self.word(at).start :] if at < len(self.words) else ""

    @property
    def is_social(self) -> bool:
        said = set(self.lows)
        return not said or (bool(said & _SOCIAL) and said <= _SOCIAL_REST)

    @property
    def asks_for_subject(self) -> bool:
        """True of "who founded it?" and "which company has mastered it?"."""
        after = self.word(self.asks + 1)
        verb = not self.auxiliary or after.low in _AUXILIARIES or after.is_participle
        many = self.asks == 3 and not self.auxiliary
        return self.asks > 0 and (many or (verb and self.word(0).low in ("who", "what", "which")))

    def _asking(self) -> int:
        at = int(self.word(0).low in _PREPOSITIONS)
        if self.word(at).low not in _ASKING:
            return 0
        end = at + 1
        if self.word(at).low in ("what", "which", "whose", "how"):
            while self.word(end).is_content or self.word(end).low in _AMOUNTS | {"of", "the"}:
                end += 1
            if self.word(end).low not in _AUXILIARIES:  # "which firm | makes chips"
                many = self.word(at + 1).low in ("many", "much")
                end = at + 1 + 2 * many + (self.word(at).low in ("which", "whose"))
        return end

    def _mentions(self) -> Iterator[_Mention]:
        at, verb = self.asks + bool(self.auxiliary), self.auxiliary
        at += self.word(0).low in _COMMANDS
        if self.asks_for_subject:
            rest = re.split(r"[,;:] ", self.tail(self.asks))[0]
            noun = " ".join(word.text for word in self.words[1 : self.asks] if word.is_content)
            if self.word(0).low == "who":
                yield _Mention(f"the person who {rest}", 0, 0, "person", "", False, True)
            elif noun:
                head = self.word(self.asks - 1).low
                yield _Mention(f"the {noun} that {rest}", 0, 0, head, "", False)
            at, verb = at + 1, ""
        is_person = self.word(0).low == "who" and verb in _BE
        while at < len(self.words):
            phrases = self.phrases(at, verb, is_person)
            lone = len(phrases) == 1 and verb in _BE and phrases[0].text == self.word(at).low
            if lone and self.word(at + 1).low in ("in", "at", "on", "about", "with", "to"):
                phrases = []  # "what is new in …"
            pronoun = not phrases and self.word(at).low in _HE | _SHE | _IT | _THEY | _PERSONS
            to_verb = self.word(at).low == "to"
            at += not phrases
            while phrases and self.word(at).end and self.word(at).start < phrases[0].end:
                at += 1
            yield from phrases
            if phrases or pronoun or to_verb:
                word = self.word(at)
                is_verb = verb in _DO or not phrases or (verb and word.is_participle)
                at += bool(is_verb) and word.is_content and not word.is_name
                verb, is_person = "", False
        if self.asks > 1 and self.word(self.asks - 2).low in _AMOUNTS | {"what", "which"}:
            yield from self.phrases(self.asks - 1, "")

    def phrases(self, start: int, verb: str, is_person: bool = False) -> list[_Mention]:
        """The noun phrase that starts here and those inside it; `verb`: the auxiliary before it."""
        head = start
        while self.word(head).low in _DETERMINERS and not self.word(head).is_name:
            head += 1
        end, owner = head, 0
        while self.word(end).is_content:
            word, last = self.word(end), self.word(end - 1)
            owner = end if end > head and last.low.endswith(("'s", "s'")) else owner
            many = verb in ("are", "were") and word.low.endswith("s")
            if (
                end > head == start
                and self.word(head).is_name
                and not (owner or many or word.is_name)
            ):
                break  # a bare name ends where the small letters begin
            if end > head and word.low == "first" and not self.word(end + 1).is_content:
                break
            end += 1
        after = self.word(end).low
        goes_on = after in _BE | _HAVE | {"of", "that", "which", "who", "where"}
        end = self._verb(max(head, owner), end, verb, must_see=goes_on) if verb else end
        if end == head:
            return []
        first, last, inner = self.word(start), self.word(end - 1), list[_Mention]()
        stop, after = last.end, self.word(end).low
        if after == "of" or (verb and after in ("on", "for")):
            inner = self.phrases(end + 1, verb)
            stop = inner[0].end if inner else stop
        elif not last.is_name and (clause := _CLAUSE.match(self.text, last.end)):
            verbs = [w.start - 1 for w in self.words[end + 2 :] if verb in _DO and w.low in _VERBS]
            stop = min([clause.end(), *verbs])
        if owner:
            whole = re.sub(r"['’]s?$", "", self.text[first.start : self.word(owner - 1).end])
            span, name = (first.start, first.start + len(whole)), self.word(owner - 1).is_name
            inner.append(_Mention(whole, *span, self.word(owner - 1).low, "'s", name))
        is_name = all(word.is_name for word in self.words[head:end])
        is_person = is_person or last.low in _MALE | _FEMALE | {"person", "people"}
        text, before = self.text[first.start : stop], self.word(start - 1).low
        return [_Mention(text, first.start, stop, last.low, before, is_name, is_person), *inner]

    def _verb(self, head: int, end: int, auxiliary: str, *, must_see: bool) -> int:
        """Where in a run of content words the verb stands; `end` if there is none."""
        for at in range(head + 1, end):
            is_base = self.word(at).low in _VERBS and not self.word(at).is_name
            if is_base if auxiliary in _DO else self.word(at).is_participle:
                return at
        has_last = end - head > 1 and not self.word(end - 1).is_name
        return end - 1 if has_last and auxiliary in _DO and not must_see else end


def _resolve(text: str, talk: list[_Question]) -> str:
    """The question made to stand alone, or `text` itself."""
    whole = _Question(text.strip())
    lead = _LEAD.match(whole.text)
    question = _Question(whole.text[lead.end() :]) if lead and lead.end() else whole
    led = question is not whole
    if not talk or whole.is_social or not question.words or len(whole.words) > LONGEST_WORDS:
        return text
    known = _with_referents(question, talk, led=led)
    if _is_fragment(question, led=led):
        known = _in_the_frame(_Question(known), talk[-1])
    elif known == question.text:
        named = any(word.is_name for word in question.words)
        if named or not (led or _is_incomplete(question, talk[-2:])):
            return text
        known = _with_topic(question, talk)
    known = known.strip()
    return known[:1].upper() + known[1:] + "?" * (not known.endswith(("?", ".", "!")))


def _open_references(question: _Question) -> Iterator[tuple[int, str]]:
    """The words that refer to something the question itself does not name, and their kinds."""
    for at, word in enumerate(question.words):
        last, after, run = question.word(at - 1), question.word(at + 1), 0
        if word.is_name or _is_bound(question, at):
            continue
        while question.word(at + 1 + run).is_content:
            run += 1
        pronoun_like = not after.text[:1].isalnum() or (last.low in _AUXILIARIES and run == 0)
        if run == 1 and last.low in _AUXILIARIES:  # "does that help", but "is that tent green"
            pronoun_like |= last.low in _DO or after.is_participle
        pronoun_like |= last.low in _DO and after.low in _VERBS
        picks = word.low in _ORDINALS or word.low in ("other", "others") or word.low.endswith("est")
        picks = picks and last.low == "the" and after.low not in _AMOUNTS
        if picks and not run and after.low not in ("one", "ones", "of"):
            yield at, "one"
        elif word.low in ("one", "ones"):
            chosen = last.is_content or last.low in ("which", "another", "this", "that", "other")
            if chosen and not run and after.low != "of":
                yield at, "one"
        elif word.low in ("this", "that", "these", "those"):
            if pronoun_like and last.low != "of":
                yield at, "pronoun" if word.low in _THEY else "fact"
            elif run and last.low != "of" and not last.is_content:
                yield at, "noun"
        elif word.low in _HE | _SHE | _IT | _THEY:
            yield at, "pronoun"
        elif word.low == "there" and at and last.low not in _BE and after.low not in _BE:
            yield at, "place"


def _is_bound(question: _Question, at: int) -> bool:
    """Whether what a word refers to stands in the question itself."""
    low, last, after = question.word(at).low, question.word(at - 1), question.word(at + 1)
    if low == "it" and _announces_clause(question, at):
        return True
    if question.word(0).low in _SUBORDINATORS and _has_subject_after_comma(question, at):
        return True
    words = question.words[question.asks : at]
    content = [word for word in words if word.is_content]
    is_subject = low in ("he", "she", "they") or after.low in _AUXILIARIES
    goes_on = after.is_content or is_subject
    start = question.word(at).start
    earlier = [m for m in question.mentions if m.end and m.end <= start]
    if low == "it" and after.low.startswith(("rain", "snow")):
        return True
    since = min([mention.end for mention in earlier], default=start)
    since = question.word(question.asks).start if question.asks > 3 else since
    between = [word for word in words if word.start >= since]
    if any(word.low in _OPENERS for word in (between if goes_on else between[:-1])):
        return True  # a new clause or part begins between the two
    is_owner = low in _OWNERS and after.is_content
    beside = last.low in ("with", "in", "on", "within", "inside", "around", "behind")
    if low in ("this", "that", "these", "those") or not (is_owner or is_subject or beside):
        return False  # the object of a clause is never its subject
    if is_owner and question.word(0).low == "who" and len(content) > 1:
        return True  # "who lost a fortune on his farm"
    if is_owner and question.asks > 1 and last.low in _HAVE | _PREPOSITIONS:
        return True  # "which town has its own …"
    if any(word.is_name for word in content):
        return True
    if (
        low in _HE | _SHE
    ):  # "where does doctor dolittle get his …", but not "did the firm pay his …"
        articles = {word.low for word in words} & _DETERMINERS
        return len(content) > 1 and question.auxiliary in _DO and not articles
    asked = question.word(question.asks).start
    fits = [m for m in earlier if m.start >= asked and (low not in _IT or not m.is_plural)]
    return bool(fits) and bool(question.auxiliary or not question.asks)


def _announces_clause(question: _Question, at: int) -> bool:
    """True of the "it" in "is it safe to swim in the bay"."""
    for k in range(at + 1, at + 8):
        if question.word(k).low in ("to", "that", "when", "if", "whether"):
            return sum(word.is_content for word in question.words[k + 1 :]) > 1
    return False


def _has_subject_after_comma(question: _Question, at: int) -> bool:
    """True of the "it" in "before it closed, how many did the mill employ?"."""
    _, comma, rest = question.text[question.word(at).end :].partition(",")
    subject = _Question(rest.strip())
    return bool(comma and subject.auxiliary and subject.mentions and subject.mentions[0].end)


def _with_referents(question: _Question, talk: list[_Question], *, led: bool) -> str:
    """Puts what they stand for in the place of the words that the question leaves open."""
    text = question.text
    for at, kind in reversed(list(_open_references(question))):
        word, last = question.word(at), question.word(at - 1)
        start, end, new = word.start, word.end, ""
        if kind == "pronoun":
            new = _referent(word.low, talk)
            owners = [mention.text for mention in talk[-1].mentions if mention.before == "'s"]
            if (
                new
                and word.low in _OWNERS
                and (word.low != "her" or question.word(at + 1).is_content)
            ):
                new = owners[0] if led and owners else new  # "her mother?" – "and her father?"
                new += "’" if new.endswith("s") else "’s"
        elif kind == "place":
            new = _place(talk, toward=last.low in ("get", "go", "travel", "come", "drive", "walk"))
        elif kind == "noun":
            verb = last.low if last.low in _AUXILIARIES else ""
            phrase = question.phrases(at, verb)[0]
            new, end = _named(word.low, phrase.head, talk), phrase.end
        elif kind == "one":
            start, new = _chosen(question, at, talk)
        elif question.word(at + 1).is_content and (thing := _singular_subject(talk[-1])):
            new = thing  # "does that cover theft?"
        else:
            new, clause = _fact(talk[-1], is_object=not question.auxiliary)
            text = f"{text.rstrip(' ?')}{clause}?" if clause else text
        text = text[:start] + _definite(new) + text[end:] if new else text
    return text


def _referent(pronoun: str, talk: list[_Question]) -> str:
    """The latest mention that the pronoun can stand for, or ""."""
    for past in reversed(talk[-6:]):
        fitting = [mention for mention in past.mentions if mention.fits(pronoun)]
        if not fitting and pronoun in _THEY:
            fitting = list(past.mentions[:1])
        if not fitting:
            continue
        if pronoun in _IT:  # "does China have a plant? how big is it?"
            best = min(fitting, key=_is_aside)
        else:
            best = min(fitting, key=lambda m: m.before in ("in", "to", "at", "from"))
        new_names = _new_names(past) if not best.end else []
        if len(new_names) == 1:
            return new_names[0]
        who = "people who" if pronoun in _THEY else "person who"
        return best.text.replace("person who", who)
    return ""


def _singular_subject(last: _Question) -> str:
    subject = next((mention for mention in last.mentions if mention.end), None)
    return subject.text if subject and subject.fits("it") else ""


def _is_aside(mention: _Mention) -> int:
    """How far "it" is from meaning this: least what a question is about, most where it plays."""
    if mention.before in _PREPOSITIONS - {"of"}:
        return 0 if mention.before == "about" else 2
    return 2 if mention.is_name and mention.text[0].isupper() else 1


def _new_names(past: _Question) -> list[str]:
    """The names in an answer that its question did not have."""
    return [name for name in dict.fromkeys(_NAME.findall(past.answer)) if name not in past.text]


def _place(talk: list[_Question], *, toward: bool) -> str:
    for past in reversed(talk[-4:]):
        for mention in past.mentions:
            is_day = mention.head.endswith(("day", "days")) or mention.head.isdigit()
            is_place = mention.before in ("in", "to", "at", "from", "on", "near") and not is_day
            if is_place and mention.is_name:
                near = "at" if mention.before == "at" else "in"
                return f"{'to' if toward else near} {mention.text}"
    topic = _topic(talk)
    return f"{'to' if toward else 'in'} {topic}" if topic else ""


def _named(pointer: str, noun: str, talk: list[_Question]) -> str:
    """What "that country" is: the latest mention with this noun, else the latest name."""
    for past in reversed(talk[-6:]):
        for mention in past.mentions:
            if _singular(mention.head) == _singular(noun):
                return mention.text
    names = _new_names(talk[-1]) or [m.text for m in talk[-1].mentions if m.is_name]
    return names[0] if names and pointer in ("that", "those") else ""


def _chosen(question: _Question, at: int, talk: list[_Question]) -> tuple[int, str]:
    """Where "the other one", "the second one", "the red one" starts, and what it is."""
    word, bare = question.word(at), question.word(at).low not in ("one", "ones")
    at += bare  # "the other" is read like "the other one"
    chooser = question.word(at - 1).low
    mentions = [m for past in reversed(talk) for m in past.mentions if m.end]
    if question.word(at - 2).low == "the" and mentions:
        start, now = question.word(at - 2).start, mentions[0]
        others = [m.text for m in mentions if m.is_name and m.head not in now.text.lower()]
        if chooser == "other" and now.is_name and others:
            return start, others[0]
        pair = next((pair for past in reversed(talk) if (pair := _pair(past))), ())
        if pair and chooser in _ORDINALS:
            return start, pair[_ORDINALS[chooser]]
    heads = [m.head for m in sorted(mentions, key=lambda m: not m.is_plural) if not m.is_name] or [
        ""
    ]
    noun = heads[0] if word.low == "ones" else _singular(heads[0])
    return word.start, f"{word.text} {noun}" if bare else noun


def _pair(past: _Question) -> tuple[str, ...]:
    """The two things that a question names side by side."""
    row = sorted((m for m in past.mentions if m.end), key=lambda m: m.start)
    for one, two in pairwise(row):
        if past.text[one.end : two.start].strip(" ,") in ("or", "and"):
            return one.text, two.text
    return ()


def _fact(last: _Question, *, is_object: bool) -> tuple[str, str]:
    """What to put for the "that" of "when was that?", and the clause to end with."""
    statement = _as_statement(last)
    if statement.rpartition(" ")[2] in _BE:  # "what was their first product?"
        return last.mentions[0].text, ""
    if not statement:
        return "", ""
    return (f"that {statement}", "") if is_object else ("it", f" that {statement}")


def _as_statement(question: _Question) -> str:
    """A question as a statement: "someone founded X" for "who founded X?"."""
    if question.asks_for_subject:
        subject = "someone" if question.word(0).low == "who" else "something"
        return f"{subject} {question.tail(question.asks)}"
    if not question.auxiliary or not question.mentions:
        return ""
    subject, rest = question.mentions[0].text, question.bare[question.mentions[0].end :]
    return f"{subject} {question.auxiliary} {rest.strip()}".strip()


def _topic(talk: list[_Question]) -> str:
    """The name in the latest mention, or its innermost phrase."""
    for past in reversed(talk):
        if past.mentions:
            whole = past.mentions[0]
            inside = [m for m in past.mentions if whole.start <= m.start and m.end <= whole.end]
            names = [m.text for m in inside if not m.text.islower()]
            return _definite((names or [inside[-1].text])[-1])
    return ""


def _with_topic(question: _Question, talk: list[_Question]) -> str:
    topic = _topic(talk)
    for mention in question.mentions:
        is_whole = mention.end and mention.text.lower().startswith("the ")
        if topic and is_whole and " of " not in mention.text:
            return f"{question.text[: mention.end]} of {topic}{question.text[mention.end :]}"
    return f"{topic or talk[-1].bare}: {question.text}"


def _is_fragment(question: _Question, *, led: bool) -> bool:
    """Whether it has no clause of its own: "in Taiwan?", "why not?", "the second one?"."""
    lows = question.lows
    if not lows or not (led or question.text.endswith("?")):
        return False
    if question.asks:
        content = sum(word.is_content for word in question.words)
        is_clause = _AUXILIARIES | _HE | _SHE | _IT | _THEY | _PERSONS | {"to"}
        is_short = len(lows) <= 4 and content <= (lows[0] not in ("who", "what", "whom"))
        return is_short and not is_clause & set(lows[:-1]) and lows[-1] not in is_clause - {"to"}
    if led and lows[0] in ("if", "because", "while"):
        return True
    if (_AUXILIARIES | _COMMANDS | _ASKING) & set(lows):
        return False
    return len(lows) <= (6 if led or lows[0] in _PREPOSITIONS else 3)


def _in_the_frame(fragment: _Question, last: _Question) -> str:
    """The last question, asked of or about the fragment."""
    new, first = fragment.bare, fragment.word(0).low
    new = new[0].lower() + new[1:] if first in _FUNCTION else new
    if first in _SUBORDINATORS - _PREPOSITIONS - _ASKING:
        return f"{re.split(rf' {first} ', last.bare)[0]} {new}"
    if fragment.asks:
        return _asked_anew(fragment, last)
    marked = [word for word in fragment.words if any(c.isdigit() for c in word.text)]
    for old in last.words if len(marked) == 1 else ():
        if re.sub(r"\d", "0", old.low) == re.sub(r"\d", "0", marked[0].low):
            return last.bare[: old.start] + marked[0].text + last.bare[old.end :]
    if first in _PREPOSITIONS:
        for mention in reversed(last.mentions):
            if mention.before == first:
                return last.bare[: mention.start] + new[len(first) + 1 :] + last.bare[mention.end :]
    if first in _PREPOSITIONS | _TIMES or not fragment.mentions:
        return f"{last.bare} {new}"
    slots = [mention for mention in last.mentions if mention.end]
    slot = max(slots, key=lambda m: _likeness(m, fragment.mentions[0]), default=None)
    if slot is None or (_likeness(slot, fragment.mentions[0]) < 3 and len(slots) > 1):
        return f"{new}: {last.text}"
    return last.bare[: slot.start] + new + last.bare[slot.end :]


def _likeness(one: _Mention, two: _Mention) -> int:
    """How well one can take the other's place: "and E1?" goes where "E3" was."""
    shapes = {re.sub(r"\d", "0", mention.head) for mention in (one, two)}
    determined = {mention.text.split()[0].lower() in _DETERMINERS for mention in (one, two)}
    score = 3 * (one.is_name == two.is_name) + 4 * (one.head == two.head) + 2 * (len(shapes) == 1)
    return score + (one.before == "of") + (len(determined) == 1) + (one.is_plural == two.is_plural)


def _asked_anew(fragment: _Question, last: _Question) -> str:
    """The last question with the fragment's asking phrase: "why?" after "how loud is it?"."""
    lows, statement = fragment.lows, _as_statement(last)
    if lows[0] == "how" and lows[-1] not in _FUNCTION:  # "how many rooms?"
        return f"{fragment.bare} does {_definite(_referent('it', [last]) or _topic([last]))} have"
    if not statement:
        return f"{fragment.bare}: {last.text}"
    if last.asks_for_subject:
        return f"{fragment.bare} was it that {statement}"
    rest = last.tail(last.asks)
    if lows == ["why", "not"]:
        negated = {"can": "can't", "will": "won't", "may": "may not"}
        auxiliary = negated.get(last.auxiliary, last.auxiliary + "n't")
        return f"why {auxiliary}{rest[len(last.auxiliary) :]}"
    if len(lows) > 1 and (lows[0] == "why" or lows[-1] in _PREPOSITIONS):
        return f"{lows[0]} {rest} {' '.join(lows[1:])}"
    if last.asks and rest.split()[-1] in _PREPOSITIONS:
        rest = rest.rsplit(" ", 1)[0]
    elif last.asks > 2 and last.word(last.asks - 1).is_content and last.auxiliary in _DO:
        rest = f"{rest} with {last.word(last.asks - 1).text}"
    return f"{fragment.bare} {rest[:1].lower()}{rest[1:]}"


def _is_incomplete(question: _Question, latest: list[_Question]) -> bool:
    """Whether it speaks of "the price" or "the brush too" without saying of what."""
    nouns = {_singular(word.low) for word in question.words if word.is_content} - _VERBS - _COMMANDS
    before = {word.low for past in latest for word in past.words if word.is_content}
    is_there = question.auxiliary in _BE and question.word(question.asks + 1).low == "there"
    if is_there and len(nouns) == 1 and not question.asks:
        return True  # "is there a lift?"
    goes_on = question.bare.lower().endswith((" too", " as well", " either"))
    return bool(nouns) and (nouns <= _PARTS or (goes_on and bool(nouns & before)))


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("ches", "shes", "sses", "xes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


def _definite(phrase: str) -> str:
    """As something already known: "the plant" for "a plant"; "X" for "the name of X"."""
    phrase = re.sub(r"^(?:the|The) (?:name|title|kind|type) of ", "", phrase)
    return re.sub(r"^(?:an?|some|any|no|The)\s", "the ", phrase)
