"""Rules of the code itself: imports go one way, and every error is one of ours."""

import ast
from pathlib import Path

import pytest

from askseeds import errors
from tests.conftest import ROOT

# Each may import from those before it only.
ORDER = """
    errors types config documents sentences models snapshots export lock ledger seeds vectors
    words derived sync retrieve quantities expected tables evidence quote questions claims followup
    slips spelling engines finder prose assistant batch conversation langchain status doctor render
    render_exchange render_documents terminal evaluate pytest_plugin feedback web console asking
    cli __main__
""".split()
PACKAGE = ROOT / "src" / "askseeds"


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name != "__init__":
            yield pytest.param(name, path, id=str(path.relative_to(PACKAGE)))


def imported(tree: ast.AST) -> set[str]:
    """Top names under `askseeds` that a module imports, but for those that only types need."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "askseeds":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("askseeds."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("askseeds.")}
    return found


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_imports_go_one_way(name: str, path: Path) -> None:
    assert name in ORDER, f"{name} has no place in the order of modules"
    above = set(ORDER[: ORDER.index(name)]) | {name}
    assert imported(ast.parse(path.read_text(encoding="utf-8"))) <= above


def test_the_order_names_only_modules_that_exist():
    there = {path.stem for path in PACKAGE.glob("*.py")}
    there |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(ORDER) <= there


def test_every_error_is_drawn_in_the_tree():
    tree = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type):
            assert issubclass(value, errors.AskseedsError)
            assert name in tree


@pytest.mark.parametrize("name", ["print", "breakpoint"])
def test_nothing_in_the_library_prints(name: str) -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                # The chat tells its address, which is its result.
                assert node.func.id != name or path.parent.name == "web", path


def test_app_is_short():
    assert len((ROOT / "app.py").read_text().splitlines()) <= 25
