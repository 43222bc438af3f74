"""Finds what Argo's controller would refuse in a manifest: calls of templates, arguments and references.

The controller reports the first error, after submission; this module reports all errors. See ``workflow/validate`` of
Argo 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlplat.argo import schema, structure
from mlplat.argo.depends import condition, earlier, in_order, unknown_names
from mlplat.argo.references import Member, OfWorkflow, Visible, declared, wrong_tags
from mlplat.argo.scopes import unseen
from mlplat.argo.stores import has_location
from mlplat.argo.structure import KINDS, kind_of
from mlplat.errors import Diagnostic, nearest
from mlplat.ir.argo_template import calls, calls_of, steps_of

_REUSABLE = {"WorkflowTemplate": "namespaced", "ClusterWorkflowTemplate": "cluster"}
_EXIT = ("onExit", "hooks.exit")
_PODS = ("container", "containerSet", "script", "resource", "data")
_NAME_IT = "Argo checks it there too; move the inline template to spec.templates, and call it by its name"
_WITH_RESULT = ("container", "script", "data", "http", "plugin")

Part = Mapping[str, Any]


def problems(document: Part, related: Sequence[Part] = ()) -> list[Diagnostic]:
    """Return the errors that Argo would find in a document.

    Args:
        document: a Workflow, WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow; for other kinds, only metadata
            and data are checked.
        related: other documents that it can refer to.

    Returns:
        The errors; a path such as ``spec.templates.main.dag.tasks.a`` has the names of list items.
    """
    if document.get("kind") not in schema.KINDS:
        return list(structure.malformed_document(document))
    fields = schema.problems(document)
    if any(one.code == schema.WRONG for one in fields):
        return fields
    place, spec = structure.placed_spec(document)
    templates = {
        f"{_REUSABLE[one['kind']]}/{one['metadata'].get('name')}": one["spec"]
        for one in related
        if one.get("kind") in _REUSABLE and one.get("metadata") and not any(structure.malformed_document(one))
    }
    manifest = _Manifest(document["kind"], place, spec, document.get("metadata") or {}, templates)
    return [
        *fields,
        *structure.wrong_names(document),
        *(structure.cron_rules(document) if document["kind"] == "CronWorkflow" else ()),
        *structure.broken_rules(spec, place),
        *manifest.all(),
    ]


class _Manifest:
    def __init__(self, kind: str, path: str, spec: Part, metadata: Part, others: Mapping[str, Part]) -> None:
        self.kind, self.path, self.spec, self.others = kind, path, spec, others
        reference = spec.get("workflowTemplateRef")
        self.base = others.get(_scope(reference)) if reference else {}
        from_base = self.base or {}
        self.templates = {
            one["name"]: one for one in (*(from_base.get("templates") or ()), *(spec.get("templates") or ()))
        }
        self.defaults = spec.get("templateDefaults") or {}
        self.told: set[str] = set()
        self.arguments = (from_base.get("arguments") or {}, spec.get("arguments") or {})
        self.visible = Visible(
            OfWorkflow(
                None if self.base is None or kind in _REUSABLE else declared(*self.arguments)["parameters"],
                self._globals(),
                None if self.base is None else self._metadata(metadata, from_base),
                self._absent(from_base),
            )
        )

    def _metadata(self, metadata: Part, base: Part) -> Mapping[str, frozenset[str]]:
        """Return the keys of a run's labels and annotations."""
        own = (self.spec.get("workflowMetadata") or {}, base.get("workflowMetadata") or {})
        sources = own if self.kind == "CronWorkflow" else (metadata, *own)
        labels = {
            key for one in sources for key in (*(one.get("labels") or ()), *(one.get("labelsFrom") or ()))
        }
        annotations = {key for one in sources for key in one.get("annotations") or ()}
        if self.kind == "CronWorkflow":
            labels.add("workflows.argoproj.io/cron-workflow")
            annotations.add("workflows.argoproj.io/scheduled-time")
        return {"labels": frozenset(labels), "annotations": frozenset(annotations)}

    def _absent(self, base: Part) -> frozenset[str]:
        """Return the variables that a run does not have; no template but that of an exit handler has ``failures``."""
        if self.base is None or self.kind in _REUSABLE:
            return frozenset()
        priority = any(one.get("priority") is not None for one in (self.spec, base))
        return frozenset(["failures"] if priority else ["failures", "priority"])

    def _at_exit(self) -> frozenset[str]:
        """Return the names of the templates that may read ``workflow.failures``.

        These are the templates that the entrypoint does not reach, if the workflow has an exit handler.
        """
        sides = (self.spec, self.base or {})
        if not any(one.get("onExit") for one in sides):
            return frozenset()
        reached: set[str] = set()
        pending = [str(one["entrypoint"]) for one in sides if one.get("entrypoint")][:1]
        while pending:
            name = pending.pop()
            if name in self.templates and name not in reached:
                reached.add(name)
                pending += _called_names(self.templates[name])
        return frozenset(self.templates.keys() - reached)

    def _globals(self) -> Mapping[str, frozenset[str]] | None:
        found: dict[str, set[str]] = {"parameters": set(), "artifacts": set()}
        pending = list(self.templates.values())
        if self.base is None:
            return None
        while pending:
            template = pending.pop()
            for call in calls(template):
                if call.get("templateRef"):
                    return None
                pending += [call["inline"]] if call.get("inline") else []
            for kind, names in found.items():
                for output in (template.get("outputs") or {}).get(kind) or ():
                    names.add(str(output.get("globalName") or ""))
        if any("{{" in name for names in found.values() for name in names):
            return None
        return {kind: frozenset(names - {""}) for kind, names in found.items()}

    def all(self) -> Iterator[Diagnostic]:
        spec = self.spec
        if self.base is None:
            yield _unseen(f"{self.path}.workflowTemplateRef", spec["workflowTemplateRef"])
        yield from self.values()
        yield from self.entrypoint()
        for name, hook in self.hooks(spec):
            given = [hook.get("arguments") or {}, *self.arguments]
            yield from self.called(f"{self.path}.{name}", hook, given)
        of_workflow = self.visible.workflow
        absent = of_workflow.absent - {"failures"}
        at_the_end = replace(self.visible, workflow=replace(of_workflow, absent=absent))
        elsewhere = ("templates", "templateDefaults", "podMetadata")
        own = {key: value for key, value in spec.items() if key not in elsewhere}
        yield from wrong_tags(own, self.path, at_the_end)
        at_exit = self._at_exit()
        for template in spec.get("templates") or ():
            seen = at_the_end if template["name"] in at_exit else self.visible
            yield from self.template(f"{self.path}.templates.{template['name']}", template, seen)

    def values(self) -> Iterator[Diagnostic]:
        """Check that parameters of the Workflow that need a value have one."""
        if self.kind in _REUSABLE:
            return
        values = {
            one["name"]: one
            for side in self.arguments
            for one in side.get("parameters") or ()
            if _is_given(one)
        }
        for parameter in (self.spec.get("arguments") or {}).get("parameters") or ():
            if parameter["name"] not in values:
                path = f"{self.path}.arguments.parameters.{parameter['name']}"
                if self.kind == "CronWorkflow":
                    yield Diagnostic("MLP402", path, "the parameter has no value", "set value: …")
                else:
                    hint = f"mlplat run -p {parameter['name']}=…, argo submit -p, or set value"
                    yield Diagnostic("MLP402", path, "the parameter has no value", hint, severity="warning")

    def entrypoint(self) -> Iterator[Diagnostic]:
        name = self.spec.get("entrypoint") or (self.base or {}).get("entrypoint")
        if self.base is None or (not name and self.kind in _REUSABLE):
            return
        path = f"{self.path}.entrypoint"
        if not name:
            hint = nearest("main", list(self.templates)) or "write the name of the first template to run"
            yield Diagnostic("MLP510", self.path, "entrypoint is missing", hint)
        elif self.kind in _REUSABLE and name in self.templates:
            return
        else:
            yield from self.called(path, {"template": name}, self.arguments)

    def hooks(self, holder: Part) -> Iterator[tuple[str, Part]]:
        """Yield the hooks and exit handler of a Workflow, task or step."""
        if holder.get("onExit"):
            yield "onExit", {"template": holder["onExit"]}
        for name, hook in (holder.get("hooks") or {}).items():
            yield f"hooks.{name}", hook

    def template(self, path: str, template: Part, around: Visible) -> Iterator[Diagnostic]:
        """Check a template; tags of an inline template can also name what its caller can."""
        inputs = declared(self.defaults.get("inputs") or {}, template.get("inputs") or {})
        if around.inputs is not None:
            inputs = {kind: names | around.inputs[kind] for kind, names in inputs.items()}
        is_pod = kind_of(template) in _PODS
        items = None if around.inputs is not None else frozenset[str]()
        inside = replace(around, inputs=inputs, is_pod=is_pod, items=items)
        kind = kind_of(template)
        if not kind:
            yield Diagnostic("MLP512", path, "the template has no kind", f"add one of {', '.join(KINDS)}")
        root = {"dag": "tasks", "steps": "steps"}.get(kind, "")
        if root:
            groups = [template["dag"].get("tasks") or ()] if root == "tasks" else steps_of(template)
            members = {call["name"]: self.member(call) for group in groups for call in group}
            members = {**around.members, **members}
            inside = replace(inside, roots=around.roots | {root}, members=members, over=None)
        rest = {key: value for key, value in template.items() if key not in ("dag", "steps")}
        yield from wrong_tags(rest, path, inside)
        yield from unseen(template, path)
        if kind and not root:
            yield from self.pod_metadata(inside)
        if root == "tasks":
            yield from self.dag(f"{path}.dag", template["dag"], inside, frozenset(around.members))
        elif root == "steps":
            before = set(around.members)
            for number, group in enumerate(steps_of(template)):
                seen = replace(inside, over=frozenset(before), to_wait="move this step to a group after '{}'")
                for step in group:
                    place = f"{path}.steps[{number}].{step['name']}"
                    yield from self.call(place, step, seen)
                    yield from _looped_inline(place, step)
                before.update(step["name"] for step in group)

    def pod_metadata(self, inside: Visible) -> Iterator[Diagnostic]:
        """Check the metadata that the Workflow adds to the pods of each template, once for each place."""
        for one in wrong_tags(self.spec.get("podMetadata") or {}, f"{self.path}.podMetadata", inside):
            if one.path not in self.told:
                self.told.add(one.path)
                yield one

    def dag(self, path: str, dag: Part, inside: Visible, before: frozenset[str]) -> Iterator[Diagnostic]:
        tasks = {task["name"]: task for task in dag.get("tasks") or ()}
        conditions = {name: condition(task, tasks) for name, task in tasks.items()}
        unknown = unknown_names(conditions, list(tasks))
        for name, missing in unknown.items():
            field = "depends" if tasks[name].get("depends") else "dependencies"
            for one in missing:
                hint = nearest(one, [other for other in tasks if other != name])
                yield Diagnostic("MLP513", f"{path}.tasks.{name}.{field}", f"there is no task {one!r}", hint)
        waits = {name: one.tasks for name, one in conditions.items()}
        _, stuck = in_order(waits)
        if stuck:
            message = f"the tasks {', '.join(stuck)} depend on each other in a cycle"
            yield Diagnostic("MLP516", path, message, "remove one of the dependencies")
        for name in dict.fromkeys(other for others in waits.values() for other in others if other in tasks):
            yield from _looped_inline(f"{path}.tasks.{name}", tasks[name])
        over = earlier(waits)
        for name, task in tasks.items():
            known = before.union(over[name]) if before and name in over else over.get(name)
            seen = replace(inside, over=known, to_wait="add '{}' to depends or dependencies")
            yield from self.call(f"{path}.tasks.{name}", task, seen)

    def call(self, path: str, call: Part, visible: Visible) -> Iterator[Diagnostic]:
        """Check a task or step."""
        yield from self.called(path, call, [call.get("arguments") or {}])
        beside = {key: call[key] for key in ("hooks", "onExit") if key in call}
        own = {key: value for key, value in call.items() if key not in ("inline", *beside)}
        visible = replace(visible, items=_fields_of_items(call))
        yield from wrong_tags(own, path, visible)
        ends = "onExit" in beside or "exit" in (call.get("hooks") or {})
        is_early = "steps" in visible.roots and not ends
        yield from wrong_tags(beside, path, replace(visible, over=None, own=call["name"] if is_early else ""))
        for name, hook in self.hooks(call):
            given = [hook.get("arguments") or {}]
            yield from self.called(
                f"{path}.{name}", hook, [*given, *self.arguments] if name in _EXIT else given
            )
        if call.get("inline"):
            yield from self.inline(f"{path}.inline", call["inline"], visible)

    def inline(self, path: str, template: Part, visible: Visible) -> Iterator[Diagnostic]:
        """Check an inline template; its tags must have a value for its caller too."""
        own = list(self.template(path, template, replace(visible, items=None)))
        yield from own
        told = {one.path for one in own}
        if visible.inputs is not None:
            names = declared(template.get("inputs") or {})["parameters"]
            visible = replace(
                visible, inputs={**visible.inputs, "parameters": visible.inputs["parameters"] | names}
            )
        for one in wrong_tags(template, path, visible):
            if one.path not in told:
                yield replace(
                    one, message=f"{one.message} (where the inline template is called)", hint=_NAME_IT
                )

    def member(self, call: Part) -> Member:
        template = self.find(call)
        if not isinstance(template, Mapping):
            return Member("", None)
        sides = (self.defaults.get("outputs") or {}, template.get("outputs") or {})
        is_loop = bool(call.get("withItems") or call.get("withParam"))
        return Member(
            str(template.get("name") or "inline"),
            declared(*sides),
            _has_result(template),
            bool(template.get("daemon")),
            is_loop,
        )

    def find(self, call: Part) -> Part | Diagnostic | None:
        """Return the template of a call, a diagnostic if it does not exist, or None if it cannot be known.

        A diagnostic's path is relative to the call.
        """
        if call.get("inline"):
            inline: Part = call["inline"]
            return inline
        reference = call.get("templateRef")
        name = str((reference or call).get("template") or "")
        if "{{" in name or (reference and "{{" in str(reference.get("name"))):
            return None
        templates: Mapping[str, Part] = self.templates
        where = ""
        if reference:
            other = self.others.get(_scope(reference))
            if other is None:
                return _unseen("templateRef", reference)
            templates = {one["name"]: one for one in other.get("templates") or ()}
            where = f" in '{reference['name']}'"
        elif self.base is None:
            return None
        if name not in templates:
            message = (
                f"there is no template '{name}'{where}" if name else "the name of the template is missing"
            )
            return Diagnostic("MLP511", "", message, nearest(name, list(templates)))
        return templates[name]

    def called(self, path: str, call: Part, arguments: Sequence[Part]) -> Iterator[Diagnostic]:
        """Check that a template exists and gets its required inputs."""
        template = self.find(call)
        if isinstance(template, Diagnostic):
            if template.code == "MLP520" and template.message in self.told:
                return
            self.told.add(template.message)
            yield replace(template, path=f"{path}.{template.path}".rstrip("."))
        elif template is not None:
            yield from self.missing(path, template, arguments)

    def missing(self, path: str, template: Part, arguments: Sequence[Part]) -> Iterator[Diagnostic]:
        names, inputs = declared(*arguments), template.get("inputs") or {}
        for kind, noun, needed, otherwise in (
            ("parameters", "parameter", _needs_value, "give the input a default"),
            ("artifacts", "artifact", _needs_place, "mark the input optional: true"),
        ):
            others = ", ".join(map(repr, sorted(names[kind].difference(declared(inputs)[kind]))))
            for input_ in inputs.get(kind) or ():
                if needed(input_) and input_["name"] not in names[kind]:
                    yield Diagnostic(
                        "MLP517",
                        path,
                        f"the template '{template.get('name', 'inline')}' requires the {noun} '{input_['name']}'"
                        + (f"; got {others}" if others else ""),
                        f"add it to arguments.{kind}, or {otherwise}",
                    )


