"""Makes a follow-up question stand alone. Pure: rules of English grammar, no model, no topic words.

Only closed classes of words are listed; what is not in them is content. A question is read as
`asking phrase · auxiliary · subject · rest`: enough to find what was talked about and to put
something else in its place. In doubt a question is left as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from askseeds.types import Turn

HISTORY_TURNS = 20
"""Earlier turns that are looked at: what was said before is not what "it" refers to."""

LONGEST_WORDS = 60
"""A longer question, or a pasted text, says itself what it is about."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BE = _set("is are was were be been being isn't aren't wasn't weren't what's who's where's")
_HAVE = _set("has have had hasn't haven't hadn't")
_DO = _set("do does did don't doesn't didn't can could will would shall should may might must can't")
_AUXILIARIES = _BE | _HAVE | _DO
_ASKING = _set("who whom whose what which when where why how what's who's where's")
_HE, _SHE, _IT, _THEY = (
    _set("he him his"), _set("she her hers"), _set("it its"), _set("they them their theirs")
)  # fmt: skip
_PRONOUNS = _HE | _SHE | _IT | _THEY
_OWNERS = _set("his her its their")
_POINTERS = _set("this that these those")
_PERSONS = _set("i you we me us my your our mine yours ours someone anyone everyone")
_QUANTITIES = _set(
    "one two three four five six seven eight nine ten some any no every each all both many much more "
    "most few several"
)
_DETERMINERS = _OWNERS | _POINTERS | _QUANTITIES | _set("the a an my your our")
_PREPOSITIONS = _set(
    "of in on at to for from with by about after before during since until till into onto over under "
    "between among against through without within across behind near per than as like around inside "
    "outside towards besides despite upon"
)
_SUBORDINATORS = _set("when while because if after before since until although though whether as")
_RELATIVES = _set("that which who where")
_OPENERS = _SUBORDINATORS | _ASKING | _set("and or but that to , ; : .")
_TIMES = _set("today now nowadays currently yesterday tomorrow")
_ADVERBS = _TIMES | _set(
    "too also either then here there still ever only just yet again else already really very so not "
    "ago well please instead exactly"
)
_COMMANDS = _set("tell give explain describe list name show say compare define")
_FUNCTION = _AUXILIARIES | _ASKING | _PRONOUNS | _PERSONS | _DETERMINERS | _PREPOSITIONS
_FUNCTION |= _SUBORDINATORS | _ADVERBS | _set("and or but nor")
_ORDINALS = {"first": 0, "former": 0, "second": 1, "third": 2, "last": -1, "latter": -1}
_MALE = _set("man boy father husband son brother uncle king prince grandfather")
_FEMALE = _set("woman girl mother wife daughter sister aunt queen princess grandmother")
_IRREGULAR = _set(  # participles and past forms without -ed
    "born built made won led sold bought found known written wrote seen taken took given gave done "
    "kept lost paid said set sent spent told begun began broken chosen come driven fallen grown left "
    "met put read run ran shot shown stolen worn called"
)
_VERBS = _set(
    "make take get go use need work live mean cost last keep give find see know think want help play "
    "move hold bring begin write stand lose pay meet lead learn stop speak spend grow open walk win "
    "teach offer buy die send build stay fall cut sell pass cover happen start become have come run put read set"
)
_PARTS = _set(  # nouns that say nothing without an "of …"
    "reason cause difference result price cost author owner size length weight age date purpose aim "
    "outcome advantage disadvantage benefit consequence alternative piece part rest"
)
_SOCIAL = _set(
    "thanks thank thx cheers ok okay hi hello hey bye goodbye great good nice cool perfect yes no "
    "sorry wow lovely right fine"
)
_SOCIAL_REST = _SOCIAL | _set(
    "you very much so that that's was is helpful a lot for the your help all got it i see morning "
    "evening day please there again of course makes sense"
)
_WORD = re.compile(
    r"""["“][^"”\n]{1,80}["”]|[^\W_]+(?:[’'.&/-][^\W_]+)*(?:(?<=s)[’'](?=\s))?|&|[^\w\s]"""
)
_LEAD = re.compile(r"(?:(?:and|but|so|or|then|also)\b[,:]?\s+)+(?=\S)", re.I)
_ABOUT = re.compile(r"(?:what|how)\s+(?:about|of)\s+(?=\S)", re.I)
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
        resolved = _resolve(turn.question, talk)
        if resolved.strip() and not _is_social(resolved):
            talk.append(_Question(resolved, turn.answer))
    return _resolve(question, talk)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    low: str
    start: int
    end: int
    is_name: bool  # capitalised, a number or a quoted title
    is_content: bool

    @property
    def is_owner(self) -> bool:
        return self.is_content and self.low.endswith(("'s", "s'"))

    @property
    def is_participle(self) -> bool:
        regular = len(self.low) > 4 and self.low.endswith(("ed", "ing"))
        return not self.is_name and (regular or self.low in _IRREGULAR)


