"""Artifact classes: what a component's ``Input[...]`` and ``Output[...]`` arguments are.

Names, attributes and metadata layout are those of ``kfp.dsl``. Standard library only, Python 3.8: this text travels
into containers.
"""

import re
from typing import Any, Dict, List, Optional, Type, Union

_MOUNTS = (("gs://", "/gcs/"), ("s3://", "/s3/"), ("minio://", "/minio/"), ("oci://", "/oci/"))


class Artifact:
    """A file or folder that a task reads or writes, with metadata.

    Args:
        name: its name; the output's name unless given.
        uri: where its bytes are; a task writes to :attr:`path` and leaves this alone, or sets it to register data that
            lies elsewhere.
        metadata: JSON values by name, kept in the record.
    """

    schema_title = "system.Artifact"
    schema_version = "0.0.1"

    def __init__(
        self, name: Optional[str] = None, uri: Optional[str] = None, metadata: Optional[Dict[str, Any]] = None
    ) -> None:
        self.name = name or ""
        self.uri = uri or ""
        self.metadata: Dict[str, Any] = dict(metadata or {})
        self.custom_path: Optional[str] = None

    @property
    def path(self) -> str:
        """The local path of the bytes."""
        if self.custom_path is not None:
            return self.custom_path
        for scheme, mount in _MOUNTS:
            if self.uri.startswith(scheme):
                return mount + self.uri[len(scheme) :]
        return self.uri

    @path.setter
    def path(self, path: str) -> None:
        self.set_path(path)

    def set_path(self, path: str) -> None:
        """Read or write the bytes at another local path."""
        for scheme, mount in _MOUNTS:
            if path.startswith(mount):
                self.uri, self.custom_path = scheme + path[len(mount) :], None
                return
        self.custom_path = path

    def __repr__(self) -> str:
        return "{}(name={!r}, uri={!r}, metadata={!r})".format(
            type(self).__name__, self.name, self.uri, self.metadata
        )


class Dataset(Artifact):
    """A table, a set of files: data."""

    schema_title = "system.Dataset"


class Model(Artifact):
    """A trained model."""

    schema_title = "system.Model"

    @property
    def framework(self) -> str:
        """The framework's name, from the metadata."""
        return str(self.metadata.get("framework", ""))

    @framework.setter
    def framework(self, framework: str) -> None:
        self.metadata["framework"] = framework


class Metrics(Artifact):
    """Numbers, booleans and strings by name."""

    schema_title = "system.Metrics"

    def log_metric(self, metric: str, value: Union[float, bool, str]) -> None:
        """Record one value, which keeps its type; the last value of a name stays."""
        self.metadata[metric] = value


class ClassificationMetrics(Artifact):
    """A confusion matrix, a ROC curve."""

    schema_title = "system.ClassificationMetrics"

    def log_roc_data_point(self, fpr: float, tpr: float, threshold: float) -> None:
        """Add one point of the ROC curve."""
        point = {"confidenceThreshold": threshold, "recall": tpr, "falsePositiveRate": fpr}
        self.metadata.setdefault("confidenceMetrics", []).append(point)

    def log_roc_curve(self, fpr: List[float], tpr: List[float], threshold: List[float]) -> None:
        """Add a whole ROC curve: three lists of one length.

        Raises:
            ValueError: the lengths differ.
        """
        if not len(fpr) == len(tpr) == len(threshold):
            raise ValueError(
                "expected fpr, tpr and threshold of the same length, got {}, {} and {}".format(
                    len(fpr), len(tpr), len(threshold)
                )
            )
        for point in zip(fpr, tpr, threshold):
            self.log_roc_data_point(*point)

    def set_confusion_matrix_categories(self, categories: List[str]) -> None:
        """Name the categories, and start a matrix of zeros."""
        self.metadata["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": category} for category in categories],
            "rows": [{"row": [0] * len(categories)} for _ in categories],
        }

    def log_confusion_matrix_row(self, row_category: str, row: List[float]) -> None:
        """Set one row: how often each category was predicted for this true one.

        Raises:
            ValueError: unknown category, or a row of another length.
        """
        categories = self._categories()
        if len(row) != len(categories):
            raise ValueError(
                "expected a row of {1} numbers, one for each category, got {0}".format(
                    len(row), len(categories)
                )
            )
        self._rows()[self._position(row_category)] = {"row": list(row)}

    def log_confusion_matrix_cell(self, row_category: str, col_category: str, value: float) -> None:
        """Set one cell.

        Raises:
            ValueError: unknown category.
        """
        self._rows()[self._position(row_category)]["row"][self._position(col_category)] = value

    def log_confusion_matrix(self, categories: List[str], matrix: List[List[float]]) -> None:
        """Set categories and the whole matrix.

        Raises:
            ValueError: the matrix isn't square over the categories.
        """
        if len(categories) != len(matrix):
            raise ValueError(
                "expected a matrix of {1} rows, one for each category, got {0}".format(
                    len(matrix), len(categories)
                )
            )
        self.set_confusion_matrix_categories(categories)
        for category, row in zip(categories, matrix):
            self.log_confusion_matrix_row(category, row)

    def _categories(self) -> List[str]:
        if "confusionMatrix" not in self.metadata:
            raise ValueError("call set_confusion_matrix_categories([...]) first")
        return [spec["displayName"] for spec in self.metadata["confusionMatrix"]["annotationSpecs"]]

    def _rows(self) -> List[Dict[str, Any]]:
        rows: List[Dict[str, Any]] = self.metadata["confusionMatrix"]["rows"]
        return rows

    def _position(self, category: str) -> int:
        categories = self._categories()
        if category not in categories:
            raise ValueError("unknown category {!r}; available: {}".format(category, ", ".join(categories)))
        return categories.index(category)


class SlicedClassificationMetrics(Artifact):
    """Classification metrics for slices of the data, each with a :class:`ClassificationMetrics` of its own."""

    schema_title = "system.SlicedClassificationMetrics"

    def slice(self, name: str) -> ClassificationMetrics:
        """Return the metrics of one slice; what is logged there is logged here."""
        metrics = ClassificationMetrics()
        slices = self.metadata.setdefault("evaluationSlices", [])
        for known in slices:
            if known["slice"] == name:
                metrics.metadata = known["sliceClassificationMetrics"]
                return metrics
        slices.append({"slice": name, "sliceClassificationMetrics": metrics.metadata})
        return metrics


class HTML(Artifact):
    """A page to show."""

    schema_title = "system.HTML"


class Markdown(Artifact):
    """Markdown to display."""

    schema_title = "system.Markdown"


ARTIFACT_CLASSES = {
    cls.schema_title: cls
    for cls in (
        Artifact,
        Dataset,
        Model,
        Metrics,
        ClassificationMetrics,
        SlicedClassificationMetrics,
        HTML,
        Markdown,
    )
}

_SCHEMA_TITLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+\Z")


def is_artifact_class(candidate: Union[Type[Any], Any]) -> bool:
    """Return whether something can be used in ``Input[...]``: a class with ``schema_title`` and ``schema_version``."""
    title = getattr(candidate, "schema_title", None)
    version = getattr(candidate, "schema_version", None)
    return isinstance(title, str) and isinstance(version, str) and bool(_SCHEMA_TITLE.match(title))
