"""A task that fails while another one goes on, and what waits for either."""

from mlplat import dsl


@dsl.component
def fine(x: int) -> int:
    return x


@dsl.component
def broken(x: int) -> int:
    raise ValueError("broken on purpose")


@dsl.pipeline
def failing(x: int = 1) -> None:
    start = fine(x=x).set_caching_options(False)
    failed = broken(x=start.output)
    after = fine(x=failed.output).set_caching_options(False)
    fine(x=after.output).set_caching_options(False)


@dsl.pipeline
def retried(x: int = 1) -> None:
    fine(x=broken(x=x).set_retry(1).output)
