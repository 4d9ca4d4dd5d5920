"""Every command of the README does what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.split("  #")[0].strip()
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
]
# Run by other means below, or what is running now.
ELSEWHERE = {"make chat", "make test", ". .venv/bin/activate", "askseeds chat --no-open"}


@pytest.fixture(scope="module")
def home(tmp_path_factory, exported_encoder):
    """A copy of what a user has after `make chat`."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    return folder


def environment():
    """That of a user who has the commands on the path, and who is not inside of make."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return inherited | {"PATH": path}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ELSEWHERE])
def test_command(home, command):
    done = subprocess.run(
        command, shell=True, cwd=home, env=environment(), capture_output=True, check=False
    )
    said = done.stdout.decode() + done.stderr.decode()
    assert done.stdout.strip(), said
    assert "Traceback" not in said
    assert done.returncode == (3 if "revenue" in command else 0), said


def test_the_answer_shown_is_the_answer_given(home):
    (shown,) = (block for kind, block in BLOCKS if kind == "console")
    question, printed = shown.split("\n", 1)
    asked = re.search(r'Q="(.*)"', question)[1]
    command = [sys.executable, "-m", "askseeds", "ask", asked]
    done = subprocess.run(command, cwd=home, capture_output=True, check=True)
    # The last digit of a confidence depends on the processor; nothing else does.
    told, shown_confidence = printed.rstrip().rsplit(" ", 1)
    given, confidence = done.stdout.decode().rstrip().rsplit(" ", 1)
    assert given == told
    assert float(confidence) == pytest.approx(float(shown_confidence), abs=0.03)


def test_the_check_of_a_quote_prints_it(home):
    (command,) = (c for c in COMMANDS if c.startswith("python3 -c"))
    done = subprocess.run(command, shell=True, cwd=home, capture_output=True, check=True)
    (shown,) = (block for kind, block in BLOCKS if kind == "console")
    assert done.stdout.decode().strip() in shown


def test_the_python_example(home):
    (code,) = (block for kind, block in BLOCKS if kind == "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, check=True)
    assert done.stdout.decode().startswith("answered 0.")


@pytest.mark.parametrize(
    "command", [["make", "chat", "CHAT=--no-open --port 0"], ["askseeds", "chat", "--no-open"]]
)
def test_the_chat_starts_and_tells_where(home, command):
    if command[0] == "make":
        if not (ROOT / ".venv" / "installed").is_file():
            pytest.skip("set up by other means than make")
        cwd, extra = ROOT, {"ASKSEEDS_INDEX": str(home / "index")}
    else:
        command, cwd, extra = [*command, "--port", "0"], home, {}
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment() | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert re.fullmatch(r"askseeds chat: http://127\.0\.0\.1:\d+\n", line)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)


def test_make_ask_takes_any_question(home):
    if not (ROOT / ".venv" / "installed").is_file():
        pytest.skip("set up by other means than make")
    question = 'What\'s "$(echo EUV)" `date` $HOME?'
    done = subprocess.run(
        ["make", "--silent", "ask", f"Q={question.replace('$', '$$')}"],
        cwd=ROOT,
        env=environment() | {"ASKSEEDS_INDEX": str(home / "index")},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert "confidence" in done.stdout.decode()


def test_it_is_short_and_links_to_what_exists():
    assert len(README.splitlines()) <= 200
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_batch_lines_of_the_readme_are_json():
    for command in COMMANDS:
        if "--batch" in command:
            assert json.loads(command.split("'")[1])["question"]
