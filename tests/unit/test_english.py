"""Messages, help, docs and docstrings use the words that Python and Kubernetes use."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "mlplat"

PARTS = ("docs", *sorted(path.stem for path in SOURCES.iterdir() if path.is_dir() or path.suffix == ".py"))
"""The pages (``docs``), and the packages and modules of mlplat."""

PATTERNS = {
    r"(?<!there\s)\b(?:is|are|was|were) no (?!longer\b|more\b|better\b|worse\b|larger\b)": "is not a …, has no …",
    r"(?<!there\s)\b(?:is|are|was|were) none\b(?! of\b)": "is not a valid …",
    r"\bthere (?:is|are): ": "available: …",
    r"\bof another kind\b": "expected …, got …",
    r"\bstands? in (?!a row\b)": "is in, is written in",
    r"\bwhat (?:is|was) meant\b": "say what is meant",
    r"\b(?:is|are|was|were)(?:n't| not) there\b": "not found, does not exist",
    r"\bhas(?:n't| not)(?=\s*(?:[.,;:|)]|$))": "has no …, is missing",
    r"\blacks?\b": "has no …, is missing",
    r"\banew\b": "again, from scratch",
    r"\bvalues? of (?:the|a|its) run\b": "runtime value",
    r"\btruth values?\b": "boolean",
    r"\bwhole numbers?\b": "integer",
    r"\b(?:a|one|any|the same) text\b(?! file)|\btexts\b": "string",
    r"\b(?:go|goes|going|went|gone) on\b": "continue, resume",
    r"\bcircles?\b": "cycle",
    r"\bbegins?\b(?! immediate)": "start, prefix",
    r"\btries\b(?! to\b)": "attempts",
    r"\b(?:is|are|was|were|be) told\b": "is reported",
    r"\bwants? of\b": "requires",
    r"\btakes? [^.;:]{0,40}?\b(?:away|out)\b": "remove",
    r"\bgives? on\b": "pass on",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bto nobody\b": "is not known",
    r"\bfor want of\b": "without",
    r"\bin vain\b": "without effect",
    r"\bfor ever\b": "forever",
    r"\blook(?:s|ed)? whether\b": "check whether",
    r"\bcan't\b(?! connect)": "cannot",
    r"\bwhat (?:came|comes) (?:of|out)\b": "result, output",
    r"\bc[ao]mes? out of (?:it|them|a task)\b|\bwent into\b": "input, output",
    r"\bmakes? room\b": "free space",
    r"\b(?:your|no|without|missing|that) rights?\b(?! (?:side|away))": "permission",
    r"\b(?:given|named) twice\b": "repeated, passed twice",
    r"\btried again\b": "retried",
    r"\bbegun\b": "started",
    r"\bto be had\b": "available",
    r"\bby way of\b": "through, with",
    r"\bhand(?:s|ed|ing)? (?:it |them )?on\b": "pass on",
    r"\b(?:is|are) (?:no|not) there\b": "not found, does not exist",
    r"\bwhat else\b|\bfor all else\b": "other, everything else",
    r"\bnothing can be\b": "cannot …",
}
"""What a reader of the Python and Kubernetes documentation stops at, and what to write."""

DOCSTRINGS = {
    r"\A(?:Give|Tell|Say) ": "Return …, Yield …, Report …",
    r"\ALook ": "Check …, Find …",
}
"""The same for the first line of a function's docstring."""


NAMES = {"asked", "beside", "found", "given", "instead", "meant", "one", "shown", "told", "wanted"}
"""Words that say nothing of what a function, parameter or attribute holds; a noun or a verb does."""


class Passage(NamedTuple):
    """Prose, with the line of its file that it starts in."""

    line: int
    prose: str
    is_docstring: bool = False


