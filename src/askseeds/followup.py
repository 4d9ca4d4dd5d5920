"""Makes a follow-up question stand alone. Pure: no model, no topic words.

A question leans on earlier ones in three ways: one of its words refers back ("what does it cost?"),
it is a fragment ("and in Taiwan?"), or it leaves out what it is about ("what is the price?"). In
doubt a question is left as it is.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from askseeds.questions import (
    AMOUNTS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    DO,
    FUNCTION,
    HAVE,
    IT,
    LONGEST_WORDS,
    OPENERS,
    ORDINALS,
    OWNERS,
    PARTS,
    POINTING,
    PREPOSITIONS,
    PRONOUNS,
    SUBORDINATORS,
    THEY,
    TIMES,
    VERBS,
    Mention,
    Question,
    singular,
)
from askseeds.types import Turn

HISTORY_TURNS = 20  # "it" does not refer to what was said before them
RECENT_TURNS = 6  # nor "that country" to what was said before these

PARTED_CHARS = 400
"""A longer question is asked as it is."""

MOST_PARTS = 3
"""With more parts, a question is asked as it is."""

PART_WORDS = 4
"""A part of a question that has fewer is not asked by itself."""

_JOINT = re.compile(r"[\s,;]+(?:and\s+)?(?:also\s+)?$", re.I)
_ASKS = re.compile(
    r"(?:(?:in|on|for|to|from|with|by|at)\s+)?"
    r"(?:who|whom|whose|what|which|when|where|why|how)\b"
    # "Who says when it was built": told, not asked
    r"(?!\s+(?:it|he|she|they|we|you|i|this|these|those|the|a|an|its|his|her|their|our|your|my)\b)",
    re.I,
)
_WORDING = re.compile(
    r"“[^”]*”|„[^“]*“|«[^»]*»|\"[^\"]*\"|`[^`]*`|‘[^‘]*’(?!\w)|(?<!\w)'[^']*'(?!\w)"
)
_PART = re.compile(rf"(?:[,;?]\s+and|[;?]|\sand)\s+(?:also\s+)?(?={_ASKS.pattern})", re.I)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w-]*(?:\s(?:&\s)?[A-Z][\w-]*)*")


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question as it can be asked without its history.

    Args:
        question: As it was typed.
        history: Earlier turns, oldest first; each may itself be a follow-up of those before it.

    Returns:
        `question` itself, unchanged, when it stands alone or when nothing better is known.
    """
    talk: list[Question] = []
    for turn in history[-HISTORY_TURNS:]:
        asked = Question(_resolve(turn.question, talk), turn.answer)
        if not asked.is_social:
            talk.append(asked)
    return _resolve(question, talk)


def parts(question: str) -> tuple[str, ...]:
    """The questions that are asked in one, each standing alone; the question itself if it is one.

    "Who owns the mill, and when was it built?" asks two. A second part of a word or two ("and
    why?") says too little to be asked by itself.
    """
    if len(question) > PARTED_CHARS:
        return (question,)
    # What is asked inside a quotation or code is not asked by the user.
    plain = _WORDING.sub(lambda match: "x" * len(match[0]), question)
    begins = [0, *(match.end() for match in _PART.finditer(plain))]
    texts = [
        _JOINT.sub("", question[start:end])
        for start, end in zip(begins, [*begins[1:], len(question)], strict=True)
    ]
    asks = all(_ASKS.match(text) and len(text.split()) >= PART_WORDS for text in texts)
    if not 1 < len(texts) <= MOST_PARTS or not asks:
        return (question,)
    first = Turn(texts[0])
    return (texts[0], *(standalone(text, [first]) for text in texts[1:]))


def _resolve(text: str, talk: list[Question]) -> str:
    """The question made to stand alone, or `text` itself."""
    whole = Question(text.strip())
    question = whole.without_lead()
    if not talk or whole.is_social or not question.words or len(whole.words) > LONGEST_WORDS:
        return text
    known = _with_referents(question, talk)
    if question.is_fragment:
        known = _in_the_frame(Question(known), talk[-1])
    elif known == question.text:
        named = any(word.is_name for word in question.words)
        if named or not (question.is_led or _is_incomplete(question, talk[-2:])):
            return text
        is_full = question.is_led and sum(w.low not in VERBS for w in question.content) > 2
        known = question.text if is_full else _with_topic(question, talk)
    known = known.strip()
    return known[:1].upper() + known[1:] + "?" * (not known.endswith(("?", ".", "!")))