_END = _Word("", "", 0, 0, False, False)


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
        return not self.is_name and self.head.endswith("s") and not self.head.endswith("ss")

    def fits(self, pronoun: str) -> bool:
        """Whether the pronoun can stand for it."""
        if pronoun in _HE | _SHE:
            name = self.is_name and all(part.istitle() for part in self.text.split())
            other_sex = self.head in (_FEMALE if pronoun in _HE else _MALE)
            return not other_sex and (name or self.is_person)
        return (self.is_plural or self.is_person) != (pronoun in _IT)


def _words(text: str) -> list[_Word]:
    shouted = text.isupper() and " " in text.strip()
    found: list[_Word] = []
    for match in _WORD.finditer(text):
        part, low = match[0], match[0].replace("’", "'").lower()
        small = _PERSONS if found else _FUNCTION | _COMMANDS
        is_name = part[0].isupper() and not shouted and low not in small
        is_name = is_name or part[0].isdigit() or part[0] in '"“&'
        is_content = is_name or (part[0].isalnum() and low not in _FUNCTION)
        found.append(_Word(part, low, *match.span(), is_name, is_content))
        if len(found) > LONGEST_WORDS:
            break
    return found


class _Question:
    """A question read as `asking phrase · auxiliary · subject · rest`, as far as it can be.

    Attributes:
        asks: How many words ask: 2 of "how long is it", 4 of "in how many countries is it".
        auxiliary: The auxiliary after them, or "".
        mentions: Its noun phrases, the subject first, each followed by those inside it.
    """

    def __init__(self, text: str, answer: str = "") -> None:
        self.text, self.answer, self.words = text, answer, _words(text)
        self.bare = text.rstrip(" ?!.")
        self.asks = self._asking()
        low = self.word(self.asks).low
        self.auxiliary = low if low in _AUXILIARIES else ""
        self.mentions = tuple(self._mentions())

    def word(self, at: int) -> _Word:
        return self.words[at] if 0 <= at < len(self.words) else _END

    def tail(self, at: int) -> str:
        return self.bare[self.word(at).start :] if at < len(self.words) else ""

    def _asking(self) -> int:
        at = int(self.word(0).low in _PREPOSITIONS)
        if self.word(at).low not in _ASKING - _BE:
            return 0
        end = at + 1
        if self.word(at).low in ("what", "which", "whose", "how"):
            while self.word(end).is_content or self.word(end).low in _QUANTITIES | {"of", "the"}:
                end += 1
            if self.word(end).low not in _AUXILIARIES:  # "which firm | makes chips"
                many = self.word(at + 1).low in ("many", "much")
                end = at + 1 + (self.word(at).low in ("which", "whose")) + 2 * many
        return end

    @property
    def asks_for_subject(self) -> bool:
        """True of "who founded it?" and "which company has mastered it?"."""
        after = self.word(self.asks + 1)
        verb = not self.auxiliary or after.low in _AUXILIARIES or after.is_participle
        many = self.word(0).low == "how" and self.asks == 3 and not self.auxiliary
        return many or (verb and self.asks > 0 and self.word(0).low in ("who", "what", "which"))

    def _mentions(self) -> Iterator[_Mention]:
        at, verb = self.asks + bool(self.auxiliary), self.auxiliary
        if self.asks_for_subject:
            rest = re.split(r"[,;:] ", self.tail(self.asks))[0]
            noun = " ".join(word.text for word in self.words[1 : self.asks] if word.is_content)
            if self.word(0).low == "who":
                yield _Mention(f"the person who {rest}", 0, 0, "person", "", False, True)
            elif noun:
                yield _Mention(f"the {noun} that {rest}", 0, 0, self.word(self.asks - 1).low, "", False)
            at, verb = at + 1, ""
        is_person = self.word(0).low in ("who", "who's")
        while at < len(self.words):
            phrases = self._phrases(at, verb, is_person)
            if phrases:
                yield from phrases
                while self.word(at).end and self.word(at).start < phrases[0].end:
                    at += 1
            if phrases or self.word(at).low in _PRONOUNS | _PERSONS:
                at += not phrases
                is_verb = verb in _DO or not phrases
                at += is_verb and not self.word(at).is_name and self.word(at).is_content
                verb, is_person = "", False
            else:
                at += 1
        noun_at = self.asks - 1
        if self.word(noun_at).is_content and self.word(noun_at - 1).low in _QUANTITIES | {"what", "which"}:
            yield from self._phrases(noun_at, "", False)

    def _phrases(self, start: int, verb: str, is_person: bool = False) -> list[_Mention]:
        """The noun phrase that starts here and those inside it; `verb`: the auxiliary before it."""
        head = start
        while self.word(head).low in _DETERMINERS and not self.word(head).is_name:
            head += 1
        end, owner = head, 0
        while self.word(end).is_content:
            owner = end if end > head and self.word(end - 1).is_owner else owner
            bare_name = head == start and not owner and self.word(head).is_name and end > head
            many = verb in ("are", "were") and self.word(end).low.endswith("s")
            if bare_name and not (self.word(end).is_name or many):
                break
            if self.word(end).low == "first" and end > head and not self.word(end + 1).is_content:
                break
            end += 1
        after = self.word(end).low
        if verb and after not in _BE | _HAVE | _RELATIVES | {"of"}:
            end = self._verb(max(head, owner), end, verb)
            after = self.word(end).low
        if end == head:
            return []
        first, last = self.word(start), self.word(end - 1)
        stop, inner = last.end, list[_Mention]()
        if after == "of" or (verb and after in ("on", "for")):
            inner = self._phrases(end + 1, verb)
            stop = inner[0].end if inner else stop
        elif after in _RELATIVES and not last.is_name:
            stop = self._clause_end(end + 1, verb)
        if owner:
            whole = re.sub(r"['’]s?$", "", self.text[first.start : self.word(owner - 1).end])
            span = (first.start, first.start + len(whole))
            name = self.word(owner - 1).is_name
            inner.append(_Mention(whole, *span, self.word(owner - 1).low, "'s", name))
        text, before = self.text[first.start : stop], self.word(start - 1).low
        name = all(word.is_name for word in self.words[head:end])
        is_person = is_person or last.low in _MALE | _FEMALE | {"person", "people"}
        return [_Mention(text, first.start, stop, last.low, before, name, is_person), *inner]

    def _verb(self, head: int, end: int, auxiliary: str) -> int:
        """Where in a run of content words the verb stands; `end` if there is none."""
        for at in range(head + 1, end):
            is_base = self.word(at).low in _VERBS and not self.word(at).is_name
            if is_base if auxiliary in _DO else self.word(at).is_participle:
                return at
        has_last = end - head > 1 and not self.word(end - 1).is_name
        return end - 1 if has_last and auxiliary in _DO else end

    def _clause_end(self, at: int, verb: str) -> int:
        """Where the relative clause ends that starts at a word."""
        stop = at + 1
        while self.word(stop).text and (self.word(stop).text[0].isalnum() or self.word(stop).is_name):
            if self.word(stop).low in ("when", "while", "because", "if", "although"):
                break
            if verb in _DO and self.word(stop).low in _VERBS:
                break
            stop += 1
        return self.word(stop - 1).end