def _called_names(template: Part) -> Iterator[str]:
    """Yield the names of the templates that the tasks of a template call, without hooks."""
    for call in calls_of(template):
        if call.get("inline"):
            yield from _called_names(call["inline"])
        elif not call.get("templateRef"):
            yield str(call.get("template") or "")


def _looped_inline(path: str, call: Part) -> Iterator[Diagnostic]:
    """Check a task with dependents, or a step: after a loop, Argo does not find an inline template."""
    loop = next((one for one in structure.LOOPS if call.get(one)), "")
    if loop and call.get("inline"):
        message = "the next task fails: after a loop, Argo cannot find an inline template, which has no name"
        hint = "move the inline template to spec.templates, and call it by its name"
        yield Diagnostic("MLP538", f"{path}.{loop}", message, hint)


def _has_result(template: Part) -> bool:
    """Return whether a template has ``outputs.result`` (``HasOutput``)."""
    kind = kind_of(template)
    if kind == "containerSet":
        return any(one["name"] == "main" for one in template["containerSet"].get("containers") or ())
    return kind in _WITH_RESULT


def _fields_of_items(call: Part) -> frozenset[str] | None:
    """Return the fields that tags can name of the items of a loop; None when only the run knows them."""
    if call.get("withParam"):
        return None
    found: set[str] = set()
    for item in call.get("withItems") or ():
        if isinstance(item, Mapping):
            found.update(map(str, item))
        elif isinstance(item, list):
            found.update(f"[{number}]" for number in range(len(item)))
    return frozenset(found)


def _scope(reference: Part) -> str:
    return f"{'cluster' if reference.get('clusterScope') else 'namespaced'}/{reference.get('name', '')}"


def _unseen(path: str, reference: Part) -> Diagnostic:
    kind = "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate"
    message = f"the {kind} '{reference.get('name', '')}' is not in the files, so calls of it are not checked"
    return Diagnostic("MLP520", path, message, "add its file: mlplat lint FILE FILE", severity="warning")


def _is_given(parameter: Part) -> bool:
    return any(parameter.get(key) is not None for key in ("value", "valueFrom", "default"))


def _needs_value(parameter: Part) -> bool:
    return not _is_given(parameter)


def _needs_place(artifact: Part) -> bool:
    return not artifact.get("optional") and not has_location(artifact)
