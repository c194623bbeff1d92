"""README's way to the real COCO works as typed, against a mirror on this machine."""

import pytest

from benchmarks import real_coco


@pytest.mark.slow
def test_five_commands_lead_from_an_empty_home_to_a_verified_package(tmp_path, monkeypatch):
    monkeypatch.setenv("COCOSIFT_BENCHMARK_FOLDER", str(tmp_path / "benchmarks"))
    (tmp_path / "benchmarks").mkdir()
    steps = real_coco.run(tmp_path, pictures=60)
    assert [step.split()[:4] for step in steps][:2] == [
        ["python", "-m", "core", "fetch"],
        ["python", "-m", "core", "fetch"],
    ]
    assert len(steps) == 7
