"""Placeholders for facts about the run, in arguments and command lines; names and values are KFP's."""

PIPELINE_JOB_NAME_PLACEHOLDER = "{{$.pipeline_job_name}}"
"""The run's name."""

PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER = "{{$.pipeline_job_resource_name}}"
"""The name of the run's resource, which is its name."""

PIPELINE_JOB_ID_PLACEHOLDER = "{{$.pipeline_job_uuid}}"
"""The run's unique id."""

PIPELINE_TASK_NAME_PLACEHOLDER = "{{$.pipeline_task_name}}"
"""The task's name."""

PIPELINE_TASK_ID_PLACEHOLDER = "{{$.pipeline_task_uuid}}"
"""An id of the task that no other one has."""

PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER = "{{$.outputs.output_file}}"
"""The file in which a program may tell what its outputs are, as JSON."""

PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER = "{{$}}"
"""All inputs of the task, and where its outputs go, as JSON."""

PIPELINE_ROOT_PLACEHOLDER = "{{$.pipeline_root}}"
"""Where the run's artifacts lie."""

PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER = "{{$.pipeline_job_create_time_utc}}"
"""When the run was created, as RFC 3339."""

PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER = "{{$.pipeline_job_schedule_time_utc}}"
"""When the run was due, where a schedule started it; else when it was created."""

WORKSPACE_PATH_PLACEHOLDER = "{{$.workspace_path}}"
"""The folder of the pipeline's workspace."""
