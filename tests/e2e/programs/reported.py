"""Artifacts of each type that a report shows, in tasks, a loop and a branch; the last task fails if asked to."""

from mlplat import dsl
from mlplat.dsl import HTML, Artifact, ClassificationMetrics, Dataset, Input, Markdown, Metrics, Output


@dsl.component
def load(rows: int, data: Output[Dataset], large: Output[Dataset], empty: Output[Dataset]) -> int:
    from pathlib import Path

    for path, count in ((data.path, rows), (large.path, 100_000), (empty.path, 0)):
        lines = [f"{number},{number * number}\n" for number in range(count)]
        Path(path).write_text("".join(["number,square\n", *lines] if lines else []))
    print("loaded", rows, "rows")
    return rows


@dsl.component
def show(data: Input[Dataset], page: Output[HTML], text: Output[Markdown], picture: Output[Artifact]) -> None:
    import struct
    import zlib
    from pathlib import Path

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    Path(page.path).write_text("<p id=own>a chart</p><script>let points = [1, 2]</script>")
    Path(text.path).write_text("# Findings\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0abc"))
    Path(picture.path).write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))


@dsl.component
def judge(rate: float, numbers: Output[Metrics], quality: Output[ClassificationMetrics]) -> float:
    numbers.log_metric("accuracy", 0.5 + rate)
    numbers.log_metric("final", True)
    quality.log_confusion_matrix(["cat", "dog"], [[41, 9], [3, 47]])
    quality.log_roc_curve([0.0, 0.25, 1.0], [0.0, 0.8, 1.0], [1.0, 0.5, 0.0])
    print("judged", rate)
    return rate


@dsl.component
def publish(fails: bool) -> None:
    for number in range(5000):
        print("line", number)
    if fails:
        raise ValueError("the registry refused")


@dsl.pipeline
def reported(rows: int = 30, fails: bool = True) -> None:
    loaded = load(rows=rows)
    shown = show(data=loaded.outputs["data"])
    with dsl.ParallelFor([0.1, 0.2]) as rate:
        judge(rate=rate).after(loaded)
    with dsl.If(loaded.outputs["Output"] > 10):
        publish(fails=fails).after(shown)
