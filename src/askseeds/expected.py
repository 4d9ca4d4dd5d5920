"""Whether quotes can hold the answer that a question wants. Pure.

A cross-encoder is content with a sentence on the subject, though a question wants a number and the
sentence has none. Only what is sure is told here: "how many people are there" and "in which year
was it built" want one; "when" may be answered by "after the war", and "how much" by "greatly". What
can stand for a number counts as one, for a refusal by mistake is worse than a look at a sentence.
"""

import re
from collections.abc import Iterable

from askseeds.quantities import read

_VERB = (
    r"(?:am|is|are|was|were|do|does|did|has|have|had|can|could|will|would|shall|should|may|must)"
)
_COUNT = re.compile(
    rf"\W*(?:(?:and|but|so)\s+)?(?:(?:in|on|at|by|for|from|to|with|of|since|until)\s+)?(?:"
    rf"how\s+many\s(?!of\b)|(?:what|which)\s+(?:year|date|percentage)(?:\s+of\s.*)?\s+{_VERB}\b"
    rf"|how\s+(?:old|tall|heavy)\s+{_VERB}\b"
    rf"|how\s+much\s+{_VERB}\b.*\b(?:cost|pay|earn|charge|weigh|owe)\b)",
    re.I,
)
_ASKS = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.I)
# Counts in words, ends of counting, days, and what is said of ages and weights ("still a child").
_STANDS_FOR = re.compile(
    r"\b(?:one|once|no|none|nobody|nothing|not|never|neither|nor|without|all|any|some|both|each|every"
    r"|everyone|everybody|either|several|few|fewer|many|much|more|less|most of|majority|minority"
    r"|dozens|hundreds|thousands|millions|billions|handful|couple|pair|half|only|single|sole|whole"
    r"|entire|unlimited|limit|minimum|maximum|free|included|complimentary|century|decade|last|next"
    r"|weekdays?|weekends?|holidays?|day|days|age|child|baby|newborn|young|old|light|feather)\b|n[’']t\b",
    re.I,
)


def lacks_number(question: str, quotes: Iterable[str], over: Iterable[str] = ()) -> bool:
    """Whether a question asks for nothing but a number or a date, and there is none.

    Args:
        question: As it was searched for. One that asks several things is left alone.
        quotes: Their texts.
        over: The titles and headings over them: "2024" may be the year of all that follows.
    """
    if len(_ASKS.findall(question)) != 1 or not _COUNT.match(question):
        return False
    quotes = list(quotes)
    if any(_STANDS_FOR.search(text) for text in quotes):
        return False
    return not any(re.search(r"\d", text) or any(read(text)) for text in (*quotes, *over))