def _resolve(text: str, talk: list[_Question]) -> str:
    """The question made to stand alone, or `text` itself."""
    body = _LEAD.sub("", text.strip(), count=1) if _LEAD.match(text.strip()) else text.strip()
    about = _ABOUT.match(body)
    led = body != text.strip() or bool(about)
    question = _Question(body[about.end() :] if about else body)
    if not talk or not question.words or len(question.words) > LONGEST_WORDS or _is_social(text):
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
    return known[:1].upper() + known[1:] + ("" if known.endswith(("?", ".", "!")) else "?")


def _open_references(question: _Question) -> Iterator[tuple[int, str]]:
    """The words that refer to something the question itself does not name, and their kinds."""
    for at, word in enumerate(question.words):
        before, after = question.word(at - 1).low, question.word(at + 1)
        ends = not after.text or not after.text[0].isalnum()
        run = 0
        while question.word(at + 1 + run).is_content:
            run += 1
        if word.is_name or _is_bound(question, at):
            continue
        if word.low in ("one", "ones"):
            chosen = question.word(at - 1).is_content or before in ("which", "another", "this", "that", "other")
            if chosen and not run and after.low != "of":
                yield at, "one"
        elif word.low in _PRONOUNS:
            yield at, "pronoun"
        elif word.low == "there" and at and before not in _BE and after.low not in _BE:
            yield at, "place"
        elif word.low in ("that", "this", "those", "these") and before != "of":
            lone = before in _AUXILIARIES and run == 1
            lone = lone and (before in _DO or question.word(at + 1).is_participle)
            if ends or lone or (before in _AUXILIARIES and run == 0):
                yield at, "pronoun" if word.low in ("those", "these") else "fact"
            elif run and (at == 0 or not question.word(at - 1).is_content):
                yield at, "noun"


