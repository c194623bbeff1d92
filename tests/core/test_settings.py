"""Settings come from the environment and are checked where they are read."""

import dataclasses
import json
import pickle
import re
import subprocess
import sys

import pytest

from core.errors import SettingsError
from core.settings import COCO_IMAGE_HOSTS, PROJECT_ROOT, Settings
from core.settings.reading import ELSEWHERE, read
from core.settings.table import as_json, lines, markdown
from core.settings.values import Values, all_about

SECRET = "a secret that nobody should see"


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
            "COCOSIFT_IMAGE_NETWORKS": "10.0.0.0/8",
            "COCOSIFT_MODEL_MEMORY_MB": "6",
            "COCOSIFT_MAX_PICTURE_MB": "7",
            "COCOSIFT_MAX_PICTURE_MEGAPIXELS": "8",
            "COCOSIFT_SIGN_IN": "proxy",
            "COCOSIFT_OPEN": "1",
            "COCOSIFT_PROXY_ADDRESSES": "127.0.0.1, 10.1.2.3/8,::1",
            "COCOSIFT_PROXY_HEADER": "X-Remote-User",
            "COCOSIFT_NEW_PEOPLE": "none",
            "COCOSIFT_ADMINS": "Ann@Example.org",
            "COCOSIFT_SESSION_HOURS": "9",
            "COCOSIFT_SECRET": SECRET,
            "COCOSIFT_JOBS_AT_ONCE": "10",
            "COCOSIFT_JOBS_PER_PERSON": "11",
            "COCOSIFT_MIN_FREE_DISK_MB": "12",
            "COCOSIFT_LOG_QUERIES": "true",
            "COCOSIFT_LOG_FORMAT": "json",
            "COCOSIFT_METRICS_ADDRESSES": "10.0.0.9",
            "COCOSIFT_REQUESTS_PER_MINUTE": "13",
            "COCOSIFT_DOWNLOAD_ACCEL": "x-accel",
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
    assert settings.image_networks == {"10.0.0.0/8"}
    assert settings.model_memory_bytes == 6 * 2**20
    assert settings.max_picture_bytes == 7 * 2**20
    assert settings.max_picture_pixels == 8_000_000
    assert settings.sign_in == "proxy"
    assert settings.open_to_all
    assert settings.proxy_addresses == {"127.0.0.1", "10.0.0.0/8", "::1"}
    assert settings.proxy_header == "X-Remote-User"
    assert settings.new_people == "none"
    assert settings.admins == {"ann@example.org"}
    assert settings.session_hours == 9
    assert settings.secret == SECRET
    assert (settings.jobs_at_once, settings.jobs_per_person) == (10, 11)
    assert settings.min_free_disk_bytes == 12 * 2**20
    assert settings.log_queries
    assert settings.log_format == "json"
    assert settings.metrics_addresses == {"10.0.0.9"}
    assert settings.requests_per_minute == 13
    assert settings.download_accel == "x-accel"
    unchanged = Settings(home=tmp_path)
    for field in dataclasses.fields(Settings):
        name = field.name
        assert getattr(settings, name) != getattr(unchanged, name) or name == "home", name


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
        ("COCOSIFT_OFFLINE", "perhaps"),
        ("COCOSIFT_SIGN_IN", "ldap"),
        ("COCOSIFT_SESSION_HOURS", "0"),
        ("COCOSIFT_JOBS_AT_ONCE", "-1"),
        ("COCOSIFT_PROXY_ADDRESSES", "10.0.0.300"),
        ("COCOSIFT_METRICS_ADDRESSES", "prometheus"),
        ("COCOSIFT_PROXY_HEADER", "X Remote User"),
        ("COCOSIFT_SECRET", "short"),
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
        ("COCOSIFT_DATABASE_URL", "ann:secret@db"),
        ("COCOSIFT_SECRET", "secret"),
    ],
)
def test_a_password_in_a_refused_address_is_not_shown(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: value})
    assert "secret" not in str(caught.value)


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"COCOSIFT_SIGN_IN": "ldap", "COCOSIFT_SESSION_HOURS": "x"})
    said = str(caught.value).splitlines()
    assert said == [
        'COCOSIFT_SIGN_IN must be "none" or "local" or "proxy" or "oidc", found \'ldap\'.',
        "COCOSIFT_SESSION_HOURS must be a whole number of hours, 1 to 8,760, found 'x'.",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("COCOSIFT_SESION_HOURS", "Did you mean COCOSIFT_SESSION_HOURS?"),
        ("COCOSIFT_SIGNIN", "Did you mean COCOSIFT_SIGN_IN?"),
        ("COCOSIFT_XYZ", "docs/settings.md lists them all."),
    ],
)
def test_a_name_that_is_no_setting_is_named_with_the_one_that_was_meant(name, meant):
    with pytest.raises(SettingsError, match=f"{name} in the environment is no setting.") as caught:
        Settings.from_environment({name: "1"})
    assert meant in str(caught.value)


