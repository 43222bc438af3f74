"""Volumes and environment variables from Secrets, ConfigMaps and PVCs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlplat.dsl.channels import Channel, channel_of
from mlplat.dsl.task import PipelineTask
from mlplat.kubernetes.settings import (
    AccessMode,
    Medium,
    MountPath,
    Name,
    Quantity,
    SubPath,
    added,
    name,
    setter,
    value,
)


@setter
def use_secret_as_env(
    task: PipelineTask, secret_name: Name, secret_key_to_env: Mapping[str, str], optional: bool = False
) -> PipelineTask:
    """Set environment variables from keys of a Secret.

    Args:
        task: the task.
        secret_name: the Secret; may be a runtime value.
        secret_key_to_env: variables by key.
        optional: whether the Secret, or the key, may be missing.

    Returns:
        The task.
    """
    pairs = [{"secretKey": key, "envVar": variable} for key, variable in secret_key_to_env.items()]
    entry = {**name("secretName", secret_name), "keyToEnv": pairs, "optional": optional}
    return added(task, "use_secret_as_env", "secretAsEnv", entry)


@setter
def use_secret_as_volume(
    task: PipelineTask, secret_name: Name, mount_path: MountPath, optional: bool = False
) -> PipelineTask:
    """Mount a Secret: a file for each key.

    Args:
        task: the task.
        secret_name: the Secret; may be a runtime value.
        mount_path: path in the container.
        optional: whether the Secret may be missing.

    Returns:
        The task.
    """
    entry = {**name("secretName", secret_name), "mountPath": mount_path, "optional": optional}
    return added(task, "use_secret_as_volume", "secretAsVolume", entry)


@setter
def use_config_map_as_env(
    task: PipelineTask,
    config_map_name: Name,
    config_map_key_to_env: Mapping[str, str],
    optional: bool = False,
) -> PipelineTask:
    """Set environment variables from keys of a ConfigMap; arguments as for :func:`use_secret_as_env`."""
    pairs = [{"configMapKey": key, "envVar": variable} for key, variable in config_map_key_to_env.items()]
    entry = {**name("configMapName", config_map_name), "keyToEnv": pairs, "optional": optional}
    return added(task, "use_config_map_as_env", "configMapAsEnv", entry)


@setter
def use_config_map_as_volume(
    task: PipelineTask, config_map_name: Name, mount_path: MountPath, optional: bool = False
) -> PipelineTask:
    """Mount a ConfigMap; arguments as for :func:`use_secret_as_volume`."""
    entry = {**name("configMapName", config_map_name), "mountPath": mount_path, "optional": optional}
    return added(task, "use_config_map_as_volume", "configMapAsVolume", entry)


@setter
def mount_pvc(
    task: PipelineTask, pvc_name: Name, mount_path: MountPath, sub_path: SubPath = ""
) -> PipelineTask:
    """Mount a PersistentVolumeClaim.

    Args:
        task: the task.
        pvc_name: the claim; may be a runtime value, such as the output ``name`` of :data:`CreatePVC`.
        mount_path: path in the container.
        sub_path: the folder of the volume to mount; all of it when empty.

    Returns:
        The task.
    """
    plain = channel_of(pvc_name)
    older = {} if isinstance(plain, Channel) else {"constant": plain}
    entry: dict[str, Any] = {**older, "pvcNameParameter": value(plain), "mountPath": mount_path}
    if sub_path:
        entry["subPath"] = sub_path
    return added(task, "mount_pvc", "pvcMount", entry)


@setter
def empty_dir_mount(
    task: PipelineTask,
    volume_name: str,
    mount_path: MountPath,
    medium: Medium | None = None,
    size_limit: Quantity | None = None,
) -> PipelineTask:
    """Mount an empty folder that lives as long as the pod.

    Args:
        task: the task.
        volume_name: the volume.
        mount_path: path in the container.
        medium: ``Memory`` for a folder in memory; the node's disk when None.
        size_limit: its maximum size, such as ``1Gi``.

    Returns:
        The task.
    """
    entry = {"volumeName": volume_name, "mountPath": mount_path}
    entry |= {key: text for key, text in (("medium", medium), ("sizeLimit", size_limit)) if text}
    return added(task, "empty_dir_mount", "emptyDirMounts", entry)


@setter
def add_ephemeral_volume(
    task: PipelineTask,
    volume_name: str,
    mount_path: MountPath,
    access_modes: Sequence[AccessMode],
    size: Quantity,
    storage_class_name: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> PipelineTask:
    """Mount a volume that is created with the pod and deleted with it.

    Args:
        task: the task.
        volume_name: the volume.
        mount_path: path in the container.
        access_modes: such as ``["ReadWriteOnce"]``.
        size: its capacity, such as ``5Gi``.
        storage_class_name: its storage class; the cluster's default when None.
        labels: labels of its claim.
        annotations: annotations of its claim.

    Returns:
        The task.
    """
    entry: dict[str, Any] = {
        "volumeName": volume_name,
        "mountPath": mount_path,
        "accessModes": list(access_modes),
        "size": size,
    }
    if storage_class_name is None:
        entry["defaultStorageClass"] = True
    else:
        entry["storageClassName"] = storage_class_name
    metadata = {"annotations": dict(annotations or {}), "labels": dict(labels or {})}
    if any(metadata.values()):
        entry["metadata"] = {part: texts for part, texts in metadata.items() if texts}
    return added(task, "add_ephemeral_volume", "genericEphemeralVolume", entry)