def _open_references(question: Question) -> Iterator[tuple[int, str]]:
    """The words that refer to something the question itself does not name, and their kinds."""
    for at, word in enumerate(question.words):
        last, after, run = question.word(at - 1), question.word(at + 1), 0
        if word.is_name or _is_bound(question, at):
            continue
        while question.word(at + 1 + run).is_content:
            run += 1
        pronoun_like = not after.text[:1].isalnum() or (last.low in AUXILIARIES and run == 0)
        if run == 1 and last.low in AUXILIARIES:  # "does that help", but "is that tent green"
            pronoun_like |= last.low in DO or after.is_participle
        pronoun_like |= last.low in DO and after.low in VERBS
        picks = word.low in {*ORDINALS, "other", "others"} or word.low.endswith("est")
        lone_verb = run == 1 and word.low in ("former", "latter")  # "when do the former occur"
        picks = picks and last.low == "the" and (not run or lone_verb)
        if picks and after.low not in AMOUNTS | {"ones", "of"}:
            yield at, "one"
        elif word.low in ("one", "ones"):
            chosen = last.is_content or last.low in ("which", "another", "this", "that", "other")
            if chosen and not run and after.low != "of":
                yield at, "one"
        elif word.low in POINTING:
            if pronoun_like and last.low != "of":
                yield at, "pronoun" if word.low in THEY else "fact"
            elif run and last.low != "of" and not last.is_content:
                yield at, "noun"
        elif word.low in PRONOUNS:
            yield at, "pronoun"
        elif word.low == "there" and at and last.low not in BE and after.low not in BE:
            yield at, "place"


def _is_bound(question: Question, at: int) -> bool:
    """Whether what a word refers to stands in the question itself."""
    low, last, after = question.word(at).low, question.word(at - 1), question.word(at + 1)
    if low == "it" and _is_empty_subject(question, at):
        return True
    if question.word(0).low in SUBORDINATORS and _has_subject_after_comma(question, at):
        return True
    is_subject = low in ("he", "she", "they") or after.low in AUXILIARIES
    is_owner = low in OWNERS and after.is_content
    start = question.word(at).start
    earlier = [m for m in question.mentions if m.end and m.end <= start]
    since = min([m.end for m in earlier], default=start)
    words = question.words[question.asks : at]
    between = [word.low for word in words if word.start >= since]
    if OPENERS & set(between if after.is_content or is_subject else between[:-1]):
        return True  # a new clause or part begins between the two
    beside = last.low in ("with", "in", "on", "within", "inside", "around", "behind")
    if low in POINTING or not (is_owner or is_subject or beside):
        return False  # the object of a clause is never its subject
    is_asked = question.asks > 1 or question.word(0).low == "who"
    if is_owner and is_asked and last.low in HAVE | PREPOSITIONS:
        return True  # "which town has its own …"
    asked = question.word(question.asks).start
    fits = any(m.start >= asked and (low not in IT or not m.is_plural) for m in earlier)
    fits = fits and bool(question.auxiliary or not question.asks)
    return fits or any(word.is_name for word in words)


def _is_empty_subject(question: Question, at: int) -> bool:
    """True of the "it" in "is it safe to swim in the bay" and "what if it rains"."""
    for k in range(at + 1, at + 8):
        if question.word(k).low in ("to", "that", "when", "if", "whether"):
            return sum(word.is_content for word in question.words[k + 1 :]) > 1
    return question.word(at + 1).low.startswith(("rain", "snow"))


def _has_subject_after_comma(question: Question, at: int) -> bool:
    """True of the "it" in "before it closed, how many did the mill employ?"."""
    _, comma, rest = question.text[question.word(at).end :].partition(",")
    subject = Question(rest.strip())
    return bool(comma and subject.auxiliary and subject.mentions and subject.mentions[0].end)


def _with_referents(question: Question, talk: list[Question]) -> str:
    """Puts what they stand for in the place of the words that the question leaves open."""
    text, subject = question.text, next((m for m in talk[-1].mentions if m.end), None)
    for at, kind in reversed(list(_open_references(question))):
        if question.is_fragment and kind == "fact":
            continue  # "and after that?"
        word, last, after = (question.word(k) for k in (at, at - 1, at + 1))
        start, end, new = word.start, word.end, ""
        if kind == "pronoun":
            new = _referent(word.low, talk)
            if new and word.low in OWNERS and (word.low != "her" or after.is_content):
                owners = [m.text for m in talk[-1].mentions if m.before == "'s"]
                new = owners[0] if question.is_led and owners else new  # "and her father?"
                new += "’" if new.endswith("s") else "’s"
        elif kind == "place":
            new = _place(talk, toward=last.low in ("get", "go", "travel", "come", "drive", "walk"))
        elif kind == "noun":
            phrase = question.phrases(at, last.low if last.low in AUXILIARIES else "")[0]
            new, end = _named(word.low, phrase.head, talk), phrase.end
        elif kind == "one":
            start, new = _chosen(question, at, talk)
        elif after.is_content and subject and subject.fits("it"):
            new = subject.text  # "does that cover theft?"
        elif statement := talk[-1].statement:
            new = f"that {statement}"  # "who said that?"
            if question.auxiliary:  # "when was that?"
                new, text = "it", f"{text.rstrip(' ?')} that {statement}?"
        text = text[:start] + _definite(new) + text[end:] if new else text
    return text


