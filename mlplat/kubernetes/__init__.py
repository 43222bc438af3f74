"""Settings of a task's pod; names and meaning are those of ``kfp.kubernetes``."""

from mlplat.kubernetes.claims import CreatePVC, DeletePVC
from mlplat.kubernetes.placement import (
    add_node_affinity,
    add_node_affinity_json,
    add_node_selector,
    add_node_selector_json,
    add_toleration,
    add_toleration_json,
)
from mlplat.kubernetes.pods import (
    add_pod_annotation,
    add_pod_label,
    set_image_pull_policy,
    set_image_pull_secrets,
    set_security_context,
    set_timeout,
    use_field_path_as_env,
)
from mlplat.kubernetes.volumes import (
    add_ephemeral_volume,
    empty_dir_mount,
    mount_pvc,
    use_config_map_as_env,
    use_config_map_as_volume,
    use_secret_as_env,
    use_secret_as_volume,
)

__all__ = [
    "CreatePVC",
    "DeletePVC",
    "add_ephemeral_volume",
    "add_node_affinity",
    "add_node_affinity_json",
    "add_node_selector",
    "add_node_selector_json",
    "add_pod_annotation",
    "add_pod_label",
    "add_toleration",
    "add_toleration_json",
    "empty_dir_mount",
    "mount_pvc",
    "set_image_pull_policy",
    "set_image_pull_secrets",
    "set_security_context",
    "set_timeout",
    "use_config_map_as_env",
    "use_config_map_as_volume",
    "use_field_path_as_env",
    "use_secret_as_env",
    "use_secret_as_volume",
]
