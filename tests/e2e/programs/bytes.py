"""Sends text through every hop: argument, task, output, task, condition, loop."""

from typing import Any, Dict, List

from mlplat import dsl


@dsl.component(cache=False)
def echo(value: str) -> str:
    return value


@dsl.component(cache=False)
def fingerprint(value: str) -> str:
    import hashlib

    return hashlib.sha256(value.encode()).hexdigest()


@dsl.component(cache=False)
def same(left: dict, right: dict) -> bool:
    return left == right


@dsl.component(cache=False)
def passed(value: dict) -> dict:
    return value


@dsl.component(cache=False)
def reached(value: str) -> str:
    return "reached " + value


@dsl.pipeline
def bytes_pipeline(n: str, on: str, large: str, items: List[str], tree: Dict[str, Any]) -> None:
    first = echo(value=n)
    echo(value=first.output).set_display_name("again")
    echo(value=on)
    far = echo(value=large)
    fingerprint(value=far.output)
    with dsl.If(first.output == n):
        reached(value=on)
    with dsl.If(first.output != n):
        reached(value="never")
    with dsl.ParallelFor(items) as item:
        echo(value=item)
    given = passed(value=tree)
    same(left=given.output, right=tree)
