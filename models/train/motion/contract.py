"""Names, order and time basis that the network shares with the library.

Everything here is written into the ONNX file's metadata; models/README.md says what it means.
"""
import numpy as np

COEFFICIENTS = 16

RIG = ["yaw", "pitch", "roll", "shift_x", "shift_y", "scale", "lid_l", "lid_r", "gaze_x", "gaze_y",
       "brow", "smile", "mouth", "breath", "zoom", "pan_x", "pan_y", "orbit", "camera_roll"]

TAGS = ["blink", "smile", "brow", "gaze_x", "gaze_y", "talk", "nod", "shake", "tilt", "look_x",
        "look_y", "idle", "breathe", "zoom", "pan_x", "pan_y", "orbit", "handheld", "sway",
        "ripple", "drift", "still", "wink", "close", "lean"]

PHOTO = ["has_face", "person", "head", "hair", "sky", "vegetation", "water", "face_size", "open_l",
         "open_r", "mouth_open", "yaw", "pitch", "roll", "smile"]


def _pair(kind, fx, fy, dx, dy, phase=0.0):
    """Two modes a quarter wave apart: cos(wt), sin(wt) on them is a wave that travels along f."""
    length = float(np.hypot(dx, dy))
    return [dict(**{"class": kind}, fx=fx, fy=fy, phase=phase + quarter * np.pi / 2,
                 dx=dx / length, dy=dy / length) for quarter in (0, 1)]


# A strand hangs: still at the crown, free at the tips. The phase puts the crest at 0.85 of the crop.
_HAIR_SWING = 0.35
MODES = [
    *_pair("hair", 0.0, _HAIR_SWING, 1.0, 0.0, phase=2 * np.pi * _HAIR_SWING * 0.85),
    *_pair("hair", 0.8, 1.6, 1.0, 0.15),
    *_pair("cloth", 0.8, 0.5, 0.0, 1.0),
    *_pair("cloth", 2.2, 1.2, 1.0, 0.3),
    *_pair("vegetation", 1.3, 0.4, 1.0, 0.15),
    *_pair("vegetation", 2.6, -0.8, 1.0, -0.25),
    *_pair("vegetation", 4.2, 1.2, 0.8, 0.6),
    *_pair("vegetation", 6.5, -2.0, 0.9, -0.45),
    *_pair("water", 0.6, 3.0, 0.0, 1.0),
    *_pair("water", -1.0, 5.0, 0.1, 1.0),
    *_pair("water", 1.6, 8.0, 1.0, 0.2),
    *_pair("water", -0.7, 12.0, 0.0, 1.0),
    # Clouds slide as one; high in the picture they are nearer and faster, hence the half wave.
    dict(**{"class": "sky"}, fx=0.0, fy=0.0, phase=0.0, dx=1.0, dy=0.0),
    dict(**{"class": "sky"}, fx=0.0, fy=0.5, phase=0.0, dx=1.0, dy=0.0),
]
_SEEN = {}
MODE_NAMES = []
for _mode in MODES:
    _SEEN[_mode["class"]] = _SEEN.get(_mode["class"], -1) + 1
    MODE_NAMES.append(f"{_mode['class']}_{_SEEN[_mode['class']]}")

CHANNELS = RIG + MODE_NAMES
STATE = CHANNELS + [f"{name}_velocity" for name in CHANNELS] + ["seconds"]

CH = {name: i for i, name in enumerate(CHANNELS)}
TG = {name: i for i, name in enumerate(TAGS)}
PH = {name: i for i, name in enumerate(PHOTO)}

# Channels that need a face in the photo; `still` silences them all.
FACE = RIG[:RIG.index("breath")]
CAMERA = RIG[RIG.index("zoom"):]
SIGNED = ["smile", "gaze_x", "gaze_y", "tilt", "look_x", "look_y", "zoom", "pan_x", "pan_y", "orbit",
          "drift", "wink", "lean"]
MIN_SECONDS, MAX_SECONDS = 0.5, 3.0


def basis(u):
    """[K, n] values of sqrt(2) sin((k + 1/2) pi u) at times u in [0, 1]."""
    k = np.arange(COEFFICIENTS)[:, None] + 0.5
    return (np.sqrt(2) * np.sin(k * np.pi * np.asarray(u)[None])).astype(np.float32)


def basis_slope(u):
    """[K, n] derivatives of the basis by u."""
    k = np.arange(COEFFICIENTS)[:, None] + 0.5
    return (np.sqrt(2) * k * np.pi * np.cos(k * np.pi * np.asarray(u)[None])).astype(np.float32)
