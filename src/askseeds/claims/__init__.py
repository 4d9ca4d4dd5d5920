"""Whether sentences of the documents say what a claim says. Pure, offline, and rather strict.

A claim that a language model wrote is read against the sentences that it names. First, what can be
named is compared: numbers, dates, names, quantifiers, hedges, tense, causes, directions, negation,
who did what to whom. Every one of these rules can say what is wrong. What no rule sees, such as a
detail that was made up, shows in words of the claim that nothing in the sentences comes near to:
a model of word meanings (`models.Matcher`) and the reranker judge that.
"""

from askseeds.claims.verdict import Verdict, check

__all__ = ["Verdict", "check"]
