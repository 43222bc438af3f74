"""What runs a component that is called outside of any pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlplat import dsl
from mlplat.dsl import context
from mlplat.errors import AuthoringError


@dsl.component
def double(number: int) -> int:
    return 2 * number


def _called() -> Any:
    return double(number=1)


def _named(name: str) -> context.Runner:
    def run(component: Any, arguments: Mapping[str, Any]) -> Any:
        return name, component.name, dict(arguments)

    return run


def test_runner_of_a_context_has_priority_over_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_default_runner", [])
    context.run_calls_with(_named("process"))
    with context.calls_run_by(_named("outer")):
        with context.calls_run_by(_named("inner")):
            assert _called() == ("inner", "double", {"number": 1})
        assert _called() == ("outer", "double", {"number": 1})
    assert _called() == ("process", "double", {"number": 1})


def test_other_threads_have_the_runner_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_default_runner", [])
    with context.calls_run_by(_named("context")), ThreadPoolExecutor(1) as threads:
        with pytest.raises(AuthoringError, match="MLP115"):
            threads.submit(_called).result()
        context.run_calls_with(_named("process"))
        assert threads.submit(_called).result() == ("process", "double", {"number": 1})
        assert _called() == ("context", "double", {"number": 1})


def test_call_in_a_pipeline_is_a_task_whatever_runs_calls() -> None:
    with context.calls_run_by(_named("context")):

        @dsl.pipeline
        def calling(number: int = 1) -> int:
            task = double(number=number)
            assert isinstance(task, dsl.PipelineTask)
            return task.output  # type: ignore[return-value]

    assert list(calling.spec.root.graph.tasks) == ["double"]  # type: ignore[union-attr]
