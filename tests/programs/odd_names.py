"""Names and texts that YAML, Argo or Kubernetes would read as something else."""

from mlplat import dsl


@dsl.component
def echo(n: str, on: str, y: int, no: bool) -> str:
    """Uses {{braces}}, $(HOME) and $$ in its own text."""
    return f"{{{n}}} $(HOME) $$ {on}{y}{no}"


@dsl.pipeline
def odd_names(n: str = "1e-5", on: str = "on", y: int = 12, no: bool = False) -> None:
    echo(n=n, on=on, y=y, no=no)
    echo(n="{{workflow.name}} $(HOME) $$", on="0o14", y=1, no=True)
