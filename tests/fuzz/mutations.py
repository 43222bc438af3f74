"""Makes broken files of right ones: a seed and a number give the same file on every machine."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlplat import manifest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"

COMPONENT = """
name: Count words
description: Counts the words of a text
inputs:
- {name: Text, type: String, default: a b}
- {name: Data, type: Dataset, optional: true}
- {name: Times, type: Integer, default: '2'}
outputs:
- {name: Count, type: Integer}
- {name: Model, type: Model}
implementation:
  container:
    image: python:3.11
    command: [python3, -c, 'print(1)', --text, {inputValue: Text}]
    args:
    - {if: {cond: {isPresent: Data}, then: [--data, {inputPath: Data}], else: [--none]}}
    - {concat: [--times=, {inputValue: Times}]}
    - {outputPath: Count}
    - {outputUri: Model}
    env: {A: b}
"""

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 10**6, 2**31, 2**63, 2**70, -(2**63), 0.5, 1e308, 1e-300, -0.0),
    *(
        "",
        " ",
        "\n",
        "0",
        "-1",
        "1.5",
        "true",
        "null",
        "main",
        "a",
        "é",
        "😀",
        "\u2028",
        "\ufeff",
        "\x7f",
        "'",
        '"',
        "\\",
    ),
    *(
        "{{",
        "}}",
        "{{}}",
        "{{x}}",
        "{{item}}",
        "{{item.a}}",
        "{{=",
        "{{=1 +}}",
        "{{=1}}",
        "{{=item}}",
        "{{ {{x}} }}",
    ),
    *("{{inputs.parameters.x}}", "{{inputs.parameters.x", "{{workflow.parameters.x}}", "{{workflow.name}}"),
    *("{{tasks.a.outputs.result}}", "{{steps.a.outputs.parameters.b}}", "{{workflow.parameters.json}}"),
    *("{{=toJson(inputs)}}", "{{=jsonpath('{}', '$.a')}}", "{{=sprig.repeat(9, 'a')}}", "{{=fromJSON('[')}}"),
    *(
        "a || b",
        "a.Succeeded",
        "a.Done && b",
        "(",
        ")",
        "!",
        "a-b",
        "[1, 2]",
        "[",
        "{",
        '{"a": 1}',
        "[[[]]]",
        "1h",
        "-5s",
    ),
    *(
        "$(X)",
        "$$",
        "$(",
        "..",
        "../..",
        "/",
        "/a/../../b",
        "s3://b/k",
        "file:///etc/passwd",
        "http://[",
        "//",
        ":",
    ),
    *("@daily", "* * * * *", "500m", "1Gi", "lots", "a" * 300, "x" * 5000, "9" * 500),
    *(
        [],
        {},
        [None],
        [[]],
        [{}],
        {"": None},
        {"name": None},
        {"name": 5},
        ["a"],
        [1, "a", None],
        {"a": {"b": {"c": []}}},
    ),
)
TEXTS = (
    *(
        "&a ",
        "*a",
        "*a\n",
        "<<: *a\n",
        "!!map ",
        "!!str ",
        "!!python/object:x ",
        "!!binary x",
        "! ",
        "? ",
        "- ",
        "---\n",
        "...\n",
    ),
    *(
        "\t",
        "\0",
        "\x1b[31m",
        "\x07",
        "\ufeff",
        "é",
        "\u2028",
        "'",
        '"',
        ": ",
        "#",
        "|\n",
        ">\n",
        "[",
        "]",
        "{",
        "}",
        ",",
        "%",
    ),
    *(
        "{{",
        "}}",
        "{{=",
        "[" * 200,
        "{a: " * 200,
        "- " * 200,
        "9" * 400,
        "!!",
        "0x",
        "1e999",
        ".inf",
        "~",
        "null",
        "no",
        "on",
    ),
)

Tree = Any
Place = tuple[Any, Any]
"""A mapping or list, and a key or position in it."""


@dataclass(frozen=True)
class Seed:
    """A right file.

    Attributes:
        kind: ``manifest``, ``ir`` or ``component``.
        text: the file.
        documents: what it holds.
    """

    kind: str
    text: str
    documents: list[Tree]


def seeds() -> list[Seed]:
    """Return the files to start from: the project's own, and those of the corpus where that is."""
    golden = ROOT / "tests" / "golden"
    files = [("manifest", file) for file in sorted(golden.glob("*.yaml"))]
    files += [("ir", file) for file in sorted((golden / "kfp").glob("*.yaml"))]
    files += [("manifest", file) for file in sorted((CORPUS / "argo-examples").glob("*.yaml"))]
    files += [("ir", file) for file in sorted((CORPUS / "kfp-ir").glob("*.yaml"))]
    found = [(kind, file.read_text(encoding="utf-8")) for kind, file in files]
    found += [("component", COMPONENT)] * 5
    return [Seed(kind, text, manifest.load(text)) for kind, text in found]


