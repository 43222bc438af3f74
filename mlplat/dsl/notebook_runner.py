"""Run a notebook in a task; this source is embedded in the functions of notebook components.

Parameters are passed as in papermill: in a new cell after the one tagged ``parameters``, or
before all cells if there is none.
"""

import os
import sys
from collections.abc import Callable
from typing import Any


def notebook_runner(folder: str, name: str) -> Callable[..., None]:
    """Return a function that runs a notebook.

    Args:
        folder: its folder, and the working directory.
        name: its file name.

    Returns:
        A function that takes parameters by name, as JSON has them. It raises ``RuntimeError`` when a cell fails.
    """

    def run_notebook(**parameters: Any) -> None:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError

        class Client(NotebookClient):
            def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
                output = super().process_message(msg, cell, cell_index)
                if output is not None:
                    _show(output)
                return output

        notebook = nbformat.read(os.path.join(folder, name), as_version=4)  # type: ignore[no-untyped-call]
        if parameters:
            notebook.cells.insert(_place(notebook.cells), _cell(nbformat, parameters))
        client = Client(notebook, timeout=None, kernel_name="python3", store_widget_state=False)
        try:
            client.execute(cwd=folder)
        except CellExecutionError as error:
            raise RuntimeError(f"the notebook {name} failed: {error.ename}: {error.evalue}") from None

    return run_notebook


def _place(cells: Any) -> int:
    for number, cell in enumerate(cells):
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", ()):
            return number + 1
    return 0


def _cell(nbformat: Any, parameters: Any) -> Any:
    import json

    lines = ["import json as _json"]
    lines += [f"{key} = _json.loads({json.dumps(value)!r})" for key, value in parameters.items()]
    cell = nbformat.v4.new_code_cell(source="\n".join(lines))
    cell.metadata["tags"] = ["injected-parameters"]
    return cell


def _show(output: Any) -> None:
    """Print the outputs of a cell as they arrive."""
    if output.output_type == "stream":
        stream = sys.stderr if output.name == "stderr" else sys.stdout
        stream.write(output.text)
        stream.flush()
    elif output.output_type == "error":
        print("\n".join(output.traceback), file=sys.stderr, flush=True)
    elif "text/plain" in output.get("data", {}):
        print(output.data["text/plain"], flush=True)
