"""Tasks that a server forks are what tasks in new interpreters are."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat.engine import ProcessExecutor
from mlplat.engine.executor import Command, Exit
from mlplat.runtime import packed
from mlplat.runtime.contract import START, VARIABLE
from tests.unit.waiting import until

WAYS = ("spawned", "forked")

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system forks no tasks")

SEEN = """
import json, os, resource, signal, sys
numbers = sorted(signal.valid_signals())
mask = os.umask(0)
links = {}
for name in os.listdir("/proc/self/fd"):
    try:
        links[int(name)] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass
print(json.dumps({
    "arguments": [sys.argv, sys.orig_argv[1:], sys.executable, list(sys.flags), sys.warnoptions],
    "variables": {key: value for key, value in os.environ.items()},
    "folder": os.getcwd(),
    "path": sys.path,
    "main": [__name__, sorted(vars(sys.modules["__main__"]))],
    "input": sys.stdin.read(),
    "streams": [
        [str(one), one.encoding, one.errors, one.newlines, one.line_buffering, one.write_through, one.fileno(),
         type(one.buffer).__name__, one.isatty(), one.mode]
        for one in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "own streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    "descriptors": links,
    "mask": mask,
    "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "signals": [str(signal.getsignal(number)) for number in numbers],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "limits": [resource.getrlimit(number) for number in range(10)],
    "niceness": os.nice(0),
    "threads": len(os.listdir("/proc/self/task")),
    "children": open("/proc/self/task/%d/children" % os.getpid()).read(),
}))
"""

Make = Callable[..., Command]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the command of a task whose runtime is a program of the test."""
    count = iter(range(1000))

    def command(program: str, *arguments: str, **fields: Any) -> Command:
        root = tmp_path / f"task-{next(count)}" / "root"
        root.mkdir(parents=True)
        environment = {VARIABLE: packed(program), **fields.pop("environment", {})}
        usual = {"root": root, "directory": "", "log": root.parent / "log", "capture": True}
        words = ["python3", "-c", START, *arguments]
        return Command(**{"arguments": words, "environment": environment, **usual, **fields})

    return command


async def first(executor: ProcessExecutor, make: Make, way: str) -> None:
    """Run a task where the next one is to be forked: the first of a run never is."""
    if way == "forked":
        await (await executor.start(make(""))).wait()


def ends(way: str, make: Make, *commands: Command, executor: ProcessExecutor | None = None) -> list[Exit]:
    """Run tasks one after another."""

    async def run() -> list[Exit]:
        runs = executor or ProcessExecutor()
        await first(runs, make, way)
        try:
            return [await (await runs.start(one)).wait() for one in commands]
        finally:
            await runs.close()

    return asyncio.run(run())


def result(way: str, make: Make, command: Command) -> Any:
    (ended,) = ends(way, make, command)
    assert ended.code == 0, command.log.read_text()
    return json.loads(ended.result or "null")


@pytest.fixture
def odd_process() -> Iterator[None]:
    """A process with a mask, limits and signals that are not the usual ones."""
    mask, files = os.umask(0o027), resource.getrlimit(resource.RLIMIT_CORE)
    handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, files[1]))
    yield
    os.umask(mask)
    signal.signal(signal.SIGUSR1, handler)
    resource.setrlimit(resource.RLIMIT_CORE, files)


@pytest.mark.parametrize("capture", [True, False])
def test_a_forked_task_sees_what_a_task_in_a_new_interpreter_sees(
    odd_process: None, make: Make, capture: bool
) -> None:
    seen = []
    for way in WAYS:
        variables = {"TEXT": "é\udcff", "EMPTY": ""}
        program = SEEN if capture else SEEN.replace("print(", "sys.stderr.write(")
        one = make(program, "a b", "\udcfe", environment=variables, directory="/work", capture=capture)
        (ended,) = ends(way, make, one)
        assert ended.code == 0, one.log.read_text()
        assert ended.result is None or capture
        text = one.log.read_text().replace(str(one.root.parent), "TASK")
        found = json.loads(text)
        found["descriptors"] = {
            number: link.partition(":[")[0] for number, link in found["descriptors"].items()
        }
        seen.append(found)
    assert seen[0] == seen[1]
    assert seen[1]["mask"] == 0o027


def test_the_second_task_of_a_run_is_forked(make: Make) -> None:
    program = "import os; print(os.getppid())"
    parents = [ended.result for ended in ends("spawned", make, *(make(program) for _ in range(3)))]
    assert parents[0] == str(os.getpid())
    assert parents[1] == parents[2] != parents[0]
    until(lambda: not alive(int(parents[1] or 0)))


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('why')", 1),
        ("raise ValueError('why')", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 137),
        ("import os; os.execvp('sh', ['sh', '-c', 'exit 9'])", 9),
        ("import atexit, os; atexit.register(os._exit, 5)", 5),
    ],
)
def test_the_exit_code_is_the_same(way: str, program: str, code: int, make: Make) -> None:
    one = make(program)
    assert ends(way, make, one)[0].code == code
    assert ("why" in one.log.read_text()) is ("why" in program)


