"""Components that create and delete a PVC; Argo does this in a small pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.dsl import validation
from mlplat.dsl.channels import Channel
from mlplat.dsl.containers import ContainerComponent, ContainerSpec, container_component
from mlplat.dsl.interpolation import Interpolated
from mlplat.dsl.signatures import OutputPath
from mlplat.kubernetes.settings import AccessMode, Quantity

_KINDS: Mapping[str, Any] = {"access_modes": Sequence[AccessMode], "size": Quantity}
_NAMES = ("pvc_name", "pvc_name_suffix")


class _Claim(ContainerComponent):
    def wrong(self, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the errors of arguments of the declared types: message and hint."""
        constants = {
            name: value for name, value in arguments.items() if not isinstance(value, (Channel, Interpolated))
        }
        for name, kind in _KINDS.items():
            if name in constants and not validation.fits(constants[name], kind):
                yield f"invalid '{name}': {constants[name]!r}", validation.expected(constants[name], kind)
        named = [name for name in _NAMES if name in arguments and constants.get(name, name)]
        if len(named) != 1:
            yield (
                f"expected one name, got {' and '.join(named) or 'none'}",
                "use either pvc_name or pvc_name_suffix",
            )


@_Claim
def createpvc(
    name: OutputPath(str),  # type: ignore[valid-type]
    access_modes: list[str],
    size: str,
    pvc_name: str | None = None,
    pvc_name_suffix: str | None = None,
    storage_class_name: str | None = "",
    volume_name: str | None = None,
    annotations: dict[str, str] | None = None,
    data_source: dict[str, str] | None = None,
) -> ContainerSpec:
    """Create a PersistentVolumeClaim.

    Args:
        name: the name of the PVC.
        access_modes: such as ``["ReadWriteOnce"]``.
        size: its capacity, such as ``5Gi``.
        pvc_name: its name; pass either this or ``pvc_name_suffix``.
        pvc_name_suffix: suffix of its name, after the name of the run.
        storage_class_name: its storage class; empty for an existing volume.
        volume_name: an existing volume to bind to.
        annotations: its annotations.
        data_source: a snapshot or PVC to copy: ``apiGroup``, ``kind``, ``name``.
    """
    return ContainerSpec(image="argostub/createpvc")


@container_component
def deletepvc(pvc_name: str) -> ContainerSpec:
    """Delete a PersistentVolumeClaim.

    Args:
        pvc_name: its name.
    """
    return ContainerSpec(image="argostub/deletepvc")


CreatePVC = createpvc
"""Component that creates a PersistentVolumeClaim; its output ``name`` goes to :func:`mount_pvc`."""

DeletePVC = deletepvc
"""Component that deletes a PersistentVolumeClaim."""
