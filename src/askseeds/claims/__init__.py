"""Whether sentences of the documents say what a claim says. Offline, and strict.

A claim that a language model wrote is read against the sentences that it names. Numbers, dates and
names are compared first (`numbers`, `names`): what is not in the sentences is not said by them.
`models.Entailment` judges the rest.
"""

from askseeds.claims.verdict import LEAST, Verdict, check

__all__ = ["LEAST", "Verdict", "check"]