def _latest(talk: list[Question]) -> Iterator[Mention]:
    """What was talked about, the latest question first."""
    return (mention for past in reversed(talk[-RECENT_TURNS:]) for mention in past.mentions)


def _referent(pronoun: str, talk: list[Question]) -> str:
    """The latest mention that the pronoun can stand for, or ""."""
    for past in reversed(talk[-RECENT_TURNS:]):
        fitting = [mention for mention in past.mentions if mention.fits(pronoun)]
        if not fitting and pronoun in THEY:
            fitting = list(past.mentions[:1])
        if not fitting:
            continue
        best = min(fitting, key=_is_aside) if pronoun in IT else fitting[0]
        found: dict[str, None] = dict.fromkeys(_NAME.findall(past.answer))
        names = [name for name in found if name not in past.text]
        if not best.end and len(names) == 1:
            return names[0]  # the answer names what was asked for
        who = "people who" if pronoun in THEY else "person who"
        return best.text.replace("person who", who)
    return ""


def _is_aside(mention: Mention) -> int:
    """How unlikely "it" means this: "China" in "does China have a plant? how big is it?"."""
    if mention.before in PREPOSITIONS - {"of"}:
        return 0 if mention.before == "about" else 2
    return 2 if mention.is_name and mention.text[0].isupper() else 1


def _place(talk: list[Question], *, toward: bool) -> str:
    """What "there" is: the latest name of a place, else what was talked about."""
    for mention in _latest(talk):
        is_day = mention.head.endswith(("day", "days")) or mention.head.isdigit()
        is_place = mention.before in ("in", "to", "at", "from", "on", "near") and not is_day
        if is_place and mention.is_name:
            near = "at" if mention.before == "at" else "in"
            return f"{'to' if toward else near} {mention.text}"
    topic = _topic(talk)
    return f"{'to' if toward else 'in'} {topic}" if topic else ""


def _named(pointer: str, noun: str, talk: list[Question]) -> str:
    """What "that country" is: the latest mention with this noun, else a name just mentioned."""
    alike = [m.text for m in _latest(talk) if singular(m.head) == singular(noun)]
    names = [m.text for m in talk[-1].mentions if m.is_name and pointer in ("that", "those")]
    return (alike or names or [""])[0]


def _chosen(question: Question, at: int, talk: list[Question]) -> tuple[int, str]:
    """Where "the other one", "the second one", "the red one" starts, and what it is."""
    word, bare = question.word(at), question.word(at).low not in ("one", "ones")
    at += bare  # "the other" is read like "the other one"
    chooser, start = question.word(at - 1).low, question.word(at - 2).start
    mentions = [m for past in reversed(talk) for m in past.mentions if m.end]
    others = [m.text for m in mentions if m.is_name and m.head not in mentions[0].text.lower()]
    if chooser == "other" and others and mentions[0].is_name:
        return start, others[0]
    pair = next(_pairs(talk), None)
    if pair and chooser in ORDINALS:
        return start, pair[ORDINALS[chooser]]
    named = [[m.head for m in past.mentions if m.end and not m.is_name] for past in talk]
    heads = next((heads for heads in reversed(named) if heads), [""])
    heads.sort(key=lambda head: singular(head) == head)  # "one" is one of several
    noun = heads[0] if word.low == "ones" else singular(heads[0])
    return word.start, f"{word.text} {noun}" if bare else noun


def _pairs(talk: list[Question]) -> Iterator[tuple[str, str]]:
    """The things that questions name side by side, the latest first."""
    for past in reversed(talk):
        for one, two in pairwise(sorted(past.mentions, key=lambda m: m.start)):
            if past.text[one.end : two.start].strip(" ,") in ("or", "and"):
                yield one.text, two.text


