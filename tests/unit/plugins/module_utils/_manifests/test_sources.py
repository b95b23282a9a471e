# Copyright (c) 2026 Euystacio Meta Salvage contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._cluster.http import Http
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._core.errors import SalvageError
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests import sources
from ansible_collections.euystacio.meta_salvage.plugins.module_utils._manifests.sources import digests_of, texts_of


def read(*files: Any, definitions: Any = None, sha256: Any = None, insecure: bool = False, http: Http | None = None) -> dict[str, bytes]:
    return {one.name: one.data for one in texts_of([str(name) for name in files], definitions, sha256 or {}, insecure=insecure, http=http)}


def refused(*files: Any, **more: Any) -> str:
    with pytest.raises(SalvageError) as error:
        read(*files, **more)
    return str(error.value)


def test_a_folder_is_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "c.json", "d.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "e.yaml").mkdir()
    assert read(tmp_path) == {str(tmp_path / name): name.encode() for name in ("a.yaml", "b.yml", "c.json")}


def test_a_file_that_is_named_may_have_any_ending(tmp_path: Path) -> None:
    (tmp_path / "app.tpl").write_text("a")
    assert read(tmp_path / "app.tpl") == {str(tmp_path / "app.tpl"): b"a"}


@pytest.mark.parametrize(
    ("definitions", "text"),
    [("a: 1", b"a: 1"), ({"a": True}, b'{"a": true}'), (["a: 1", {"b": None}], b'a: 1\n---\n{"b": null}')],
)
def test_definitions_are_text_or_objects(definitions: Any, text: bytes) -> None:
    assert read(definitions=definitions) == {"definitions": text}


@pytest.mark.parametrize("definitions", [None, "", [], {}])
def test_no_manifests_is_an_error(definitions: Any) -> None:
    assert "there are no manifests" in refused(definitions=definitions)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'no.yaml'} can't be read: No such file" in refused(tmp_path / "no.yaml")
    assert "has no file with the ending" in refused(tmp_path)
    assert "definitions must be text" in refused(definitions=[5])


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    assert "is named twice" in refused(tmp_path / "a.yaml", tmp_path / "a.yaml")


def test_a_digest_that_differs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a")
    expected = {str(path): hashlib.sha256(b"a").hexdigest().upper()}
    assert read(path, sha256=expected) == {str(path): b"a"}
    path.write_text("b")
    assert "not the expected" in refused(path, sha256=expected)
    assert "which is not among the files" in refused(path, sha256={"a.yaml": "00"})


def test_digests_of_one_run_are_expectations_of_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "b.yaml").write_text("b")
    digests = digests_of(texts_of([str(tmp_path)], "c: 1", {}, insecure=False))
    assert len(texts_of([str(tmp_path)], "c: 1", digests, insecure=False)) == 3
    (tmp_path / "b.yaml").unlink()
    assert "which is not among the files" in refused(tmp_path, definitions="c: 1", sha256=digests)


def test_a_url_is_fetched_once(web: Any) -> None:
    web.answers["/a.yaml"] = (200, "text/plain", "a: 1")
    assert read(f"{web.url}/a.yaml", insecure=True) == {f"{web.url}/a.yaml": b"a: 1"}
    assert len(web.asked) == 1


def test_http_must_be_allowed(web: Any) -> None:
    assert "is not an https URL" in refused(f"{web.url}/a.yaml")
    assert "is not an https URL" in refused("file:///etc/passwd", insecure=True)
    assert not web.asked


def test_https_is_verified(secure: Any) -> None:
    server, _pem = secure
    server.answers["/a.yaml"] = (200, "text/plain", "a")
    with pytest.raises(SalvageError) as error:
        read(f"{server.url}/a.yaml")
    assert error.value.reason == "tls"


@pytest.mark.parametrize(("status", "reason"), [(404, "not_found"), (500, "http_error"), (401, "http_error")])
def test_another_answer_is_an_error(web: Any, status: int, reason: str) -> None:
    web.answers["/a.yaml"] = (status, "text/plain", "hunter2")
    with pytest.raises(SalvageError, match=f"/a.yaml answered {status}; check the address") as error:
        read(f"{web.url}/a.yaml?token=hunter2", insecure=True)
    assert error.value.reason == reason
    assert "hunter2" not in str(error.value)


class Redirecting:
    """An Http that is led from one address to another."""

    def __init__(self, *locations: str) -> None:
        self.locations = list(locations)

    def request(self, method: str, url: str) -> Any:
        location = self.locations.pop(0) if self.locations else ""
        return type("Answer", (), {"status": 302 if location else 200, "headers": {"location": location}, "body": url.encode()})


def test_redirects_are_followed_to_https_only() -> None:
    urls: Any = Redirecting("/b", "https://c.example.org/d")
    assert read("https://a.example.org/a", http=urls) == {"https://a.example.org/a": b"https://c.example.org/d"}
    down: Any = Redirecting("http://b.example.org/")
    assert "leads to http://b.example.org/, which is not an https URL" in refused("https://a.example.org/a", http=down)
    endless: Any = Redirecting(*["/a"] * 20)
    assert "more than 5 times" in refused("https://a.example.org/a", http=endless)


def test_a_password_in_a_url_is_not_shown() -> None:
    urls: Any = Redirecting()
    assert list(read("https://user:hunter2@a.example.org/a?token=hunter2", http=urls)) == ["https://a.example.org/a"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 3)
    (tmp_path / "a.yaml").write_text("long")
    assert "is larger than 3 bytes" in refused(tmp_path)
