"""Whether sentences of the documents say what a claim says. Pure, offline, and strict.

A claim that a language model wrote is read against the sentences that it names. `extracts`: a part
of a sentence that stands by itself is supported. Else what can be named is compared: numbers,
dates, names, quantifiers, causes, directions, negation; each of these rules can say what is wrong.
What they leave open, such as a detail that was made up, `support` weighs: how near the words are,
which small words only one side has, and what the less certain rules find.
"""

from askseeds.claims.verdict import Verdict, check

__all__ = ["Verdict", "check"]