@pytest.mark.parametrize("way", WAYS)
def test_lines_of_both_streams_are_in_their_order_in_the_log(way: str, make: Make) -> None:
    program = "import sys\nfor n in range(20): print(n, file=sys.stderr if n % 3 else sys.stdout)"
    one = make(program, capture=False)
    ends(way, make, one)
    assert one.log.read_text().split() == [str(number) for number in range(20)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ignores", [False, True])
def test_a_task_is_stopped(way: str, ignores: bool, make: Make) -> None:
    ignore = "import signal; signal.signal(15, signal.SIG_IGN)\n" if ignores else ""
    one = make(f"{ignore}import time; print('on', flush=True); time.sleep(600)")

    async def run() -> Exit:
        executor = ProcessExecutor()
        await first(executor, make, way)
        running = await executor.start(one)
        while b"on" not in one.log.read_bytes():  # noqa: ASYNC110 - another program writes
            await asyncio.sleep(0.02)
        running.stop(0.2 if ignores else 600)
        ended = await running.wait()
        await executor.close()
        return ended

    assert asyncio.run(run()).code == (137 if ignores else 143)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_task_leaves_in_its_group_ends_with_it(way: str, make: Make) -> None:
    program = "import subprocess; print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)"
    left = result(way, make, make(program))
    until(lambda: not alive(left))


def test_nothing_of_a_task_reaches_the_next_one(make: Make) -> None:
    change = (
        "import os, sys, json, signal, types\n"
        "os.environ['LEFT'] = 'x'; os.chdir('/'); os.umask(0o777); sys.path.insert(0, '/left')\n"
        "sys.modules['left'] = types.ModuleType('left'); json.dumps = None; signal.signal(15, signal.SIG_IGN)\n"
        "left = open('/dev/null'); os.set_inheritable(left.fileno(), True); memory = bytearray(300_000_000)"
    )
    look = (
        "import os, sys, json, signal\n"
        "resident = int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "print(json.dumps(['LEFT' in os.environ, os.getcwd() == '/', '/left' in sys.path, 'left' in sys.modules,"
        " signal.getsignal(15) == signal.SIG_IGN, os.umask(0) == 0o777, resident > 100_000_000]))"
    )
    last = ends("forked", make, make(change), make(change), make(look))[-1]
    assert json.loads(last.result or "") == [False] * 7


def test_ended_tasks_are_reaped(make: Make) -> None:
    children = "open('/proc/%d/task/%d/children' % (os.getppid(), os.getppid())).read()"
    look = f"import os; print(os.getpid(), {children})"
    last = ends("forked", make, *(make("") for _ in range(5)), make(look))[-1]
    process, children = (last.result or "").split()
    assert children == process


def test_tasks_run_at_the_same_time(make: Make, tmp_path: Path) -> None:
    meet = (
        "import os, sys, time\nopen(os.path.join(sys.argv[1], sys.argv[2]), 'w').close()\n"
        "while len(os.listdir(sys.argv[1])) < 8: time.sleep(0.01)\n"
        "sys.exit(int(sys.argv[2]))"
    )
    place = tmp_path / "place"
    place.mkdir()

    async def run() -> list[int]:
        executor = ProcessExecutor()
        commands = [make(meet, str(place), str(number)) for number in range(8)]
        running = await asyncio.gather(*map(executor.start, commands))
        ended = await asyncio.gather(*(one.wait() for one in running))
        await executor.close()
        return [one.code for one in ended]

    assert asyncio.run(run()) == list(range(8))


def test_a_task_whose_server_is_killed_has_failed_and_later_ones_run(make: Make) -> None:
    kill = "import os, time\nprint(os.getpid(), flush=True); os.kill(os.getppid(), 9); time.sleep(600)"
    look = "import os; print(os.getppid())"
    killed, *others = ends("forked", make, make(kill), *(make(look) for _ in range(3)))
    assert killed.code == 137
    until(lambda: not alive(int(killed.result or 0)))
    assert [one.code for one in others] == [0, 0, 0]


START_WITH_THREAD = (
    "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
)


def test_an_interpreter_that_starts_with_a_thread_forks_no_tasks(make: Make, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(START_WITH_THREAD)
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": str(tmp_path)})
    look = "import os; print(os.getppid(), len(os.listdir('/proc/self/task')))"
    ended = ends("forked", make, *(make(look) for _ in range(2)), executor=executor)
    assert [one.result for one in ended] == [f"{os.getpid()} 2"] * 2


NO_WATCHING = (
    "import errno, os\ndef refuse(process): raise OSError(errno.ENOSYS, 'no')\nos.pidfd_open = refuse"
)


def test_a_kernel_that_watches_no_processes_forks_no_tasks(make: Make, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_WATCHING)
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": str(tmp_path)})
    look = "import os; print(os.getppid())"
    ended = ends("forked", make, *(make(look) for _ in range(2)), executor=executor)
    assert [one.result for one in ended] == [str(os.getpid())] * 2


@pytest.mark.parametrize("most", [8, 9, 11])
def test_tasks_run_when_a_server_has_no_descriptors_left(most: int, make: Make, tmp_path: Path) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))"
    (tmp_path / "sitecustomize.py").write_text(limit)
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": str(tmp_path)})

    async def run() -> list[int]:
        await first(executor, make, "forked")
        commands = [make(f"import time; time.sleep(0.5); raise SystemExit({number})") for number in range(8)]
        running = await asyncio.gather(*map(executor.start, commands))
        ended = await asyncio.gather(*(one.wait() for one in running))
        await executor.close()
        return [one.code for one in ended]

    assert asyncio.run(run()) == list(range(8))


def test_tasks_see_packages_that_were_installed_after_the_first(make: Make, tmp_path: Path) -> None:
    place = tmp_path / "packages"
    place.mkdir()
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": str(place)})
    hook = "import sys; sys.hooked = 1"
    install = f"import pathlib; pathlib.Path({str(place)!r}, 'sitecustomize.py').write_text({hook!r})"
    look = "import sys; print(hasattr(sys, 'hooked'))"
    ended = ends("forked", make, make(look), make(install), make(look), make(look), executor=executor)
    assert [one.result for one in ended] == ["False", "", "True", "True"]


@pytest.mark.parametrize("folder", [".", "", "modules"])
def test_a_relative_folder_of_modules_is_that_of_the_task(folder: str, make: Make) -> None:
    look = "import os, sys; print(os.path.abspath(sys.argv[1]) in [os.path.abspath(one) for one in sys.path[1:]])"
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}/other"})
    ended = ends("forked", make, *(make(look, folder) for _ in range(2)), executor=executor)
    assert [one.result for one in ended] == ["True", "True"]


def test_tasks_that_add_files_to_a_folder_of_modules_run(make: Make, tmp_path: Path) -> None:
    place = tmp_path / "modules"
    place.mkdir()
    executor = ProcessExecutor({**os.environ, "PYTHONPATH": str(place)})
    add = "import os, sys; os.chdir(sys.argv[1]); open(sys.argv[2], 'w').close(); print(len(os.listdir('.')))"
    ended = ends("forked", make, *(make(add, str(place), str(n)) for n in range(9)), executor=executor)
    assert [one.result for one in ended] == [str(number) for number in range(1, 10)]


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "HOME", "LC_ALL", "TZ"])
def test_variables_that_python_reads_at_its_start_have_their_effect(name: str, make: Make) -> None:
    look = "import os; print(os.getppid())"
    one = make(look, environment={name: "1"})
    (ended,) = ends("forked", make, one)
    assert ended.result == str(os.getpid())


