"""What every executor of the local engine does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from mlplat.engine.executor import Command, Exit
from mlplat.engine.tail import LONGEST_RESULT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlplat.engine import Executor

_TEXTS = (
    "",
    " two  words ",
    "line\nline",
    "$HOME $(NAME) `id`",
    "{{x}} 'q' \"q\" \\",
    "é🦊",
    "-x",
    "*",
    "/in/text",
)
_PRINT = "import sys; sys.stdout.reconfigure(encoding='utf-8'); print(*map(ascii, {}), sep='|')"
_WAITING = "echo started; while true; do sleep 0.1; done"


class ExecutorConformance:
    """Tests for a :class:`mlplat.engine.Executor`.

    Override the fixture :meth:`executor`, and :attr:`image` where the executor has other images. They need ``sh`` and
    ``python3``, from the image or from this machine::

        class TestMyExecutor(ExecutorConformance):
            @pytest.fixture
            def executor(self):
                return MyExecutor()
    """

    image: ClassVar[str] = "python:3.11"

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor."""
        raise NotImplementedError("override the fixture executor")

    @pytest.fixture
    def command(self, tmp_path: Path) -> Callable[..., Command]:
        """Return a function that makes commands of arguments; each has a folder of its own."""
        count = iter(range(1000))

        def make(*arguments: str, **fields: Any) -> Command:
            root = tmp_path / f"task-{next(count)}" / "root"
            root.mkdir(parents=True)
            usual = {
                "arguments": arguments,
                "environment": {},
                "root": root,
                "directory": "",
                "log": root.parent / "log",
                "capture": True,
                "image": self.image,
                "pull": "Never",
                "name": root.parent.name,
            }
            return Command(**{**usual, **fields})

        return make

    @pytest.mark.parametrize("code", [0, 1, 3, 64])
    def test_the_exit_code_is_that_of_the_program(
        self, executor: Executor, command: Callable[..., Command], code: int
    ) -> None:
        """An exit code arrives as it is."""
        assert ended(executor, command("sh", "-c", f"exit {code}")).code == code

    def test_the_result_is_standard_output(self, executor: Executor, command: Callable[..., Command]) -> None:
        """The result is standard output without its last newline; the log has standard error too."""
        one = command("sh", "-c", "echo out; echo; echo err >&2")
        assert ended(executor, one).result == "out\n"
        assert sorted(one.log.read_text().split()) == ["err", "out"]

    def test_a_result_that_is_not_wanted_is_in_the_log_alone(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """Without ``capture`` there is no result."""
        one = command("sh", "-c", "echo out", capture=False)
        assert ended(executor, one).result is None
        assert one.log.read_text() == "out\n"

    def test_the_end_of_a_long_output_is_the_result(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """Of more than 256 KiB the last ones count; all are in the log."""
        one = command("python3", "-c", f"print('a' * {2 * LONGEST_RESULT} + 'end')")
        result = ended(executor, one).result
        assert result is not None
        assert (len(result), result[-4:]) == (LONGEST_RESULT, "aend")
        assert one.log.stat().st_size == 2 * LONGEST_RESULT + 4

    def test_arguments_arrive_as_they_are(self, executor: Executor, command: Callable[..., Command]) -> None:
        """No shell, no template and no executor reads an argument."""
        one = command("python3", "-c", _PRINT.format("sys.argv[1:]"), *_TEXTS)
        assert ended(executor, one).result == "|".join(map(ascii, _TEXTS))

    def test_variables_arrive_as_they_are(self, executor: Executor, command: Callable[..., Command]) -> None:
        """Nor a variable, whatever its name: programs of containers have variables of their own."""
        names = ["TEXT", "DOCKER_PASSWORD", "HTTP_PROXY", "LC_TEXT", "a.b", "HOME", "X", "Y", "Z"]
        script = "import os; " + _PRINT.format("[os.environ[name] for name in sys.argv[1:]]")
        one = command("python3", "-c", script, *names, environment=dict(zip(names, _TEXTS, strict=True)))
        assert ended(executor, one).result == "|".join(map(ascii, _TEXTS))

    def test_standard_input_is_empty(self, executor: Executor, command: Callable[..., Command]) -> None:
        """A program that reads its input ends."""
        one = ended(executor, command("sh", "-c", "cat; echo read"))
        assert (one.code, one.result) == (0, "read")

    def test_files_of_the_root_lie_at_paths_of_the_container(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """A template names paths of the container; what lies below the root is found there."""
        written = template("cat /in/text; cat /in/deep/er; cat text")
        arguments, root = placed(executor, written, ["/in/text", "/in/deep/er", "/in"]), command().root
        (root / "in/deep").mkdir(parents=True)
        (root / "in/text").write_text("a")
        (root / "in/deep/er").write_text("b")
        one = command(*(executor.place(text, root) for text in arguments), root=root, directory="/in")
        assert ended(executor, one).result == "aba"

    def test_outputs_are_read_from_paths_of_the_container(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """Files and folders are read back; what the program does not write does not exist."""
        outputs = ["/out/text", "/out/folder", "/out/none"]
        written = template("printf a > /out/text; mkdir /out/folder; printf b > /out/folder/file")
        arguments, root = placed(executor, written, outputs), command().root
        (root / "out").mkdir()
        one = command(*(executor.place(text, root) for text in arguments), root=root, outputs=outputs)
        assert ended(executor, one).code == 0
        text, folder, none = (executor.output(path, one) for path in outputs)
        assert text is not None
        assert folder is not None
        assert (text.read_text(), (folder / "file").read_text()) == ("a", "b")
        assert none is None or not none.exists()

    def test_data_with_a_path_in_it_is_left_alone(self, executor: Executor, tmp_path: Path) -> None:
        """Only strings of the template are rewritten; values of parameters in them are data."""
        written = template("cat /in/text {{inputs.parameters.x}}")
        text = placed(executor, written, ["/in/text"])[-1]
        filled = executor.place(text.replace("{{inputs.parameters.x}}", "'/in/text'"), tmp_path)
        assert filled.endswith(" '/in/text'")
        assert filled == f"cat {executor.place(executor.path('/in/text'), tmp_path)} '/in/text'"

    def test_a_stopped_program_ends(self, executor: Executor, command: Callable[..., Command]) -> None:
        """A program that is asked to end has 143, as Argo reports it; one that a signal ends otherwise has 137."""

        async def stopped() -> Exit:
            one = command("sh", "-c", f"trap 'exit 143' TERM; {_WAITING}")
            running = await executor.start(one)
            waiting = asyncio.ensure_future(running.wait())
            await started(one)
            running.stop(30)
            return await waiting

        assert asyncio.run(stopped()).code == 143

    def test_a_program_that_does_not_listen_is_killed(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """What ignores SIGTERM is killed after the time of grace; without one, at once."""

        async def killed(grace: float) -> Exit:
            one = command("sh", "-c", f"trap '' TERM; {_WAITING}")
            running = await executor.start(one)
            waiting = asyncio.ensure_future(running.wait())
            await started(one)
            running.stop(grace)
            return await waiting

        assert [asyncio.run(killed(grace)).code for grace in (1, 0)] == [137, 137]

    def test_a_program_that_has_ended_can_be_stopped(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """Stopping comes too late sometimes, and does nothing then."""

        async def late() -> Exit:
            running = await executor.start(command("sh", "-c", "echo out"))
            result = await running.wait()
            running.stop(0)
            return result

        assert asyncio.run(late()).result == "out"

    def test_a_command_is_started_after_the_end_of_a_run(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """What an executor keeps for later commands is closed at the end of each run, however often, and made again."""

        async def run() -> list[int]:
            codes = []
            for code in ("3", "4"):
                running = await executor.start(command("sh", "-c", f"exit {code}"))
                codes.append((await running.wait()).code)
                await executor.close()
                await executor.close()
            return codes

        assert asyncio.run(run()) == [3, 4]

    def test_what_a_killed_engine_left_is_ended(
        self, executor: Executor, command: Callable[..., Command]
    ) -> None:
        """The folder of a task is enough to end what still runs for it; a folder without anything is fine."""

        async def left() -> Exit:
            one = command("sh", "-c", _WAITING)
            running = await executor.start(one)
            waiting = asyncio.ensure_future(running.wait())
            await started(one)
            await asyncio.to_thread(executor.end_leftover, one.root.parent)
            return await waiting

        assert asyncio.run(left()).code != 0
        executor.end_leftover(command().root.parent)


def ended(executor: Executor, command: Command) -> Exit:
    """Run a command to its end."""

    async def run() -> Exit:
        return await (await executor.start(command)).wait()

    return asyncio.run(run())


async def started(command: Command) -> None:
    """Wait until a command has written into its log."""
    while not command.log.exists() or b"started" not in command.log.read_bytes():  # noqa: ASYNC110 - another program writes
        await asyncio.sleep(0.02)


def template(script: str) -> dict[str, Any]:
    """Return a template that runs a script of the shell."""
    return {"name": "t", "container": {"image": "i", "command": ["sh", "-c"], "args": [script]}}


def placed(executor: Executor, template: dict[str, Any], paths: list[str]) -> list[str]:
    """Return the words of a template, rewritten for an executor."""
    container = executor.rewrite(template, paths)["container"]
    return [*container["command"], *container["args"]]
