"""What is asked, in words, and what must then be seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    name: str
    curve: str
    more: str  # the prompt that moves the curve up (or to and fro)
    less: str | None = None  # its mirror image
    swings: bool = False  # an oscillation: its size counts, not its sign
    floor: float = 0.0  # less than this is not seen
    tag: str = ""
    amount: float = 1.0
    along: tuple = ()  # what may move with it: a nod nods, a talking jaw moves the mouth's corners
    camera: bool = False


# A pan must zoom: its first frame is the whole photo, and nothing outside may come into view.
# Floors are about a sixth of what models/README.md calls strength 1, and above the judge's own noise.
ASKS = [
    Ask("turn", "yaw", "turn right", "turn left", floor=2.0, tag="look_x", along=("roll", "scale")),
    Ask("look", "pitch", "look down", "look up", floor=1.2, tag="look_y", along=("scale",)),
    Ask("tilt", "roll", "tilt right", "tilt left", floor=1.5, tag="tilt", amount=0.9),
    Ask("smile", "smile", "smile", "frown", floor=0.010, tag="smile", amount=0.9),
    Ask("brows", "brow", "raise brows", floor=0.010, tag="brow"),
    Ask("talk", "mouth", "talk", swings=True, floor=0.015, tag="talk", along=("smile",)),
    Ask("nod", "pitch", "nod", swings=True, floor=1.2, tag="nod", along=("scale",)),
    Ask("shake", "yaw", "shake", swings=True, floor=2.0, tag="shake", along=("roll", "scale")),
    Ask("lean", "scale", "lean in", "lean back", floor=0.010, tag="lean"),
    Ask("zoom", "zoom", "zoom in", "zoom out", floor=0.010, tag="zoom", amount=0.45, camera=True),
    Ask(
        "pan sideways",
        "pan_x",
        "pan right",
        "pan left",
        floor=0.004,
        tag="pan_x",
        amount=0.4,
        along=("zoom",),
        camera=True,
    ),
    Ask(
        "pan up and down",
        "pan_y",
        "pan down",
        "pan up",
        floor=0.004,
        tag="pan_y",
        amount=0.4,
        along=("zoom",),
        camera=True,
    ),
]
WEAK, STRONG = "slightly {}", "{} a lot"
WEAK_SHARE, STRONG_SHARE, STRONGEST = 0.5, 1.25, 1.2
CAMERA = ("zoom", "pan_x", "pan_y")
NEUTRAL = "breathe"  # asks for nothing that is measured
BLINK, STILL = "blink", "still"
SEEDS = "smile and turn right"
EYE = ["smile, blink", "turn left", "nod, slow zoom in"]


def tag_sets():
    """Tags that the library makes of the prompts used here, for the simulator's table."""
    base = dict(blink=1, idle=0.4, breathe=0.7, sway=0.6, ripple=0.6, drift=0.5)
    sets = [
        dict(base),
        dict(base, breathe=1),
        dict(base, idle=0.9),
        dict(base, still=1, blink=0, idle=0, breathe=0.3),
        dict(base, blink=0),
        dict(base, blink=0, idle=0.9),
    ]
    for ask in ASKS:
        for share in (WEAK_SHARE, 1.0, STRONG_SHARE) + ((-1.0,) if ask.less else ()):
            limit = STRONGEST * (0.5 if ask.camera else 1)
            value = max(-limit, min(limit, ask.amount * share))
            sets.append(dict(base, **{ask.tag: value}))
    sets.append(dict(base, smile=0.9, look_x=1))
    sets.append(dict(base, nod=1, zoom=0.315))
    for blink in (0, 1):
        for talk in (0, 1):
            for more in (
                {},
                dict(look_x=1),
                dict(look_x=-1),
                dict(look_y=1),
                dict(look_y=-1),
                dict(tilt=0.9),
                dict(tilt=-0.9),
                dict(nod=1),
                dict(shake=1),
            ):
                if talk or more:
                    sets.append(dict(base, blink=blink, **({"talk": 1} if talk else {}), **more))
    return sets
