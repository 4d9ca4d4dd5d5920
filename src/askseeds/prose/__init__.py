"""Prose from a language model: a guest that is not trusted.

`endpoint` says where a model is, `local` runs one on this machine, `model` asks it, `prompt` says
what it is asked and reads what it says, `cache` keeps that, `converse` reads what kind of answer is
wanted, and `write` makes claims of it that rest on quotes. Nothing here is imported before a model
is named.
"""
