"""The record of runs, with its queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlplat.metadata import artifacts, runs, tasks
from mlplat.metadata.cache import RunCache
from mlplat.metadata.database import Database, connect, connect_to_existing
from mlplat.metadata.reading import DEFAULT_NAMESPACE
from mlplat.metadata.recorder import Recorder
from mlplat.metadata.rows import (
    ArtifactRow,
    ArtifactUse,
    Engine,
    ExperimentRow,
    MetricRow,
    ParameterRow,
    Role,
    RunRow,
    TaskRow,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from types import TracebackType

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
        StoreError: the URL is wrong, the database cannot be opened, or a newer mlplat made it.
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
    database cannot be reached, read or written.

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

    def record(self, workflow: Mapping[str, Any], changed: Collection[str] | None = None) -> RunRow:
        """Record a Workflow in one transaction; recording it again changes nothing.

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
            StoreError: it is no Workflow, its nodes are not in it, or the database cannot be written.
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
    ) -> tuple[RunRow, ...]:
        """List runs, newest first.

        Args:
            limit: maximum number of rows; None for all.
            phase: only those in this phase, or in one of these.
            pipeline: only those of this pipeline.
            experiment: only those of this experiment.
            namespace: only those of this namespace.
            engine: only those of this engine.
            name: only those of this name.
            offset: number of the newest rows to skip.

        Returns:
            The runs.
        """
        with self._database.reading() as connection:
            return runs.list_runs(
                connection,
                limit,
                phase=phase,
                pipeline=pipeline,
                experiment=experiment,
                namespace=namespace,
                engine=engine,
                name=name,
                offset=offset,
            )

    def run(self, name: str, namespace: str | None = None) -> RunRow:
        """Find one run.

        Args:
            name: its name or its uid; of several with the same name, the newest.
            namespace: where to look; None looks everywhere.

        Returns:
            The run.

        Raises:
            StoreError: it does not exist.
        """
        with self._database.reading() as connection:
            return runs.find_run(connection, name, namespace)

    def tasks(
        self,
        run: RunRow | str,
        roles: Collection[Role] | None = _TASKS,
        *,
        phase: str | Collection[str] | None = None,
    ) -> tuple[TaskRow, ...]:
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
        with self._database.reading() as connection:
            return tasks.list_tasks(connection, run, roles, phase)

    def failures(self, run: RunRow | str) -> tuple[TaskRow, ...]:
        """List the tasks that explain why a run failed, and groups of tasks that failed although nothing in them did.

        Args:
            run: the run, or its name or uid.

        Returns:
            The tasks with the names and messages that people know, in the order of :meth:`tasks`; see
            :func:`mlplat.argo.status.failures`.
        """
        with self._database.reading() as connection:
            return tasks.list_failures(connection, run)

    def parameters(self, run: RunRow | str, task_id: str | None = None) -> tuple[ParameterRow, ...]:
        """List the input and output parameters of the tasks of a run.

        Args:
            run: the run, or its name or uid.
            task_id: only those of this task.

        Returns:
            The parameters, in the order of the manifest within each task.
        """
        with self._database.reading() as connection:
            return tasks.list_parameters(connection, run, task_id)

    def artifacts(
        self,
        run: RunRow | str | None = None,
        *,
        kind: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        digest: str | None = None,
        limit: int | None = None,
    ) -> tuple[ArtifactRow, ...]:
        """List artifacts, newest first.

        Args:
            run: only those that a task of this run gave out, from the cache included, and those that it imported.
            kind: only those of this schema title, such as ``system.Model``.
            name: only those of this name.
            namespace: only those of this namespace.
            digest: only those of this content.
            limit: maximum number of rows.

        Returns:
            The artifacts.
        """
        with self._database.reading() as connection:
            return artifacts.list_artifacts(
                connection, run, kind=kind, name=name, namespace=namespace, digest=digest, limit=limit
            )

    def artifact(self, reference: str) -> ArtifactRow:
        """Find one artifact.

        Args:
            reference: its id or the beginning of it, its key, or its URI.

        Returns:
            The artifact.

        Raises:
            StoreError: it does not exist, or is ambiguous.
        """
        with self._database.reading() as connection:
            return artifacts.find_artifact(connection, reference)

    def uses(
        self, run: RunRow | str | None = None, artifact: ArtifactRow | str | None = None
    ) -> tuple[ArtifactUse, ...]:
        """List the edges of the lineage.

        Args:
            run: only those of tasks of this run.
            artifact: only those of this artifact, or of the one with this id.

        Returns:
            The edges, in the order of recording.
        """
        with self._database.reading() as connection:
            return artifacts.list_uses(connection, run, artifact)

    def metrics(self, run: RunRow | str) -> tuple[MetricRow, ...]:
        """List the values that the tasks of a run logged, in the order in which the tasks finished.

        Args:
            run: the run, or its name or uid.

        Returns:
            The metrics.
        """
        with self._database.reading() as connection:
            return tasks.list_metrics(connection, run)

    def experiments(self, namespace: str | None = None) -> tuple[ExperimentRow, ...]:
        """List experiments, by name.

        Args:
            namespace: only those of this namespace.

        Returns:
            The experiments with the number of their runs.
        """
        with self._database.reading() as connection:
            return runs.list_experiments(connection, namespace)

    def delete_run(self, name: str, namespace: str | None = None) -> tuple[ArtifactRow, ...]:
        """Delete a run, its tasks, and its cached results.

        Args:
            name: name or uid of the run; of several with the same name, the newest.
            namespace: where to look; None looks everywhere.

        Returns:
            Artifacts that no other run reads or gives out, now gone from the record; their bytes can be
            deleted.

        Raises:
            StoreError: there is no such run.
        """
        return self._database.write(
            lambda connection: runs.delete_run(connection, runs.find_run(connection, name, namespace))
        )
