"""What is compared with what."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster import chains, fused_chain_and_single, fused_chains
from benchmarks.measure import Command, Pairing, Spread, as_multiple, in_turn, peak_memory
from benchmarks.peers import python_of

PROGRAMS = Path(__file__).parent / "programs"
COUNTS = (10, 100, 1000)
LARGEST = 5000
SHAPES = ("chain", "wide", "fan-in")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        name: what is measured; the peer stands in it.
        goal: what is hoped for.
        measure: does it, so many times.
        unit: of the figures.
    """

    name: str
    goal: str
    measure: Callable[[int], Pairing]
    unit: str = "s"


def rows() -> Iterator[Row]:
    """All rows that need no cluster."""
    yield from _against_python()
    yield from _imports()
    yield from _compiling()
    yield from _running()


def cluster_rows() -> Iterator[Row]:
    """Rows that run on the cluster of the kubeconfig."""
    yield Row("cluster: chain of 10, against the same by hand", "ratio >= 0.95", chains)
    yield Row("cluster: chain of 10 in one pod, against a pod for each", "ratio >= 5", fused_chains)
    yield Row("cluster: chain of 10 in one pod, against one task", "ratio >= 0.67", fused_chain_and_single)


def _imports() -> Iterator[Row]:
    ours = Command([sys.executable, "-c", "import mlplat; from mlplat import dsl"])
    for peer, module in (("kfp", "kfp"), ("hera", "hera.workflows")):
        theirs = Command([python_of(peer), "-W", "ignore", "-c", f"import {module}"])
        yield _commands(f"import, against {module}", "<= 0.15 s", ours, theirs)


def _compiling() -> Iterator[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mlplat-bench-"))

    def compiling(tool: str, python: str, count: int, shape: str) -> Command:
        program, out = PROGRAMS / f"compile_{tool}.py", folder / f"{tool}.yaml"
        return Command([python, "-W", "ignore", str(program), str(count), shape, str(out)])

    for count in COUNTS:
        for shape in SHAPES:
            ours = compiling("mlplat", sys.executable, count, shape)
            for peer, goal in (("kfp", "<= 0.5 s, ratio >= 10 at 1,000"), ("hera", "ratio >= 1")):
                theirs = compiling(peer, python_of(peer), count, shape)
                yield _commands(f"compile {count:,} {shape}, against {peer}", goal, ours, theirs)
    ours = compiling("mlplat", sys.executable, LARGEST, "chain")
    theirs = compiling("hera", python_of("hera"), LARGEST, "chain")
    yield _commands(f"compile {LARGEST:,} chain, against hera", "ratio >= 1", ours, theirs)
    for peer, what in (("kfp", "its IR"), ("hera", "its Workflow")):
        ours, theirs = (
            compiling(tool, python, 1000, "chain")
            for tool, python in (("mlplat", sys.executable), (peer, python_of(peer)))
        )
        yield Row(f"peak memory, compile 1,000 chain, against {peer}", "", _memory(ours, theirs), "MiB")
        measure = _bytes(ours, theirs)
        yield Row(f"bytes of the manifest, 1,000 chain, against {peer}: {what}", "", measure, "KiB")


def _running() -> Iterator[Row]:
    home = tempfile.mkdtemp(prefix="mlplat-bench-")
    for count, shape in ((1, "chain"), (10, "chain"), (100, "chain"), (100, "wide")):
        env = {"COUNT": str(count), "SHAPE": shape, "MLPLAT_HOME": home}
        program = PROGRAMS / "local_mlplat.py"
        ours = Command([sys.executable, "-m", "mlplat", "run", str(program), "--output", "json"], env)
        for install, label in (("yes", "as it comes"), ("no", "install_kfp_package=False")):
            theirs = Command([python_of("kfp"), str(PROGRAMS / "local_kfp.py")], {**env, "INSTALL": install})
            goal = "<= 40 ms per task" if shape == "chain" else "all cores"
            yield _commands(f"run {count} {shape}, against kfp.local {label}", goal, ours, theirs)


def _against_python() -> Iterator[Row]:
    """Compare with the start of Python itself, which every command and every task pays."""
    python = Command([sys.executable, "-c", "pass"])
    imports = Command([sys.executable, "-c", "import mlplat; from mlplat import dsl"])
    home = tempfile.mkdtemp(prefix="mlplat-bench-")

    def chain(count: int) -> Command:
        env = {"COUNT": str(count), "SHAPE": "chain", "MLPLAT_HOME": home}
        words = [sys.executable, "-m", "mlplat", "run", str(PROGRAMS / "local_mlplat.py"), "--output", "json"]
        return Command(words, env)

    one, many = chain(1), chain(21)

    def row(name: str, goal: str, ours: Callable[[], float]) -> Row:
        return Row(
            f"processor time of {name}, in starts of Python",
            goal,
            lambda runs: as_multiple(ours, python.processor_time, runs),
        )

    yield row("import", "<= 7", imports.processor_time)
    yield row("a run of one trivial task", "<= 22", one.processor_time)
    yield row("a task of a chain", "<= 2", lambda: (many.processor_time() - one.processor_time()) / 20)


def _commands(name: str, goal: str, ours: Command, theirs: Command) -> Row:
    return Row(name, goal, lambda runs: in_turn(ours, theirs, runs))


def _bytes(ours: Command, theirs: Command) -> Callable[[int], Pairing]:
    """Compare what two commands write; each names the file as its last argument."""

    def size(command: Command) -> float:
        command()
        return Path(command.words[-1]).stat().st_size / 1024

    def measure(_: int) -> Pairing:
        own, other = size(ours), size(theirs)
        return Pairing(Spread.of([own]), Spread.of([other]), Spread.of([other / own]))

    return measure


def _memory(ours: Command, theirs: Command) -> Callable[[int], Pairing]:
    def measure(runs: int) -> Pairing:
        pairs = [(peak_memory(ours), peak_memory(theirs)) for _ in range(runs)]
        own, other = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        ratios = [peer / mine for mine, peer in pairs]
        return Pairing(Spread.of(own), Spread.of(other), Spread.of(ratios))

    return measure
