"""Settings: what an instance is told, from the environment and two files, and what it means.

`Settings` is the record that the code takes; importing it costs nothing. What people call
each setting, its unit and its meaning stand in `core.settings.values`.
"""

from core.settings.record import (
    COCO_IMAGE_HOSTS,
    DEFAULT_COCO_URL,
    DEFAULT_HUB_URL,
    DEFAULT_URL,
    PROJECT_ROOT,
    DownloadAccel,
    LogFormat,
    NewPeople,
    Settings,
    SignIn,
)

__all__ = [
    "COCO_IMAGE_HOSTS",
    "DEFAULT_COCO_URL",
    "DEFAULT_HUB_URL",
    "DEFAULT_URL",
    "PROJECT_ROOT",
    "DownloadAccel",
    "LogFormat",
    "NewPeople",
    "Settings",
    "SignIn",
]