def _is_bound(question: _Question, at: int) -> bool:
    """Whether what a word refers to stands in the question itself."""
    low, after = question.word(at).low, question.word(at + 1)
    if low == "it":  # "is it safe to swim in the bay": the clause that "it" announces
        for k in range(at + 1, at + 8):
            if question.word(k).low in ("to", "that", "when", "if", "whether"):
                if sum(word.is_content for word in question.words[k + 1 :]) > 1:
                    return True
                break
    words = question.words[question.asks : at]
    content = [word for word in words if word.is_content]
    goes_on = after.is_content or after.low in _AUXILIARIES
    openers = {word.low for word in (words[1:] if goes_on else words[1:-1])} & _OPENERS
    if openers and any(word.is_content for word in question.words[:at]):
        return True
    if low in _POINTERS:
        return False
    is_owner = low in _OWNERS and after.is_content
    is_subject = low in ("he", "she", "they") or after.low in _AUXILIARIES
    place = question.word(at - 1).low in ("with", "in", "on", "within", "inside", "around", "behind")
    if not (is_owner or is_subject or place):
        return False  # the object of a clause is not its subject
    if is_owner and len(content) > 1 and (question.word(0).low == "who"):
        return True
    if is_owner and question.asks > 1 and words and words[-1].low in _HAVE:
        return True  # "which town has its own …"
    if any(word.is_name for word in content):
        return True
    small = not any(word.is_name for word in question.words)
    if low in _HE | _SHE:
        return small and len(content) > 1 and question.auxiliary in _DO - {"should"} and not set(w.low for w in words) & {"the", "a", "an"}
    return bool(content) and (question.auxiliary != "" or not question.asks)


def _with_referents(question: _Question, talk: list[_Question], *, led: bool) -> str:
    """Puts what they stand for in the place of the words that the question leaves open."""
    text = question.text
    for at, kind in reversed(list(_open_references(question))):
        word = question.word(at)
        start, end, new = word.start, word.end, ""
        if kind == "pronoun":
            found = _referent(word.low, talk)
            new = found.text if found else ""
            if found and word.low in _OWNERS and (word.low != "her" or question.word(at + 1).is_content):
                owners = [m for m in talk[-1].mentions if m.before == "'s"]
                new = owners[0].text if led and owners else new
                new += "’" if new.endswith("s") else "’s"
        elif kind == "place":
            new = _place(talk)
        elif kind == "fact":
            new, fact = "it", _as_statement(talk[-1])
            if fact.endswith(tuple(" " + verb for verb in _BE)):  # "what was their first product?"
                new = talk[-1].mentions[0].text
            elif not question.auxiliary:
                new = f"that {fact}"
            elif fact:
                text = f"{text.rstrip(' ?')} that {fact}?"
        elif kind == "noun":
            phrase = question._phrases(at, question.word(at - 1).low if question.word(at - 1).low in _AUXILIARIES else "")[0]
            new, end = _named(word.low, phrase.head, talk), phrase.end
        else:
            start, new = _chosen(question, at, talk)
        if new:
            text = text[:start] + _definite(new) + text[end:]
    return text


