"""One small Workflow for each rule of ``validate.go`` of Argo 4.0.7, and for what is right beside it.

``make argorules`` asks ``argo lint --offline`` about each and records what it says in ``tests/unit/argo/rules.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

RECORDED = Path(__file__).parent / "unit" / "argo" / "rules.json"

ECHO = """
  - name: echo
    inputs: {parameters: [{name: text}]}
    container: {image: alpine, command: [echo, "{{inputs.parameters.text}}"]}
    outputs:
      parameters: [{name: size, valueFrom: {path: /tmp/size}}]
      artifacts: [{name: data, path: /tmp/data}]
  - name: free
    container: {image: alpine}
  - name: wait
    suspend: {}
  - name: reads
    inputs: {artifacts: [{name: data, path: /tmp/data}]}
    container: {image: alpine}
"""


def workflow(
    templates: str, spec: str = "", kind: str = "Workflow", metadata: str = "{name: example}"
) -> str:
    """Return a manifest with some templates."""
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {kind}\nmetadata: {metadata}\nspec:\n"
    entry = "" if "entrypoint" in spec or "workflowTemplateRef" in spec else "  entrypoint: main\n"
    body = f"  templates:\n{templates}" if templates else ""
    text = f"{entry}  {spec}\n{body}"
    if kind != "CronWorkflow":
        return head + text
    return f"{head}  schedules: ['@daily']\n  workflowSpec:\n" + "".join(
        f"  {line}\n" for line in text.splitlines()
    )


def tasks(*calls: str, more: str = "", spec: str = "") -> str:
    """Return a Workflow of a DAG."""
    return workflow(f"  - name: main\n    dag: {{{more}tasks: [{', '.join(calls)}]}}{ECHO}", spec)


def steps(*groups: str, more: str = "") -> str:
    """Return a Workflow of steps."""
    return workflow(f"  - name: main\n{more}    steps: [{', '.join(groups)}]{ECHO}")


def leaf(template: str, spec: str = "") -> str:
    """Return a Workflow of one template, called main."""
    return workflow(f"  - {{name: main, {template}}}{ECHO}", spec)


def call(name: str = "a", value: str = "x", more: str = "") -> str:
    """Return a task or step that calls echo."""
    return f"{{name: {name}, template: echo, {more}arguments: {{parameters: [{{name: text, value: '{value}'}}]}}}}"


def gives(source: str) -> str:
    """Return a Workflow of a DAG with an output."""
    return workflow(
        f"  - name: main\n    outputs: {{parameters: [{{name: o, {source}}}]}}\n    dag: {{tasks: [{call()}]}}{ECHO}"
    )


def calls_as_step(body: str) -> str:
    """Return a Workflow of a step that calls something."""
    return steps(f"[{{name: b, {body}}}]", more=TAKES_P)


def calls_as_task(body: str) -> str:
    """Return a Workflow of a task that calls something."""
    return workflow(f"  - name: main\n{TAKES_P}    dag: {{tasks: [{{name: b, {body}}}]}}{ECHO}")


TAKES_P = "    inputs: {parameters: [{name: p, value: x}]}\n"
IMAGE = "container: {image: alpine}"
OUT = "outputs: {{parameters: [{{name: o, {0}}}]}}, container: {{image: alpine}}"
METRIC = "metrics: {{prometheus: [{0}]}}, container: {{image: alpine}}"
HDFS = "inputs: {{artifacts: [{{name: a, path: /a, hdfs: {{{0}}}}}]}}, container: {{image: alpine}}"
FAILS = "  - {name: fails, container: {image: alpine, command: [echo, '{{workflow.failures}}']}}\n"
SET = "containerSet: {{{0}}}"
MAIN = "{name: main, image: alpine}"
SAYS = "container: {{image: alpine, command: [echo, '{0}']}}"
TEXT_OF_C = "arguments: {parameters: [{name: text, value: '{{tasks.c.outputs.result}}'}]}"
INLINE_DAG = "inline: {{dag: {{tasks: [{{name: c, template: free}}, {{name: {0}}}]}}}}"

CASES: dict[str, str] = {
    # inline templates
    **{
        f"inline of {kind}: {name}": made(body)
        for kind, made in (("steps", calls_as_step), ("a DAG", calls_as_task))
        for name, body in {
            "tag of a task in it": INLINE_DAG.format("d, depends: c, template: echo, " + TEXT_OF_C),
            "expression with a task in it": INLINE_DAG.format(
                "d, depends: c, template: echo, " + TEXT_OF_C.replace("{{tasks", "{{=tasks")
            ),
            "loop over a task in it": INLINE_DAG.format(
                "d, depends: c, template: free, withParam: '{{tasks.c.outputs.result}}'"
            ),
            "inline in it": INLINE_DAG.format(
                "d, depends: c, inline: {" + SAYS.format("{{tasks.c.id}}") + "}"
            ),
            "output of a task in it": INLINE_DAG.format("d, template: free").replace(
                "inline: {",
                "inline: {outputs: {parameters: [{name: o, valueFrom: {parameter: '{{tasks.c.id}}'}}]}, ",
            ),
            "its own input": "inline: {inputs: {parameters: [{name: q, value: x}]}, "
            + SAYS.format("{{inputs.parameters.q}}")
            + "}",
            "its own input artifact": "arguments: {artifacts: [{name: i, raw: {data: x}}]}, "
            "inline: {inputs: {artifacts: [{name: i, path: /tmp/i}]}, "
            + SAYS.format("{{inputs.artifacts.i.path}}")
            + "}",
            "its pod": "inline: {" + SAYS.format("{{pod.name}}") + "}",
            "an input of the caller": "inline: {" + SAYS.format("{{inputs.parameters.p}}") + "}",
            "an input of nobody": "inline: {" + SAYS.format("{{inputs.parameters.nope}}") + "}",
            "an item": "withItems: [a], inline: {" + SAYS.format("{{item}}") + "}",
        }.items()
    },
    "loop over an inline template in steps": steps(f"[{{name: a, withItems: [x], inline: {{{IMAGE}}}}}]"),
    "loop over an inline template": tasks(f"{{name: a, withItems: [x], inline: {{{IMAGE}}}}}"),
    "loop over an inline template before a task": tasks(
        f"{{name: a, withItems: [x], inline: {{{IMAGE}}}}}", "{name: b, depends: a, template: free}"
    ),
    # workflows
    "a right one": tasks(call()),
    "another apiVersion": tasks(call()).replace("argoproj.io/v1alpha1", "argoproj.io/v1"),
    "right steps": steps(f"[{call()}]"),
    "no entrypoint": workflow(ECHO, "arguments: {}").replace("  entrypoint: main\n", ""),
    "unknown entrypoint": workflow(ECHO),
    "empty entrypoint": workflow(ECHO, "entrypoint: ''"),
    "long name": workflow(f"  - {{name: main, {IMAGE}}}", metadata="{name: " + "a" * 64 + "}"),
    "long name of a template": workflow(
        f"  - {{name: main, {IMAGE}}}", kind="WorkflowTemplate", metadata="{name: " + "a" * 64 + "}"
    ),
    "long name of a cron": workflow(
        f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow", metadata="{name: " + "a" * 53 + "}"
    ),
    "name of a cron": workflow(
        f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow", metadata="{name: " + "a" * 52 + "}"
    ),
    "a template without an entrypoint": workflow(
        f"  - {{name: main, {IMAGE}}}", "arguments: {}", kind="WorkflowTemplate"
    ).replace("  entrypoint: main\n", ""),
    "a cluster template": workflow(f"  - {{name: main, {IMAGE}}}", kind="ClusterWorkflowTemplate"),
    "templates beside workflowTemplateRef": workflow(
        f"  - {{name: main, {IMAGE}}}", "workflowTemplateRef: {name: base}"
    )
    + "\n---\n"
    + workflow(f"  - {{name: main, {IMAGE}}}", kind="WorkflowTemplate", metadata="{name: base}"),
    "workflowTemplateRef": workflow("", "workflowTemplateRef: {name: base}")
    + "\n---\n"
    + workflow(f"  - {{name: main, {IMAGE}}}", kind="WorkflowTemplate", metadata="{name: base}"),
    "no templates": workflow("", "arguments: {}"),
    "two templates of one name": workflow(f"  - {{name: main, {IMAGE}}}\n  - {{name: main, {IMAGE}}}"),
    "bad name of a template": workflow(f"  - {{name: main, {IMAGE}}}\n  - {{name: a_b, {IMAGE}}}"),
    "unknown exit handler": leaf(IMAGE, "onExit: bye"),
    "exit handler": leaf(IMAGE, "onExit: free"),
    "exit handler that needs an input": leaf(IMAGE, "onExit: echo"),
    "hook without expression": leaf(IMAGE, "hooks: {a: {template: free}}"),
    "hook with an expression": leaf(IMAGE, "hooks: {a: {template: free, expression: 'true'}}"),
    "exit hook without expression": leaf(IMAGE, "hooks: {exit: {template: free}}"),
    "pod collection": leaf(IMAGE, "podGC: {strategy: OnPodCompletion, labelSelector: {matchLabels: {a: b}}}"),
    "unknown pod collection": leaf(IMAGE, "podGC: {strategy: Sometimes}"),
    "label selector without values": leaf(
        IMAGE, "podGC: {labelSelector: {matchExpressions: [{key: a, operator: In}]}}"
    ),
    "label selector with values": leaf(
        IMAGE, "podGC: {labelSelector: {matchExpressions: [{key: a, operator: Exists, values: [a]}]}}"
    ),
    "label selector of an unknown operator": leaf(
        IMAGE, "podGC: {labelSelector: {matchExpressions: [{key: a, operator: Is, values: [a]}]}}"
    ),
    "label selector of a bad key": leaf(IMAGE, "podGC: {labelSelector: {matchLabels: {a b: c}}}"),
    # arguments of workflows
    "argument without value": leaf(IMAGE, "arguments: {parameters: [{name: a}]}"),
    "argument of a cron without value": workflow(
        f"  - {{name: main, {IMAGE}}}", "arguments: {parameters: [{name: a}]}", kind="CronWorkflow"
    ),
    "two arguments of one name": leaf(
        IMAGE, "arguments: {parameters: [{name: a, value: x}, {name: a, value: x}]}"
    ),
    "bad name of an argument": leaf(IMAGE, "arguments: {parameters: [{name: a.b, value: x}]}"),
    "argument from a config map": leaf(
        IMAGE, "arguments: {parameters: [{name: a, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}"
    ),
    "argument from supplied": leaf(IMAGE, "arguments: {parameters: [{name: a, valueFrom: {supplied: {}}}]}"),
    "argument from a path": leaf(IMAGE, "arguments: {parameters: [{name: a, valueFrom: {path: /a}}]}"),
    "argument from a default alone": leaf(
        IMAGE, "arguments: {parameters: [{name: a, valueFrom: {default: x}}]}"
    ),
    "argument from supplied and an expression": leaf(
        IMAGE, "arguments: {parameters: [{name: a, valueFrom: {supplied: {}, expression: '1'}}]}"
    ),
    "enum": leaf(IMAGE, "arguments: {parameters: [{name: a, value: x, enum: [x, y]}]}"),
    "enum of a number": leaf(IMAGE, "arguments: {parameters: [{name: a, value: 1, enum: ['1', y]}]}"),
    "value outside of its enum": leaf(IMAGE, "arguments: {parameters: [{name: a, value: z, enum: [x, y]}]}"),
    "empty enum": leaf(IMAGE, "arguments: {parameters: [{name: a, value: z, enum: []}]}"),
    "enum without value": leaf(IMAGE, "arguments: {parameters: [{name: a, enum: [x]}]}"),
    "artifact argument without location": leaf(IMAGE, "arguments: {artifacts: [{name: a}]}"),
    "artifact argument with key": leaf(IMAGE, "arguments: {artifacts: [{name: a, s3: {key: k}}]}"),
    "artifact argument with empty s3": leaf(IMAGE, "arguments: {artifacts: [{name: a, s3: {bucket: b}}]}"),
    "artifact argument raw": leaf(IMAGE, "arguments: {artifacts: [{name: a, raw: {data: x}}]}"),
    "artifact argument of an http without url": leaf(
        IMAGE, "arguments: {artifacts: [{name: a, http: {url: ''}}]}"
    ),
    "artifact argument from both": tasks(
        call(),
        "{name: b, template: reads, depends: a, arguments: {artifacts: [{name: data, from:"
        " '{{tasks.a.outputs.artifacts.data}}', fromExpression: 'tasks.a.outputs.artifacts.data'}]}}",
    ),
    "artifact argument from an expression alone": tasks(
        call(),
        "{name: b, template: reads, depends: a, arguments: {artifacts: [{name: data,"
        " fromExpression: 'tasks.a.outputs.artifacts.data'}]}}",
    ),
    # crons
    "cron of a bad schedule": workflow(f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow").replace(
        "@daily", "* *"
    ),
    "cron of a bad time zone": workflow(f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow").replace(
        "  workflowSpec", "  timezone: Mars/Base\n  workflowSpec"
    ),
    "cron without schedule": workflow(f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow").replace(
        "'@daily'", ""
    ),
    "cron of a bad policy": workflow(f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow").replace(
        "  workflowSpec", "  concurrencyPolicy: Never\n  workflowSpec"
    ),
    "cron of a negative deadline": workflow(f"  - {{name: main, {IMAGE}}}", kind="CronWorkflow").replace(
        "  workflowSpec", "  startingDeadlineSeconds: -1\n  workflowSpec"
    ),
    # templates
    "a template of nothing": workflow(f"  - {{name: main, {IMAGE}}}\n  - name: empty"),
    "a template of two kinds": leaf(f"{IMAGE}, script: {{image: alpine, source: x}}"),
    "a plugin of two": leaf("plugin: {a: {}, b: {}}"),
    "a plugin": leaf("plugin: {a: {}}"),
    "path of an input of a DAG": workflow(
        "  - name: main\n    inputs: {artifacts: [{name: i, path: /i, raw: {data: x}}]}\n"
        f"    dag: {{tasks: [{call()}]}}{ECHO}"
    ),
    "input of a DAG": workflow(
        "  - name: main\n    inputs: {artifacts: [{name: i, raw: {data: x}}]}\n"
        f"    dag: {{tasks: [{call()}]}}{ECHO}"
    ),
    "input artifact without path": leaf(f"inputs: {{artifacts: [{{name: i, raw: {{data: x}}}}]}}, {IMAGE}"),
    "input artifact of a suspend with a path": leaf(
        "inputs: {artifacts: [{name: i, path: /i, raw: {data: x}}]}, suspend: {}"
    ),
    "input artifact whose path leaves": leaf(
        f"inputs: {{artifacts: [{{name: i, path: /a/../../b, raw: {{data: x}}}}]}}, {IMAGE}"
    ),
    "input artifact whose path ends above": leaf(
        f"inputs: {{artifacts: [{{name: i, path: /a/.., raw: {{data: x}}}}]}}, {IMAGE}"
    ),
    "input artifact whose path stays within": leaf(
        f"inputs: {{artifacts: [{{name: i, path: /a/b/../c/d, raw: {{data: x}}}}]}}, {IMAGE}"
    ),
    "input artifact from": leaf(
        f"inputs: {{artifacts: [{{name: i, path: /i, from: '{{{{x}}}}'}}]}}, {IMAGE}"
    ),
    "input artifact of git without repo": leaf(
        f"inputs: {{artifacts: [{{name: i, path: /i, git: {{}}}}]}}, {IMAGE}"
    ),
    "hdfs": leaf(HDFS.format("addresses: [a], path: /p, hdfsUser: u")),
    "hdfs without addresses": leaf(HDFS.format("path: /p, hdfsUser: u")),
    "hdfs without path": leaf(HDFS.format("addresses: [a], hdfsUser: u")),
    "hdfs of a relative path": leaf(HDFS.format("addresses: [a], path: p, hdfsUser: u")),
    "hdfs without user": leaf(HDFS.format("addresses: [a], path: /p")),
    "hdfs with a keytab alone": leaf(
        HDFS.format("addresses: [a], path: /p, krbKeytabSecret: {name: a, key: b}")
    ),
    "hdfs with a ccache alone": leaf(
        HDFS.format("addresses: [a], path: /p, krbCCacheSecret: {name: a, key: b}")
    ),
    "archive location of git without repo": leaf(f"archiveLocation: {{git: {{}}}}, {IMAGE}"),
    "init container without name": leaf(f"initContainers: [{{image: a}}], {IMAGE}"),
    "a tag in the expression of retries": leaf(
        f"retryStrategy: {{limit: 1, expression: '{{{{workflow.name}}}} == \"x\"'}}, {IMAGE}"
    ),
    "a tag within a string in the expression of retries": leaf(
        f"retryStrategy: {{limit: 1, expression: 'lastRetry.message == \"{{{{workflow.name}}}}\"'}}, {IMAGE}"
    ),
    "unknown retry policy": leaf(f"retryStrategy: {{retryPolicy: Sometimes}}, {IMAGE}"),
    "timeout of a DAG": workflow(f"  - name: main\n    timeout: 5m\n    dag: {{tasks: [{call()}]}}{ECHO}"),
    "timeout of a suspend": leaf("timeout: 5m, suspend: {}"),
    "timeout without unit": leaf(f"timeout: '5', {IMAGE}"),
    "deadline of a DAG": workflow(
        f"  - name: main\n    activeDeadlineSeconds: 5\n    dag: {{tasks: [{call()}]}}{ECHO}"
    ),
    "deadline of steps": steps(f"[{call()}]", more="    activeDeadlineSeconds: 5\n"),
    "negative deadline": leaf(f"activeDeadlineSeconds: -5, {IMAGE}"),
    "deadline of words": leaf(f"activeDeadlineSeconds: soon, {IMAGE}"),
    "deadline of zero": leaf(f"activeDeadlineSeconds: 0, {IMAGE}"),
    "parallelism of a container": leaf(f"parallelism: 2, {IMAGE}"),
    "parallelism of a suspend": leaf("parallelism: 2, suspend: {}"),
    "no image": leaf("container: {command: [a]}"),
    "empty image of a script": leaf("script: {image: '', source: x}"),
    "image of the defaults": leaf(
        "container: {command: [a]}", "templateDefaults: {container: {image: alpine}}"
    ),
    "two mounts at one path": leaf(
        "container: {image: alpine, volumeMounts: [{name: a, mountPath: /m}, {name: b, mountPath: /m}]}"
    ),
    "two mounts of a script at one path": leaf(
        "script: {image: alpine, source: x, volumeMounts: [{name: a, mountPath: /m}, {name: b, mountPath: /m}]}"
    ),
    "an artifact at a mount": leaf(
        "inputs: {artifacts: [{name: i, path: /m, raw: {data: x}}]},"
        " container: {image: alpine, volumeMounts: [{name: a, mountPath: /m}]}"
    ),
    "two artifacts at one path": leaf(
        "inputs: {artifacts: [{name: i, path: /m, raw: {data: x}}, {name: j, path: /m, raw: {data: x}}]}, "
        + IMAGE
    ),
    # container sets
    "container set": leaf(SET.format(f"containers: [{MAIN}]")),
    "container set of none": leaf(SET.format("containers: []")),
    "container set of one name twice": leaf(SET.format(f"containers: [{MAIN}, {MAIN}]")),
    "container set of a bad name": leaf(SET.format("containers: [{name: a_b, image: alpine}]")),
    "container set with a cycle": leaf(
        SET.format(
            "containers: [{name: a, image: i, dependencies: [b]}, {name: b, image: i, dependencies: [a]}]"
        )
    ),
    "container set that waits for nobody": leaf(
        SET.format("containers: [{name: a, image: i, dependencies: [b]}]")
    ),
    "container set of two mounts": leaf(
        SET.format(
            f"containers: [{MAIN}], volumeMounts: [{{name: a, mountPath: /m}}, {{name: b, mountPath: /m}}]"
        )
    ),
    "container set with outputs and no main": leaf(
        SET.format("containers: [{name: a, image: i}]") + ", outputs: {artifacts: [{name: o, path: /o}]}"
    ),
    "container set with outputs": leaf(
        SET.format(f"containers: [{MAIN}]") + ", outputs: {artifacts: [{name: o, path: /o}]}"
    ),
    # resources
    "resource": leaf("resource: {action: create, manifest: 'a: b'}"),
    "resource of a bad action": leaf("resource: {action: make, manifest: 'a: b'}"),
    "resource of an action by tag": leaf(
        "inputs: {parameters: [{name: act, value: create}]},"
        " resource: {action: '{{inputs.parameters.act}}', manifest: 'a: b'}"
    ),
    "resource without manifest": leaf("resource: {action: create}"),
    "resource to delete without manifest": leaf("resource: {action: delete, flags: [pod, a]}"),
    "resource of two manifests": leaf(
        "resource: {action: create, manifest: 'a: b', manifestFrom: {artifact: {name: m}}}"
    ),
    "resource of an unknown artifact": leaf(
        "resource: {action: create, manifestFrom: {artifact: {name: m}}}"
    ),
    "resource of an artifact": leaf(
        "inputs: {artifacts: [{name: m, path: /m, raw: {data: x}}]},"
        " resource: {action: create, manifestFrom: {artifact: {name: m}}}"
    ),
    "resource of no YAML": leaf("resource: {action: create, manifest: 'a: [b'}"),
    "resource with a tag": leaf("resource: {action: create, manifest: 'a: {{=1 + 1}}'}"),
    # outputs
    "output of a path": leaf(OUT.format("valueFrom: {path: /o}")),
    "output of a value": leaf(OUT.format("value: x")),
    "output of a value and a source": leaf(OUT.format("value: x, valueFrom: {path: /o}")),
    "output of nothing": leaf("outputs: {parameters: [{name: o}]}, " + IMAGE),
    "output of an empty source": leaf(OUT.format("valueFrom: {}")),
    "output of a default alone": leaf(OUT.format("valueFrom: {default: x}")),
    "output of two sources": leaf(OUT.format("valueFrom: {path: /o, expression: '1'}")),
    "output of an expression of a container": leaf(OUT.format("valueFrom: {expression: '1'}")),
    "output of supplied of a container": leaf(OUT.format("valueFrom: {supplied: {}}")),
    "output of supplied": leaf("outputs: {parameters: [{name: o, valueFrom: {supplied: {}}}]}, suspend: {}"),
    "output of a resource by path": leaf(
        "outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}, resource: {action: create, manifest: 'a: b'}"
    ),
    "output of a resource": leaf(
        "outputs: {parameters: [{name: o, valueFrom: {jsonPath: a}}]}, resource: {action: create, manifest: 'a: b'}"
    ),
    "output of a DAG by path": gives("valueFrom: {path: /o}"),
    "output of a DAG": gives("valueFrom: {parameter: '{{tasks.a.outputs.parameters.size}}'}"),
    "output of a DAG by expression": gives("valueFrom: {expression: '1'}"),
    "output of a DAG by an expression with a tag": gives(
        "valueFrom: {expression: 'tasks.{{workflow.name}}.outputs.parameters.size'}"
    ),
    "output of a DAG by both": gives(
        "valueFrom: {expression: '1', parameter: '{{tasks.a.outputs.parameters.size}}'}"
    ),
    "output of a DAG that names no output": gives(
        "valueFrom: {parameter: '{{tasks.a.outputs.parameters.none}}'}"
    ),
    "bad global name": leaf(OUT.format("globalName: a.b, valueFrom: {path: /o}")),
    "global name by tag": leaf(OUT.format("globalName: 'a-{{workflow.name}}', valueFrom: {path: /o}")),
    "bad global name of an artifact": leaf(
        "outputs: {artifacts: [{name: o, path: /o, globalName: a b}]}, " + IMAGE
    ),
    "output artifact without path": leaf("outputs: {artifacts: [{name: o}]}, " + IMAGE),
    "path of an output of a DAG": workflow(
        f"  - name: main\n    outputs: {{artifacts: [{{name: o, path: /o}}]}}\n    dag: {{tasks: [{call()}]}}{ECHO}"
    ),
    "two outputs of one name": leaf(
        "outputs: {parameters: [{name: o, value: x}, {name: o, value: x}]}, " + IMAGE
    ),
    # metrics
    "metric": leaf(METRIC.format("{name: a, help: h, counter: {value: '1'}}")),
    "metric of a bad name": leaf(METRIC.format("{name: a-b, help: h, counter: {value: '1'}}")),
    "metric of a bad label": leaf(
        METRIC.format("{name: a, help: h, labels: [{key: a-b, value: x}], counter: {value: '1'}}")
    ),
    "metric without help": leaf(METRIC.format("{name: a, counter: {value: '1'}}")),
    "metric without value": leaf(METRIC.format("{name: a, help: h, counter: {value: ''}}")),
    "gauge of durations in real time": leaf(
        METRIC.format("{name: a, help: h, gauge: {realtime: true, value: '{{resourcesDuration.cpu}}'}}")
    ),
    "gauge": leaf(METRIC.format("{name: a, help: h, gauge: {realtime: true, value: '{{duration}}'}}")),
    "metric of an output": leaf(
        "outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}, "
        + METRIC.format("{name: a, help: h, gauge: {realtime: false, value: '{{outputs.parameters.o}}'}}")
    ),
    # calls
    "unknown template": tasks("{name: a, template: none}"),
    "no template": tasks("{name: a}"),
    "template and templateRef": tasks("{name: a, template: free, templateRef: {name: x, template: z}}"),
    "templateRef without name": tasks("{name: a, templateRef: {template: z}}"),
    "templateRef without template": tasks("{name: a, templateRef: {name: x}}"),
    "templateRef by tag": tasks("{name: a, templateRef: {name: '{{workflow.name}}', template: z}}"),
    "inline": tasks("{name: a, inline: {container: {image: alpine}}}"),
    "inline of nothing": tasks("{name: a, inline: {}}"),
    "template and inline": tasks("{name: a, template: free, inline: {container: {image: alpine}}}"),
    "missing argument": tasks("{name: a, template: echo}"),
    "missing artifact": tasks("{name: a, template: reads}"),
    "missing argument of a step": steps("[{name: a, template: echo}]"),
    "argument of a task without value": tasks(
        "{name: a, template: echo, arguments: {parameters: [{name: text}]}}"
    ),
    "argument of a step without value": steps(
        "[{name: a, template: echo, arguments: {parameters: [{name: text}]}}]"
    ),
    "unknown argument without value": tasks(
        "{name: a, template: free, arguments: {parameters: [{name: other}]}}"
    ),
    "argument of a task from a path": tasks(
        "{name: a, template: echo, arguments: {parameters: [{name: text, valueFrom: {path: /a}}]}}"
    ),
    "argument of a task from an expression": tasks(
        "{name: a, template: echo, arguments: {parameters: [{name: text, valueFrom: {expression: '1'}}]}}"
    ),
    "artifact of a task without location": tasks(
        "{name: a, template: reads, arguments: {artifacts: [{name: data}]}}"
    ),
    "hook of a task without expression": tasks(call(more="hooks: {a: {template: free}}, ")),
    "hook of a task": tasks(call(more="hooks: {a: {template: free, expression: 'true'}}, ")),
    "hook of a step without expression": steps(f"[{call(more='hooks: {a: {template: free}}, ')}]"),
    "hook of a step that names its outputs": steps(
        "[{name: a, template: free, hooks: {b: {template: echo, expression: 'true', arguments: {parameters:"
        " [{name: text, value: '{{steps.a.outputs.result}}'}]}}}}]"
    ),
    "exit hook of a step that names its outputs": steps(
        "[{name: a, template: free, hooks: {exit: {template: echo, arguments: {parameters:"
        " [{name: text, value: '{{steps.a.outputs.result}}'}]}}}}]"
    ),
    "hook of a step that names its status": steps(
        "[{name: a, template: free, hooks: {b: {template: echo, expression: 'true', arguments: {parameters:"
        " [{name: text, value: '{{steps.a.status}}'}]}}}}]"
    ),
    "hook of a task that names its outputs": tasks(
        "{name: a, template: free, hooks: {exit: {template: echo, arguments: {parameters:"
        " [{name: text, value: '{{tasks.a.outputs.result}}'}]}}}}"
    ),
    "unknown template of a hook": tasks(call(more="hooks: {exit: {template: none}}, ")),
    # loops
    "items and param": tasks(call(more="withItems: [a], withParam: '[]', ")),
    "items and sequence": steps(f"[{call(more='withItems: [a], withSequence: {count: 1}, ')}]"),
    "empty items": tasks(call(more="withItems: [], withParam: '[]', ")),
    "sequence of count and end": tasks(call(more="withSequence: {count: 1, end: 2}, ")),
    "sequence": tasks(call(value="{{item}}", more="withSequence: {count: 1}, ")),
    "sequence of nothing": tasks(call(more="withSequence: {}, ")),
    "field of an item": tasks(call(value="{{item.a}}", more="withItems: [{a: 1}], ")),
    "unknown field of an item": tasks(call(value="{{item.b}}", more="withItems: [{a: 1}], ")),
    "field of a text item": tasks(call(value="{{item.b}}", more="withItems: [a], ")),
    "field of an item that only the run knows": tasks(call(value="{{item.b}}", more="withParam: '[]', ")),
    "field of a number of a sequence": tasks(call(value="{{item.b}}", more="withSequence: {count: 1}, ")),
    "field of an item without a loop": tasks(call(value="{{item.b}}")),
    "item without a loop": tasks(call(value="{{item}}")),
    "mixed items": tasks(call(value="{{item}} {{item.a}}", more="withItems: [{a: 1}, b], ")),
    "outputs of a loop": tasks(
        call(more="withItems: [a], "), call("b", "{{tasks.a.outputs.parameters}}", "depends: a, ")
    ),
    "all outputs of no loop": tasks(call(), call("b", "{{tasks.a.outputs.parameters}}", "depends: a, ")),
    # DAGs
    "empty DAG": tasks(),
    "no tasks": workflow(f"  - name: main\n    dag: {{}}{ECHO}"),
    "empty steps": steps(),
    "an empty group of steps": steps("[]"),
    "two tasks of one name": tasks(call(), call()),
    "two steps of one name": steps(f"[{call()}]", f"[{call()}]"),
    "bad name of a task": tasks(call("a_b")),
    "name of a task by tag": tasks(call("'a-{{workflow.name}}'")),
    "name of a step by tag": steps(f"[{call(repr('a-{{workflow.name}}'))}]"),
    "task of a digit with depends": tasks(call(), call("2a", more="depends: a, ")),
    "task of a digit": tasks(call("2a")),
    "depends and dependencies": tasks(
        call(), call("b", more="dependencies: [a], "), call("c", more="depends: b, ")
    ),
    "depends and continueOn": tasks(
        call(more="continueOn: {failed: true}, "), call("c", more="depends: a, ")
    ),
    "depends on nobody": tasks(call(more="depends: b, ")),
    "depends on itself": tasks(call(more="depends: a, ")),
    "cycle": tasks(call(more="depends: b, "), call("b", more="depends: a, ")),
    "unknown result": tasks(call(), call("b", more="depends: a.Done, ")),
    "every result": tasks(
        call(),
        call(
            "b",
            more="depends: a.Succeeded || a.Failed || a.Errored || a.Skipped || a.Omitted || a.Daemoned, ",
        ),
    ),
    "a result of items of no loop": tasks(call(), call("b", more="depends: a.AnySucceeded, ")),
    "a result of items": tasks(call(more="withItems: [a], "), call("b", more="depends: a.AllFailed, ")),
    "depends that is no expression": tasks(call(), call("b", more="depends: a &&, ")),
    "target": tasks(call(), more="target: a, "),
    "unknown target": tasks(call(), more="target: a b, "),
    "target by an expression": tasks(call(), more='target: \'{{= 1 == 1 ? "a" : "b"}}\', '),
    "target by tag": tasks(call(), more="target: '{{workflow.name}}', "),
    "output of a task that is not waited for": tasks(
        call(), call("b", "{{tasks.a.outputs.parameters.size}}")
    ),
    "output of a task within a text": tasks(call(), call("b", "x {{tasks.a.outputs.parameters.size}}")),
    "artifact of a task that is not waited for": tasks(
        call(),
        "{name: b, template: reads, arguments: {artifacts: [{name: data,"
        " from: '{{tasks.a.outputs.artifacts.data}}'}]}}",
    ),
    "output of a step of the same group": steps(
        f"[{call()}, {call('b', '{{steps.a.outputs.parameters.size}}')}]"
    ),
    "output of a later step": steps(f"[{call('b', '{{steps.a.outputs.parameters.size}}')}]", f"[{call()}]"),
    "output of an earlier step": steps(
        f"[{call()}]",
        f"[{call('b', '{{steps.a.outputs.parameters.size}} {{steps.a.status}} {{steps.a.exitCode}}')}]",
    ),
    # tags
    "unclosed tag": tasks(call(value="{{workflow.name")),
    "unclosed tag of an entrypoint": workflow(ECHO, "entrypoint: 'p{{inputs.parameters.x'"),
    "unknown input": leaf("container: {image: alpine, args: ['{{inputs.parameters.x}}']}"),
    "all inputs": leaf(
        "inputs: {parameters: [{name: x, value: y}]}, container: {image: alpine, args: ['{{inputs.parameters}}']}"
    ),
    "all inputs of none": leaf("container: {image: alpine, args: ['{{inputs.parameters}}']}"),
    "a part of an input": leaf(
        "inputs: {parameters: [{name: x, value: y}]}, container: {image: alpine, args: ['{{inputs.parameters.x.y}}']}"
    ),
    "path of an input": leaf(
        "inputs: {artifacts: [{name: x, path: /x, raw: {data: x}}]},"
        " container: {image: alpine, args: ['{{inputs.artifacts.x.path}} {{inputs.artifacts.x}}']}"
    ),
    "kind of an input": leaf(
        "inputs: {artifacts: [{name: x, path: /x, raw: {data: x}}]},"
        " container: {image: alpine, args: ['{{inputs.artifacts.x.kind}}']}"
    ),
    "path of an output": leaf(
        "outputs: {artifacts: [{name: x, path: /x}]},"
        " container: {image: alpine, args: ['{{outputs.artifacts.x.path}}']}"
    ),
    "unknown output": leaf("container: {image: alpine, args: ['{{outputs.artifacts.x.path}}']}"),
    "pod name": leaf("container: {image: alpine, args: ['{{pod.name}}']}"),
    "pod name of a DAG": tasks(call(value="{{pod.name}}")),
    "other of a pod": leaf("container: {image: alpine, args: ['{{pod.uid}}']}"),
    "tasks in a leaf": leaf("container: {image: alpine, args: ['{{tasks.a.status}}']}"),
    "steps in a DAG": tasks(call(), call("b", "{{steps.a.status}}", "depends: a, ")),
    "unknown task": tasks(call(value="{{tasks.b.outputs.result}}")),
    "status of a task that is waited for": tasks(call(), call("b", "{{tasks.a.status}}", "depends: a, ")),
    "status of a task that is not waited for": tasks(call(), call("b", "x{{tasks.a.status}}")),
    "typo of a task's outputs": tasks(call(), call("b", "{{tasks.a.output.result}}", "depends: a, ")),
    "ip of no daemon": tasks(call(), call("b", "{{tasks.a.ip}}", "depends: a, ")),
    "result of a suspend": tasks(
        "{name: a, template: wait}", call("b", "{{tasks.a.outputs.result}}", "depends: a, ")
    ),
    "times of a task": tasks(
        call(), call("b", "{{tasks.a.id}}{{tasks.a.startedAt}}{{tasks.a.finishedAt}}", "depends: a, ")
    ),
    "name of a task": tasks(call(value="{{tasks.name}}")),
    "workflow's name": tasks(
        call(value="{{workflow.name}} {{workflow.uid}} {{workflow.creationTimestamp.s}}")
    ),
    "typo of workflow": tasks(call(value="{{workflow.nam}}")),
    "parameters of a workflow without": tasks(call(value="{{workflow.parameters}}")),
    "parameter of a workflow": tasks(
        call(value="{{workflow.parameters.p}} {{workflow.parameters}} {{workflow.parameters.json}}"),
        spec="arguments: {parameters: [{name: p, value: x}]}",
    ),
    "unknown parameter of a workflow": tasks(call(value="{{workflow.parameters.p}}")),
    "unknown parameter of a template": workflow(
        f"  - name: main\n    dag: {{tasks: [{call(value='{{workflow.parameters.p}}')}]}}{ECHO}",
        kind="WorkflowTemplate",
    ),
    "priority": tasks(call(value="{{workflow.priority}}")),
    "priority that is set": tasks(call(value="{{workflow.priority}}"), spec="priority: 1"),
    "label": tasks(call(value="{{workflow.labels.a}}")),
    "label that is set": tasks(
        call(value="{{workflow.labels.a}}"), spec="workflowMetadata: {labels: {a: b}}"
    ),
    "annotation": tasks(call(value="{{workflow.annotations.a}}")),
    "failures": tasks(call(value="{{workflow.failures}}")),
    "failures of an exit handler": workflow(
        f"  - {{name: main, {IMAGE}}}\n"
        "  - {name: bye, container: {image: alpine, args: ['{{workflow.failures}} {{workflow.status}}']}}",
        "onExit: bye",
    ),
    "failures of an exit hook": leaf(IMAGE, "hooks: {exit: {template: fails}}") + FAILS,
    "failures of the entrypoint": leaf(SAYS.format("{{workflow.failures}}"), "onExit: free"),
    "failures of an exit handler that the entrypoint calls": steps("[{name: a, template: fails}]").replace(
        "entrypoint: main", "entrypoint: main\n  onExit: fails"
    )
    + FAILS,
    "failures of a template that nothing calls": leaf(IMAGE, "onExit: free") + FAILS,
    "failures of a template that a hook of the entrypoint calls": steps(
        "[{name: a, template: free, hooks: {exit: {template: fails}}}]"
    ).replace("entrypoint: main", "entrypoint: main\n  onExit: free")
    + FAILS,
    "failures in the arguments of an exit hook": leaf(
        IMAGE,
        "hooks: {exit: {template: echo, arguments: {parameters: [{name: text, value: '{{workflow.failures}}'}]}}}",
    ),
    "time of a schedule": tasks(call(value="{{workflow.scheduledTime}}")),
    "time of a schedule by another name": tasks(call(value="{{workflow.cronScheduleTime}}")),
    **{
        f"{tag} in the metadata of pods": leaf(
            f"inputs: {{parameters: [{{name: p, value: x}}]}}, {IMAGE}",
            f"podMetadata: {{labels: {{a: '{tag}'}}}}",
        ).replace(ECHO, "\n")
        for tag in (
            "{{workflow.name}}",
            "{{pod.name}}",
            "{{inputs.parameters.p}}",
            "{{inputs.parameters.q}}",
            "{{item.a}}",
            "{{tasks.a.status}}",
            "{{=inputs.parameters.q}}",
        )
    },
    "global output": tasks(call(value="{{workflow.outputs.parameters.g}}")),
    "tags of others": tasks(call(value="{{ user.name }} {{tasks}} {{retries}} {{inputs}}")),
    "an expression of nothing": tasks(call(value="{{=nothing.at.all}}")),
}


STRICTER = {
    "loop over an inline template in steps": "the steps error when the loop is over",
    "loop over an inline template before a task": "the task errors when the loop is over",
    "inline of steps: an item": "the steps error when the loop is over",
    "another apiVersion": "argo lint does not look at it, the API server does",
    "hook of a task without expression": "the hook errors when the task runs",
    "unknown template of a hook": "the hook errors when the task runs",
    "depends that is no expression": "the DAG errors when it runs",
    "output of a task within a text": "the tag stays as it is when the other task is late",
    "output of a step of the same group": "the step errors when it starts",
}
"""Cases that Argo takes and mlplat refuses, and why."""

LOOSER = {
    "templateRef by tag": "which template that is, only the run knows",
    "target by tag": "which task that is, only the run knows",
    "name of a task": "Argo takes tasks.name for the output of a task called 'name}}'",
}
"""Cases that Argo refuses and mlplat takes, and why."""


def verdict(argo: str, file: Path) -> str:
    """Return what ``argo lint --offline`` says of a file; empty when it takes it."""
    command = [argo, "lint", "--offline", "--output", "simple", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout.strip() or done.stderr.strip()).replace(f"{file}: ", "")
    return said if done.returncode else ""


def verdicts(argo: str) -> dict[str, str]:
    """Return what ``argo lint --offline`` says of each case."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.yaml"

        def said(text: str) -> str:
            file.write_text(text, encoding="utf-8")
            return verdict(argo, file)

        return {name: said(text) for name, text in CASES.items()}


def main(argo: str) -> None:
    """Record what a program says of each case."""
    RECORDED.write_text(json.dumps(verdicts(argo), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
