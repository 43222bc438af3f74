"""What has no meaning is refused: with a code, the place, and a sentence that tells what to write."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from mlplat import dsl, kubernetes
from mlplat.dsl import Dataset, Input, Metrics, Model, Output, OutputPath
from mlplat.errors import AuthoringError

Untyped = collections.namedtuple("Untyped", ["a", "b"])


NAN = float("nan")


class Pair(NamedTuple):
    first: str
    second: str


@dsl.component
def one(x: int) -> int: ...


@dsl.component
def say(text: str, loud: bool = False) -> str: ...


def text_of_the_run() -> Any:
    return say(text="a").output


@dsl.component
def make() -> Dataset: ...


@dsl.component
def read(data: Input[Dataset]) -> float: ...


@dsl.component
def two(a: Output[Dataset], b: Output[Metrics]) -> None: ...


@dsl.component
def items() -> list[int]: ...


@dsl.component
def count(numbers: list[int]) -> int: ...


@dsl.component
def told(status: dsl.PipelineTaskFinalStatus) -> None: ...


@dsl.component
def table(rows: dict[str, Any]) -> dict[str, int]: ...


@dsl.pipeline
def inner(text: str = "a") -> str:
    return say(text=text).output  # type: ignore[return-value]


def loop_of(values: Any) -> Callable[[], None]:
    def p() -> None:
        with dsl.ParallelFor(values) as value:
            one(x=value)

    return p


def loop_of_output() -> None:
    loop_of(one(x=1).output)()


def branch_on(condition: Callable[[Any], Any]) -> Callable[..., None]:
    def p(x: int) -> None:
        with dsl.If(condition(x)):
            one(x=1)

    return p


def use_of_branch() -> None:
    with dsl.If(one(x=1).output > 1):
        made = make()
    read(data=made.output)


def wait_for_branch() -> None:
    with dsl.If(one(x=1).output > 1):
        first = make()
    with dsl.Else():
        make().after(first)


def cycle() -> None:
    first, second = make(), make()
    first.after(second)
    second.after(first)


def second_else(x: int) -> None:
    with dsl.If(x == 1):
        make()
    with dsl.Else():
        make()
    with dsl.Else():
        make()


def no_branch_before(x: int) -> None:
    with dsl.If(x == 1):
        make()
    with dsl.ParallelFor([1, 2]):
        make()
    with dsl.Elif(x == 2):
        make()


def collected_outside_of_loops() -> None:
    dsl.Collected(one(x=1).output)


def collected_inside_its_loop() -> None:
    with dsl.ParallelFor([1, 2]) as item:
        made = one(x=item)
        count(numbers=dsl.Collected(made.output))


def collected_deeper_inside_its_loop() -> None:
    with dsl.ParallelFor([1, 2]) as item:
        made = one(x=item)
        with dsl.If(made.output > 1), dsl.ParallelFor(["a"]) as word:
            say(text=f"{word} {dsl.Collected(made.output)}")


def loop_in_a_branch_collected_outside(x: int) -> None:
    with dsl.If(x > 1), dsl.ParallelFor([1]) as item:
        made = one(x=item)
    count(numbers=dsl.Collected(made.output))


def one_of_without_else(x: int) -> None:
    with dsl.If(x > 1):
        first = one(x=x)
    with dsl.Elif(x > 0):
        second = one(x=x)
    dsl.OneOf(first.output, second.output)


def one_of_an_if(x: int) -> None:
    with dsl.If(x > 1):
        first = one(x=x)
    dsl.OneOf(first.output)


def one_of_a_single_branch(x: int) -> None:
    with dsl.If(x > 1):
        first = one(x=x)
    with dsl.Else():
        one(x=x)
    dsl.OneOf(first.output)


def one_of_two_types(x: int) -> None:
    with dsl.If(x > 1):
        first = one(x=x)
    with dsl.Else():
        second = say(text="a")
    dsl.OneOf(first.output, second.output)


def one_of_one_branch_twice(x: int) -> None:
    with dsl.If(x > 1):
        first = one(x=x)
        second = one(x=x)
    with dsl.Else():
        one(x=x)
    dsl.OneOf(first.output, second.output)


def exit_task_that_waits() -> None:
    dsl.ExitHandler(one(x=one(x=1).output))


def exit_task_of_two() -> None:
    last = one(x=1)
    with dsl.ExitHandler(last):
        say(text="a")
    with dsl.ExitHandler(last):
        say(text="b")


def exit_task_elsewhere(x: int) -> None:
    last = one(x=1)
    with dsl.If(x > 1), dsl.ExitHandler(last):
        say(text="a")


def status_without_a_task_before() -> None:
    told()


def status_of_two() -> None:
    first, second = one(x=1), one(x=2)
    told().after(first, second).ignore_upstream_failure()


def nested_definition() -> None:
    dsl.pipeline(cycle)


def output_parameter(model: Output[Model]) -> None:
    make()


def nothing_returned() -> str:
    say(text="a")
    return "a"


def own_parameter_returned(text: str) -> str:
    say(text=text)
    return text


def one_of_two_returned() -> Pair:
    return Pair(say(text="a").output, "b")  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "two truths": (branch_on(lambda x: x > 1 and x < 3), "MLP110: .*combine conditions with & | ~"),
    "truth of a value": (branch_on(lambda x: not x), "MLP110: x: it has no value until the pipeline runs"),
    "plain condition": (branch_on(lambda x: True), "MLP111: True is not a condition"),
    "comparison with nothing": (branch_on(lambda x: x == None), "MLP111: None cannot be compared"),  # noqa: E711
    "comparison with NaN": (branch_on(lambda x: x == NAN), "MLP111: nan cannot be compared"),
    "comparison of a number with a text": (
        branch_on(lambda x: x == "3"),
        "MLP111: 'x' is of type int .*compared with '3'",
    ),
    "comparison of a number with a truth": (
        branch_on(lambda x: x),
        "MLP111: x: 'x' is of type int; dsl.If needs a comparison\n  hint: compare it: x > 0",
    ),
    "comparison with a list": (branch_on(lambda x: x == [1]), "MLP111: .*cannot be compared"),
    "comparison of an artifact": (
        branch_on(lambda x: make().output == "a"),
        "MLP111: Output: .*system.Dataset",
    ),
    "comparison of a list": (
        branch_on(lambda x: items().output == 1),
        "MLP111: Output: 'Output' is of type list",
    ),
    "condition joined with text": (branch_on(lambda x: (x > 1) & "a"), "MLP111: 'a' is not a condition"),
    "format of a value": (
        lambda: say(text=f"a {one(x=1).output:.2f}"),
        "MLP112: Output: .*remove the format",
    ),
    "artifact in a text": (
        lambda: say(text=f"a {make().output}"),
        "MLP134: say: 'text' contains an artifact",
    ),
    "text of a value compared": (
        lambda: dsl.If(say(text="a").output == f"{one(x=1).output}"),
        "MLP111: a string that contains a runtime value",
    ),
    "in": (lambda: "a" in say(text="a").output, "MLP110: Output: .*is_in"),
    "in nothing": (lambda: say(text="a").output.is_in([]), "MLP111: Output: the list of values is empty"),
    "for over a value": (lambda: list(items().output), "MLP112: .*dsl.ParallelFor"),
    "second else": (second_else, "MLP113: dsl.Else: it must follow a dsl.If or dsl.Elif"),
    "loop before elif": (no_branch_before, "MLP113: dsl.Elif"),
    "loop over text": (loop_of("abc"), "MLP114: .*'abc' is not a list"),
    "loop over a number": (loop_of_output, "MLP114: .*'Output' is not a list"),
    "loop over nothing": (loop_of([]), "MLP114: .*the list is empty"),
    "loop over a set": (loop_of([{1}]), "MLP114: .*cannot be written as JSON: Object of type set"),
    "loop over a list of outputs": (
        lambda: dsl.ParallelFor([one(x=1).output]),
        "MLP114: .*a runtime value",
    ),
    "negative parallelism": (
        lambda: dsl.ParallelFor([1], parallelism=-1),
        "MLP124: .*parallelism -1 is not valid",
    ),
    "text for parallelism": (
        lambda: dsl.ParallelFor([1], parallelism="2"),  # type: ignore[arg-type]
        "MLP124: dsl.ParallelFor: parallelism '2' is not valid\n  hint: use an integer",
    ),
    "collected inside its loop": (
        collected_inside_its_loop,
        "MLP143: count: .*'Output' of 'one', which is in the loop 'for-loop-2', like the task that uses it",
    ),
    "collected deeper inside its loop": (collected_deeper_inside_its_loop, "MLP143: say: .*'for-loop-2'"),
    "collected outside of loops": (
        collected_outside_of_loops,
        "MLP143: .*'Output' of 'one' is not in a dsl.ParallelFor",
    ),
    "collected outside of its branch": (
        loop_in_a_branch_collected_outside,
        "MLP140: count: it uses the output 'Output' of 'one', .*collect it in the branch",
    ),
    "one of nothing": (lambda: dsl.OneOf(*()), "MLP143: dsl.OneOf: it needs at least one output"),
    "one of a text": (lambda: dsl.OneOf("a"), "MLP143: dsl.OneOf: 'a' is not a task output"),
    "one of no branch": (lambda: dsl.OneOf(one(x=1).output), "MLP143: .*'Output' is not in a branch"),
    "one of without else": (
        one_of_without_else,
        "MLP143: .*no dsl.Else, so there may be no value\n  hint: add a dsl.Else",
    ),
    "one of an if without else": (
        one_of_an_if,
        "MLP143: .*the dsl.If has no dsl.Else, so there may be no value",
    ),
    "one of a single branch": (one_of_a_single_branch, "MLP143: .*no output of dsl.Else"),
    "one of two types": (one_of_two_types, "MLP143: .*different types"),
    "one of one branch twice": (one_of_one_branch_twice, "MLP143: .*exactly one output of each branch"),
    "exit task that waits": (exit_task_that_waits, "MLP119: one-2: .*depends on 'one'"),
    "exit task that is none": (lambda: dsl.ExitHandler("a"), "MLP119: .*'a' is not a task"),  # type: ignore[arg-type]
    "exit task that is not called": (
        lambda: dsl.ExitHandler(one),  # type: ignore[arg-type]
        "MLP119: .*<component one> is not a task\n  hint: call a component",
    ),
    "task joined with a condition": (
        branch_on(lambda x: (x > 1) & two()),
        "MLP121: two: .*the task has 2: a, b",
    ),
    "exit task of two": (exit_task_of_two, "MLP119: one: .*of two dsl.ExitHandler"),
    "exit task elsewhere": (exit_task_elsewhere, "MLP119: one: .*another group"),
    "status without a task before": (
        status_without_a_task_before,
        "MLP145: told: .*runs only if the task before",
    ),
    "status of two": (status_of_two, "MLP145: told: .*this task depends on 2 tasks"),
    "failure ignored without a default": (
        lambda: one(x=one(x=1).output).ignore_upstream_failure(),
        "MLP127: one-2: the input 'x' .*has no default",
    ),
    "timeout of no time": (lambda: one(x=1).set_timeout(0), "MLP124: one: the timeout 0 is not positive"),
    "timeout that is none": (
        lambda: one(x=1).set_timeout("soon"),
        "MLP124: one: 'soon' is not a valid duration",
    ),
    "suspension that is none": (
        lambda: dsl.suspend("soon"),
        "MLP124: dsl.suspend: 'soon' is not a valid duration",
    ),
    "choice twice": (lambda: dsl.approval(choices=["a", "a"]), "MLP151: dsl.approval: .*different strings"),
    "choices in one text": (lambda: dsl.approval(choices="ab"), "MLP151: dsl.approval: .*got 'ab'"),
    "secret of a pipeline": (
        lambda: kubernetes.use_secret_as_env(inner(), "s", {"a": "B"}),
        "MLP126: inner: kubernetes.use_secret_as_env sets up a container",
    ),
    "importer of a number": (
        lambda: dsl.importer(5, Dataset),  # type: ignore[arg-type]
        "MLP122: dsl.importer: 'artifact_uri' is 5\n  hint: pass a string or a runtime value",
    ),
    "importer of no class": (
        lambda: dsl.importer("gs://a", str),
        "MLP144: dsl.importer: <class 'str'> is not an artifact class",
    ),
    "settings of an importer": (
        lambda: dsl.importer("gs://a", Dataset).set_cpu_limit("1"),
        "MLP126: importer: set_cpu_limit",
    ),
    "pipeline in a pipeline's function": (
        nested_definition,
        "MLP116: .*define it at the top level of the file",
    ),
    "no task": (lambda: None, "MLP117: .*calls no component"),
    "no output returned": (nothing_returned, "MLP118: .*returns no task output"),
    "own parameter returned": (own_parameter_returned, "MLP118: .*returns its own parameter 'text'"),
    "one of two returned": (one_of_two_returned, "MLP118: .*declares the output second"),
    "output parameter": (
        output_parameter,
        "MLP102: output_parameter.model: a pipeline's outputs are what it returns",
    ),
    "unknown output": (
        lambda: two().outputs["A"],
        "MLP120: two: the task has no output 'A'\n  hint: did you mean 'a'",
    ),
    "one of two outputs": (lambda: read(data=two()), "MLP121: two: .*the task has 2: a, b"),
    "variable of the run": (
        lambda: one(x=1).set_env_variable("A", make().output),
        "MLP122: one: .* the value of the environ",
    ),
    "image of the run": (
        lambda: one(x=1).set_container_image(3),  # type: ignore[arg-type]
        "MLP122: one: expected a string as the image",
    ),
    "display name of the run": (
        lambda: one(x=1).set_display_name(text_of_the_run()),
        "MLP122: one: expected a string as the display",
    ),
    "cores": (lambda: one(x=1).set_cpu_request("two"), "MLP123: one: cpu_request 'two' is not valid"),
    "memory": (lambda: one(x=1).set_memory_limit("1.5Gi"), "MLP123: .*an integer with a suffix"),
    "accelerators": (
        lambda: one(x=1).set_accelerator_limit(0),
        "MLP123: .*accelerator_count '0' is not valid",
    ),
    "pause": (lambda: one(x=1).set_retry(1, "1.2.3s"), "MLP124: one: '1.2.3s' is not a valid duration"),
    "factor of pauses": (
        lambda: one(x=1).set_retry(2, backoff_factor="x"),  # type: ignore[arg-type]
        "MLP124: one: backoff_factor 'x' is not valid",
    ),
    "name of a variable": (
        lambda: one(x=1).set_env_variable(5, "x"),  # type: ignore[arg-type]
        "MLP122: one: expected a string as the name of an environment variable, got 5",
    ),
    "caching that is a text": (
        lambda: one(x=1).set_caching_options("no"),  # type: ignore[arg-type]
        "MLP122: one: enable_caching 'no' is not valid\n  hint: use True or False",
    ),
    "metadata of an importer": (
        lambda: dsl.importer("gs://a", Dataset, metadata="v"),  # type: ignore[arg-type]
        "MLP122: dsl.importer: 'metadata' is 'v'\n  hint: pass a dict",
    ),
    "retries": (lambda: one(x=1).set_retry(-1), "MLP124: one: num_retries -1 is not valid"),
    "after a text": (
        lambda: one(x=1).after("one"),  # type: ignore[arg-type]
        "MLP125: one: .after\\(...\\) expected a task, got 'one'",
    ),
    "cores of a pipeline": (
        lambda: inner().set_cpu_limit("1"),
        "MLP126: inner: set_cpu_limit sets up a container",
    ),
    "retries of a pipeline": (lambda: inner().set_retry(1), "MLP126: inner: .*on the tasks of"),
    "too many arguments": (lambda: one(1, 2), "MLP130: one: too many arguments: expected at most 1, got 2"),
    "argument twice": (lambda: one(1, x=2), "MLP131: one: 'x' was passed twice"),
    "unknown argument": (
        lambda: one(x=1, xx=2),
        "MLP132: one: it has no input 'xx'\n  hint: did you mean 'x'",
    ),
    "argument for an output": (lambda: two(a="x"), "MLP132: two: 'a' is an output"),
    "component as a pipeline": (one, "MLP105: one: it is not a plain function"),
    "missing argument": (lambda: say(loud=True), "MLP133: say: the input 'text' is missing"),
    "text of the run for a number": (
        lambda: one(x=f"{one(x=1).output}"),
        "MLP134: one-2: 'x' is declared int, but got '{Output}', which contains a runtime value",
    ),
    "text of the run for an artifact": (
        lambda: read(data=f"a/{one(x=1).output}"),
        "MLP134: read: .*got the constant 'a/{Output}', which",
    ),
    "text for a number": (lambda: one(x="1"), "MLP134: one: 'x' is declared int, but got '1'"),
    "truth for a number": (lambda: one(x=True), "MLP134: one: 'x' is declared int, but got True"),
    "number of the run for a truth": (
        lambda: say("a", one(x=1)),
        "MLP134: say: 'loud' is declared bool, .* of type int",
    ),
    "artifact for a text": (lambda: say(text=make()), "MLP134: say: 'text' .*an artifact .system.Dataset"),
    "text for an artifact": (lambda: read(data="a.csv"), "MLP134: read: 'data' .*got the constant 'a.csv'"),
    "parameter for an artifact": (
        lambda: read(data=one(x=1)),
        "MLP134: read: 'data' .*a parameter of type int",
    ),
    "artifact of another class": (lambda: read(data=two().outputs["b"]), "MLP134: read: .*a system.Metrics"),
    "NaN": (
        lambda: table(rows={"x": float("nan")}),
        "MLP134: table: 'rows' cannot be written as JSON: Out of range",
    ),
    "half a character": (
        lambda: say(text="\ud800"),
        "MLP134: say: 'text' cannot be written as JSON: half of a surrogate",
    ),
    "value of a branch outside": (
        use_of_branch,
        "MLP140: read: it uses the output 'Output' of 'make', .*condition-1",
    ),
    "waiting for another branch": (
        wait_for_branch,
        "MLP142: make-2: it depends on 'make', which is in another branch",
    ),
    "cycle": (cycle, "MLP141: make: .*in a cycle: make -> make-2 -> make"),
}


@pytest.mark.parametrize(
    ("values", "use", "message"),
    [
        (
            [{"a": 1}, {"a": 2}],
            lambda item: item.b,
            "MLP120: dsl.ParallelFor: item 1 of the loop has no field 'b': {'a': 1}\n  hint: available: a",
        ),
        (
            [{"rate": 1}, {"rte": 2}],
            lambda item: item.rate,
            "MLP120: .*item 2 .*\n  hint: did you mean 'rte'",
        ),
        ([{"a": {"b": 1}}, {"a": 2}], lambda item: item.a.b, "MLP120: .*item 2 of the loop .*'b': 2"),
        ([1, 2], lambda item: item.a, "MLP120: .*item 1 .*'a': 1\n  hint: add the field to each item"),
        ([1, "a"], lambda item: item, "MLP134: one: 'x' is declared int, but item 2 of the loop is 'a'"),
        ([1, None], lambda item: item, "MLP134: one: .*item 2 of the loop is None"),
        ([{"a": 1}, {"a": [1]}], lambda item: item.a, r"MLP134: one: .*item 2 of the loop is \[1\]"),
    ],
)
def test_item_of_a_loop_that_does_not_fit_is_reported(
    values: list[Any], use: Callable[[Any], Any], message: str
) -> None:
    def p() -> None:
        with dsl.ParallelFor(values) as item:
            one(x=use(item))

    with pytest.raises(AuthoringError, match=f"(?s){message}") as raised:
        dsl.pipeline(p)
    assert len(raised.value.diagnostics) == 1


def test_item_of_a_loop_that_a_task_can_read_is_taken() -> None:
    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor([1, 2.0]) as item:
            one(x=item)
            say(text=item)


@pytest.mark.parametrize(
    "compute",
    [
        lambda n: n + 1,
        lambda n: 1 + n,
        lambda n: n - 1,
        lambda n: 2 * n,
        lambda n: n / 2,
        lambda n: 7 // n,
        lambda n: n % 2,
        lambda n: n**2,
        lambda n: -n,
        abs,
        round,
        len,
        int,
        float,
        range,
        lambda n: n[0],
        lambda n: [1] + n,  # noqa: RUF005
    ],
)
@pytest.mark.parametrize("made", [lambda n: n, lambda n: one(x=n), lambda n: one(x=n).output])
def test_value_of_the_run_is_not_computed_with(
    compute: Callable[[Any], Any], made: Callable[[Any], Any]
) -> None:
    def p(n: int) -> None:
        one(x=compute(made(n)))

    with pytest.raises(
        AuthoringError, match=r"(?s)test_rules.py:\d+: error MLP112: (n|Output): .*in a component"
    ):
        dsl.pipeline(p)


def test_item_of_a_loop_is_not_computed_with() -> None:
    def p() -> None:
        with dsl.ParallelFor([1, 2]) as item:
            one(x=item * 2)  # type: ignore[operator]

    with pytest.raises(AuthoringError, match=r"MLP112: .*so it cannot be used with '\*'"):
        dsl.pipeline(p)


def test_text_beside_a_value_of_the_run_is_one_text() -> None:
    def p(name: str) -> None:
        say(text="Hello, " + name)

    with pytest.raises(AuthoringError, match=r"(?s)MLP112: name: .*put it into a string: f'…{name}…'"):
        dsl.pipeline(p)


@pytest.mark.parametrize(
    ("setter", "arguments", "message"),
    [
        ("set_timeout", (0,), "'seconds' .*: 0\n  hint: pass a positive number of seconds"),
        ("set_timeout", ("10m",), "'seconds' .*: '10m'"),
        ("set_security_context", (-1,), "'run_as_user' .*: -1\n  hint: pass an integer, 0 or more"),
        ("set_security_context", ("root",), "'run_as_user' .*: 'root'"),
        (
            "set_image_pull_policy",
            ("Sometimes",),
            "'policy' .*: 'Sometimes'\n  hint: pass one of Always, Never",
        ),
        ("set_image_pull_secrets", ("secret",), r"'secret_names' .*: 'secret'\n.*: \['secret'\]"),
        (
            "use_secret_as_env",
            (5, {"k": "K"}),
            "'secret_name' .*: 5\n  hint: pass a string or a runtime value",
        ),
        ("use_secret_as_env", ("s", {"K"}), r"'secret_key_to_env' .*: {'K'}\n  hint: pass a dict, each"),
        ("use_secret_as_volume", ("s", "d"), "'mount_path' .*: 'd'\n  hint: pass an absolute path"),
        ("use_config_map_as_env", ("c", {"k": 5}), "'config_map_key_to_env' .*: {'k': 5}"),
        ("use_config_map_as_volume", ("c", 5), "'mount_path' .*: 5"),
        ("mount_pvc", (5, "/d"), "'pvc_name' .*: 5"),
        ("mount_pvc", ("pvc", "d"), "'mount_path' .*: 'd'"),
        ("mount_pvc", ("pvc", "/d", "/sub"), "'sub_path' .*: '/sub'"),
        ("add_pod_label", ("a", 5), "'label_value' .*: 5\n  hint: pass a string"),
        ("add_pod_annotation", (5, "a"), "'annotation_key' .*: 5"),
        ("add_node_selector", (5, 6), "'label_key' .*: 5\n.*'label_value' .*: 6"),
        ("add_node_selector_json", ("disk",), "'node_selector_json' .*: 'disk'\n  hint: pass a dict or a"),
        ("add_node_affinity", (None, None, 0), "'weight' .*: 0\n  hint: pass an integer from 1 to 100"),
        ("use_field_path_as_env", ("E", 5), "'field_path' .*: 5"),
        ("add_toleration", ("k", "Is", None, "Never"), "'operator' .*: 'Is'\n.*'effect' .*: 'Never'"),
        ("add_toleration_json", (["a"],), r"'toleration_json' .*: \['a'\]"),
        ("empty_dir_mount", ("v", "/d", "Disk", "lots"), "'medium' .*: 'Disk'.*'size_limit' .*: 'lots'"),
        (
            "add_ephemeral_volume",
            ("v", "/d", ["RWO"], "big"),
            r"'access_modes' .*: \['RWO'\]\n.*ReadWriteOnce, .*'size' .*: 'big'",
        ),
    ],
)
def test_setting_of_a_pod_is_refused(setter: str, arguments: tuple[Any, ...], message: str) -> None:
    def p() -> None:
        getattr(kubernetes, setter)(one(x=1), *arguments)

    with pytest.raises(AuthoringError, match=f"(?s)test_rules.py:.*MLP128: one: invalid {message}") as raised:
        dsl.pipeline(p)
    assert f"of kubernetes.{setter}: " in str(raised.value)


def test_setting_of_a_pod_takes_a_task_and_says_what_of_the_run_it_can_not_take() -> None:
    with pytest.raises(AuthoringError, match=r"MLP125: kubernetes.mount_pvc: 't' is not a task"):
        kubernetes.mount_pvc("t", "p", "/d")  # type: ignore[arg-type]
    with pytest.raises(AuthoringError, match=r"'mount_path' .*: 'text', a runtime value"):

        @dsl.pipeline
        def p(text: str) -> None:
            kubernetes.mount_pvc(one(x=1), text, text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pvc_name": "a", "pvc_name_suffix": "b"}, "expected one name, got pvc_name and pvc_name_suffix"),
        ({}, "expected one name, got none\n  hint: use either pvc_name or pvc_name_suffix"),
        ({"pvc_name": "a", "access_modes": ["RWO"]}, r"invalid 'access_modes': \['RWO'\]\n.*ReadWriteOnce"),
        ({"pvc_name": "a", "size": "big"}, "invalid 'size': 'big'\n  hint: pass a quantity, such as '5Gi'"),
    ],
)
def test_claim_is_refused(arguments: dict[str, Any], message: str) -> None:
    def p() -> None:
        kubernetes.CreatePVC(**{"access_modes": ["ReadWriteOnce"], "size": "5Gi", **arguments})

    with pytest.raises(AuthoringError, match=f"(?s)MLP128: createpvc: {message}"):
        dsl.pipeline(p)


def test_claim_takes_values_of_the_run() -> None:
    @dsl.pipeline
    def p(name: str, size: str) -> None:
        kubernetes.CreatePVC(pvc_name_suffix=f"-{name}", access_modes=["ReadWriteOnce"], size=size)
        kubernetes.CreatePVC(pvc_name=name, pvc_name_suffix="", access_modes=["ReadWriteMany"], size="1.5Gi")


@pytest.mark.parametrize(
    "opened",
    [
        lambda x: dsl.If(x == 1, 5),  # type: ignore[arg-type]
        lambda x: dsl.Elif(x == 1, 5),  # type: ignore[arg-type]
        lambda x: dsl.Else(5),  # type: ignore[arg-type]
        lambda x: dsl.ParallelFor([1], 5),  # type: ignore[arg-type]
        lambda x: dsl.ExitHandler(one(x=1), 5),  # type: ignore[arg-type]
        lambda x: dsl.If(x == 1, f"{x}"),
    ],
)
def test_name_of_a_region_is_a_text(opened: Callable[[Any], Any]) -> None:
    def p(x: int) -> None:
        with dsl.If(x > 1):
            one(x=1)
        with opened(x):
            one(x=1)

    with pytest.raises(AuthoringError, match=r"MLP122: dsl\.\w+: expected a string as its name, got .*"):
        dsl.pipeline(p)


@pytest.mark.parametrize("name", REFUSED)
def test_pipeline_is_refused(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(AuthoringError, match=f"(?s){message}") as raised:
        dsl.pipeline(function)
    assert all(diagnostic.hint for diagnostic in raised.value.diagnostics)


def test_value_of_an_exit_handler_is_not_returned() -> None:
    def p() -> int:
        with dsl.ExitHandler(say(text="over")):
            made = one(x=1)
        return made.output  # type: ignore[return-value]

    with pytest.raises(AuthoringError, match=r"test_rules.py:\d+: error MLP140: .*dsl.ExitHandler") as raised:
        dsl.pipeline(p)
    assert "branch" not in str(raised.value)


def test_call_outside_of_a_pipeline_says_how_it_would_run() -> None:
    with pytest.raises(AuthoringError, match=r"(?s)MLP115: one: .*local.init\(local.SubprocessRunner\(\)\)"):
        one(x=1)


def test_errors_before_one_that_stops_the_function_are_reported_too() -> None:
    def p() -> None:
        one(x="a")
        say(text="b").outputs["text"]

    with pytest.raises(AuthoringError) as raised:
        dsl.pipeline(p)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["MLP134", "MLP120"]
    lines = [diagnostic.source.line for diagnostic in raised.value.diagnostics if diagnostic.source]
    assert lines == [p.__code__.co_firstlineno + 1, p.__code__.co_firstlineno + 2]


def untyped() -> Untyped: ...


def by_position(x: int, /) -> None: ...


def many(*values: int, **named: int) -> None: ...


def no_type(x) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001


def unknown_name(x: Nonsense) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def marked_text(x: Output[str]) -> None: ...


def optional_output() -> int | None: ...


def wrong_default(x: int = "a") -> None: ...  # type: ignore[assignment]


def infinite(x: float = float("inf")) -> None: ...


def artifact_with_default(data: Input[Dataset] = "a") -> None: ...  # type: ignore[assignment]


def output_twice(score: OutputPath(float)) -> NamedTuple("O", [("score", float)]): ...  # type: ignore[valid-type]


async def coroutine(x: int) -> None: ...


class Class:
    pass


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (many, "MLP101: many.named: .*MLP101: many.values: "),
        (by_position, "MLP101: by_position.x: .*remove the /"),
        (no_type, "MLP102: no_type.x: it has no type"),
        (unknown_name, "MLP102: unknown_name.x: .*name 'Nonsense' is not defined"),
        (marked_text, "MLP102: marked_text.x: Output\\[…\\] expects an artifact class, got str"),
        (untyped, "MLP102: untyped.a: the returned field has no type"),
        (optional_output, "MLP102: optional_output.Output: "),
        (output_twice, "MLP103: output_twice.score: "),
        (wrong_default, "MLP104: wrong_default.x: the default 'a' is not of type int"),
        (infinite, "MLP104: infinite.x: the default cannot be written as JSON"),
        (artifact_with_default, "MLP104: artifact_with_default.data: "),
        (coroutine, "MLP105: coroutine: it is not a plain function"),
        (lambda: None, "MLP105: <lambda>: "),
        (Class, "MLP105: Class: it is not a plain function\n  hint: put the decorator directly above a def"),
        (functools.partial(untyped), "MLP105: functools.partial"),
    ],
)
def test_component_is_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(AuthoringError, match=f"(?s){message}") as raised:
        dsl.component(function)
    assert "test_rules.py" in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"packages_to_install": "pandas"}, r"'packages_to_install' is 'pandas'\n.*a list.*: \['pandas'\]"),
        ({"packages_to_install": [5]}, r"'packages_to_install' is \[5\]\n.*pass a list, each item a string"),
        ({"pip_index_urls": "https://a"}, r"'pip_index_urls' is 'https://a'\n.*: \['https://a'\]"),
        ({"pip_trusted_hosts": "a"}, "'pip_trusted_hosts' is 'a'"),
        ({"base_image": 5}, r"'base_image' is 5\n  hint: pass a string"),
        ({"target_image": 3}, "'target_image' is 3"),
        ({"kfp_package_path": 3}, "'kfp_package_path' is 3"),
        ({"cache": "no"}, r"'cache' is 'no'\n  hint: pass True or False"),
        ({"use_venv": "no"}, "'use_venv' is 'no'"),
        (
            {"additional_funcs": ["x"]},
            r"'additional_funcs' is \['x'\]\n  hint: pass a list, each item a func",
        ),
        ({"task_config_passthroughs": "ENV"}, r"'task_config_passthroughs' is 'ENV'\n.*: \['ENV'\]"),
    ],
)
def test_setting_of_a_component_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(AuthoringError, match=f"(?s)test_rules.py:.*MLP122: dsl.component: {message}"):
        dsl.component(**settings)


def test_function_without_a_text_goes_with_no_other() -> None:
    with pytest.raises(AuthoringError, match="MLP105: len: it is not a plain function"):
        dsl.component(additional_funcs=[len])


def test_settings_of_notebooks_and_pipelines_are_refused_likewise() -> None:
    with pytest.raises(
        AuthoringError, match=r"MLP122: dsl\.notebook_component: 'packages_to_install' is 'a'"
    ):
        dsl.notebook_component(notebook_path="a.ipynb", packages_to_install="a")
    with pytest.raises(AuthoringError, match=r"MLP122: dsl\.pipeline: 'name' is 5"):
        dsl.pipeline(name=5)  # type: ignore[call-overload]


@pytest.mark.parametrize("truth", [False, 0])
def test_caching_is_set_by_a_truth(truth: Any) -> None:
    @dsl.pipeline
    def p() -> None:
        one(x=1).set_caching_options(truth)

    assert p.spec.root.graph is not None
    assert p.spec.root.graph.tasks["one"].cache is False


def test_container_component_returns_a_spec() -> None:
    def nothing(text: str) -> None: ...

    with pytest.raises(
        AuthoringError, match=r"(?s)MLP108: nothing: it returned None.*return dsl.ContainerSpec"
    ):
        dsl.container_component(nothing)


def test_component_writes_no_file_when_it_is_read() -> None:
    def typed() -> None: ...

    with pytest.warns(FutureWarning, match=r"(?s)MLP106: typed: .*Compiler\(\).compile"):
        made = dsl.component(output_component_file="c.yaml")(typed)
    assert made.name == "typed"


def test_embedded_file_must_be_there() -> None:
    with pytest.raises(AuthoringError, match="MLP107: nowhere: file or folder 'nowhere' not found"):
        dsl.component(embedded_artifact_path="nowhere")


def test_names_of_the_enclosing_function_come_before_those_of_the_module() -> None:
    class Dataset(Model):
        schema_title = "my.Dataset"

    @dsl.component
    def local(data: Output[Dataset]) -> None: ...

    assert local.interface.output_artifacts["data"].type.schema_title == "my.Dataset"


def test_artifact_class_alone_is_an_input() -> None:
    @dsl.component
    def plain(data: Dataset, forward: Input["Model"]) -> None: ...  # noqa: UP037

    found = {name: artifact.type.schema_title for name, artifact in plain.interface.input_artifacts.items()}
    assert found == {"data": "system.Dataset", "forward": "system.Model"}


def test_function_without_latin_letters_has_a_name() -> None:
    @dsl.component
    def é(x: int) -> None: ...  # noqa: PLC2401

    @dsl.pipeline
    def ü() -> None:  # noqa: PLC2401
        é(x=1)

    assert (ü.name, list(ü.spec.root.graph.tasks)) == ("unnamed", ["unnamed"])  # type: ignore[union-attr]


def test_region_and_task_never_share_a_name() -> None:
    @dsl.component
    def condition_1(x: int) -> int: ...

    @dsl.component
    def for_loop_3(x: int) -> int: ...

    @dsl.pipeline
    def p(x: int) -> None:
        condition_1(x=x)
        with dsl.If(x > 1):
            condition_1(x=x)
        with dsl.ParallelFor([1]) as item:
            for_loop_3(x=item)
        for_loop_3(x=1)

    graphs = [p.spec.root.graph, *(component.graph for component in p.spec.components.values())]
    names = [name for graph in graphs if graph for name in graph.tasks]
    assert len(names) == len(set(names)) == 6
    assert len(p.spec.components) == 4


def test_loops_over_one_list_have_items_of_their_own() -> None:
    @dsl.pipeline
    def p(names: list[str]) -> None:
        with dsl.ParallelFor(names) as outer, dsl.ParallelFor(names) as inner:
            say(text=outer)
            say(text=inner)

    loop = p.spec.components["comp-for-loop-2"]
    assert loop.graph is not None
    first, second = (task.parameters["text"] for task in loop.graph.tasks.values())
    assert first != second
    assert set(loop.input_parameters) == {
        "pipelinechannel--names",
        "pipelinechannel--names-loop-item",
        "pipelinechannel--names-loop-item-2",
    }


@pytest.mark.parametrize("field", ["name", "type", "producer", "selector", "is_list", "output"])
def test_field_of_an_item_may_have_any_name(field: str) -> None:
    @dsl.pipeline
    def p(rows: list[dict[str, Any]]) -> None:
        with dsl.ParallelFor(rows) as row:
            say(text=getattr(row, field))
            say(text=row[field])

    loop = p.spec.components["comp-for-loop-1"].graph
    assert loop is not None
    selectors = [task.parameters["text"].selector for task in loop.tasks.values()]  # type: ignore[union-attr]
    assert selectors == [f'parseJson(string_value)["{field}"]'] * 2


def test_errors_after_a_wrong_comparison_and_a_wrong_output_are_reported_too() -> None:
    with pytest.raises(AuthoringError) as raised:

        @dsl.pipeline
        def p(x: int = 1) -> None:
            first = one(x=x)
            with dsl.If(first.outputs["Outptu"] == "text"):
                one(x=x).set_memory_limit("lots")
            one(y=x)

    codes = {problem.code for problem in raised.value.diagnostics}
    assert {"MLP120", "MLP111", "MLP132", "MLP133"} < codes


def test_truth_values_of_the_run_are_joined_as_comparisons_are() -> None:
    def condition_of(write: Callable[[Any, Any], Any]) -> Any:
        @dsl.pipeline
        def p(flag: bool, x: int) -> None:
            with dsl.If(write(flag, x)):
                one(x=1)

        graph = p.spec.root.graph
        assert graph
        (region,) = (task for task in graph.tasks.values() if task.condition)
        return region.condition

    assert condition_of(lambda flag, x: flag & (x > 1)) == condition_of(
        lambda flag, x: (flag == True) & (x > 1)  # noqa: E712
    )
    assert condition_of(lambda flag, x: ~flag | (x > 1)) == condition_of(
        lambda flag, x: ~(flag == True) | (x > 1)  # noqa: E712
    )
