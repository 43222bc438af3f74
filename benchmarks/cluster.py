"""A chain of ten tasks on a cluster: as mlplat compiles it, and written by hand for Argo."""

from __future__ import annotations

import os
import secrets
import time
from typing import Any

from benchmarks.measure import Pairing, in_turn
from mlplat import compiler, dsl, k8s

IMAGE = os.environ.get("MLPLAT_BENCH_IMAGE", "python:3.11")
SERVICE_ACCOUNT = os.environ.get("MLPLAT_BENCH_SERVICE_ACCOUNT", "mlplat-task")
LENGTH = 10


@dsl.component(cache=False)
def increment(x: int) -> int:
    return x + 1


@dsl.pipeline
def chain(x: int = 0) -> None:
    task = increment(x=x)
    for _ in range(LENGTH - 1):
        task = increment(x=task.output)


@dsl.pipeline
def single(x: int = 0) -> None:
    increment(x=x)


def compiled(pipeline: dsl.Pipeline = chain, fuse: str = "off") -> dict[str, Any]:
    """A pipeline as mlplat writes it; the chain of ten tasks unless another is given."""
    options = compiler.Options(image=IMAGE, service_account=SERVICE_ACCOUNT, fuse=fuse)
    return compiler.manifest(pipeline.spec, options)[-1]


def by_hand() -> dict[str, Any]:
    """The chain as one writes it who knows Argo: the same image, values as parameters, one small program."""
    program = "import sys; open('/tmp/out', 'w').write(str(int(sys.argv[1]) + 1))"
    tasks: list[dict[str, Any]] = []
    for number in range(LENGTH):
        source = (
            f"{{{{tasks.t{number - 1}.outputs.parameters.out}}}}" if number else "{{workflow.parameters.x}}"
        )
        task = {"name": f"t{number}", "template": "increment"}
        task["arguments"] = {"parameters": [{"name": "x", "value": source}]}  # type: ignore[assignment]
        tasks.append({**task, **({"depends": f"t{number - 1}.Succeeded"} if number else {})})
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "by-hand-"},
        "spec": {
            "entrypoint": "main",
            "serviceAccountName": SERVICE_ACCOUNT,
            "arguments": {"parameters": [{"name": "x", "value": "0"}]},
            "templates": [
                {"name": "main", "dag": {"tasks": tasks}},
                {
                    "name": "increment",
                    "inputs": {"parameters": [{"name": "x"}]},
                    "outputs": {"parameters": [{"name": "out", "valueFrom": {"path": "/tmp/out"}}]},
                    "container": {
                        "image": IMAGE,
                        "command": ["python3", "-c", program],
                        "args": ["{{inputs.parameters.x}}"],
                    },
                },
            ],
        },
    }


def run(workflow: dict[str, Any]) -> float:
    """Run a Workflow to its end, and return the seconds from its submission on.

    Raises:
        RuntimeError: it did not succeed.
    """
    name = f"bench-{secrets.token_hex(4)}"
    metadata = {**workflow["metadata"], "name": name}
    metadata.pop("generateName", None)
    started = time.perf_counter()
    submitted = k8s.submit([{**workflow, "metadata": metadata}])
    finished = k8s.follow(name, namespace=submitted["metadata"]["namespace"])
    took = time.perf_counter() - started
    if finished["status"]["phase"] != "Succeeded":
        raise RuntimeError(
            f"{name} ended as {finished['status']['phase']}: {finished['status'].get('message')}"
        )
    return took


def chains(runs: int) -> Pairing:
    """Measure both chains in turn."""
    return in_turn(lambda: run(compiled()), lambda: run(by_hand()), runs)


def fused_chains(runs: int) -> Pairing:
    """Measure the chain in one pod and with a pod for each task, in turn."""
    return in_turn(lambda: run(compiled(fuse="auto")), lambda: run(compiled()), runs)


def fused_chain_and_single(runs: int) -> Pairing:
    """Measure the chain in one pod and a single task, in turn."""
    return in_turn(lambda: run(compiled(fuse="auto")), lambda: run(compiled(single)), runs)
