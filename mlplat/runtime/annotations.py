"""Annotations of a component's function, as they can be read without KFP or mlplat."""

from typing import Any, Dict

from mlplat.runtime.artifacts import ARTIFACT_CLASSES, Artifact, is_artifact_class

MARKERS = ("EmbeddedInput", "InputPath", "OutputPath", "Input", "Output")


class Marker:
    """``Input[T]``, ``Output[T]``, ``InputPath(T)``, ``OutputPath(T)`` in an annotation."""

    def __init__(self, kind: str, of: Any = None) -> None:
        self.kind = kind
        self.of = of

    def __getitem__(self, of: Any) -> "Marker":
        return Marker(self.kind, of)

    def __call__(self, of: Any = None) -> "Marker":
        """Return the marker of a type: ``InputPath(float)``."""
        return Marker(self.kind, of)


def annotation_of(given: Any, namespace: Dict[str, Any]) -> Any:
    """Return an annotation, evaluated where it is a string; of an optional marker, the marker.

    Returns:
        None for a string that needs names which do not exist here, unless it names a marker.
    """
    if isinstance(given, str):
        try:
            given = eval(given, dict(namespace))
        except Exception:
            return next(
                (Marker(kind) for kind in MARKERS if kind + "[" in given or kind + "(" in given), None
            )
    choices = getattr(given, "__args__", None) or ()
    return next((choice for choice in choices if isinstance(choice, Marker)), given)


def artifact_class(annotation: Any, title: str) -> Any:
    """Return the class for an artifact: by its schema title, else the class of the annotation."""
    own = getattr(annotation, "of", annotation)
    own = (getattr(own, "__args__", None) or [own])[0]
    return ARTIFACT_CLASSES.get(title, own if is_artifact_class(own) else Artifact)