def _referent(pronoun: str, talk: list[_Question]) -> _Mention | None:
    """The latest mention that the pronoun can stand for."""
    for past in reversed(talk[-6:]):
        fitting = [m for m in past.mentions if m.fits(pronoun)]
        if not fitting and pronoun in _THEY:
            fitting = list(past.mentions[:1])
        if not fitting:
            continue
        if pronoun in _IT:  # "does China have a plant? how big is it?"
            fitting.sort(key=lambda m: (m.is_name and m.text[0].isupper()) or m.before in _PREPOSITIONS - {"of"})
        elif pronoun in _HE | _SHE:
            fitting.sort(key=lambda m: m.before in ("in", "to", "at", "from"))
        best = fitting[0]
        names = _new_names(past) if not best.end else []
        if len(names) == 1:
            return _Mention(names[0], 0, 0, names[0], "", True)
        if pronoun in _THEY and best.text.startswith("the person who"):
            return _Mention(best.text.replace("person", "people", 1), 0, 0, "people", "", False)
        return best
    return None


def _new_names(past: _Question) -> list[str]:
    """The names in an answer that its question did not have."""
    return [name for name in dict.fromkeys(_NAME.findall(past.answer)) if name not in past.text]


def _place(talk: list[_Question]) -> str:
    for past in reversed(talk[-4:]):
        for m in past.mentions:
            if m.before in ("in", "to", "at", "from", "on", "near") and m.is_name:
                return f"{'at' if m.before == 'at' else 'in'} {m.text}"
    topic = _topic(talk)
    return f"in {topic}" if topic else ""


def _named(pointer: str, noun: str, talk: list[_Question]) -> str:
    """What "that country" is: the earlier mention with that noun, else the latest name."""
    for past in reversed(talk[-6:]):
        for m in past.mentions:
            if m.head.rstrip("s") == noun.rstrip("s"):
                return m.text
    if pointer not in ("that", "those"):
        return ""
    names = _new_names(talk[-1]) or [m.text for m in talk[-1].mentions if m.is_name]
    return names[0] if names else ""


def _chosen(question: _Question, at: int, talk: list[_Question]) -> tuple[int, str]:
    """Where "the other one", "the second one", "the red one" starts, and what it is."""
    chooser, noun = question.word(at - 1).low, question.word(at).start
    start = question.word(at - 2).start
    mentions = [m for past in reversed(talk) for m in past.mentions if m.end]
    if question.word(at - 2).low == "the" and mentions:
        now = mentions[0]
        if chooser == "other" and now.is_name:
            for m in mentions:
                if m.is_name and m.text.split()[:2] != now.text.split()[:2]:
                    return start, m.text
        for past in reversed(talk):
            row = sorted((m for m in past.mentions if m.end), key=lambda m: m.start)
            pairs = [(a, b) for a, b in zip(row, row[1:], strict=False) if past.text[a.end : b.start].strip(" ,") in ("or", "and")]
            if pairs and chooser in _ORDINALS and -2 <= _ORDINALS[chooser] < 2:
                return start, pairs[0][_ORDINALS[chooser]].text
    heads = [m.head for m in mentions if not m.is_name]
    plural = question.word(at).low == "ones"
    return noun, (heads[0] if plural else _singular(heads[0])) if heads else ""


def _topic(talk: list[_Question]) -> str:
    """The latest name that was talked about, or the innermost phrase of the latest mention."""
    for past in reversed(talk):
        first = past.mentions[:1]
        inside = [m for m in past.mentions if first[0].start <= m.start and m.end <= first[0].end]
        if inside:
            return next((m.text for m in reversed(inside) if any(c.isupper() for c in m.text)), inside[-1].text)
    return ""


def _with_topic(question: _Question, talk: list[_Question]) -> str:
    topic = _definite(_topic(talk))
    if not topic:
        return f"{talk[-1].text} {question.text}"
    for m in question.mentions:
        if m.text.lower().startswith("the ") and m.end and " of " not in m.text:
            return f"{question.text[: m.end]} of {topic}{question.text[m.end :]}"
    return f"{topic}: {question.text}"


def _is_fragment(question: _Question, *, led: bool) -> bool:
    """Whether it has no clause of its own: "in Taiwan?", "why not?", "the second one?"."""
    lows = [word.low for word in question.words if word.text[0].isalnum() or word.is_name]
    content = sum(word.is_content for word in question.words)
    if not lows or not (led or question.text.rstrip().endswith("?")):
        return False
    if question.asks:
        limit = 0 if lows[0] in ("who", "what", "whom") else 1
        own = _AUXILIARIES | _PRONOUNS | (_set("to") if lows[-1] != "to" else _set(""))
        return len(lows) <= 4 and content <= limit and not own & set(lows)
    if (_AUXILIARIES | _COMMANDS | _ASKING) & set(lows):
        return False
    return len(lows) <= (6 if led or lows[0] in _PREPOSITIONS else 3)


