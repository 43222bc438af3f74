"""Opening a store: migrations, mistakes, and several processes at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_mock_engine, text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable

from mlplat.errors import StoreError
from mlplat.metadata import Store, open_store
from mlplat.metadata.schema import HEAD, VERSION_TABLE, metadata
from mlplat.metadata.versions import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

MakeRun = Callable[..., dict[str, Any]]


def migrations(connection: Connection) -> Config:
    """How Alembic is told to work on a connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(store: Store) -> None:
    """Make the tables of an empty store again, one revision after another, as older stores came to them."""

    def work(connection: Connection) -> None:
        command.downgrade(migrations(connection), "base")
        command.upgrade(migrations(connection), "head")

    store._database.write(work)


def test_migrations_make_the_schema_of_the_code(store_url: str) -> None:
    with open_store(store_url) as store:
        migrate(store)
        with store._database.reading() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "version_table": VERSION_TABLE}
            )
            assert compare_metadata(context, metadata) == []


def test_a_new_store_is_like_one_that_was_migrated(store_url: str) -> None:
    def content(connection: Connection) -> tuple[set[str], str]:
        reflected = MetaData()
        reflected.reflect(connection)
        tables = reflected.sorted_tables
        indexes = (index for one in tables for index in one.indexes)
        version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()
        return {
            *(str(CreateTable(one)) for one in tables),
            *(str(CreateIndex(one)) for one in indexes),
        }, version

    with open_store(store_url) as store:
        new = store._database.write(content)
        migrate(store)
        assert store._database.write(content) == new


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
def test_tables_of_mysql_keep_every_text_and_time(dialect: str) -> None:
    statements: list[str] = []

    def note(statement: Any, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=mysql.dialect())))

    metadata.create_all(create_mock_engine(f"{dialect}+pymysql://", note), checkfirst=False)
    tables = [one.strip() for one in statements if "CREATE TABLE" in one]
    assert len(tables) == len(metadata.tables)
    assert all(one.endswith(")CHARSET=utf8mb4 COLLATE utf8mb4_bin") for one in tables)
    (runs,) = (one for one in tables if one.startswith("CREATE TABLE runs "))
    assert "message LONGTEXT NOT NULL" in runs
    assert "created_at DATETIME(6) NOT NULL" in runs


def test_an_older_store_keeps_what_it_holds(store_url: str, training_run: MakeRun) -> None:
    with open_store(store_url) as store:
        store.record(training_run())
        kept = (
            store.runs(),
            store.tasks("ml-pipeline-x7k2p", roles=None),
            store.metrics("ml-pipeline-x7k2p"),
        )

        def downgrade(connection: Connection) -> None:
            command.downgrade(migrations(connection), "0001")

        store._database.write(downgrade)

    with open_store(store_url) as store:
        found = store.tasks("ml-pipeline-x7k2p", roles=None)
        assert {task.id: task for task in found} == {
            task.id: replace(task, depth=0, children=()) for task in kept[1]
        }
        numbers = tuple(metric for metric in kept[2] if metric.name in ("accuracy", "epochs"))
        assert (store.runs(), store.metrics("ml-pipeline-x7k2p")) == (kept[0], numbers)


def test_a_run_of_an_older_store_that_is_recorded_again_gets_what_was_missing(
    store_url: str, training_run: MakeRun
) -> None:
    with open_store(store_url) as store:
        store.record(training_run())
        kept = store.tasks("ml-pipeline-x7k2p", roles=None)
        store._database.write(lambda connection: command.downgrade(migrations(connection), "0004"))

    with open_store(store_url) as store:
        assert {task.children for task in store.tasks("ml-pipeline-x7k2p", roles=None)} == {()}
        store.record(training_run())
        assert store.tasks("ml-pipeline-x7k2p", roles=None) == kept


def test_the_newest_revision_is_the_one_that_the_code_expects() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_a_store_of_this_version_needs_neither_alembic_nor_other_dialects(tmp_path: Path) -> None:
    program = f"""
import sys
from mlplat.metadata import Store, open_store
for _ in ("new", "current"):
    open_store({str(tmp_path / "mlplat.db")!r}).close()
assert not {{"alembic", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"}} & set(sys.modules)
"""

    subprocess.run([sys.executable, "-c", program], check=True)