class _Prose(ast.NodeVisitor):
    """Collects the strings of a module that people read: several words in a literal, and docstrings."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            first, *_ = node.value.value.strip().split("\n\n")
            self.passages.append(Passage(node.lineno, first, is_docstring=True))
        else:
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and " " in node.value.strip():
            self.passages.append(Passage(node.lineno, node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        self.passages.append(Passage(node.lineno, "".join(map(str, parts))))
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)


def _of_module(text: str) -> list[Passage]:
    prose = _Prose()
    prose.visit(ast.parse(text))
    return prose.passages


def _of_page(text: str) -> Iterator[Passage]:
    """Yield the paragraphs of a Markdown page, without code blocks and code in a line."""
    text = re.sub(
        r"^( *)```.*?^\1```$", lambda found: "\n" * found[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"`[^`\n]+`", "`…`", text)
    for found in re.finditer(r"(?:.+\n?)+", text):
        yield Passage(text.count("\n", 0, found.start()) + 1, found[0])


def _idioms(passage: Passage) -> Iterator[str]:
    patterns = PATTERNS | DOCSTRINGS if passage.is_docstring else PATTERNS
    for pattern, instead in patterns.items():
        for found in re.finditer(pattern.replace(" ", r"\s+"), passage.prose, re.IGNORECASE):
            line = passage.line + passage.prose.count("\n", 0, found.start())
            yield f"{line}: '{' '.join(found[0].split())}': write: {instead}"


def _files(name: str) -> list[Path]:
    if name == "docs":
        return [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]
    package = SOURCES / name
    return sorted(package.rglob("*.py")) if package.is_dir() else [package.with_suffix(".py")]


@pytest.mark.parametrize("name", PARTS)
def test_people_read_plain_english(name: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{idiom}"
        for file in _files(name)
        for passage in (_of_page if file.suffix == ".md" else _of_module)(file.read_text())
        for idiom in _idioms(passage)
    ]
    assert not found, "\n".join(found)


def _names(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the names of functions, parameters and attributes of classes."""
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name.strip("_")
            yield from ((one.lineno, one.arg) for one in (*node.args.args, *node.args.kwonlyargs))
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    yield member.lineno, member.target.id


@pytest.mark.parametrize("name", [part for part in PARTS if part not in ("docs", "runtime")])
def test_names_say_what_they_hold(name: str) -> None:
    files = [(file, ast.parse(file.read_text())) for file in _files(name)]
    vague = [
        f"{file}:{line}: {word}" for file, module in files for line, word in _names(module) if word in NAMES
    ]
    assert not vague, "\n".join(vague)
    assert not [file for file, _ in files if file.stem in NAMES]


def test_names_are_found() -> None:
    module = ast.parse("class C:\n    a: int\n    def _b(self, c, *, d): ...\n")
    assert {word for _, word in _names(module)} == {"a", "b", "self", "c", "d"}


@pytest.mark.parametrize(
    "prose",
    [
        "'x' is no quantity",
        "an amount that is none",
        "no such task; there is: b",
        "a value of the run",
        "tasks in a\ncircle",
        "an argument that the component has not",
        "the task is not there",
        "is tried anew",
        "what came of a run",
        "make room on the disk",
        "you have no rights in the namespace",
        "the argument is given twice",
    ],
)
def test_an_idiom_is_found(prose: str) -> None:
    assert list(_idioms(Passage(1, prose)))


@pytest.mark.parametrize(
    "prose",
    [
        "there is no task 'x'",
        "it is no longer needed",
        "the run has not ended",
        "the operand on the right side",
        "it tries to connect",
        "memory limit 'lots' is not a valid quantity; use e.g. '512Mi' or '4Gi'",
    ],
)
def test_plain_english_passes(prose: str) -> None:
    assert not list(_idioms(Passage(1, prose)))


def test_prose_is_found_in_modules_and_pages() -> None:
    module = _of_module(
        '"""Module."""\n\ndef f(x):\n    """First line.\n\n    More.\n    """\n    g(f"{h(\'a b\')} is {x}")\n'
    )
    assert [passage.prose for passage in module] == ["Module.", "First line.", "{} is {}", "a b"]
    page = list(_of_page("# Title\n\nsome `code`\nmore\n\n```sh\nskipped\n```\n\nlast\n"))
    assert page == [Passage(1, "# Title\n"), Passage(3, "some `…`\nmore\n"), Passage(10, "last\n")]
