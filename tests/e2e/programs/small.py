"""One small task."""

from mlplat import dsl


@dsl.component
def double(number: int) -> int:
    return 2 * number


@dsl.pipeline
def small(number: int = 3) -> int:
    return double(number=number).output