def test_a_task_that_can_not_be_started_fails_alike(make: Make) -> None:
    messages = [ends(way, make, make("", environment={"A": "b\0c"}), make("", "\ud800")) for way in WAYS]
    assert messages[0] == messages[1]
    assert {one.code for one in messages[0]} == {64}


ENGINE = """
import asyncio, sys
from pathlib import Path
from mlplat.engine import ProcessExecutor
from mlplat.engine.executor import Command
from mlplat.runtime import packed
from mlplat.runtime.contract import START, VARIABLE

async def run():
    executor = ProcessExecutor()
    wait = "import os, time; print(os.getpid(), os.getppid(), flush=True); time.sleep(600)"
    for number, program in enumerate(["", wait]):
        root = Path(sys.argv[1], str(number), "root")
        root.mkdir(parents=True)
        words, variables = ["python3", "-c", START], {VARIABLE: packed(program)}
        one = Command(words, variables, root=root, directory="", log=root.parent / "log", capture=False)
        await (await executor.start(one)).wait()

asyncio.run(run())
"""


def test_an_engine_that_is_killed_leaves_no_server_and_no_task(tmp_path: Path) -> None:
    log = tmp_path / "1/log"
    with subprocess.Popen([sys.executable, "-c", ENGINE, str(tmp_path)]) as engine:
        until(lambda: log.exists() and len(log.read_text().split()) == 2)
        processes = [int(one) for one in log.read_text().split()]
        assert all(map(alive, processes))
        engine.kill()
    until(lambda: not any(map(alive, processes)))