def test_names_of_ours_that_are_no_settings_are_left_alone():
    assert Settings.from_environment(dict.fromkeys(ELSEWHERE, "1")) == Settings()


def test_the_environment_comes_before_the_env_file_and_that_before_the_toml_file(tmp_path):
    (tmp_path / ".env").write_text(
        "POSTGRES_PASSWORD=of-another-program\nCOCOSIFT_SESSION_HOURS=2\nCOCOSIFT_JOBS_AT_ONCE=2\n"
    )
    (tmp_path / "cocosift.toml").write_text(
        "session_hours = 3\njobs_at_once = 3\njobs_per_person = 3\noffline = true\n"
        'admins = ["a@b.org", "c@d.org"]\n'
    )
    found = read({"COCOSIFT_HOME": str(tmp_path), "COCOSIFT_SESSION_HOURS": "1"})
    settings = found.settings
    assert (settings.session_hours, settings.jobs_at_once, settings.jobs_per_person) == (1, 2, 3)
    assert settings.admins == {"a@b.org", "c@d.org"}
    assert settings.offline
    origins = {one.about.name: one.origin for one in found.in_force}
    assert origins["COCOSIFT_SESSION_HOURS"] == "environment"
    assert origins["COCOSIFT_JOBS_AT_ONCE"] == str(tmp_path / ".env")
    assert origins["COCOSIFT_JOBS_PER_PERSON"] == str(tmp_path / "cocosift.toml")
    assert origins["COCOSIFT_LOG_FORMAT"] == "default"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (".env", "COCOSIFT_SESION_HOURS=1", r"Did you mean COCOSIFT_SESSION_HOURS\?"),
        (".env", "COCOSIFT_SESSION_HOURS=x", r"COCOSIFT_SESSION_HOURS in .*\.env must be"),
        (".env", "COCOSIFT_HOME=/elsewhere", "names another folder"),
        ("cocosift.toml", "sesion_hours = 1", r"Did you mean session_hours\?"),
        ("cocosift.toml", "COCOSIFT_SESSION_HOURS = 1", r"Did you mean session_hours\?"),
        ("cocosift.toml", "session_hours = 'x'", r"session_hours in .*cocosift\.toml must be"),
        ("cocosift.toml", "admins = [1]", "admins in .* must be e-mail addresses"),
        ("cocosift.toml", "session_hours = ", "cannot be read"),
        ("cocosift.toml", "secret = '\xff'", "cannot be read"),
        (".env", "COCOSIFT_SECRET=\xff", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path, file, text, said):
    (tmp_path / file).write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=said):
        Settings.from_environment({"COCOSIFT_HOME": str(tmp_path)})


def test_a_proxy_is_believed_only_by_its_address():
    with pytest.raises(SettingsError, match="COCOSIFT_PROXY_ADDRESSES must say which proxies"):
        Settings.from_environment({"COCOSIFT_SIGN_IN": "proxy"})


def test_defaults_of_the_record_are_those_that_are_documented():
    assert Values().settings() == Settings()


def test_settings_cross_to_a_worker_as_they_are():
    settings = Settings(secret=SECRET, admins=frozenset({"a@b.org"}))
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_settings_are_imported_without_what_reads_them():
    code = "import sys, core.settings; sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT_ROOT)


def test_the_documented_table_is_that_of_the_code():
    assert markdown() in (PROJECT_ROOT / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("field", Values.model_fields)
def test_each_setting_says_what_it_means(field):
    told = all_about()[field]
    assert told.meaning.endswith((".", "`none`."))
    assert told.expected
    assert told.default
    assert bool(told.unit) == (Values.model_fields[field].annotation is int)


def test_what_is_in_force_is_shown_without_secrets():
    in_force = read(
        {
            "COCOSIFT_SECRET": SECRET,
            "COCOSIFT_DATABASE_URL": "postgresql://ann:hidden@db/sift?password=hidden",
        }
    ).in_force
    shown = "\n".join(lines(in_force)) + as_json(in_force)
    assert SECRET not in shown
    assert "hidden@" not in shown
    assert "=hidden" not in shown
    assert re.search(r"COCOSIFT_SESSION_HOURS +12 hours +default", shown)
    records = {record["name"]: record for record in json.loads(as_json(in_force))}
    assert records["COCOSIFT_SECRET"]["origin"] == "environment"


def test_every_name_that_the_project_mentions_is_known():
    known = {told.name for told in all_about().values()} | ELSEWHERE
    files = [
        path
        for folder in ("core", "pages", "deploy", "docs", "benchmarks")
        for path in (PROJECT_ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".yml", ".yaml", ".service", ".toml", ".conf", ".env")
    ]
    mentioned = {
        name: path
        for path in [*files, PROJECT_ROOT / "README.md"]
        for name in re.findall(r"COCOSIFT_[A-Z_]*[A-Z]", path.read_text("utf-8"))
    }
    assert not {name: path for name, path in mentioned.items() if name not in known}
