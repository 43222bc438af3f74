"""What people wrote for Argo as tasks of a pipeline: a template, and a whole Workflow."""

from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output

IMAGE = "python:3.11"


def shell(name: str, source: str, inputs: list, output: str = "") -> dict:
    outputs = {"parameters": [{"name": output, "valueFrom": {"path": f"/tmp/{output}"}}]} if output else {}
    script = {"image": IMAGE, "command": ["sh"], "source": source}
    return {"name": name, "inputs": {"parameters": inputs}, "outputs": outputs, "script": script}


count = shell(
    "count",
    "grep -c '{{inputs.parameters.word}}' /tmp/text > /tmp/found\n"
    "grep '{{inputs.parameters.word}}' /tmp/text > /tmp/lines",
    [{"name": "word"}],
    "found",
)
count["inputs"]["artifacts"] = [{"name": "text", "path": "/tmp/text"}]
count["outputs"]["artifacts"] = [{"name": "lines", "path": "/tmp/lines"}]
counted = dsl.argo_component(count, types={"found": int, "text": Dataset, "lines": Dataset})

greetings = dsl.argo_component(
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "greetings-"},
        "spec": {
            "entrypoint": "main",
            "arguments": {
                "parameters": [
                    {"name": "who"},
                    {"name": "mark", "value": "!"},
                    {"name": "others", "value": "[]"},
                ]
            },
            "templates": [
                {
                    "name": "main",
                    "inputs": {"parameters": [{"name": "who"}]},
                    "outputs": {
                        "parameters": [
                            {
                                "name": "said",
                                "valueFrom": {"parameter": "{{tasks.first.outputs.parameters.text}}"},
                            }
                        ]
                    },
                    "dag": {
                        "tasks": [
                            {
                                "name": "first",
                                "template": "greet",
                                "arguments": {
                                    "parameters": [{"name": "name", "value": "{{inputs.parameters.who}}"}]
                                },
                            },
                            {
                                "name": "other",
                                "template": "greet",
                                "depends": "first",
                                "when": "{{=workflow.parameters['mark'] != ''}}",
                                "withParam": "{{workflow.parameters.others}}",
                                "arguments": {"parameters": [{"name": "name", "value": "{{item}}"}]},
                                "hooks": {"exit": {"template": "note"}},
                            },
                        ]
                    },
                },
                shell(
                    "greet",
                    "printf '%s' 'Hello {{inputs.parameters.name}}{{workflow.parameters.mark}}' > /tmp/text",
                    [{"name": "name"}],
                    "text",
                ),
                shell("note", "echo '{{workflow.parameters.mark}}'", []),
            ],
        },
    },
    types={"others": list},
)


@dsl.component
def write(text: Output[Dataset]) -> list:
    with open(text.path, "w") as file:
        file.write("a b\nb\nc\n")
    return ["Bo", "Cy"]


@dsl.component
def read(found: int, lines: Input[Dataset], said: str) -> str:
    with open(lines.path) as file:
        return f"{found + 1} {file.read()}{said}"


@dsl.pipeline
def argo(word: str = "b", who: str = "Ada") -> str:
    written = write()
    found = counted(word=word, text=written.outputs["text"])
    greeted = greetings(who=who, others=written.outputs["Output"])
    greetings(who="nobody", mark="")
    return read(
        found=found.outputs["found"], lines=found.outputs["lines"], said=greeted.outputs["said"]
    ).output
