from kfp import dsl, kubernetes


@dsl.component
def work(x: int = 1) -> str:
    return str(x)


@dsl.pipeline(name="settings-of-pods", description="Every setting of kfp.kubernetes.", display_name="Settings")
def settings(secret: str = "s", selector: dict = {"a": "b"}, taints: list = [], cpu: str = "1"):
    name = work()
    task = work(x=2)
    kubernetes.use_secret_as_env(task, secret, {"user": "USER_NAME"})
    kubernetes.use_secret_as_env(task, "fixed", {"user": "OTHER", "key": "KEY"}, optional=True)
    kubernetes.use_secret_as_volume(task, name.output, "/mnt/secret")
    kubernetes.use_config_map_as_env(task, "config", {"a": "A"})
    kubernetes.use_config_map_as_volume(task, secret, "/mnt/config", optional=True)
    kubernetes.mount_pvc(task, "claim", "/data", "sub")
    kubernetes.mount_pvc(task, name.output, "/more")
    kubernetes.empty_dir_mount(task, "scratch", "/scratch", medium="Memory", size_limit="1Gi")
    kubernetes.add_ephemeral_volume(
        task, "eph", "/eph", ["ReadWriteOnce"], "5Gi", labels={"l": "v"}, annotations={"n": "v"}
    )
    kubernetes.add_node_selector(task, "disk", "ssd")
    kubernetes.add_node_selector(task, "zone", "a")
    kubernetes.add_toleration(task, key="k", operator="Exists", effect="NoExecute", toleration_seconds=10)
    kubernetes.add_node_affinity(
        task, match_expressions=[{"key": "disk", "operator": "In", "values": ["ssd", "nvme"]}], weight=10
    )
    kubernetes.add_node_affinity(
        task, match_fields=[{"key": "metadata.name", "operator": "NotIn", "values": ["n"]}]
    )
    kubernetes.add_pod_label(task, "team", "a")
    kubernetes.add_pod_annotation(task, "note", "b")
    kubernetes.use_field_path_as_env(task, "POD", "metadata.name")
    kubernetes.set_image_pull_policy(task, "Always")
    kubernetes.set_image_pull_secrets(task, ["one", secret])
    kubernetes.set_timeout(task, 60)
    kubernetes.set_security_context(task, run_as_user=1000, run_as_group=0, run_as_non_root=True)
    other = work(x=3)
    kubernetes.add_node_selector_json(other, selector)
    kubernetes.add_toleration_json(other, taints)
    kubernetes.add_node_affinity_json(other, selector)
    other.set_cpu_limit("2").set_cpu_request("500m").set_memory_limit("4Gi").set_memory_request("512M")
    other.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(2)
    other.set_env_variable("A", "b").set_retry(3, "10s", 1.5, "2m").set_caching_options(False)
    other.set_display_name("Other one").after(task)


@dsl.pipeline
def claims(sc: str = "standard"):
    claim = kubernetes.CreatePVC(
        pvc_name_suffix="-data", access_modes=["ReadWriteOnce"], size="5Mi", storage_class_name=sc
    )
    task = work()
    kubernetes.mount_pvc(task, claim.outputs["name"], "/data")
    kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(task)


@dsl.pipeline
def accelerators(kind: str = "nvidia.com/gpu", count: int = 2):
    work().set_accelerator_type(kind).set_accelerator_limit(count)
    work().set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(count)
    work().set_accelerator_type(kind).set_accelerator_limit(4)
