"""Whether quotes can hold the answer that a question wants. Pure.

A cross-encoder is content with a sentence on the subject, though a question wants a number and the
sentence has none. Only what is sure is told here: "how many" and "in which year" want one; "when"
may be answered by "after the war", and "how much" by "greatly".
"""

import re
from collections.abc import Iterable

from askseeds.quantities import read

_COUNT = re.compile(
    r"\bhow (?:many|old|tall|heavy)\b|\b(?:what|which) (?:year|date|percentage|number of)\b"
    r"|\bhow much (?:do|does|did|is|are|was|were) [\w’' &.-]+ "
    r"(?:cost|pay|earn|charge|weigh|spend|owe|raise|sell for|worth)\b",
    re.I,
)
_ASKS = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.I)
_COUNTED = re.compile(
    r"\d|\b(?:no|none|nobody|nothing|all|both|several|few|most of|dozens|hundreds|thousands"
    r"|millions|billions|couple|pair|half|free|century|decade)\b",
    re.I,
)


def lacks_number(question: str, quotes: Iterable[str]) -> bool:
    """Whether a question asks for nothing but a number or a date, and no quote has any.

    Args:
        question: As it was searched for. One that asks several things is left alone.
        quotes: Texts; a count in words ("a few", "none") is a number, too.
    """
    if len(_ASKS.findall(question)) != 1 or not _COUNT.search(question):
        return False
    return not any(_COUNTED.search(text) or any(read(text)) for text in quotes)
