"""What the proxy is asked to send, and what it never is."""

import pytest

from core.http.handed_over import handed_over
from core.settings import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache", download_accel="x-accel")


def asked_for(path, settings, **more):
    return handed_over(path, settings, media_type="application/zip", caching="private", **more)


def test_a_file_of_the_cache_is_named_and_nothing_of_it_is_sent(settings):
    file = settings.cache / "downloads" / "dogs & cats.zip"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PK")
    answer = asked_for(file, settings, download_as="dogs.zip")
    assert answer.headers["X-Accel-Redirect"] == "/protected/downloads/dogs%20%26%20cats.zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dogs.zip"'
    assert answer.body == b""
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Hunde am Strand.zip", "attachment; filename*=utf-8''Hunde%20am%20Strand.zip"),
        ('a"\r\nX: y.zip', "attachment; filename*=utf-8''a%22%0D%0AX%3A%20y.zip"),
    ],
    ids=["space", "quotes and lines"],
)
def test_a_name_cannot_add_to_the_headers(settings, name, told):
    settings.cache.mkdir()
    (settings.cache / "a.zip").write_bytes(b"PK")
    answer = asked_for(settings.cache / "a.zip", settings, download_as=name)
    assert answer.headers["Content-Disposition"] == told


def test_a_link_out_of_the_cache_is_not_the_proxys(settings, tmp_path):
    settings.cache.mkdir()
    (tmp_path / "other.zip").write_bytes(b"PK")
    (settings.cache / "link.zip").symlink_to(tmp_path / "other.zip")
    assert asked_for(settings.cache / "link.zip", settings) is None
    assert asked_for(settings.cache / ".." / "other.zip", settings) is None


def test_a_file_that_is_gone_is_not_the_proxys(settings):
    assert asked_for(settings.cache / "gone.zip", settings) is None


def test_without_the_setting_the_server_sends_it_itself(settings, tmp_path):
    settings.cache.mkdir()
    (settings.cache / "a.zip").write_bytes(b"PK")
    plain = Settings(home=tmp_path, cache=settings.cache)
    assert asked_for(settings.cache / "a.zip", plain) is None
