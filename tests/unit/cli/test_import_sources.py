"""``--import-sources``: a file that says from where URIs are fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplat.cli import main
from mlplat.errors import ManifestError
from mlplat.runs import settings
from tests.programs import importing

PROGRAM = str(Path(importing.__file__))


def test_all_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text(
        "s3://team/: {s3: {endpoint: minio:9000, accesKeySecret: {name: a, key: b}, key: rows.csv}}\n"
        "data: {s3: {}}\n"
        "git://x: {git: {}}\n"
        "gs://y: {gcs: {bucket: 3}}\n"
        "http://z: [1]\n"
    )
    with pytest.raises(ManifestError) as caught:
        settings.import_sources(str(file))
    assert {one.code for one in caught.value.diagnostics} == {"MLP378"}
    assert [one.path for one in caught.value.diagnostics] == [
        "data",
        "data s3.endpoint",
        "git://x",
        "gs://y gcs.bucket",
        "http://z",
        "s3://team/ s3.accesKeySecret",
        "s3://team/ s3.key",
    ]


def test_a_missing_file_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", PROGRAM, "--import-sources", str(tmp_path / "nothing")]) == 2
    assert "MLP373" in capsys.readouterr().err


def test_import_sources_decide_where_a_pipeline_fetches_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("minio://team/: {s3: {endpoint: minio:9000, insecure: true}}\n")
    assert main(["compile", PROGRAM, "--import-sources", str(file), "-o", "-"]) == 0
    assert "name: fetch-minio-team" in capsys.readouterr().out
