"""Downloads: whole or not at all, resumed, cancelled, and explained. All from loopback."""

from __future__ import annotations

import hashlib
import io
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import xxhash

from napari_sam.errors import Cancelled, DownloadError
from napari_sam.models import fetch, receive, zoo
from napari_sam.models.home import home
from napari_sam.models.obtain import obtain

BODY = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """A file server that misbehaves on request and writes down what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = True
        self.break_after: int | None = None
        self.reset = 0  # requests that are not answered at all
        self.busy = 0  # requests that are answered by 503
        self.body = BODY
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weights.pth"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.reset:
            self.server.reset -= 1
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()  # which sends a reset
            self.rfile, self.wfile = io.BytesIO(), io.BytesIO()
            self.close_connection = True
            return
        if self.server.busy:
            self.server.busy -= 1
            self.send_error(503)
            return
        if "missing" in self.path:
            self.send_error(404)
            return
        start = 0
        if wanted and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(self.server.body):
                self.send_error(416)
                return
            self.send_response(206)
            end = len(self.server.body) - 1
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(self.server.body)}")
        else:
            self.send_response(200)
        rest = self.server.body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.break_after is not None:
            rest = rest[: self.server.break_after]
            self.server.break_after = None
            self.wfile.write(rest)
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(rest)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(receive, "CHUNK", 10_000)
    monkeypatch.setattr(receive, "BACKOFF", 0.001)
    monkeypatch.setattr(fetch, "PATIENCE", 0.3)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def get(server: Server, target, **words):
    return fetch.fetch(server.url, target, size=len(BODY), known_hash=SHA, **words)


def test_a_file_arrives_whole_with_rising_progress(server, tmp_path):
    seen: list[float] = []
    path = get(server, tmp_path / "deep" / "weights.pth", progress=seen.append)
    assert path.read_bytes() == BODY
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 10
    assert [p.name for p in path.parent.iterdir()] == ["weights.pth"]


def test_a_model_whose_size_nobody_pins_arrives_with_rising_progress(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path))
    entry = replace(
        zoo.info("hq_sam_tiny"), file="mine.pth", known_hash=SHA, url=server.url, mirrors=()
    )
    assert not entry.bytes
    seen: list[float] = []
    assert obtain(entry, seen.append).read_bytes() == BODY
    assert seen == sorted(seen)
    assert len(set(seen)) > 10


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    get(server, tmp_path / "weights.pth")
    get(server, tmp_path / "weights.pth")
    assert len(server.asked) == 1


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    target = tmp_path / "weights.pth"
    target.write_bytes(BODY[:-1] + b"\0" if BODY[-1] else BODY[:-1] + b"\1")
    assert get(server, target).read_bytes() == BODY


def test_cancelling_leaves_nothing_under_the_final_name_and_the_next_call_resumes(server, tmp_path):
    target = tmp_path / "weights.pth"

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(server, target, progress=stop)
    assert not target.exists()
    kept = (tmp_path / "weights.pth.part").stat().st_size
    assert len(BODY) * 0.5 < kept < len(BODY)
    first: list[float] = []
    assert get(server, target, progress=first.append).read_bytes() == BODY
    assert server.asked == [None, f"bytes={kept}-"]
    assert first[0] > 0.5


def test_a_server_without_ranges_sends_it_all_again(server, tmp_path):
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(b"x" * 1000)
    server.ranges = False
    assert get(server, target).read_bytes() == BODY
    assert server.asked == ["bytes=1000-"]


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.break_after = 120_000
    assert get(server, tmp_path / "weights.pth").read_bytes() == BODY
    assert len(server.asked) == 2
    assert server.asked[1] is not None


def test_other_bytes_than_expected_are_refused_and_thrown_away(server, tmp_path):
    server.body = BODY[::-1]
    with pytest.raises(DownloadError, match="checksum") as error:
        get(server, tmp_path / "weights.pth")
    assert isinstance(error.value, OSError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"<html>please log in</html>", BODY + b"more"])
def test_a_file_of_another_size_is_refused(server, tmp_path, body):
    server.body = body
    with pytest.raises(DownloadError, match="bytes instead of"):
        get(server, tmp_path / "weights.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_another_file_does_not_spoil_the_next_try(server, tmp_path):
    target = tmp_path / "weights.pth"
    (tmp_path / "weights.pth.part").write_bytes(b"x" * 50_000)
    with pytest.raises(DownloadError, match="checksum"):
        get(server, target)
    assert get(server, target).read_bytes() == BODY


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / "weights.pth.part").write_bytes(b"x" * (len(BODY) + 5))
    assert get(server, tmp_path / "weights.pth").read_bytes() == BODY


def test_a_missing_file_says_what_to_do_by_hand(server, tmp_path):
    url = server.url.replace("weights", "missing")
    with pytest.raises(DownloadError, match="404") as error:
        fetch.fetch(url, tmp_path / "weights.pth", size=5, known_hash="0")
    assert url in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert not (tmp_path / "weights.pth").exists()


def test_an_offline_computer_is_told_url_and_folder(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match="Is this computer online") as error:
        get(server, tmp_path / "weights.pth")
    for word in (server.url, str(tmp_path), "weights.pth", "another computer"):
        assert word in str(error.value)


def test_two_downloads_of_one_file_do_not_mix(server, tmp_path):
    target = tmp_path / "weights.pth"

    def meanwhile(fraction: float) -> None:
        with pytest.raises(DownloadError, match="right now"):
            get(server, target)
        raise Cancelled

    with pytest.raises(Cancelled):
        get(server, target, progress=meanwhile)
    assert get(server, target).read_bytes() == BODY


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_SAM_HOME", str(tmp_path / "mine"))
    assert home() == tmp_path / "mine"
    monkeypatch.delenv("NAPARI_SAM_HOME")
    assert "napari-sam-bio" in str(home())


def test_a_reset_connection_is_tried_again(server, tmp_path):
    server.reset = 2
    assert get(server, tmp_path / "weights.pth").read_bytes() == BODY
    assert len(server.asked) == 3


def test_a_busy_server_is_asked_again_and_not_for_ever(server, tmp_path):
    server.busy = 2
    assert get(server, tmp_path / "weights.pth").read_bytes() == BODY
    server.busy = 1000
    with pytest.raises(DownloadError, match="another computer"):
        get(server, tmp_path / "other.pth")
    assert len(server.asked) == 3 + receive.ATTEMPTS


def test_waiting_for_another_try_can_be_cancelled(server, tmp_path, monkeypatch):
    monkeypatch.setattr(receive, "BACKOFF", 600.0)
    server.busy = 1000

    def stop(fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        get(server, tmp_path / "weights.pth", progress=stop)


def test_several_at_once_get_one_file_by_one_download(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "PATIENCE", 60.0)
    target, failures = tmp_path / "weights.pth", []
    slow = fetch.pooch.file_hash

    def hashing(path: str, alg: str) -> str:
        time.sleep(0.05)  # long enough for the others to come in between
        return slow(path, alg=alg)

    monkeypatch.setattr(fetch.pooch, "file_hash", hashing)

    def work() -> None:
        try:
            assert get(server, target).read_bytes() == BODY
        except Exception as error:  # noqa: BLE001 -- told on the main thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(server.asked) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


def test_a_folder_that_cannot_be_written_is_explained(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="NAPARI_SAM_HOME"):
        get(server, tmp_path / "file" / "weights.pth")
    assert not server.asked


def test_of_several_addresses_the_first_that_has_the_file_counts(server, tmp_path):
    missing = server.url.replace("weights", "missing")
    urls = (missing, "http://127.0.0.1:9/nobody", server.url)
    path = fetch.fetch(urls, tmp_path / "weights.pth", size=len(BODY), known_hash=SHA)
    assert path.read_bytes() == BODY
    with pytest.raises(DownloadError, match="404") as error:
        fetch.fetch((missing, missing + "2"), tmp_path / "other.pth", known_hash=SHA)
    assert f"{missing} or {missing}2" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("md5", hashlib.md5(BODY, usedforsecurity=False).hexdigest()),
        ("xxh128", xxhash.xxh128(BODY).hexdigest()),
    ],
)
def test_other_hashes_are_checked_as_well(server, tmp_path, kind, digest):
    known = f"{kind}:{digest}"
    path = fetch.fetch(server.url, tmp_path / "weights.pth", known_hash=known)
    assert path.read_bytes() == BODY
    server.body = BODY[::-1]
    with pytest.raises(DownloadError, match="checksum"):
        fetch.fetch(server.url, tmp_path / "other.pth", known_hash=known)


def test_a_proxy_is_asked_where_one_is_set(server, tmp_path, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    url = "http://models.invalid/weights.pth"
    path = fetch.fetch(url, tmp_path / "weights.pth", size=len(BODY), known_hash=SHA)
    assert path.read_bytes() == BODY
