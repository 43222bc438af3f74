"""What a task gets and what becomes of what it leaves: arguments, variables, volumes, artifacts, logs."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.errors import ManifestError, UnsupportedError
from tests.unit.engine.manifests import (
    dag,
    ends,
    gives,
    node,
    passes,
    phases,
    shell,
    takes,
    task,
    value,
    workflow,
)

TRICKY = 'it\'s {{workflow.name}} $(FOO) $(E) $$ "q" \\ back\nline é }} { $HOME `x`'
PYTHON = "import json, sys; json.dump(sys.argv[1:], open(sys.argv[1], 'w'))"


def python(name: str, *arguments: str, **fields: Any) -> dict[str, Any]:
    """A template that writes its arguments to /tmp/o."""
    container = {"image": "none", "command": ["python3", "-c", PYTHON, "/tmp/o"], "args": list(arguments)}
    return {
        "name": name,
        "container": {**container, **fields.pop("container", {})},
        "outputs": gives(o="/tmp/o"),
        **fields,
    }


def arguments(done: dict[str, Any], name: str = "wf.a") -> list[str]:
    return list(json.loads(value(done, name, "o"))[1:])


def one(template: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return workflow(dag(task("a", template["name"])), template, **spec)


def test_references_are_expanded_as_kubernetes_does(run: Any) -> None:
    variables = [{"name": "FOO", "value": "bar"}, {"name": "TWO", "value": "$(FOO)-$$(FOO)-$(LATER)"}]
    template = python("t", "$(FOO) $$(FOO) $$x $(HOME) $(TWO)", container={"env": variables})
    assert arguments(run(one(template))) == ["bar $(FOO) $x $(HOME) bar-$(FOO)-$(LATER)"]


def test_inert_json_arrives_byte_for_byte(run: Any) -> None:
    entry = (
        r"{{=sprig.replace('$', '\\u0024', sprig.replace('\u007b\u007b', '\\u007b\\u007b', "
        r"toJson(workflow.parameters['p'])))}}"
    )
    template = python("t", '{"v": {{inputs.parameters.x}} }', inputs=takes("x"))
    main = dag(
        task("a", "t", arguments=passes(x=entry)),
    )
    done = run(workflow(main, template, arguments=passes(p=TRICKY)))
    assert json.loads(arguments(done)[0]) == {"v": TRICKY}


def test_a_text_escaped_for_both_arrives_byte_for_byte(run: Any) -> None:
    entry = r"{{=sprig.replace('\u007b', '\u007b$(E)', sprig.replace('$', '$$', workflow.parameters['p']))}}"
    template = python(
        "t", "{{inputs.parameters.x}}", inputs=takes("x"), container={"env": [{"name": "E", "value": ""}]}
    )
    done = run(workflow(dag(task("a", "t", arguments=passes(x=entry))), template, arguments=passes(p=TRICKY)))
    assert arguments(done) == [TRICKY]


def test_paths_are_rewritten_in_the_template_but_not_in_values(run: Any) -> None:
    template = python("t", "see /tmp/o, /tmp/other and {{inputs.parameters.x}}", inputs=takes("x"))
    done = run(workflow(dag(task("a", "t", arguments=passes(x="/tmp/o"))), template))
    text = arguments(done)[0]
    assert text.endswith("/root/tmp/o, /tmp/other and /tmp/o")


def test_a_long_argument_goes_through_a_file(run: Any, home: Path) -> None:
    script = "cp ${1#@} /tmp/o; case $1 in @*) ;; *) exit 9;; esac"
    template = shell("t", script, inputs=takes("x"), outputs=gives(o="/tmp/o"))
    template["container"]["args"] += ["sh", "{{inputs.parameters.x}}"]
    done = run(workflow(dag(task("a", "t", arguments=passes(x="y" * 200_000))), template))
    assert value(done, "wf.a", "o") == "y" * 200_000


def test_python_is_this_interpreter(run: Any) -> None:
    template = shell("t", "python3 -c 'import sys; print(sys.prefix)' > /tmp/o", outputs=gives(o="/tmp/o"))
    assert value(run(one(template)), "wf.a", "o") == sys.prefix


def test_a_command_that_does_not_exist_fails_the_task(run: Any) -> None:
    done = run(one({"name": "t", "container": {"image": "none", "command": ["no-such-program"]}}))
    assert node(done, "wf.a")["message"] == (
        'main: Error (exit code 64): failed to find name in PATH: exec: "no-such-program": '
        "executable file not found in $PATH"
    )


def test_a_program_that_was_installed_after_a_run_is_found(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    document = one({"name": "t", "container": {"image": "none", "command": ["late"]}})
    assert phases(run(document))["wf.a"] == "Failed"
    (tmp_path / "late").write_text("#!/bin/sh\n")
    (tmp_path / "late").chmod(0o755)
    assert phases(run(document))["wf.a"] == "Succeeded"


def test_a_program_is_sought_below_the_working_directory(run: Any) -> None:
    raw = {"data": "#!/bin/sh\npwd\n"}
    program = {"name": "p", "path": "/work/run.sh", "mode": 0o755, "raw": raw}
    container = {"image": "none", "command": ["./run.sh"], "workingDir": "/work"}
    template = {"name": "t", "inputs": {"artifacts": [program]}, "container": container}
    assert phases(run(one(template)))["wf.a"] == "Succeeded"


@pytest.mark.parametrize(
    ("args", "variable", "why"),
    [("a\0b", "A", "embedded null byte"), ("a", "A=B", "illegal environment variable name")],
)
def test_what_no_process_can_be_given_fails_its_task(run: Any, args: str, variable: str, why: str) -> None:
    container = {"image": "none", "command": ["echo"], "args": [args]}
    env = [{"name": variable, "value": "x"}]
    done = run(one({"name": "t", "container": {**container, "env": env}}))
    message = f"main: Error (exit code 64): failed to start command: {why}"
    assert (node(done, "wf.a")["phase"], node(done, "wf.a")["message"]) == ("Failed", message)


def test_an_attempt_that_writes_nothing_counts(run: Any, home: Path) -> None:
    script = "[ {{retries}} = 1 ] && echo second; exit 1"
    done = run(one(shell("t", script, retryStrategy={"limit": "2"})))
    first = node(done, "wf.a(0)")["id"]
    logs = home / "logs" / "wf"
    assert [attempt.tail() for attempt in engine.attempts(logs / f"{first}.log")] == [""]
    again = run(one(shell("t", script, retryStrategy={"limit": "2"})))
    second = engine.attempts(logs / f"{node(again, 'wf.a(0)')['id']}.log")
    assert [attempt.tail() for attempt in second] == ["", ""]


def test_the_reason_that_a_container_leaves_is_in_the_message(run: Any) -> None:
    long = "x" * 5000
    done = run(one(shell("t", f"printf '{long}end' > /dev/termination-log; exit 3")))
    message = node(done, "wf.a")["message"]
    assert message.startswith("main: Error (exit code 3): xxx")
    assert message.endswith("xend")
    assert len(message) == len("main: Error (exit code 3): ") + 4096
    assert not Path("/dev/termination-log").exists()
    assert not node(run(one(shell("t", "printf why > /dev/termination-log"))), "wf.a").get("message")


def test_the_reason_is_that_of_the_last_attempt(run: Any) -> None:
    script = "[ {{retries}} = 0 ] && printf first > /dev/termination-log; exit 1"
    done = run(one(shell("t", script, retryStrategy={"limit": "1"})))
    assert node(done, "wf.a(0)")["message"] == "main: Error (exit code 1): first"
    assert node(done, "wf.a(1)")["message"] == "main: Error (exit code 1)"


def test_a_task_that_is_killed_has_exit_code_137(run: Any) -> None:
    assert node(run(one(shell("t", "kill -9 $$$$"))), "wf.a")["message"] == "main: Error (exit code 137)"


def test_what_a_task_leaves_running_is_ended(run: Any, tmp_path: Path) -> None:
    done = run(one(shell("t", f"(sleep 60; touch {tmp_path}/late) & echo $! > {tmp_path}/pid")))
    assert done["status"]["phase"] == "Succeeded"
    assert ends(int((tmp_path / "pid").read_text()))


def test_what_left_its_group_does_not_outlive_the_deadline(run: Any, tmp_path: Path) -> None:
    noted = f"until test -s {tmp_path}/pid; do sleep 0.01; done"
    script = f"setsid sh -c 'echo $$$$ > {tmp_path}/pid; exec sleep 600' & {noted}; echo hi"
    template = shell("t", script, activeDeadlineSeconds=3)
    reader = task("b", "echo", "a", arguments=passes(x="{{tasks.a.outputs.result}}"))
    done = run(workflow(dag(task("a", "t"), reader), template, shell("echo", "true", inputs=takes("x"))))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert done["status"]["phase"] == "Succeeded"
    assert node(done, "wf.a")["outputs"]["result"] == "hi"


def test_output_goes_to_a_log(run: Any, home: Path) -> None:
    done = run(one(shell("t", "echo out; echo err >&2")))
    log = home / "logs" / "wf" / f"{node(done, 'wf.a')['id']}.log"
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_only_the_end_of_a_long_result_is_kept(run: Any) -> None:
    template = {
        "name": "t",
        "script": {"image": "none", "command": ["python3"], "source": "print('x' * 400000 + 'end')"},
    }
    length = {
        "name": "b",
        "template": "len",
        "depends": "a",
        "arguments": passes(x="{{=len(tasks.a.outputs.result)}}"),
    }
    done = run(workflow(dag(task("a", "t"), length), template, shell("len", "true", inputs=takes("x"))))
    assert node(done, "wf.b")["inputs"]["parameters"][0]["value"] == str(256 * 1024)
    assert node(done, "wf.a")["outputs"]["result"].endswith("xend")


def test_a_result_that_nobody_asks_for_is_not_kept(run: Any) -> None:
    assert "result" not in node(run(one(shell("t", "echo hi"))), "wf.a")["outputs"]


def test_volumes(run: Any) -> None:
    template = shell(
        "t",
        "cat /conf/a.txt /single /info/runtime.py > /work/o && echo x > /work/deep/er 2>/dev/null; cat /work/o",
        container_mounts=None,
        outputs=gives(o="/work/o"),
    )
    del template["container_mounts"]
    template["container"]["volumeMounts"] = [
        {"name": "conf", "mountPath": "/conf"},
        {"name": "conf", "mountPath": "/single", "subPath": "b.txt"},
        {"name": "info", "mountPath": "/info"},
        {"name": "work", "mountPath": "/work"},
    ]
    done = run(
        one(
            template,
            podMetadata={"annotations": {"my/runtime": "code\n"}},
            volumes=[
                {"name": "conf", "configMap": {"name": "settings"}},
                {"name": "work", "emptyDir": {}},
                {
                    "name": "info",
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "runtime.py",
                                "fieldRef": {"fieldPath": "metadata.annotations['my/runtime']"},
                            }
                        ]
                    },
                },
            ],
        ),
        {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a.txt": "A\n", "b.txt": "B\n"}},
    )
    assert value(done, "wf.a", "o") == "A\nB\ncode"


def test_an_empty_volume_is_empty_for_each_task(run: Any) -> None:
    template = shell("t", "ls /work > /tmp/o; touch /work/x", outputs=gives(o="/tmp/o"))
    template["container"]["volumeMounts"] = [{"name": "work", "mountPath": "/work"}]
    main = dag(task("a", "t"), task("b", "t", "a"))
    done = run(workflow(main, template, volumes=[{"name": "work", "emptyDir": {}}]))
    assert value(done, "wf.b", "o") == ""


def test_variables_from_elsewhere(run: Any) -> None:
    template = shell("t", 'echo "$NAME $KEY $PASS $NONE" > /tmp/o', outputs=gives(o="/tmp/o"))
    template["container"]["env"] = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "s", "key": "none", "optional": True}}},
    ]
    template["metadata"] = {"labels": {"team": "blue"}}
    done = run(
        one(template),
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "v"}},
        {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "word"}},
    )
    assert value(done, "wf.a", "o") == "blue v word "


def test_a_variable_from_nowhere_is_an_error(run: Any) -> None:
    template = shell("t", "true")
    template["container"]["env"] = [
        {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
    ]
    done = run(one(template))
    assert 'configmap "c" with key "k" not found' in node(done, "wf.a")["message"]


def test_a_variable_without_a_value_is_empty(run: Any) -> None:
    names = {"EMPTY": None, "WRITTEN": "None"}
    variables = [{"name": name, "value": value} for name, value in names.items()]
    template = python("t", "$(EMPTY)-$(WRITTEN)", container={"env": variables})
    assert arguments(run(one(template))) == ["-None"]


@pytest.mark.parametrize("where", ["written", "passed"])
@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("a: [b", "podSpecPatch: not YAML: did not find expected"),
        ("[a]", "podSpecPatch is not a mapping"),
        ("containers: 5", "podSpecPatch: containers must be a list of mappings"),
        ("containers: [{name: main, volumeMounts: [{name: v}]}]", "a volumeMount has no mountPath"),
        ("containers: [{name: main, env: [x]}]", "podSpecPatch: env must be a list of mappings"),
        ("volumes: [{emptyDir: {}}]", "a volume has no name"),
    ],
)
def test_a_patch_that_is_none_is_an_error_of_its_node(run: Any, patch: str, message: str, where: str) -> None:
    own = patch if where == "written" else "{{inputs.parameters.patch}}"
    container = {"env": [{"name": "A", "value": "a"}]}
    template = python("t", container=container, podSpecPatch=own, inputs=takes("patch"))
    done = run(workflow(dag(task("a", "t", arguments=passes(patch=patch))), template))
    assert message in node(done, "wf.a")["message"]
    assert phases(done)["wf.a"] == "Error"


def test_a_patch_of_the_pod(run: Any) -> None:
    template = shell("t", "echo $A$B > /tmp/o", outputs=gives(o="/tmp/o"), inputs=takes("x"))
    template["container"]["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    template["podSpecPatch"] = (
        '{"containers": [{"name": "main", "env": [{"name": "B", "value": "{{inputs.parameters.x}}"}]}]}'
    )
    done = run(workflow(dag(task("a", "t", arguments=passes(x="9"))), template))
    assert value(done, "wf.a", "o") == "19"


def artifacts(*declared: dict[str, Any]) -> dict[str, Any]:
    return {"artifacts": list(declared)}


FILE = {"name": "f", "path": "/out/f"}
FOLDER = {"name": "d", "path": "/out/d", "archive": {"none": {}}, "s3": {"key": "{{workflow.name}}/key/d"}}
MAKE = shell(
    "make", "mkdir -p /out/d/sub; echo file > /out/f; echo x > /out/d/sub/x", outputs=artifacts(FILE, FOLDER)
)
READ = shell(
    "read",
    "cat /in/f /in/d/sub/x > /tmp/o; echo harm > /in/d/sub/x; ls -A /in/gone",
    inputs=artifacts(
        {"name": "f", "path": "/in/f"},
        {"name": "d", "path": "/in/d", "s3": {"key": "{{workflow.name}}/key/d"}},
        {"name": "gone", "path": "/in/gone", "optional": True, "s3": {"key": "no/such/key"}},
    ),
    outputs=gives(o="/tmp/o"),
)


def test_artifacts_pass_by_reference_and_by_key_and_can_not_be_harmed(run: Any, home: Path) -> None:
    passed = {"arguments": artifacts({"name": "f", "from": "{{tasks.a.outputs.artifacts.f}}"})}
    done = run(workflow(dag(task("a", "make"), task("b", "read", "a", **passed)), MAKE, READ))
    assert value(done, "wf.b", "o") == "file\nx"
    assert (home / "artifacts" / "wf" / "key" / "d" / "sub" / "x").read_text() == "x\n"
    made = node(done, "wf.a")["outputs"]["artifacts"]
    assert made[0]["s3"]["key"].startswith("wf/wf-make-")
    assert made[0]["s3"]["key"].endswith("/f.tgz")
    assert made[1]["s3"] == {"key": "wf/key/d"}


def test_a_raw_artifact_and_a_part_of_one(run: Any) -> None:
    reader = shell(
        "read",
        "cat /in/r /in/p > /tmp/o",
        inputs=artifacts({"name": "r", "path": "/in/r"}, {"name": "p", "path": "/in/p"}),
        outputs=gives(o="/tmp/o"),
    )
    passed = artifacts(
        {"name": "r", "raw": {"data": "raw+"}},
        {"name": "p", "from": "{{tasks.a.outputs.artifacts.d}}", "subPath": "sub/x"},
    )
    done = run(workflow(dag(task("a", "make"), task("b", "read", "a", arguments=passed)), MAKE, reader))
    assert value(done, "wf.b", "o") == "raw+x"


@pytest.mark.parametrize(
    ("template", "phase", "message"),
    [
        (
            shell("t", "true", outputs=gives(o="/tmp/none")),
            "Error",
            "wait: Error (exit code 64): open /var/run/argo/outputs/parameters/tmp/none: no such file or directory",
        ),
        (
            shell("t", "true", outputs=artifacts({"name": "o", "path": "/tmp/none"})),
            "Error",
            "wait: Error (exit code 64): open /var/run/argo/outputs/artifacts/tmp/none.tgz: no such file or directory",
        ),
        (
            shell("t", "true", inputs=artifacts({"name": "i", "path": "/in/i", "s3": {"key": "no/key"}})),
            "Error",
            "init: Error (exit code 64): artifact i failed to load: The specified key does not exist.",
        ),
        (
            shell(
                "t",
                "true",
                inputs=artifacts({"name": "i", "path": "/in/i", "s3": {"key": "../../etc/passwd"}}),
            ),
            "Error",
            "artifact key '../../etc/passwd' is outside the artifact folder",
        ),
        (
            shell(
                "t",
                "echo x > /tmp/o",
                outputs=artifacts(
                    {
                        "name": "o",
                        "path": "/tmp/o",
                        "archive": {"none": {}},
                        "s3": {"key": "a/../../../outside"},
                    }
                ),
            ),
            "Error",
            "is outside the artifact folder",
        ),
    ],
)
def test_missing_inputs_and_outputs_fail_the_task(
    run: Any, home: Path, template: dict[str, Any], phase: str, message: str
) -> None:
    done = run(one(template))
    assert node(done, "wf.a")["phase"] == phase
    assert message in node(done, "wf.a")["message"]
    assert not (home.parent / "outside").exists()


def test_a_failed_task_leaves_what_it_wrote_as_on_argo(run: Any, home: Path) -> None:
    template = shell(
        "t",
        "mkdir -p /out; echo half > /out/f; exit 1",
        outputs=artifacts({**FILE, "archive": {"none": {}}, "s3": {"key": "k/f"}}),
    )
    done = run(one(template))
    assert (home / "artifacts" / "k/f").read_text() == "half\n"
    assert [found["name"] for found in node(done, "wf.a")["outputs"]["artifacts"]] == [FILE["name"]]


def test_a_full_disk_leaves_nothing_that_is_taken_for_an_output(run: Any, home: Path) -> None:
    script = "mkdir -p /out; ulimit -f 8; head -c 100000 /dev/zero > /out/f"
    read = shell("r", "cat /in", inputs=artifacts({"name": "i", "path": "/in", "s3": {"key": "k/f"}}))
    made = shell("t", script, outputs=artifacts({**FILE, "s3": {"key": "k/f"}}))
    done = run(workflow(dag(task("a", "t"), task("b", "r", depends="a.Succeeded")), made, read))
    assert node(done, "wf.a")["phase"] == "Failed"
    assert node(done, "wf.b")["phase"] == "Omitted"


def test_a_new_artifact_replaces_the_old_one_whole(run: Any, home: Path) -> None:
    def write(name: str) -> dict[str, Any]:
        return one(
            shell(
                "t",
                f"mkdir -p /out/d; echo > /out/d/{name}",
                outputs=artifacts({**FOLDER, "s3": {"key": "k"}}),
            )
        )

    run(write("old"))
    run(write("new"))
    assert [file.name for file in (home / "artifacts" / "k").iterdir()] == ["new"]
    assert [file.name for file in (home / "artifacts").iterdir()] == ["k"]


def test_everything_that_is_not_supported_is_reported_at_once(run: Any, home: Path) -> None:
    manifest = workflow(
        dag(
            task("r", "res"),
            task("h", "http"),
            task("n", "nocommand"),
            task("g", "git"),
            task("m", "missing"),
        ),
        {"name": "res", "resource": {"action": "get"}},
        {"name": "http", "http": {"url": "http://localhost"}},
        {"name": "nocommand", "container": {"image": "busybox"}, "sidecars": [{"name": "s"}]},
        shell("git", "true", inputs=artifacts({"name": "i", "path": "/i", "git": {"repo": "r"}})),
    )
    with pytest.raises(UnsupportedError) as caught:
        run(manifest)
    assert sorted((one.code, one.path) for one in caught.value.diagnostics) == [
        ("MLP501", "spec.templates.git.inputs.artifacts.i.git"),
        ("MLP501", "spec.templates.http.http"),
        ("MLP501", "spec.templates.nocommand.container.command"),
        ("MLP501", "spec.templates.nocommand.sidecars"),
        ("MLP501", "spec.templates.res.resource"),
        ("MLP511", "spec.templates.main.m"),
    ]
    assert all(one.hint for one in caught.value.diagnostics if one.code == "MLP501")
    assert not home.exists()


def test_what_argo_would_refuse_is_refused_here_too(run: Any, home: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        run(
            workflow(
                dag(task("a", "t"), task("a", "u"), task("b", "t", depends="a.Done")),
                shell("t", "true"),
                shell("u", "true", suspend={}),
            )
        )
    assert sorted(one.code for one in caught.value.diagnostics) == ["MLP526", "MLP528", "MLP529"]
    assert not home.exists()


@pytest.mark.parametrize(
    ("beside", "path", "message"),
    [
        ({"kind": "ConfigMap", "metadata": "c"}, "ConfigMap.metadata", "expected a mapping, got 'c'"),
        ({"kind": "ConfigMap", "data": {}}, "ConfigMap.metadata.name", "the name is missing"),
        ({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": 5}}, "ConfigMap/c.data.a", "got 5"),
        ({"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "p@ss"}}, "Secret/s.data.k", "base64"),
        ({"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "abc"}}, "Secret/s.data.k", "base64"),
        (
            {"kind": "Secret", "metadata": {"name": "s"}, "stringData": ["k"]},
            "Secret/s.stringData",
            "got a list",
        ),
    ],
)
def test_documents_beside_a_workflow_that_can_not_be_used(
    beside: dict[str, Any], path: str, message: str, home: Path
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        engine.run([workflow(shell("a", "true")), beside], home=home)
    assert [(one.code, one.path) for one in caught.value.diagnostics] == [("MLP525", path)]
    assert not home.exists()


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], "expected one Workflow, got 0"),
        ([workflow(shell("a", "true")), workflow(shell("a", "true"))], "expected one Workflow, got 2"),
        ([{"kind": "Workflow", "metadata": {"generateName": "x-"}, "spec": {}}], "no name"),
        ([workflow(shell("a", "true"), arguments={"parameters": [{"name": "p"}]})], "global parameter p"),
        (
            [workflow(dag({"name": False, "template": "a"}), shell("a", "true"))],
            r"tasks\[0\].name: expected a string, got false",
        ),
        ([workflow(dag({"template": "a"}), shell("a", "true"))], r"tasks\[0\].name: the field is required"),
        ([workflow({"name": "a", "container": {"command": ["sleep", 5]}})], "expected a string, got 5"),
        ([{"kind": "Workflow", "metadata": {"name": "w"}, "spec": []}], "expected a mapping, got a list"),
        ([{"kind": "Workflow", "metadata": "w", "spec": {}}], "metadata: expected a mapping, got 'w'"),
        ([workflow(shell("a", "true"), activeDeadlineSeconds="1h")], "expected an integer, got '1h'"),
    ],
)
def test_documents_that_make_no_run(documents: list[dict[str, Any]], message: str, home: Path) -> None:
    with pytest.raises(ManifestError, match=message):
        engine.run(documents, home=home)


def test_a_missing_argument_is_an_error_of_the_node(run: Any) -> None:
    done = run(workflow(dag(task("a", "t")), shell("t", "true", inputs=takes("x"))))
    assert node(done, "wf.a")["message"] == "task 'wf.a' errored: inputs.parameters.x was not supplied"
    assert phases(done)["wf"] == "Error"


def given(*paths: str) -> dict[str, Any]:
    return {
        "artifacts": [
            {"name": f"a{number}", "path": path, "archive": {"none": {}}} for number, path in enumerate(paths)
        ]
    }


def stored(home: Path, done: dict[str, Any], name: str) -> list[Path]:
    return [
        home / "artifacts" / artifact["s3"]["key"] for artifact in node(done, name)["outputs"]["artifacts"]
    ]


def test_files_of_the_user_stay_where_they_are(run: Any, home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "rows.csv").write_text("1,2")
    template = shell("t", f"ln -s {mine}/rows.csv /o/link", outputs=given("/o/link", "/host/rows.csv"))
    template["container"]["volumeMounts"] = [
        {"name": "host", "mountPath": "/host", "readOnly": True},
        {"name": "work", "mountPath": "/o"},
    ]
    volumes = [{"name": "host", "hostPath": {"path": str(mine)}}, {"name": "work", "emptyDir": {}}]
    done = run(one(template, volumes=volumes))
    assert [path.read_text() for path in stored(home, done, "wf.a")] == ["1,2", "1,2"]
    assert (mine / "rows.csv").read_text() == "1,2"


def test_what_is_given_out_of_a_claim_stays_in_it(run: Any, home: Path) -> None:
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    make = shell("make", "echo 1 > /data/model", outputs=given("/data/model"))
    read = shell("read", "cat /data/model > /tmp/o", outputs=gives(o="/tmp/o"))
    for template in (make, read):
        template["container"] |= mounts
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "team"}}]
    tasks = (task("a", "make"), task("b", "read", "a"))
    done = run(workflow(dag(*tasks), make, read, volumes=volumes))
    assert node(done, "wf.b")["outputs"]["parameters"][0]["value"] == "1"
    assert stored(home, done, "wf.a")[0].read_text() == "1\n"


def test_one_output_may_lie_in_another(run: Any, home: Path) -> None:
    done = run(one(shell("t", "mkdir -p /o; echo 1 > /o/f", outputs=given("/o", "/o/f"))))
    folder, file = stored(home, done, "wf.a")
    assert (folder / "f").read_text() == file.read_text() == "1\n"


@pytest.mark.parametrize(
    ("directory", "inside"),
    [
        ("/", ""),
        ("../..", ""),
        ("/../../etc", "etc"),
        ("/work/../../../x", "x"),
        ("sub/folder", "sub/folder"),
        ("/tmp/o/..", "tmp"),
        ("/tmp/o/../../../../../etc", "etc"),
    ],
)
def test_the_working_directory_is_a_path_of_the_container(run: Any, directory: str, inside: str) -> None:
    template = shell("t", "pwd > /tmp/o", outputs=gives(o="/tmp/o"))
    template["container"]["workingDir"] = directory
    done = run(one(template))
    assert value(done, "wf.a", "o").endswith(f"/{node(done, 'wf.a')['id']}/root/{inside}".rstrip("/"))


def test_no_other_user_may_read_what_runs_leave_in_a_folder_of_the_team(run: Any, home: Path) -> None:
    previous = os.umask(0)
    try:
        home.mkdir()
        (home / "artifacts").mkdir()
        (home / "logs").mkdir()
        artifact = {"name": "o", "path": "/tmp/o"}
        run(one(shell("t", "echo secret | tee /tmp/o", outputs={"artifacts": [artifact]})))
    finally:
        os.umask(previous)
    assert {path.name: path.stat().st_mode & 0o077 for path in home.iterdir()} == dict.fromkeys(
        ("artifacts", "cache", "locks", "logs", "runs", "volumes"), 0
    )


def test_a_machine_without_a_temporary_folder(run: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/nonexistent"])
    monkeypatch.setattr("tempfile.tempdir", None)
    outputs = {"artifacts": [{"name": "o", "path": "/tmp/o"}]}
    inputs = {"artifacts": [{"name": "o", "path": "/tmp/in"}]}
    main = dag(
        task("a", "make"),
        task(
            "b",
            "read",
            "a",
            arguments={"artifacts": [{"name": "o", "from": "{{tasks.a.outputs.artifacts.o}}"}]},
        ),
    )
    make = shell("make", "mkdir /tmp/o; mktemp > /tmp/o/name", outputs=outputs)
    done = run(
        workflow(
            main, make, shell("read", "cat /tmp/in/name > /tmp/x", inputs=inputs, outputs=gives(x="/tmp/x"))
        )
    )
    assert value(done, "wf.b", "x").startswith(str(home))
