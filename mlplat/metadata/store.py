"""The record of runs: what is asked of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, delete, func, or_, select, update

from mlplat.argo.status import FAILED, Node, failures
from mlplat.errors import Diagnostic, StoreError, nearest
from mlplat.metadata import schema
from mlplat.metadata.cache import RunCache
from mlplat.metadata.database import Database, connect, connect_to_existing
from mlplat.metadata.reading import DEFAULT_NAMESPACE
from mlplat.metadata.recorder import Recorder
from mlplat.metadata.rows import Artifact, ArtifactUse, Engine, Experiment, Metric, Parameter, Role, Run, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from types import TracebackType

_SUGGESTED_RUNS = 200
_NEVER = datetime.max.replace(tzinfo=UTC)
_TASKS: tuple[Role, ...] = ("task",)


def open_store(url_or_path: str | Path, cluster: str = "") -> Store:
    """Open the record; an empty or older one is brought to the schema of this version.

    Args:
        url_or_path: a file (SQLite; it and its folder are made), or a URL: ``sqlite:///…``,
            ``postgresql://…``, ``mysql://…``.
        cluster: identity of the cluster or machine that the Workflows to be recorded run on. Runs and artifacts of the
            same names in different clusters stay apart. Empty if it is unknown.

    Returns:
        The store; close it, or use it in a ``with`` statement.

    Raises:
        StoreError: the URL is wrong, the database can't be opened, or a newer mlplat made it.
    """
    return Store(connect(url_or_path), cluster)


def open_existing_store(url_or_path: str | Path, cluster: str = "") -> Store:
    """Open the record; unlike :func:`open_store`, never make a file.

    Args:
        url_or_path: as for :func:`open_store`.
        cluster: likewise.

    Raises:
        StoreError: the file does not exist, or what :func:`open_store` says.
    """
    return Store(connect_to_existing(url_or_path), cluster)


class Store:
    """The record of runs; safe to use from several threads, and from several processes at once.

    Use :func:`open_store` to get one. Every method raises :class:`mlplat.errors.StoreError` when the
    database can't be reached, read or written.

    Args:
        database: an open database.
        cluster: see :func:`open_store`.
    """

    def __init__(self, database: Database, cluster: str = "") -> None:
        self._database = database
        self._recorder = Recorder(database, cluster)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    @property
    def place(self) -> str:
        """File or URL of the database, without a password."""
        return self._database.place

    def cache(self, namespace: str = DEFAULT_NAMESPACE) -> RunCache:
        """Return the cache of task outputs of a namespace."""
        return RunCache(self._database, namespace)

    def record(self, workflow: Mapping[str, Any], changed: Collection[str] | None = None) -> Run:
        """Write what a Workflow says of itself, in one transaction; doing it again changes nothing.

        Rows of nodes that are as they were are not written; rows of nodes that have gone from the status are
        deleted.

        Args:
            workflow: the Workflow with its status, running or finished, from either engine.
            changed: ids of the nodes that changed since this store recorded the same run last; the others
                are then not even looked at, which makes a call cheap in a run of many nodes. None compares
                all of them.

        Returns:
            The run as it was recorded.

        Raises:
            StoreError: it is no Workflow, its nodes are not in it, or the database can't be written.
        """
        return self._recorder.record(workflow, changed)

    def runs(
        self,
        limit: int | None = 100,
        *,
        phase: str | Collection[str] | None = None,
        pipeline: str | None = None,
        experiment: str | None = None,
        namespace: str | None = None,
        engine: Engine | None = None,
        name: str | None = None,
        offset: int = 0,
    ) -> tuple[Run, ...]:
        """List runs, newest first.

        Args:
            limit: at most so many; None for all.
            phase: only those in this phase, or in one of these.
            pipeline: only those of this pipeline.
            experiment: only those of this experiment.
            namespace: only those of this namespace.
            engine: only those of this engine.
            name: only those of this name.
            offset: leave out so many of the newest.

        Returns:
            The runs.
        """
        table = schema.runs
        query = (
            _runs()
            .order_by(table.c.created_at.desc(), table.c.uid.desc())
            .limit(limit)
            .offset(offset or None)
        )
        if phase is not None:
            query = query.where(table.c.phase.in_([phase] if isinstance(phase, str) else list(phase)))
        if experiment is not None:
            query = query.where(schema.experiments.c.name == experiment)
        for column, wanted in (
            (table.c.pipeline, pipeline),
            (table.c.namespace, namespace),
            (table.c.engine, engine),
            (table.c.name, name),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        with self._database.reading() as connection:
            return tuple(_run(row) for row in connection.execute(query).mappings())

    def run(self, name: str, namespace: str | None = None) -> Run:
        """Find one run.

        Args:
            name: its name or its uid; of several with the same name the newest is taken.
            namespace: where to look; None looks everywhere.

        Returns:
            The run.

        Raises:
            StoreError: there is none.
        """
        with self._database.reading() as connection:
            return _find(connection, name, namespace)

    def tasks(
        self,
        run: Run | str,
        roles: Collection[Role] | None = _TASKS,
        *,
        phase: str | Collection[str] | None = None,
    ) -> tuple[Task, ...]:
        """List the nodes of a run in the order in which they started.

        Of those that started within the same second, what depends on another comes after it. Those that
        didn't start come last.

        Args:
            run: the run, or its name or uid.
            roles: which kinds of nodes; None for all.
            phase: only those in this phase, or in one of these.

        Returns:
            The tasks.
        """
        table = schema.tasks
        with self._database.reading() as connection:
            query = select(table).where(table.c.run_uid == _uid(connection, run))
            if roles is not None:
                query = query.where(table.c.role.in_(list(roles)))
            if phase is not None:
                query = query.where(table.c.phase.in_([phase] if isinstance(phase, str) else list(phase)))
            found = [_task(row) for row in connection.execute(query).mappings()]
        return tuple(sorted(found, key=_order))

    def failures(self, run: Run | str) -> tuple[Task, ...]:
        """List the tasks that explain why a run failed, and groups of tasks that failed although nothing in them did.

        Args:
            run: the run, or its name or uid.

        Returns:
            The tasks with the names and messages that people know, in the order of :meth:`tasks`; see
            :func:`mlplat.argo.status.failures`.
        """
        table = schema.tasks
        holds = table.c.role.in_(("group", "attempt")) | (table.c.type == "Retry")
        with self._database.reading() as connection:
            query = select(table).where(
                table.c.run_uid == _uid(connection, run), table.c.phase.in_(FAILED) | holds
            )
            tasks = {row["id"]: _task(row) for row in connection.execute(query).mappings()}
        found = failures({key: _node(task) for key, task in tasks.items()})
        explained = (
            replace(tasks[key], name=node["name"], display_name=node["displayName"], message=node["message"])
            for key, node in found.items()
        )
        return tuple(sorted(explained, key=_order))

    def parameters(self, run: Run | str, task_id: str | None = None) -> tuple[Parameter, ...]:
        """List values that went into the tasks of a run and came out of them.

        Args:
            run: the run, or its name or uid.
            task_id: only those of this task.

        Returns:
            The parameters, in the order of the manifest within each task.
        """
        table = schema.parameters
        with self._database.reading() as connection:
            query = (
                select(*_without_id(table))
                .where(table.c.run_uid == _uid(connection, run))
                .order_by(table.c.id)
            )
            if task_id is not None:
                query = query.where(table.c.task_id == task_id)
            return tuple(Parameter(**row) for row in connection.execute(query).mappings())

    def artifacts(
        self,
        run: Run | str | None = None,
        *,
        kind: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        digest: str | None = None,
        limit: int | None = None,
    ) -> tuple[Artifact, ...]:
        """List artifacts, newest first.

        Args:
            run: only those that a task of this run gave out, from the cache included, and those that it imported.
            kind: only those of this schema title, such as ``system.Model``.
            name: only those of this name.
            namespace: only those of this namespace.
            digest: only those of this content.
            limit: at most so many.

        Returns:
            The artifacts.
        """
        table = schema.artifacts
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(limit)
        for column, wanted in (
            (table.c.type, kind),
            (table.c.name, name),
            (table.c.namespace, namespace),
            (table.c.digest, digest),
        ):
            if wanted is not None:
                query = query.where(column == wanted)
        with self._database.reading() as connection:
            if run is not None:
                uses = schema.artifact_uses
                of_run = select(uses.c.artifact_id).where(uses.c.run_uid == _uid(connection, run))
                given_out = table.c.id.in_(of_run.where(uses.c.direction == "output"))
                imported = table.c.id.in_(of_run) & table.c.producer_task_id.is_(None) & (table.c.key == "")
                query = query.where(given_out | imported)
            return tuple(_artifact(row) for row in connection.execute(query).mappings())

    def artifact(self, reference: str) -> Artifact:
        """Find one artifact.

        Args:
            reference: its id or the beginning of it, its key, or its URI.

        Returns:
            The artifact.

        Raises:
            StoreError: there is none, or several.
        """
        table = schema.artifacts
        same_place = or_(table.c.key == reference, table.c.uri == reference)
        query = (
            select(table).where(or_(table.c.id.startswith(reference, autoescape=True), same_place)).limit(2)
        )
        with self._database.reading() as connection:
            found = connection.execute(query).mappings().all()
        if len(found) != 1:
            message = (
                f"several artifacts have the id or key '{reference}'"
                if found
                else f"artifact '{reference}' not found in the record"
            )
            raise StoreError(
                Diagnostic(
                    "MLP711",
                    "",
                    message,
                    "`mlplat get artifacts` lists them",
                )
            )
        return _artifact(found[0])

    def uses(
        self, run: Run | str | None = None, artifact: Artifact | str | None = None
    ) -> tuple[ArtifactUse, ...]:
        """List the edges of the lineage.

        Args:
            run: only those of tasks of this run.
            artifact: only those of this artifact, or of the one with this id.

        Returns:
            The edges, in the order of recording.
        """
        table = schema.artifact_uses
        query = select(*_without_id(table)).order_by(table.c.id)
        if artifact is not None:
            query = query.where(
                table.c.artifact_id == (artifact if isinstance(artifact, str) else artifact.id)
            )
        with self._database.reading() as connection:
            if run is not None:
                query = query.where(table.c.run_uid == _uid(connection, run))
            return tuple(ArtifactUse(**row) for row in connection.execute(query).mappings())

    def metrics(self, run: Run | str) -> tuple[Metric, ...]:
        """List the values that the tasks of a run logged, in the order in which the tasks finished.

        Args:
            run: the run, or its name or uid.

        Returns:
            The metrics.
        """
        table = schema.metrics
        tasks = schema.tasks
        with self._database.reading() as connection:
            query = (
                select(*_without_id(table))
                .join(tasks, (tasks.c.run_uid == table.c.run_uid) & (tasks.c.id == table.c.task_id))
                .where(table.c.run_uid == _uid(connection, run))
                .order_by(tasks.c.finished_at, table.c.task_id, table.c.id)
            )
            return tuple(_metric(row) for row in connection.execute(query).mappings())

    def experiments(self, namespace: str | None = None) -> tuple[Experiment, ...]:
        """List experiments, by name.

        Args:
            namespace: only those of this namespace.

        Returns:
            The experiments with the number of their runs.
        """
        table, runs = schema.experiments, schema.runs
        query = (
            select(
                table.c.namespace,
                table.c.name,
                table.c.created_at,
                func.count(runs.c.uid).label("run_count"),
                func.max(runs.c.created_at).label("last_run_at"),
            )
            .join(runs, runs.c.experiment_id == table.c.id, isouter=True)
            .group_by(table.c.id, table.c.namespace, table.c.name, table.c.created_at)
            .order_by(table.c.name, table.c.namespace)
        )
        if namespace is not None:
            query = query.where(table.c.namespace == namespace)
        with self._database.reading() as connection:
            return tuple(Experiment(**row) for row in connection.execute(query).mappings())

    def delete_run(self, name: str, namespace: str | None = None) -> tuple[Artifact, ...]:
        """Delete a run, its tasks, and what the cache holds from it.

        Args:
            name: name or uid of the run; of several with the same name the newest is taken.
            namespace: where to look; None looks everywhere.

        Returns:
            Artifacts that no other run reads or gives out, now gone from the record; their bytes can be
            deleted.

        Raises:
            StoreError: there is no such run.
        """
        return self._database.write(
            lambda connection: _delete(connection, _find(connection, name, namespace))
        )


def _runs() -> Select[Any]:
    columns = [column for column in schema.runs.columns if column.name not in ("experiment_id", "revision")]
    return select(*columns, schema.experiments.c.name.label("experiment")).join(schema.experiments)


def _find(connection: Connection, name: str, namespace: str | None) -> Run:
    table = schema.runs
    query = (
        _runs()
        .where(or_(table.c.name == name, table.c.uid == name))
        .order_by(table.c.created_at.desc())
        .limit(1)
    )
    known = select(table.c.name).order_by(table.c.created_at.desc()).limit(_SUGGESTED_RUNS)
    if namespace is not None:
        query = query.where(table.c.namespace == namespace)
        known = known.where(table.c.namespace == namespace)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        names = list(dict.fromkeys(connection.execute(known).scalars()))
        hint = nearest(name, names) if len(names) <= 10 else _closest(name, names)
        raise StoreError(
            Diagnostic(
                "MLP710", "", f"run '{name}' not found in the record", hint or "the record has no runs yet"
            )
        )
    return _run(row)


def _closest(name: str, names: list[str]) -> str:
    hint = nearest(name, names)
    return hint if hint.startswith("did you mean") else "`mlplat get runs` lists them"


def _uid(connection: Connection, run: Run | str) -> str:
    return run.uid if isinstance(run, Run) else _find(connection, run, None).uid


def _delete(connection: Connection, run: Run) -> tuple[Artifact, ...]:
    uses, artifacts, tasks = schema.artifact_uses, schema.artifacts, schema.tasks
    of_run = select(uses.c.artifact_id).where(uses.c.run_uid == run.uid)
    of_others = select(uses.c.artifact_id).where(uses.c.run_uid != run.uid)
    orphans = (
        connection.execute(
            select(artifacts)
            .where(artifacts.c.id.in_(of_run), artifacts.c.id.not_in(of_others))
            .order_by(artifacts.c.id)
        )
        .mappings()
        .all()
    )
    nodes = select(tasks.c.id).where(tasks.c.run_uid == run.uid)
    connection.execute(
        delete(schema.cache_entries).where(
            schema.cache_entries.c.node_id.in_(nodes), schema.cache_entries.c.namespace == run.namespace
        )
    )
    connection.execute(delete(schema.runs).where(schema.runs.c.uid == run.uid))
    for row in orphans:
        connection.execute(delete(artifacts).where(artifacts.c.id == row["id"]))
    connection.execute(
        update(artifacts)
        .where(artifacts.c.producer_run_uid == run.uid)
        .values(producer_run_uid=None, producer_task_id=None)
    )
    return tuple(_artifact(row) for row in orphans)


def _without_id(table: Any) -> list[Any]:
    return [column for column in table.columns if column.name != "id"]


def _run(row: RowMapping) -> Run:
    return Run(**row)


def _order(task: Task) -> tuple[Any, ...]:
    return (task.started_at is None, task.started_at or _NEVER, task.order)


def _task(row: RowMapping) -> Task:
    columns = {name: value for name, value in row.items() if name != "fingerprint"}
    return Task(**{**columns, "children": tuple(columns["children"] or ())})


def _node(task: Task) -> Node:
    """Return what a node of the status says of how nodes belong together and why they failed."""
    return {
        "id": task.id,
        "name": task.name,
        "displayName": task.display_name,
        "type": task.type,
        "phase": task.phase,
        "message": task.message,
        "boundaryID": task.boundary_id,
    }


def _artifact(row: RowMapping) -> Artifact:
    return Artifact(**{name: value for name, value in row.items() if name != "created_at"})


def _metric(row: RowMapping) -> Metric:
    fields = dict(row)
    not_finite, exact = fields.pop("not_finite"), fields.pop("exact")
    number = float(not_finite) if not_finite else fields["value"]
    return Metric(**{**fields, "value": number if exact is None else exact})
