"""Settings come from the environment and are checked where they are read."""

import pytest

from core.errors import SettingsError
from core.settings import COCO_IMAGE_HOSTS, PROJECT_ROOT, Settings


def test_without_any_setting_the_project_is_the_home():
    settings = Settings.from_environment({})
    assert settings.home == PROJECT_ROOT
    assert settings.cache == PROJECT_ROOT / ".cache"
    assert settings.image_hosts == COCO_IMAGE_HOSTS
    assert not settings.offline
    assert settings.url == "http://127.0.0.1:8501"
    assert settings.database_url == ""
    assert settings.coco_url == "http://images.cocodataset.org"
    assert settings.hub_url == "https://huggingface.co"


def test_every_setting_is_read(tmp_path):
    settings = Settings.from_environment(
        {
            "COCOSIFT_HOME": str(tmp_path),
            "COCOSIFT_CACHE": str(tmp_path / "scratch"),
            "COCOSIFT_IMAGE_HOSTS": "Images.Example.org, other.example.org,",
            "COCOSIFT_PICTURE_CACHE_MB": "5",
            "COCOSIFT_OFFLINE": "1",
            "COCOSIFT_URL": "https://sift.example.org/team/",
            "COCOSIFT_DATABASE_URL": " postgresql://ann:secret@db.example.org/sift ",
            "COCOSIFT_COCO_URL": "https://ann:secret@mirror.example.org/coco/",
            "COCOSIFT_HUB_URL": "https://hub.example.org",
            "HF_ENDPOINT": "https://other.example.org",
        }
    )
    assert settings.data == tmp_path / "data"
    assert settings.cache == tmp_path / "scratch"
    assert settings.image_hosts == COCO_IMAGE_HOSTS | {"images.example.org", "other.example.org"}
    assert settings.picture_cache_bytes == 5 * 2**20
    assert settings.offline
    assert settings.url == "https://sift.example.org/team"
    assert settings.database_url == "postgresql://ann:secret@db.example.org/sift"
    assert settings.coco_url == "https://ann:secret@mirror.example.org/coco"
    assert settings.hub_url == "https://hub.example.org"
    assert "secret" not in repr(settings)


def test_the_hub_is_where_its_own_library_is_told_it_is():
    settings = Settings.from_environment({"HF_ENDPOINT": "https://hub.example.org/"})
    assert settings.hub_url == "https://hub.example.org"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COCOSIFT_HOME", "/no/such/folder"),
        ("COCOSIFT_PICTURE_CACHE_MB", "2G"),
        ("COCOSIFT_URL", "sift.example.org"),
        ("COCOSIFT_URL", "ftp://sift.example.org"),
        ("COCOSIFT_URL", "http://[sift"),
        ("COCOSIFT_URL", "http://sift.example.org/?q=x"),
        ("COCOSIFT_COCO_URL", "mirror.example.org"),
        ("COCOSIFT_HUB_URL", "file:///hub"),
        ("HF_ENDPOINT", "hub"),
        ("COCOSIFT_DATABASE_URL", "mysql://db.example.org/sift"),
        ("COCOSIFT_DATABASE_URL", "catalogue.sqlite3"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COCOSIFT_DATABASE_URL", "mysql://ann:secret@db/sift"),
        ("COCOSIFT_COCO_URL", "ftp://ann:secret@mirror"),
    ],
)
def test_a_password_in_a_refused_address_is_not_shown(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: value})
    assert "secret" not in str(caught.value)
