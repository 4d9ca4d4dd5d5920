"""The parts of `askseeds ask`."""

import sys
from typing import IO, TYPE_CHECKING

import click

from askseeds import console
from askseeds.console import FAILED, NOT_FOUND, OK
from askseeds.errors import AskseedsError, ConfigError, IndexUnwritable

if TYPE_CHECKING:
    from askseeds.assistant import Assistant
    from askseeds.config import Settings
    from askseeds.types import Answer, Progress, Turn


def show_claims(answer: "Answer", shown: int | None) -> int | None:
    """Shows the claims that hold as they come; gives how many were shown."""
    from askseeds import terminal

    held = [claim for claim in answer.claims if claim.supported]
    if held and shown is None:
        for part in terminal.answer_head(answer, colour=console.colour()):
            console.result(f"{part}\n")
    for number, claim in enumerate(held[shown or 0 :], start=(shown or 0)):
        console.result(
            ("\n" if number else "") + terminal.claim_text(claim, colour=console.colour())
        )
    return len(held) or shown


def tell_asked(answer: "Answer", where: str = "") -> None:
    """What was searched for, where it is not what was asked; JSON has no place for it."""
    if answer.asked != answer.question:
        console.notice(f"{where}searched for: {answer.asked}")


def tell(answer: "Answer") -> None:
    """What the user should know although it is no error."""
    if answer.notice:
        console.notice(f"askseeds: {answer.notice}")


def dry_run(
    settings: "Settings", question: str, *, go_on: bool, source: str | None, sync: bool
) -> int:
    """Shows what a language model would be sent; gives the exit code."""
    from askseeds import terminal
    from askseeds.assistant import checked
    from askseeds.prose.endpoint import LOCAL, endpoint

    if not settings.model:
        raise ConfigError("--dry-run: no language model is named; name one with --model")
    found = endpoint(settings.model, settings.base_url)
    plain = settings.model_copy(update={"model": ""})
    text = checked(question)
    with (
        console.progress() as progress,
        opened(plain, sync=sync, progress=progress) as assistant,
    ):
        history = last_turns(settings) if go_on else ()
        small = found.provider == LOCAL
        prompts = assistant.prompts(text, small=small, history=history, source=source)
    if prompts:
        console.result(terminal.prompts_text(found, prompts, settings.max_tokens))
        return OK
    console.notice("nothing would be sent: no answer was found in the documents")
    return NOT_FOUND


def opened(settings: "Settings", *, sync: bool, progress: "Progress | None") -> "Assistant":
    """The assistant; says what to do where the index cannot be written."""
    from askseeds.assistant import Assistant
    from askseeds.ledger import FILE_NAME

    try:
        return Assistant.open(settings, sync=sync, progress=progress, notice=console.notice)
    except IndexUnwritable as error:
        if sync and (settings.index / FILE_NAME).is_file():
            raise IndexUnwritable(f"{error}, or take it as it is with --no-sync") from error
        raise


def last_turns(settings: "Settings") -> "tuple[Turn, ...]":
    """What `--continue` goes on with."""
    from askseeds import conversation

    turns = conversation.last(settings.index)
    if not turns:
        file = settings.index / conversation.FILE_NAME
        console.notice(f"askseeds: {file} holds no conversation to go on with; this begins one")
    return turns


def question_of(words: tuple[str, ...]) -> str:
    """The question from the arguments or standard input."""
    if words and words != ("-",):
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise click.UsageError("no question; try: askseeds ask 'What is this about?'")
    return console.decoded(sys.stdin.buffer.read(), "standard input")


def ask_batch(assistant: "Assistant", lines: IO[bytes], *, source: str | None) -> int:
    """One line of JSON in, one out; gives the exit code."""
    from askseeds import terminal
    from askseeds.batch import read_lines

    failed = False
    with lines:
        for line in read_lines(lines):
            try:
                answer = assistant.ask(line.question(), history=line.history(), source=source)
                result = {"id": line.id, **terminal.answer_json(answer)}
            except AskseedsError as error:
                failed = True
                result = {"id": line.id, "error": str(error)}
            else:
                tell_asked(answer, f"line {line.number}: ")
                tell(answer)
            console.result(terminal.json_line(result))
    return FAILED if failed else OK
