"""What the repository promises about itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import entry_points, requires
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
RUNTIME = sorted((ROOT / "mlplat" / "runtime").rglob("*.py"))
HEAVY = {"alembic", "hera", "joblib", "kubernetes", "numpy", "pandas", "rich", "sklearn", "sqlalchemy"}


def modules_loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after the statement, and the packages that they are in."""
    program = f"import sys\n{statement}\nprint('\\n'.join(sorted(sys.modules)))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    names = done.stdout.split()
    return {*names, *(name.partition(".")[0] for name in names)}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_locked_versions_name_no_registry(lock: Path) -> None:
    assert not re.search(r"://|--index|--extra-index|--find-links|-i |--trusted-host", lock.read_text())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_version_is_exact_and_has_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", lock.read_text(), flags=re.MULTILINE).strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_locks_agree_with_each_other() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / name).read_text(), flags=re.MULTILINE))

    assert pins("all.txt") <= pins("dev.txt")


def test_locks_hold_every_declared_requirement() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+)", (ROOT / "requirements/all.txt").read_text(), re.MULTILINE))
    declared = [line for line in requires("mlplat") or [] if "tuning-gp" not in line]
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in declared}
    assert names - {"mlplat"} <= locked


def test_the_oldest_python_is_the_same_everywhere() -> None:
    """What is installed, checked, locked and told; ``mlplat/runtime`` alone is for older ones."""
    stated = {
        "pyproject.toml": (
            r'requires-python = ">=3\.(\d+)"',
            r'-version = "py3(\d+)"',
            r'_version = "3\.(\d+)"',
        ),
        "Makefile": (r"--python-version 3\.(\d+)",),
        "requirements/venv.sh": (r"\(3, (\d+)\)", r"Python 3\.(\d+) or newer"),
        "mlplat/runs/checks.py": (r"\(3, (\d+)\)", r"Python 3\.(\d+) or newer"),
        "README.md": (r"Python 3\.(\d+) or newer",),
        "CONTRIBUTING.md": (r"Python 3\.(\d+) or newer", r"Python 3\.(\d+) is the oldest"),
        "docs/getting-started.md": (r"Python 3\.(\d+) or newer",),
    }
    found = {
        (name, pattern): set(re.findall(pattern, (ROOT / name).read_text()))
        for name, patterns in stated.items()
        for pattern in patterns
    }
    classifiers = re.findall(r"Python :: 3\.(\d+)", (ROOT / "pyproject.toml").read_text())
    assert found == {place: {min(classifiers, key=int)} for place in found}


def import_contracts() -> list[dict[str, Any]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = project["tool"]["importlinter"]["contracts"]
    return contracts


def test_every_package_and_every_module_with_an_order_has_a_row() -> None:
    orders = [contract for contract in import_contracts() if contract["type"] == "layers"]
    containers = {container for contract in orders for container in contract["containers"]}

    assert all(contract["exhaustive"] for contract in orders)
    assert {
        "mlplat",
        "mlplat.argo",
        "mlplat.compiler",
        "mlplat.dsl",
        "mlplat.engine",
        "mlplat.k8s",
    } <= containers


def test_no_contract_has_an_exception_within_the_project() -> None:
    ignored = [one for contract in import_contracts() for one in contract.get("ignore_imports", ())]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

    assert not [one for one in ignored if one.split(" -> ")[1].startswith("mlplat")]
    assert not settings.get("exclude_type_checking_imports")


def test_no_two_modules_import_each_other() -> None:
    graph = grimp.build_graph("mlplat", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    assert set(TopologicalSorter(imports).static_order()) == graph.modules


FACADES = {"mlplat.runs.client"}
"""Modules whose classes have the names of KFP's, whatever else is called so."""


def test_no_two_public_classes_have_one_name() -> None:
    modules: dict[str, list[str]] = {}
    for path in sorted((ROOT / "mlplat").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and module not in FACADES:
                modules.setdefault(node.name, []).append(module)
    assert {"Task", "Run", "Artifact"} <= set(modules)
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="mlplat")
    assert command.value == "mlplat.__main__:main"


@pytest.mark.parametrize(
    "statement",
    ["import mlplat", "import mlplat.dsl", "import mlplat.compiler", "from mlplat import *"],
)
def test_authoring_and_compiling_load_nothing_heavy(statement: str) -> None:
    assert not modules_loaded_by(statement) & HEAVY


@pytest.mark.parametrize(
    "program",
    [
        "from mlplat import compiler; from tests.programs.regions import regions; compiler.compile(regions.spec)",
        "from mlplat.cli import main; assert not main('compile -o /dev/null tests/programs/nested.py:nested'.split())",
    ],
)
def test_compiling_does_not_load_the_expression_languages(program: str) -> None:
    assert not {name for name in modules_loaded_by(program) if name.startswith("mlplat.argo.expressions")}


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: str(path.relative_to(ROOT)))
def test_runtime_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(), filename=str(path), feature_version=(3, 8))


def required_imports(node: ast.AST) -> Iterator[str]:
    """Modules imported under a node, except those that a missing module is allowed for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
    elif isinstance(node, ast.Try) and any(
        "ImportError" in ast.unparse(handler) for handler in node.handlers
    ):
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            yield from required_imports(part)
    else:
        for child in ast.iter_child_nodes(node):
            yield from required_imports(child)


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: str(path.relative_to(ROOT)))
def test_runtime_needs_the_standard_library_alone(path: Path) -> None:
    required = set(required_imports(ast.parse(path.read_text())))
    foreign = {name for name in required if name.partition(".")[0] not in sys.stdlib_module_names}
    assert all(name.startswith("mlplat.runtime") for name in foreign), foreign


class _SiteLoader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose tags name Python objects that are of no interest here."""


_SiteLoader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda loader, suffix, node: suffix)


def site() -> Any:
    return yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=_SiteLoader)


def pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from pages(value)
    else:
        for item in nav:
            yield from pages(item)


def test_every_page_is_in_the_navigation() -> None:
    docs = ROOT / "docs"
    assert set(pages(site()["nav"])) == {str(path.relative_to(docs)) for path in docs.rglob("*.md")}


def test_pages_fetch_nothing_from_elsewhere() -> None:
    settings = site()
    assert settings["theme"]["font"] is False
    assert not settings.get("extra_css")
    assert not settings.get("extra_javascript")
    assert settings["plugins"] == ["search"]


@pytest.mark.parametrize(
    "page", [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z0-9]+):.*## ", makefile, flags=re.MULTILINE))


def test_changelog_tells_of_this_version() -> None:
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[(Unreleased|{re.escape(version)})\]", changelog, flags=re.MULTILINE)
