"""What tests send into worker processes; a module of its own, without torch."""

import os
import signal
import sys

import numpy as np
from PIL import Image

COSTLY_MODULES = ("torch", "open_clip", "streamlit")


class LoadedModules:
    """Stands in for the preprocessing: tells which costly modules its process has loaded."""

    def __call__(self, image: Image.Image) -> np.ndarray:
        return np.array([name in sys.modules for name in COSTLY_MODULES])


class KillAtOnePixel:
    """Stands in for the preprocessing: at a picture one pixel wide its process is killed,
    as the system does with one that takes too much memory."""

    def __call__(self, image: Image.Image) -> np.ndarray:
        if image.width == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(1)
