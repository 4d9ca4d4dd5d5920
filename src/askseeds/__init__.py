"""Answers from your own documents, in verbatim quotes."""

__version__ = "0.1.0"
