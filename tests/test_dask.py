"""Batches on a cluster of dask whose workers are threads of this process, and wait for nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tifffile

from fake_model import FakeModel, blobs
from napari_sam import loading
from napari_sam.batch import cluster
from napari_sam.batch.job import Job
from napari_sam.batch.outputs import Outputs
from napari_sam.batch.run import run_jobs
from napari_sam.cli import main
from napari_sam.errors import ClusterError, InstallationError, ModelError
from napari_sam.files.sources import Source
from napari_sam.methods.options import CellOptions

distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore")  # of dask and its event loop


@pytest.fixture(scope="module")
def scheduler() -> Any:
    """A scheduler that can be reached by its address, and two workers."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as made:
        yield made


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """Bright discs are cells; tests count how often it is loaded."""
    made = FakeModel("cells")
    made.loaded = 0

    def load(*_: Any, **__: Any) -> FakeModel:
        made.loaded += 1
        return made

    monkeypatch.setattr(loading, "load_model", load)
    monkeypatch.setattr(cluster, "_held", {})
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images, one of them damaged."""
    path = tmp_path / "in"
    path.mkdir()
    for name, count in (("a", 2), ("b", 1), ("d", 0)):
        tifffile.imwrite(path / f"{name}.tif", blobs(centres=((20, 20), (40, 60))[:count]))
    (path / "c.tif").write_bytes(b"II*")
    return path


def jobs_of(folder: Path, out: Path) -> list[Job]:
    return [
        Job(Source(path, None, path.stem, path.name), Outputs(path.stem, out), CellOptions())
        for path in sorted(folder.glob("*.tif"))
    ]


def test_a_cluster_finds_the_same_in_the_same_order(scheduler, model, folder, tmp_path):
    address = scheduler.scheduler_address
    words = ["segment", str(folder), "-o", str(tmp_path / "there"), "--dask", address]
    assert main(words) == 1
    assert model.loaded == 1  # the workers share a process
    here = list(run_jobs(jobs_of(folder, tmp_path / "here")))
    assert [one.kind for one in here] == ["done", "done", "failed", "done"]
    for path in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / path.name).read_bytes() == path.read_bytes()
    assert {"run.json", "objects.csv"} <= {path.name for path in (tmp_path / "there").iterdir()}
    again = run_jobs(jobs_of(folder, tmp_path / "there"), skip_existing=True, dask=address)
    assert [one.kind for one in again] == ["skipped", "skipped", "failed", "skipped"]


def test_workers_that_live_on_hold_no_model_of_an_earlier_run(
    scheduler, model, folder, tmp_path, monkeypatch
):
    """The same name may stand for weights that were taught meanwhile."""
    address, job = scheduler.scheduler_address, jobs_of(folder, tmp_path / "first")[0]
    (first,) = run_jobs([job], dask=address)
    taught = FakeModel("cells")
    taught.fingerprint = "taught"
    monkeypatch.setattr(loading, "load_model", lambda *_, **__: taught)
    (second,) = run_jobs([replace(job, outputs=Outputs("a", tmp_path / "second"))], dask=address)
    assert (first.by, second.by) == ("cells-1", "taught")


def test_a_wrong_address_is_said_at_once(model, folder, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no scheduler"):
            run_jobs(jobs_of(folder, tmp_path / "out"), dask=address)
        words = ["segment", str(folder), "-o", str(tmp_path / "out"), "--dask", address]
        assert main(words) == 1
    assert not (tmp_path / "out").exists()  # neither a record nor anything else
    assert "no scheduler of dask" in capsys.readouterr().err


def test_versions_that_differ_are_said_before_any_work(
    scheduler, model, folder, tmp_path, monkeypatch
):
    def versions() -> dict[str, str]:
        """Another torch where a worker asks."""
        try:
            distributed.get_worker()
        except ValueError:
            return {"python": "3.11.1", "torch": "2.4"}
        return {"python": "3.11.9", "torch": "2.3"}

    monkeypatch.setattr(cluster, "versions", versions)
    monkeypatch.setattr(distributed.Client, "run", lambda *_, **__: answers)
    answers: dict[str, Any] = {"tcp://lost": OSError("closed"), "tcp://far": {"torch": "2.3"}}
    with pytest.raises(ClusterError, match=r"tcp://far has .*torch 2\.3, but here is 2\.4"):
        next(run_jobs(jobs_of(folder, tmp_path), dask=scheduler.scheduler_address))
    monkeypatch.setattr(cluster, "check_versions", lambda client: None)
    with pytest.raises(ClusterError, match="versions differ"):
        run_jobs(jobs_of(folder, tmp_path), dask=scheduler.scheduler_address)
    monkeypatch.setattr(cluster, "_load_model", lambda *_: None)  # a worker came later
    found = list(run_jobs(jobs_of(folder, tmp_path), dask=scheduler.scheduler_address))
    assert [one.kind for one in found] == ["failed"] * 4
    assert "versions differ" in found[0].said
    assert not model.encoded


def test_a_model_that_cannot_be_loaded_is_said_once_and_before_the_work(
    scheduler, model, folder, tmp_path, monkeypatch, capsys
):
    def fail(*_: Any, **__: Any) -> None:
        raise ModelError("It is not downloaded.")

    monkeypatch.setattr(loading, "load_model", fail)
    out = tmp_path / "out"
    words = ["segment", str(folder), "-o", str(out), "--dask", scheduler.scheduler_address]
    assert main(words) == 1
    assert capsys.readouterr().err.count("It is not downloaded.") == 1
    assert not out.exists()


def test_the_job_of_a_worker_that_is_lost_is_done_again(model, folder, tmp_path, monkeypatch):
    (folder / "c.tif").unlink()
    begun, gate = threading.Event(), threading.Event()
    work = cluster.run_with_held
    places: list[str] = []

    def slow(job: Job, held: dict[str, Any]) -> Any:
        """Hold the first job back until its worker is gone."""
        places.append(distributed.get_worker().address)
        if len(places) == 1:
            begun.set()
            gate.wait(30)
        return work(job, held)

    monkeypatch.setattr(cluster, "run_with_held", slow)
    monkeypatch.setattr(cluster, "_alone", threading.Semaphore(2))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as made,
        distributed.Client(made) as client,
    ):
        found: list[Any] = []
        thread = threading.Thread(
            target=lambda: found.extend(
                cluster.run_with_client(jobs_of(folder, tmp_path / "out"), client)
            )
        )
        thread.start()
        try:
            assert begun.wait(30)
            lost = next(one for one in made.workers.values() if one.address == places[0])
            made.sync(made.scheduler.remove_worker, lost.address, stimulus_id="lost", close=False)
        finally:
            gate.set()
            thread.join(60)
    assert not thread.is_alive()
    assert [one.kind for one in found] == ["done"] * 3
    assert len(places) >= 4  # one more than there are jobs


def test_that_no_worker_is_left_is_told_and_the_next_one_goes_on(
    model, folder, tmp_path, monkeypatch
):
    (folder / "c.tif").unlink()
    monkeypatch.setattr(cluster, "_EVERY", 0.0)
    said: list[str] = []
    with distributed.LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address=None
    ) as made:
        # As if the last one were lost just after the versions were compared.
        monkeypatch.setattr(cluster, "check_versions", lambda client: None)

        def tell(words: str) -> None:
            said.append(words)
            made.scale(1)

        work = jobs_of(folder, tmp_path / "out")
        found = list(run_jobs(work, dask=made.scheduler_address, tell=tell))
    assert [one.kind for one in found] == ["done"] * 3
    assert len(said) == 1
    assert f"'dask worker {made.scheduler_address}'" in said[0]
    assert "--skip-existing" in said[0]


@pytest.mark.parametrize(("workers", "threads"), [(1, 6), (2, 3), (9, 1)])
def test_workers_of_this_machine_share_its_processors(workers, threads, monkeypatch):
    """A worker does a job at a time, and dask would give each one thread."""
    started: dict[str, Any] = {}

    class Started:
        def __init__(self, *_: Any, **how: Any) -> None:
            started.update(how)

        def __enter__(self) -> Started:
            return self

        def __exit__(self, *_: Any) -> None:
            pass

    monkeypatch.setattr("os.cpu_count", lambda: 6)
    monkeypatch.setattr(distributed, "LocalCluster", Started)
    monkeypatch.setattr(distributed, "Client", lambda _: Started())
    with cluster.connected("local", workers):
        pass
    assert set(started["env"].values()) == {threads}
    assert "OMP_NUM_THREADS" in started["env"]


def test_workers_of_this_machine_keep_memory_for_the_next_image(monkeypatch):
    """Given back at once, as dask has it, each array is made of new pages: half as fast."""
    import dask

    place, seen = "distributed.nanny.pre-spawn-environ", []

    def start(**_: Any) -> Any:
        seen.append(dask.config.get(place))
        return nullcontext()

    monkeypatch.setattr(distributed, "LocalCluster", start)
    monkeypatch.setattr(distributed, "Client", lambda _: nullcontext())
    usual = dask.config.get(place)
    with cluster.connected("local", 2):
        pass
    assert seen == [{k: v for k, v in usual.items() if k != "MALLOC_TRIM_THRESHOLD_"}]
    assert dask.config.get(place) == usual
    assert "MALLOC_TRIM_THRESHOLD_" in usual


@pytest.mark.parametrize("failing", [2, 3])
def test_a_worker_that_ends_while_it_starts_costs_another_try(failing, monkeypatch):
    tries: list[int] = []

    def start(**_: Any) -> Any:
        tries.append(1)
        if len(tries) <= failing:
            raise RuntimeError("Nanny failed to start.")
        return nullcontext()

    monkeypatch.setattr(distributed, "LocalCluster", start)
    monkeypatch.setattr(distributed, "Client", lambda _: nullcontext("client"))
    if failing == 2:
        with cluster.connected("local", 2) as client:
            assert client == "client"
        return
    with pytest.raises(ClusterError, match=r"before they begin \(Nanny"):
        cluster.connected("local", 2).__enter__()


def test_without_dask_it_is_said_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InstallationError, match=r"\[dask\]"):
        next(run_jobs(jobs_of(folder, tmp_path), dask="local"))
