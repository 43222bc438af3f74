"""Tasks that may be tried again, and what follows them: in regions, in loops, after a choice."""

from mlplat import dsl


@dsl.component
def one() -> int:
    return 1


@dsl.component
def more(x: int) -> int:
    return x + 1


@dsl.component
def total(numbers: list) -> int:
    return sum(numbers)


@dsl.pipeline
def inner() -> int:
    return one().set_retry(1).output


@dsl.pipeline
def retried(last: int = 1) -> None:
    first = inner()
    second = more(x=first.output)
    with dsl.ParallelFor([10, 20]) as number:
        looped = more(x=number).set_retry(1)
    total(numbers=dsl.Collected(looped.output))
    with dsl.If(second.output == 2):
        chosen = more(x=second.output).set_retry(1)
    with dsl.Else():
        other = one().set_retry(1)
    end = more(x=dsl.OneOf(chosen.output, other.output)).set_retry(1)
    more(x=end.output)