def test_sqlite_is_opened_for_many_readers(tmp_path: Path) -> None:
    with open_store(tmp_path / "mlplat.db") as store, store._database.reading() as connection:
        settings = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }

    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}


def test_a_store_of_a_newer_version_is_left_alone(store_url: str) -> None:
    with open_store(store_url) as store:
        store._database.write(
            lambda connection: connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
        )

    with pytest.raises(StoreError, match=r"newer mlplat \(its schema is 9999.*\n.*upgrade mlplat"):
        open_store(store_url)


def test_tables_of_another_program_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
    connection.close()

    with pytest.raises(StoreError, match=r"tables of another program \(runs\)"):
        open_store(path)


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is certainly not a database, and long enough to tell. " * 20)

    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database\n.*not an SQLite database"):
        open_store(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file"):
        open_store(tmp_path)


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match=r"cannot be opened: .*\n.*check the path"):
        open_store(tmp_path / "file" / "mlplat.db")


def test_a_missing_database_has_a_hint(postgres_socket: Path) -> None:
    with pytest.raises(StoreError, match=r'database "absent" does not exist\n.*create the database'):
        open_store(f"postgresql://mlplat@/absent?host={postgres_socket}")


def test_a_full_disk_is_reported_and_leaves_the_record_as_it_was(
    tmp_path: Path, training_run: MakeRun
) -> None:
    (tmp_path / "workflow.json").write_text(json.dumps(training_run()))
    program = f"""
import json, resource
from mlplat.errors import StoreError
from mlplat.metadata import Store, open_store
workflow = json.load(open({str(tmp_path / "workflow.json")!r}))
with open_store({str(tmp_path / "mlplat.db")!r}) as store:
    store.record(workflow)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    workflow["status"]["message"] = "x" * 1_000_000
    try:
        store.record(workflow)
    except StoreError as error:
        print(error)
"""

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert "MLP706" in done.stdout
    assert "free space on the disk" in done.stdout
    with open_store(tmp_path / "mlplat.db") as store:
        assert store.run("ml-pipeline-x7k2p").message == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:p@ss:word@host:port/x", "URL of the metadata store cannot be read"),
        ("oracle9://host/x", "unsupported database 'oracle9'"),
        ("postgresql://user:secret@127.0.0.1:1/x", "check the host and port in the URL"),
        ("mysql://user:secret@127.0.0.1:1/x", "check the host and port in the URL"),
    ],
)
def test_bad_urls_have_a_hint_and_keep_the_password(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_processes_may_open_and_record_at_once(store_url: str, training_run: MakeRun) -> None:
    workflows = [training_run("shared", "uid-shared"), training_run("own", "uid-own")]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_record_often, args=(store_url, workflows, n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0]
    with open_store(store_url) as store:
        assert {run.name for run in store.runs()} == {"shared", "own-0", "own-1"}
        assert len(store.tasks("shared", roles=None)) == 10
        assert len(store.parameters("shared")) == 6
        assert len(store.uses(run="shared")) == 6


def _record_often(url: str, workflows: list[dict[str, Any]], number: int) -> None:
    shared, own = workflows
    own["metadata"].update(name=f"own-{number}", uid=f"uid-own-{number}")
    with open_store(url) as store:
        for turn in range(10):
            for workflow, node_id in ((shared, "shared-1"), (own, "own-1")):
                workflow["status"]["nodes"][node_id]["message"] = f"{number}.{turn}"
                store.record(workflow)


def test_no_other_user_may_read_a_file_of_the_record(tmp_path: Path, training_run: MakeRun) -> None:
    file = tmp_path / "team" / "mlplat.db"
    file.parent.mkdir()
    previous = os.umask(0)
    try:
        with open_store(file) as store:
            store.record(training_run())
            parts = {part.name: part.stat().st_mode & 0o077 for part in file.parent.iterdir()}
        assert parts == {"mlplat.db": 0, "mlplat.db-wal": 0, "mlplat.db-shm": 0}
        file.chmod(0o644)
        with open_store(file) as store:
            assert file.stat().st_mode & 0o777 == 0o600
            assert store.runs()
    finally:
        os.umask(previous)
