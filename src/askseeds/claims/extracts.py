"""Whether a claim is a part of a sentence that stands by itself, word for word.

What a model that keeps to the words of the sentences writes is mostly that. Nothing has to be
weighed then: the words are the same, in the same order, and what is left out is an aside between
commas, or what comes after a clause, and takes nothing back. The order may be another where grammar
has two for one meaning: "if A, B" and "B if A", "A was done by B" and "B did A", "A, who did B".
"""

import re
from collections.abc import Iterator, Sequence

from askseeds.claims.words import PLAIN, words_in
from askseeds.quantities import read
from askseeds.questions import BE, DO, HAVE

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:[’'.-][^\W_]+)*|\S")
_PRONOUNS = frozenset("he she it they his her its their".split())
_POSSESSIVE = frozenset("his her its their".split())
_AS_ONE = {"shall": "must", "’": "'", "n’t": "n't"}
_LEADING = frozenset(
    "because if when as after before since while once unless in on at from during".split()
)
_JOINING = frozenset("of in at for with from on and or to".split()) | {","}
_DATED = frozenset("in on at during".split())
_DATE_WORDS = 8
_FIRST = frozenset("the a an this these it he she they".split())
_VERBS = BE | HAVE | DO | frozenset("will can may must shall should could would".split())
_IDLE = frozenset("please also later therefore thus moreover furthermore hence indeed".split())
_DENYING = frozenset("only deny denied denies false wrong untrue not no never none neither".split())
_OTHERS_SAY = frozenset(
    "according said says say told tells reported reports rumour rumours rumor rumors supposedly "
    "subject depending refuted overturned overturns withdrew withdrawn myth mistaken".split()
)
_DATING = frozenset(
    "the of night morning evening january february march april may june july august september "
    "october november december spring summer autumn winter".split()
)
_ADDING = frozenset("who which whose and including".split())
_ARTICLES = frozenset("a an the".split())
_APPOSED_WORDS = 8
_CONCEDING = frozenset("though although whereas while".split())
NAME_WORDS = 6
"""A name from the headings, in the place of a pronoun, has no more words."""

MOST_WORDS = 150
"""A longer claim is no extract: it is not worth the time of finding out."""


def is_extract(claim: str, sentences: Sequence[str], context: str) -> bool:
    """Whether one of some sentences says a claim in its own words.

    Args:
        claim: As a model wrote it.
        sentences: Any one of them may be it.
        context: Title and headings: what a pronoun of the sentence may stand for, where nothing
            before it in the sentence has a name.
    """
    told = _tokens(claim.strip().rstrip(".!"))
    parts = re.split(r"[›\n]", context)
    known = [part for part in map(_content, map(_tokens, parts)) if len(part) <= NAME_WORDS]
    if not 0 < len(told) <= MOST_WORDS:
        return False
    claims = [told, *_moved(told), *_active(told)]
    for sentence in map(_tokens, sentences):
        forms = [sentence, *_moved(sentence), *_active(sentence), *_relative(sentence)]
        forms += _apposed(sentence)
        if any(_says(form, one, known) for form in forms for one in claims):
            return True
    return False


def _moved(tokens: list[str]) -> Iterator[list[str]]:
    """Gives "B if A" of "if A, B"."""
    if tokens[:1] and tokens[0].lower() in _LEADING and "," in tokens:
        comma = tokens.index(",")
        stop = next((at for at, token in enumerate(tokens) if token in ";.!?"), len(tokens))
        if comma < stop:
            yield [*tokens[comma + 1 : stop], *tokens[:comma]]


def _active(tokens: list[str]) -> Iterator[list[str]]:
    """Gives "B did A" of "A was done by B", where the verb has one form for both."""
    for by, token in enumerate(tokens):
        if token != "by" or not tokens[by - 1].endswith("ed") or by < 3:
            continue
        done = tokens[by - 1]
        if tokens[by - 2] in ("was", "were"):
            subject, verb = tokens[: by - 2], [done]
        elif by > 3 and tokens[by - 2] == "been" and tokens[by - 3] in ("had", "have", "has"):
            subject, verb = tokens[: by - 3], [tokens[by - 3], done]
        else:
            continue
        for end in range(by + 2, min(by + 2 + NAME_WORDS, len(tokens) + 1)):
            yield [*tokens[by + 1 : end], *verb, *subject, *tokens[end:]]


def _relative(tokens: list[str]) -> Iterator[list[str]]:
    """Gives "A did B" of "A, who did B", where A is all that "who" can stand for."""
    for at, token in enumerate(tokens):
        if token not in ("who", "which") or at < 2 or tokens[at - 1] != ",":
            continue
        for start in range(max(0, at - 1 - NAME_WORDS), at - 1):
            if start == 0 or (tokens[start - 1] == "by" and _named(tokens[start : at - 1])):
                name = tokens[start : at - 1]
                if not _JOINING.intersection(word.lower() for word in name):
                    yield [*name, *tokens[at + 1 :]]


def _apposed(tokens: list[str]) -> Iterator[list[str]]:
    """Gives "It is a B" of "A, a B"; what "it" is, the sentence tells."""
    for at, token in enumerate(tokens[:-1]):
        if token == "," and tokens[at + 1] in _ARTICLES:
            yield ["It", "is", *tokens[at + 1 :]]


def _tokens(text: str) -> list[str]:
    found = [match[0].replace("’", "'") for match in _TOKEN.finditer(text)]
    return [_AS_ONE.get(token.lower(), token) for token in found]


def _says(sentence: list[str], told: list[str], known: Sequence[list[str]]) -> bool:
    starts = [0, *(at + 1 for at, token in enumerate(sentence) if token == ";")]
    starts += _after_date(sentence)
    return any(_follows(sentence, start, start, told, 0, known, set()) for start in starts)


def _after_date(sentence: list[str]) -> Iterator[int]:
    """Where a clause may begin after "In 2004" or "During the night of 16 February"."""
    if sentence[:1] and sentence[0].lower() in _DATED:
        for at in range(2, min(_DATE_WORDS, len(sentence))):
            first = sentence[at].lower() in _FIRST or sentence[at][0].isupper()
            before = sentence[1:at]
            dated = any(token[0].isdigit() for token in before) and all(
                token[0].isdigit() or token == "," or token.lower() in _DATING for token in before
            )
            if first and dated and sentence[at - 1].lower() not in _JOINING | _FIRST:
                yield at


def _follows(
    sentence: list[str],
    start: int,
    at: int,
    told: list[str],
    done: int,
    known: Sequence[list[str]],
    tried: set[tuple[int, int]],
) -> bool:
    """Whether the claim from word `done` on is said from word `at` of the sentence on."""
    if done == len(told):
        return _may_end(sentence, start, at)
    if at >= len(sentence) or (at, done) in tried:
        return False
    tried.add((at, done))  # each state once: a sentence may be made to have many ways
    same = sentence[at].lower() == told[done].lower()
    if same and _follows(sentence, start, at + 1, told, done + 1, known, tried):
        return True
    if sentence[at].lower() in _IDLE and _follows(
        sentence, start, at + 1, told, done, known, tried
    ):
        return True
    if sentence[at].lower() in _PRONOUNS and not _named(sentence[start:at]):
        for end in range(done + 1, min(done + NAME_WORDS, len(told)) + 1):
            if _stands_for(told[done:end], sentence[at].lower(), known) and _follows(
                sentence, start, at + 1, told, end, known, tried
            ):
                return True
    if done and _is_verb(sentence[at]) and _is_verb(told[done]):  # "it lies … and covers"
        for end in range(at + 1, len(sentence) - 1):
            if sentence[end] in ";.!?":
                break
            if sentence[end] == "and" and sentence[end + 1] == told[done]:
                return not _takes_back(sentence[at:end]) and _follows(
                    sentence, start, end + 1, told, done, known, tried
                )
    if sentence[at] in (",", "("):  # an aside
        close = {",": ",", "(": ")"}[sentence[at]]
        for end in range(at + 1, len(sentence)):
            if sentence[end] == close and _is_extra(sentence[at + 1 : end]):
                return _follows(sentence, start, end + 1, told, done, known, tried)
    return False


def _is_verb(token: str) -> bool:
    """Whether a word may be a verb of a third person, by its form; some nouns are, too."""
    return token in _VERBS or (token.islower() and token.endswith(("s", "ed")))


def _named(tokens: Sequence[str]) -> bool:
    return any(token[0].isupper() and token.lower() not in PLAIN for token in tokens)


def _stands_for(name: Sequence[str], pronoun: str, known: Sequence[list[str]]) -> bool:
    """Whether some words of the claim are a heading, or its start or end, in a pronoun's form."""
    if name[-1].endswith("'s") != (pronoun in _POSSESSIVE):
        return False
    told = _content(name)
    return any(told in (part[: len(told)], part[-len(told) :]) for part in known if told)


def _content(tokens: Sequence[str]) -> list[str]:
    lows = [token.lower().removesuffix("'s") for token in tokens if token[0].isalnum()]
    return [low for low in lows if low not in PLAIN]


def _may_end(sentence: list[str], start: int, at: int) -> bool:
    """Whether nothing that follows takes back what was said before."""
    rest = sentence[at:]
    if all(token in ".!\"”'" for token in rest):
        return True
    if "?" in rest:
        return False
    if rest[0] == ",":
        return _is_extra(rest[1:])
    if rest[0].lower() == "and" and _goes_on(sentence[start:at], rest[1:]):
        return False
    return (rest[0] in ";.:!" or rest[0].lower() == "and") and not _takes_back(rest)


def _goes_on(before: Sequence[str], after: Sequence[str]) -> bool:
    """Whether a quantity is told on both sides of "and": "ten years and six months"."""
    one, two = (read(" ".join(some))[0] for some in (before[-2:], after[:3]))
    if not one or not two or two[0].start > len("a "):
        return False
    return two[0].kind == one[-1].kind != "" or two[0].value < 1


def _is_extra(tokens: Sequence[str]) -> bool:
    """Whether what stands after a comma only adds to what was said: it does not narrow it.

    That is a clause with "who", "and" or "although", a date, or another name for the same.
    """
    lows = [token.lower() for token in tokens]
    if not lows or _takes_back(lows[1:] if lows[0] in _CONCEDING else lows):
        return False
    if lows[0] in _ADDING | _CONCEDING:
        return True
    if lows[0] in _DATED:
        return any(low[0].isdigit() for low in lows[:_DATE_WORDS])
    words = [low for low in lows if low[0].isalnum()]
    named = lows[0] in _ARTICLES or (len(words) > 1 and words[0].endswith("'s"))
    return named and len(words) <= _APPOSED_WORDS and not any(map(_is_verb, words[1:]))


def _takes_back(tokens: Sequence[str]) -> bool:
    """Whether what is left out would change what is kept: exceptions, conditions, doubt."""
    conditions = words_in("turns", "unless") - _CONCEDING - {"but", "however"}
    taking = conditions | words_in("hedges", "doubt") | _DENYING | _OTHERS_SAY
    lows = [token.lower() for token in tokens]
    return any(low in taking or low.endswith("n't") for low in lows)