def broken(rng: random.Random, known: list[Seed]) -> tuple[str, str]:
    """Return a kind, and a file of it that is broken in some way."""
    seed = rng.choice(known)
    if rng.random() < 0.3:
        return seed.kind, _broken_text(rng, seed.text)
    tree = broken_tree(rng, seed, known)
    return seed.kind, written(rng, tree)


def broken_tree(rng: random.Random, seed: Seed, known: list[Seed]) -> list[Tree]:
    """Return the documents of a seed with a few changes."""
    tree = copy.deepcopy(seed.documents)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        places = list(_places(tree))
        if places:
            rng.choice(_CHANGES)(rng, rng.choice(places), rng.choice(known).documents)
    return tree


def written(rng: random.Random, tree: list[Tree]) -> str:
    """Write documents as YAML or JSON."""
    if rng.random() < 0.3 and len(tree) == 1:
        return json.dumps(tree[0])
    try:
        return str(yaml.dump_all(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))
    except RecursionError:
        return json.dumps(tree[0])


def _broken_text(rng: random.Random, text: str) -> str:
    for _ in range(rng.choice((1, 1, 2, 4))):
        lines = text.splitlines(keepends=True) or [""]
        number, position = rng.randrange(len(lines)), rng.randrange(len(text) + 1)
        match rng.randrange(6):
            case 0:
                text = text[:position] + rng.choice(TEXTS) + text[position:]
            case 1:
                text = text[:position] + text[position + rng.choice((1, 2, 8, 40)) :]
            case 2:
                text = "".join([*lines[:number], lines[number], *lines[number:]])
            case 3:
                text = "".join(lines[:number] + lines[number + 1 :])
            case 4:
                lines[number] = rng.choice((" ", "  ", "- ", "")) + lines[number].lstrip(
                    " " * rng.randrange(4)
                )
                text = "".join(lines)
            case _:
                key, colon, _ = lines[number].partition(":")
                lines[number] = f"{key}{colon} {rng.choice(TEXTS)}\n"
                text = "".join(lines)
    return text


def _places(tree: Tree) -> Iterator[Place]:
    pending = [tree]
    while pending:
        around = pending.pop()
        keys = list(around) if isinstance(around, dict) else range(len(around))
        for key in keys:
            yield around, key
            if isinstance(around[key], (dict, list)):
                pending.append(around[key])


def _remove(rng: random.Random, place: Place, _: Tree) -> None:
    del place[0][place[1]]


def _replace(rng: random.Random, place: Place, _: Tree) -> None:
    place[0][place[1]] = copy.deepcopy(rng.choice(ODD))


def _rename(rng: random.Random, place: Place, other: Tree) -> None:
    around, key = place
    if isinstance(around, dict):
        names = [name for tree, name in _places(other) if isinstance(tree, dict)]
        around[rng.choice((*names, "", "x", f"{key}s"))] = around.pop(key)


def _move(rng: random.Random, place: Place, other: Tree) -> None:
    tree, key = rng.choice(list(_places(other)))
    place[0][place[1]] = copy.deepcopy(tree[key])


def _wrap(rng: random.Random, place: Place, _: Tree) -> None:
    around, key = place
    around[key] = rng.choice(
        ([around[key]], {"a": around[key]}, [[around[key]]], [around[key]] * 3, str(around[key]))
    )


def _deepen(rng: random.Random, place: Place, _: Tree) -> None:
    around, key = place
    for _number in range(rng.choice((5, 60, 98, 200))):
        around[key] = [around[key]] if rng.random() < 0.5 else {"inline": around[key]}


def _repeat(rng: random.Random, place: Place, _: Tree) -> None:
    around, key = place
    if isinstance(around, list):
        around.extend(copy.deepcopy(around[key]) for _number in range(rng.choice((1, 1, 1, 250))))


def _shuffle(rng: random.Random, place: Place, _: Tree) -> None:
    if isinstance(place[0], list):
        rng.shuffle(place[0])


def _add(rng: random.Random, place: Place, other: Tree) -> None:
    tree, key = rng.choice(list(_places(other)))
    value = copy.deepcopy(tree[key])
    if isinstance(place[0], dict):
        place[0][str(key)] = value
    else:
        place[0].append(value)


def _splice(rng: random.Random, place: Place, _: Tree) -> None:
    around, key = place
    if isinstance(around[key], str):
        at = rng.randrange(len(around[key]) + 1)
        around[key] = around[key][:at] + str(rng.choice(ODD)) + around[key][at:]


_CHANGES: tuple[Callable[[random.Random, Place, Tree], None], ...] = (
    *(_remove, _remove, _replace, _replace, _replace, _rename, _move, _move, _wrap, _deepen),
    *(_repeat, _shuffle, _add, _add, _splice, _splice),
)