def _in_the_frame(fragment: _Question, last: _Question) -> str:
    """The last question, asked of or about the fragment."""
    new, first = fragment.bare, fragment.word(0).low
    if fragment.asks:
        return _asked_anew(fragment, last)
    if first in _PREPOSITIONS:
        for m in reversed(last.mentions):
            if m.before == first:
                return last.bare[: m.start] + new[len(first) + 1 :] + last.bare[m.end :]
    if first in _PREPOSITIONS | _TIMES or not fragment.mentions:
        return f"{last.bare} {new}"
    thing = fragment.mentions[0]

    def likeness(m: _Mention) -> int:
        shapes = [re.sub(r"\d", "0", head) for head in (m.head, thing.head)]
        articles = [text.split()[0].lower() in _DETERMINERS for text in (m.text, thing.text)]
        alike = (m.is_name == thing.is_name) * 3 + (m.head == thing.head) * 4 + (shapes[0] == shapes[1]) * 2
        return alike + (articles[0] == articles[1]) + (m.is_plural == thing.is_plural)

    slots = [m for m in last.mentions if m.end]
    slot = max(slots, key=likeness, default=None)
    if slot is None or (likeness(slot) < 3 and len(slots) > 1):
        return f"{new}: {last.text}"
    return last.bare[: slot.start] + new + last.bare[slot.end :]


def _asked_anew(fragment: _Question, last: _Question) -> str:
    """ "Why is it so loud?" for "why?" after "is it so loud?"."""
    lows = [word.low for word in fragment.words if word.is_content or word.text[0].isalnum()]
    if not last.auxiliary or last.asks_for_subject:
        return f"{fragment.bare} was it that {_as_statement(last)}" if last.asks else f"{fragment.bare}: {last.text}"
    rest = last.tail(last.asks)
    if lows == ["why", "not"]:
        auxiliary = {"can": "can't", "will": "won't", "may": "may not"}.get(last.auxiliary, last.auxiliary + "n't")
        return f"why {auxiliary}{rest[len(last.auxiliary) :]}"
    if lows[-1] in _PREPOSITIONS and len(lows) > 1:
        return f"{lows[0]} {rest} {lows[-1]}"
    if lows[0] == "why" and len(lows) > 1:
        return f"why {rest} {' '.join(lows[1:])}"
    if last.asks and rest.split()[-1] in _PREPOSITIONS:
        rest = rest.rsplit(" ", 1)[0]
    return f"{fragment.bare} {rest[:1].lower()}{rest[1:]}"


def _as_statement(question: _Question) -> str:
    """ "Someone founded X" for "who founded X?", "the lead is shrinking" for "is it?"."""
    if question.asks_for_subject:
        return f"{'someone' if question.word(0).low == 'who' else 'something'} {question.tail(question.asks)}"
    if not question.auxiliary or not question.mentions:
        return ""
    subject = question.mentions[0]
    return f"{subject.text} {question.auxiliary} {question.bare[subject.end :].strip()}".strip()


def _is_incomplete(question: _Question, talk: list[_Question]) -> bool:
    """Whether it speaks of "the price" or "the brush too" without saying of what."""
    nouns = [_singular(word.low) for word in question.words if word.is_content]
    nouns = [noun for noun in nouns if noun not in _VERBS]
    goes_on = question.words[-2:] and question.bare.lower().endswith((" too", " as well", " either"))
    shared = {word.low for past in talk for word in past.words if word.is_content} & set(nouns)
    return bool(nouns) and (all(noun in _PARTS for noun in nouns) or bool(goes_on and shared))


def _singular(noun: str) -> str:
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def _definite(phrase: str) -> str:
    phrase = re.sub(r"^the (?:name|title|kind|type) of ", "", phrase)
    return re.sub(r"^(?:an?|some|any|no|The)\s", "the ", phrase)


def _is_social(text: str) -> bool:
    lows = {word.low for word in _words(text) if word.text[0].isalnum()}
    return not lows or (bool(lows & _SOCIAL) and lows <= _SOCIAL_REST)
