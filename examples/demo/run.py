"""``make demo``: two pipelines on a real table, on this machine; every command is shown before it runs."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
MLPLAT = [sys.executable, "-m", "mlplat"]
DATA = ROOT / ".mlplat" / "demo" / "breast_cancer.csv"
EMPTIED_EVERY = 97


def write_table(path: Path) -> None:
    """Write scikit-learn's breast cancer data as CSV, the class in ``target``, some cells empty."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer(as_frame=True).frame
    for position in range(0, table.size, EMPTIED_EVERY):
        row, column = divmod(position, table.shape[1] - 1)
        if row < len(table):
            table.iat[row, column] = None
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    print(
        f"{path.relative_to(ROOT)}: {len(table)} rows, {int(table.isna().any(axis=1).sum())} of them with an empty cell"
    )


def show(*words: str) -> None:
    """Print a command as the reader would type it, and run it."""
    print(f"\n$ mlplat {shlex.join(words)}", flush=True)
    code = subprocess.call([*MLPLAT, *words], cwd=ROOT)
    if code:
        sys.exit(code)


def main() -> None:
    started = time.monotonic()
    write_table(DATA)
    data = f"input_path={DATA}"
    print("\n== the pipeline of the README: each task a process, inputs and outputs as files", flush=True)
    show("cache", "clear")
    show("run", "examples/ml_pipeline.py", "-p", data)
    print("\n== once more: nothing changed, so nothing runs", flush=True)
    show("run", "examples/ml_pipeline.py", "-p", data)
    print("\n== a branch that is taken only above a threshold, a loop, and resources", flush=True)
    show("run", "examples/conditional_pipeline.py", "-p", data)
    show("run", "examples/conditional_pipeline.py", "-p", data, "-p", "threshold=0.999")
    print("\n== what ran is what a cluster gets", flush=True)
    show("compile", "examples/conditional_pipeline.py", "-p", data, "-o", ".mlplat/demo/conditional.yaml")
    show("get", "runs", "--limit", "5")
    print(f"\n{time.monotonic() - started:.0f} seconds. Next:")
    print("  mlplat run examples/ml_pipeline.py -p input_path=/path/to/your.csv")
    print("  mlplat compile examples/ml_pipeline.py            # the Argo Workflow")
    print("  mlplat run examples/ml_pipeline.py --engine argo  # on the cluster of your kubeconfig")
    print("(mlplat is .venv/bin/mlplat here.)")


if __name__ == "__main__":
    main()
