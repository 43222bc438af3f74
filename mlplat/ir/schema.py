"""The shape of an IR document, as JSON Schema: all fields that are read; other fields cause a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _map(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": of}


def _object(required: tuple[str, ...] = (), **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _one_of(*keys: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {**_object((), **properties), "anyOf": [{"required": [key]} for key in keys]}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_ANY: dict[str, Any] = {}
_COUNT = {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 0}
_NUMBER = {"type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$", "minimum": 0}
_JSON_LIST = {"type": "string", "format": "JSON list"}
_DURATION = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?s$"}
_TASK_OUTPUT_PARAMETER = _object(
    ("producerTask", "outputParameterKey"), producerTask=_TEXT, outputParameterKey=_TEXT
)
_TASK_OUTPUT_ARTIFACT = _object(
    ("producerTask", "outputArtifactKey"), producerTask=_TEXT, outputArtifactKey=_TEXT
)
_SELECTOR_PARAMETER = _object(
    ("producerSubtask", "outputParameterKey"), producerSubtask=_TEXT, outputParameterKey=_TEXT
)
_SELECTOR_ARTIFACT = _object(
    ("producerSubtask", "outputArtifactKey"), producerSubtask=_TEXT, outputArtifactKey=_TEXT
)

PIPELINE_SPEC: dict[str, Any] = {
    **_object(
        ("pipelineInfo", "root"),
        pipelineInfo=_object(("name",), name=_TEXT, description=_TEXT, displayName=_TEXT),
        root=_ref("component"),
        components=_map(_ref("component")),
        deploymentSpec=_object(executors=_map(_ref("executor"))),
        schemaVersion=_TEXT,
        sdkVersion=_TEXT,
        defaultPipelineRoot=_TEXT,
    ),
    "$defs": {
        "type": {
            "enum": [
                *("NUMBER_DOUBLE", "NUMBER_INTEGER", "STRING", "BOOLEAN", "LIST", "STRUCT"),
                *("TASK_FINAL_STATUS", "TASK_CONFIG"),
            ]
        },
        "artifact": _object(
            ("artifactType",),
            artifactType=_object(schemaTitle=_TEXT, schemaVersion=_TEXT),
            isArtifactList=_FLAG,
            isOptional=_FLAG,
            description=_TEXT,
        ),
        "component": _object(
            inputDefinitions=_object(
                parameters=_map(
                    _object(
                        ("parameterType",),
                        parameterType=_ref("type"),
                        isOptional=_FLAG,
                        description=_TEXT,
                        defaultValue=_ANY,
                    )
                ),
                artifacts=_map(_ref("artifact")),
            ),
            outputDefinitions=_object(
                parameters=_map(_object(("parameterType",), parameterType=_ref("type"), description=_TEXT)),
                artifacts=_map(_ref("artifact")),
            ),
            executorLabel=_TEXT,
            taskConfigPassthroughs=_list(_object(("field",), field=_TEXT, applyToTask=_FLAG)),
            dag=_object(
                ("tasks",),
                tasks=_map(_ref("task")),
                outputs=_object(
                    parameters=_map(
                        _object(
                            valueFromParameter=_SELECTOR_PARAMETER,
                            valueFromOneof=_object(
                                ("parameterSelectors",), parameterSelectors=_list(_SELECTOR_PARAMETER)
                            ),
                        )
                    ),
                    artifacts=_map(
                        _object(("artifactSelectors",), artifactSelectors=_list(_SELECTOR_ARTIFACT))
                    ),
                ),
            ),
        ),
        "task": _object(
            ("componentRef",),
            componentRef=_object(("name",), name=_TEXT),
            taskInfo=_object(name=_TEXT),
            dependentTasks=_list(_TEXT),
            inputs=_object(
                parameters=_map(
                    _one_of(
                        *(
                            "runtimeValue",
                            "componentInputParameter",
                            "taskOutputParameter",
                            "taskFinalStatus",
                        ),
                        runtimeValue=_object(("constant",)),
                        componentInputParameter=_TEXT,
                        taskOutputParameter=_TASK_OUTPUT_PARAMETER,
                        taskFinalStatus=_object(("producerTask",), producerTask=_TEXT),
                        parameterExpressionSelector=_TEXT,
                    )
                ),
                artifacts=_map(
                    _one_of(
                        *("taskOutputArtifact", "componentInputArtifact"),
                        taskOutputArtifact=_TASK_OUTPUT_ARTIFACT,
                        componentInputArtifact=_TEXT,
                    )
                ),
            ),
            cachingOptions=_object(enableCache=_FLAG, cacheKey=_TEXT),
            triggerPolicy=_object(condition=_TEXT, strategy=_TEXT),
            parameterIterator=_object(
                ("itemInput", "items"),
                itemInput=_TEXT,
                items=_one_of("raw", "inputParameter", raw=_JSON_LIST, inputParameter=_TEXT),
            ),
            artifactIterator=_object(
                ("itemInput", "items"),
                itemInput=_TEXT,
                items=_object(("inputArtifact",), inputArtifact=_TEXT),
            ),
            iteratorPolicy=_object(parallelismLimit=_COUNT),
            retryPolicy=_object(
                maxRetryCount=_COUNT,
                backoffDuration=_DURATION,
                backoffFactor=_NUMBER,
                backoffMaxDuration=_DURATION,
            ),
        ),
        "executor": _object(
            container=_object(
                image=_TEXT,
                command=_list(_TEXT),
                args=_list(_TEXT),
                env=_list(_object(("name",), name=_TEXT, value=_TEXT)),
                resources=_object(
                    accelerator=_object(),
                    cpuRequest=_ANY,
                    cpuLimit=_ANY,
                    memoryRequest=_ANY,
                    memoryLimit=_ANY,
                    resourceCpuRequest=_ANY,
                    resourceCpuLimit=_ANY,
                    resourceMemoryRequest=_ANY,
                    resourceMemoryLimit=_ANY,
                ),
            ),
            importer=_object(
                ("artifactUri", "typeSchema"),
                artifactUri=_object(constant={}, runtimeParameter=_TEXT),
                typeSchema=_object(schemaTitle=_TEXT, schemaVersion=_TEXT),
                reimport=_FLAG,
                downloadToWorkspace=_FLAG,
                metadata=_object(),
            ),
        ),
    },
}

_VALUE = _one_of(
    *("runtimeValue", "componentInputParameter", "taskOutputParameter"),
    runtimeValue=_object(("constant",)),
    componentInputParameter=_TEXT,
    taskOutputParameter=_TASK_OUTPUT_PARAMETER,
)
_TEXTS = _map(_TEXT)
_SECONDS = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$"}
_REQUIREMENTS = _list(_object(("key", "operator"), key=_TEXT, operator=_TEXT, values=_list(_TEXT)))

PLATFORM_SPEC: dict[str, Any] = _object(
    ("platforms",),
    platforms=_object(
        mlplat=_object(deploymentSpec=_object(executors=_map(_object(fuse=_TEXT, parallelism=_COUNT)))),
        kubernetes=_object(
            deploymentSpec=_object(
                executors=_map(
                    _object(
                        secretAsEnv=_list(
                            _object(
                                ("keyToEnv",),
                                secretName=_TEXT,
                                secretNameParameter=_VALUE,
                                optional=_FLAG,
                                keyToEnv=_list(
                                    _object(("secretKey", "envVar"), secretKey=_TEXT, envVar=_TEXT)
                                ),
                            )
                        ),
                        secretAsVolume=_list(
                            _object(
                                ("mountPath",),
                                secretName=_TEXT,
                                secretNameParameter=_VALUE,
                                optional=_FLAG,
                                mountPath=_TEXT,
                            )
                        ),
                        configMapAsEnv=_list(
                            _object(
                                ("keyToEnv",),
                                configMapName=_TEXT,
                                configMapNameParameter=_VALUE,
                                optional=_FLAG,
                                keyToEnv=_list(
                                    _object(("configMapKey", "envVar"), configMapKey=_TEXT, envVar=_TEXT)
                                ),
                            )
                        ),
                        configMapAsVolume=_list(
                            _object(
                                ("mountPath",),
                                configMapName=_TEXT,
                                configMapNameParameter=_VALUE,
                                optional=_FLAG,
                                mountPath=_TEXT,
                            )
                        ),
                        pvcMount=_list(
                            _object(
                                ("mountPath",),
                                constant=_TEXT,
                                componentInputParameter=_TEXT,
                                taskOutputParameter=_TASK_OUTPUT_PARAMETER,
                                pvcNameParameter=_VALUE,
                                mountPath=_TEXT,
                                subPath=_TEXT,
                            )
                        ),
                        nodeSelector=_object(labels=_TEXTS, nodeSelectorJson=_VALUE),
                        podMetadata=_object(labels=_TEXTS, annotations=_TEXTS),
                        imagePullSecret=_list(_object(secretName=_TEXT, secretNameParameter=_VALUE)),
                        imagePullPolicy={"enum": ["Always", "Never", "IfNotPresent"]},
                        activeDeadlineSeconds=_SECONDS,
                        fieldPathAsEnv=_list(_object(("name", "fieldPath"), name=_TEXT, fieldPath=_TEXT)),
                        tolerations=_list(
                            _object(
                                key=_TEXT,
                                operator=_TEXT,
                                value=_TEXT,
                                effect=_TEXT,
                                tolerationSeconds=_SECONDS,
                                tolerationJson=_VALUE,
                            )
                        ),
                        genericEphemeralVolume=_list(
                            _object(
                                ("volumeName", "mountPath"),
                                volumeName=_TEXT,
                                mountPath=_TEXT,
                                accessModes=_list(_TEXT),
                                size=_TEXT,
                                storageClassName=_TEXT,
                                defaultStorageClass=_FLAG,
                                metadata=_object(labels=_TEXTS, annotations=_TEXTS),
                            )
                        ),
                        nodeAffinity=_list(
                            _object(
                                matchExpressions=_REQUIREMENTS,
                                matchFields=_REQUIREMENTS,
                                weight={"type": "integer"},
                                nodeAffinityJson=_VALUE,
                            )
                        ),
                        podAffinity=_list(
                            _object(
                                topologyKey=_TEXT,
                                anti=_FLAG,
                                weight=_ANY,
                                namespaces=_ANY,
                                matchPodExpressions=_ANY,
                                matchPodLabels=_ANY,
                                matchNamespaceExpressions=_ANY,
                                matchNamespaceLabels=_ANY,
                            )
                        ),
                        enabledSharedMemory=_object(volumeName=_TEXT, size=_TEXT),
                        emptyDirMounts=_list(
                            _object(
                                ("mountPath",),
                                volumeName=_TEXT,
                                mountPath=_TEXT,
                                medium=_TEXT,
                                sizeLimit=_TEXT,
                            )
                        ),
                        securityContext=_object(runAsUser=_SECONDS, runAsGroup=_SECONDS, runAsNonRoot=_FLAG),
                    )
                )
            ),
            pipelineConfig=_object(
                resourceTtlOnCompletion=_SECONDS,
                resourceTtlOnSuccess=_SECONDS,
                resourceTtlOnFailure=_SECONDS,
                activeDeadlineSeconds=_SECONDS,
                workspace=_object(("size",), size=_TEXT, kubernetes=_object(pvcSpecPatch=_object())),
            ),
        ),
    ),
)
"""The shape of the ``platforms`` document."""


def schema_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a document; a pipeline that also has ``platforms`` is a pipeline."""
    is_platforms = "platforms" in document and "pipelineInfo" not in document
    return PLATFORM_SPEC if is_platforms else PIPELINE_SPEC