def _in_the_frame(fragment: Question, last: Question) -> str:
    """The last question, asked of or about the fragment."""
    new, first = fragment.bare, fragment.word(0).low
    new = new[0].lower() + new[1:] if first in FUNCTION else new
    if fragment.asks:
        return _asked_anew(fragment, last)
    if first in SUBORDINATORS - PREPOSITIONS:
        return f"{re.split(rf' {first} ', last.bare)[0]} {new}"
    marked = [word for word in fragment.words if any(c.isdigit() for c in word.text)]
    for old in last.words if len(marked) == 1 else ():
        if re.sub(r"\d", "0", old.low) == re.sub(r"\d", "0", marked[0].low):
            return last.bare[: old.start] + marked[0].text + last.bare[old.end :]
    if first in PREPOSITIONS:
        for mention in reversed(last.mentions):
            if mention.before == first:
                return last.bare[: mention.start] + new[len(first) + 1 :] + last.bare[mention.end :]
    if first in PREPOSITIONS | TIMES or not fragment.mentions:
        return f"{last.bare} {new}"
    slots = [mention for mention in last.mentions if mention.end]
    slot = max(slots, key=lambda m: _likeness(m, fragment.mentions[0]), default=None)
    if slot is None or (_likeness(slot, fragment.mentions[0]) < 5 and len(slots) > 1):
        return f"{last.bare} for {new}"
    return last.bare[: slot.start] + new + last.bare[slot.end :]


def _likeness(one: Mention, two: Mention) -> int:
    """How well the second can take the place of the first."""
    determined = {mention.text.split()[0].lower() in DETERMINERS for mention in (one, two)}
    alike = len(determined) == 1 or (one.is_name and two.is_name)
    score = 3 * (one.is_name == two.is_name) + 4 * (singular(one.head) == singular(two.head))
    return score + (one.before == "of") + alike + (one.is_plural == two.is_plural)


def _asked_anew(fragment: Question, last: Question) -> str:
    """The last question with the fragment's asking phrase: "why?" after "how loud is it?"."""
    lows, rest = fragment.lows, last.tail(last.asks)
    if lows[0] == "how" and lows[-1] not in FUNCTION:  # "how many rooms?"
        return f"{fragment.bare} does {_definite(_referent('it', [last]) or _topic([last]))} have"
    if not last.statement:
        return f"{fragment.bare}: {last.text}"
    if last.asks_for_subject:
        return f"{fragment.bare} was it that {last.statement}"
    if lows == ["why", "not"]:
        negated = {"can": "can't", "will": "won't", "may": "may not"}
        auxiliary = negated.get(last.auxiliary, last.auxiliary + "n't")
        return f"why {auxiliary}{rest[len(last.auxiliary) :]}"
    if len(lows) > 1 and (lows[0] == "why" or lows[-1] in PREPOSITIONS):
        return f"{lows[0]} {rest} {' '.join(lows[1:])}"
    if last.asks and rest.split()[-1] in PREPOSITIONS:
        rest = rest.rsplit(" ", 1)[0]
    elif last.asks > 2 and last.word(last.asks - 1).is_content and last.auxiliary in DO:
        rest = f"{rest} with {last.word(last.asks - 1).text}"
    return f"{fragment.bare} {rest[:1].lower()}{rest[1:]}"


def _is_incomplete(question: Question, latest: list[Question]) -> bool:
    """Whether it speaks of "the price" or "the brush too" without saying of what."""
    nouns = {singular(word.low) for word in question.content} - VERBS
    if question.auxiliary in BE and question.word(1).low == "there" and len(nouns) == 1:
        return True  # "is there a lift?"
    before = {word.low for past in latest for word in past.content}
    goes_on = question.bare.lower().endswith((" too", " as well", " either"))
    return bool(nouns) and (nouns <= PARTS or (goes_on and bool(nouns & before)))


def _topic(talk: list[Question]) -> str:
    """The name in the latest mention, or its innermost phrase."""
    mentions = next((past.mentions for past in reversed(talk) if past.mentions), ())
    inside = [m.text for m in mentions if mentions[0].start <= m.start and m.end <= mentions[0].end]
    names = [text for text in inside if not text.islower()]
    return _definite((names or inside or [""])[-1])


def _with_topic(question: Question, talk: list[Question]) -> str:
    """The question with its topic after "the price", else before it all."""
    topic = _topic(talk)
    for mention in question.mentions:
        is_whole = mention.end and mention.text.lower().startswith("the ")
        if topic and is_whole and " of " not in mention.text:
            return f"{question.text[: mention.end]} of {topic}{question.text[mention.end :]}"
    return f"{topic or talk[-1].bare}: {question.text}"


def _definite(phrase: str) -> str:
    """As something already known: "the plant" for "a plant"; "X" for "the name of X"."""
    phrase = re.sub(r"^(?:the|The) (?:name|title|kind|type) of ", "", phrase)
    return re.sub(r"^(?:an?|some|any|no|The)\s", "the ", phrase)
