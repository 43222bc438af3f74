"""Components that make and remove a volume claim, which Argo does in a small pod of its own."""

from __future__ import annotations

from mlplat.dsl.containers import ContainerSpec, container_component
from mlplat.dsl.signatures import OutputPath


@container_component
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
    """Make a PersistentVolumeClaim.

    Args:
        name: is the claim's name.
        access_modes: such as ``["ReadWriteOnce"]``.
        size: how much it holds, such as ``5Gi``.
        pvc_name: its name; this or ``pvc_name_suffix``.
        pvc_name_suffix: what its name ends in, after the run's.
        storage_class_name: its storage class; empty for a volume that is there already.
        volume_name: the volume that is there already.
        annotations: its annotations.
        data_source: a snapshot or claim to copy: ``apiGroup``, ``kind``, ``name``.
    """
    return ContainerSpec(image="argostub/createpvc")


@container_component
def deletepvc(pvc_name: str) -> ContainerSpec:
    """Remove a PersistentVolumeClaim.

    Args:
        pvc_name: its name.
    """
    return ContainerSpec(image="argostub/deletepvc")


CreatePVC = createpvc
"""Component that makes a PersistentVolumeClaim; its output ``name`` goes to :func:`mount_pvc`."""

DeletePVC = deletepvc
"""Component that removes a PersistentVolumeClaim."""
