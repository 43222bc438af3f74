"""Names and limits that the manifest and the runtime agree on, and the form of the runtime's arguments.

Its arguments are SOURCE and CALL. Both are text, or ``@/FILE`` for text that Argo put into a file because it is long;
SOURCE also ``@source:VARIABLE`` for one that several templates share. With several SOURCEs, which run one after
another, CALL is ``{"steps": [{"task": NAME, "call": CALL, "retry": {...}}], "out": FOLDER}``; with one it is JSON::

    {"function": NAME,
     "parameters": {NAME: {"type": TYPE, "value": JSON, "large": PATH, "folders": [PATH], "errors": PATH}},
     "artifacts": {NAME: {"path": PATH, "value": ARTIFACT, "folders": [PATH]}},
     "out": FOLDER, "values": FOLDER,
     "output_parameters": {NAME: TYPE},
     "output_artifacts": {NAME: {"schemaTitle": ..., "schemaVersion": ..., "key": KEY}},
     "large_key": KEY, "index": TEXT, "path": PATH, "errors": FLAG,
     "workspace": PATH, "packages": [REQUIREMENT], "pip_options": [OPTION]}

What is empty may be left out. Instead of a value, ``from`` names the file of a function that ran before in the same
pod; ``handed/NAME`` beside its folder says where an artifact lies that it handed on from an input. In a loop, a key is
the group of all iterations' outputs, the task's position in the loops around it (the index) and the name of a file; a
large key ends in the index. A list of artifacts, or of large values, lies in the folders: one for each group, in the
order in which the list names them. An empty SOURCE means that ``kfp_config.ini`` in the working directory names the
module, as in images that KFP builds.

Every output becomes ``out/values/NAME``, inert JSON: JSON text in which two braces in a row and dollar signs are
escaped, so that neither Argo nor Kubernetes finds anything in it. An artifact's bytes lie in ``out/artifacts/NAME``. A
value of more than 32 KiB lies in ``out/large/NAME`` and is replaced by a reference.

Standard library only, Python 3.8 or newer: this text travels into containers, inside the manifest.
"""

LARGE = "mlplat.dev/large"
"""The only key of an object that stands for a value too large for a parameter."""
LARGEST_PARAMETER = 32 * 1024
"""Largest value in bytes of inert JSON that is a parameter; Argo copies parameters into every node's status."""
VARIABLE = "MLPLAT_RUNTIME"
"""Environment variable that holds this program."""
START = "import base64, os, zlib; exec(zlib.decompress(base64.b64decode(os.environ['{}'])).decode())".format(
    VARIABLE
)
"""Python code that runs it."""
SHARED = "@source:"
"""Prefix of an argument that names an environment variable with the source."""
SHARED_VARIABLE = "MLPLAT_SOURCE_"
"""Prefix of the names of such variables."""
TERMINATION_LOG = "/dev/termination-log"
"""File from which Kubernetes reads why a container failed; Argo copies it into the node's message."""
TERMINATION_VARIABLE = "MLPLAT_TERMINATION_LOG"
"""Environment variable that names another file, for runs without Kubernetes."""
STEP_MARK = "=== "
"""Prefix of the log line that names the function whose lines follow."""
STORE = "mlplat://artifacts/"
"""Prefix of the URI of an artifact in the store, before its key."""
WORKSPACE = "/kfp-workspace"
"""Path of the workspace in the values that tasks exchange; each task mounts it where it likes."""


class TaskError(Exception):
    """The task cannot start or cannot write its outputs; the message says why."""
