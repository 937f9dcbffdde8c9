"""A simulator of motion curves: windows of seconds, not pixels.

One call to `draw` makes n windows at once. A window either opens a clip (everything at rest and at
zero) or is cut out of a running one: then earlier actions have left held poses, some are still
under way, and living processes (breath, wind, camera) run through the cut. Every curve is a closed
formula of time, so the past needs no simulating: an action that began before the cut is a ramp with
a negative onset.

Units and signs are those of models/README.md. Tags describe what *begins* in the window.
"""
import numpy as np

from .contract import (CAMERA, CH, CHANNELS, COEFFICIENTS, FACE, MAX_SECONDS, MIN_SECONDS, MODES, PH, PHOTO,
                       RIG, STATE, TAGS, TG, basis)

GRID = 96  # samples per window; the sines are exactly orthogonal on their midpoints
EPSILON = 0.01  # seconds, for velocities at the start
DEGREE = np.pi / 180
_U = (np.arange(GRID) + 0.5) / GRID
_PROJECT = basis(_U).T / GRID  # [GRID, K]

# The time basis rounds off a blink's peak (3 s: 2.6 Hz at most). The decoder clamps closure to 0..1,
# so pulses a little taller than 1 arrive as full blinks; see README.
LID_OVERSHOOT = 1.06


# --- shapes in time ------------------------------------------------------------------------------

def minimum_jerk(s):
    s = np.clip(s, 0, 1)
    return s * s * s * (10 - 15 * s + 6 * s * s)


def _ramp(t, onset, seconds):
    return minimum_jerk((t - _col(onset)) / _col(seconds))


def _col(a):
    return np.asarray(a, np.float32).reshape(-1, 1)


def _noise(rng, t, low, high, parts=5):
    """Smooth noise of unit deviation: a few sines of random frequency, slow ones stronger."""
    n = len(t)
    f = np.exp(rng.uniform(np.log(low), np.log(high), (n, parts))).astype(np.float32)
    weight = (f / low) ** -0.5 * rng.uniform(0.5, 1.0, (n, parts)).astype(np.float32)
    weight /= np.sqrt((weight ** 2).sum(1, keepdims=True) / 2)
    phase = rng.uniform(0, 2 * np.pi, (n, parts)).astype(np.float32)
    out = np.zeros_like(t)
    for j in range(parts):
        out += weight[:, j:j + 1] * np.sin(2 * np.pi * f[:, j:j + 1] * t + phase[:, j:j + 1])
    return out


def _smoothstep(x, low, high):
    s = np.clip((x - low) / (high - low), 0, 1)
    return s * s * (3 - 2 * s)


class Window:
    """What the parts of the simulator share: the clock, the dice, the tags and the photo."""

    def __init__(self, rng, n):
        self.rng, self.n = rng, n
        self.d = np.where(rng.random(n) < 0.75, rng.uniform(1.5, MAX_SECONDS, n),
                          rng.uniform(MIN_SECONDS, MAX_SECONDS, n)).astype(np.float32)
        self.opening = rng.random(n) < 0.35
        self.t = np.concatenate([np.zeros((n, 1)), np.full((n, 1), EPSILON),
                                 _U[None] * self.d[:, None]], 1).astype(np.float32)
        self.photo = draw_photo(rng, n)
        self.tags = draw_tags(rng, n)
        self.still = self.tag("still") > 0
        self.values = np.zeros((n, len(CHANNELS), GRID + 2), np.float32)

    def tag(self, name):
        return self.tags[:, TG[name]]

    def see(self, name):
        return self.photo[:, PH[name]]

    def uniform(self, low, high):
        return self.rng.uniform(low, high, self.n).astype(np.float32)

    def chance(self, p):
        return self.rng.random(self.n) < p

    def sign(self):
        return np.where(self.rng.random(self.n) < 0.5, -1, 1).astype(np.float32)

    def add(self, channel, curve):
        self.values[:, CH[channel]] += curve

    def strength(self, now, settle=0.8):
        """The strength of a process that lives on across windows: from what it was to what is asked."""
        before = np.where(self.chance(0.7), now, np.where(self.chance(0.4), 0, self.uniform(0.2, 1.2)))
        before = np.where(self.opening, 0, before)
        seconds = np.minimum(settle * self.uniform(0.8, 1.3), 0.8 * self.d)
        return _col(before) + _col(now - before) * _ramp(self.t, np.zeros(self.n), seconds)


# --- conditions ----------------------------------------------------------------------------------

def draw_photo(rng, n):
    """Photo features of portraits, people at a distance and sceneries, as perception would see them."""
    out = np.zeros((n, len(PHOTO)), np.float32)
    u = lambda low, high: rng.uniform(low, high, n)
    p = lambda prob: rng.random(n) < prob
    kind = rng.choice(3, n, p=[0.54, 0.16, 0.30])  # portrait, figure, scenery
    portrait, scenery = kind == 0, kind == 2
    face = ~scenery
    size = np.where(portrait, np.exp(u(np.log(0.07), np.log(0.32))), np.exp(u(np.log(0.012), np.log(0.07))))
    head = np.clip(size ** 2 * u(4.0, 7.0), 0, 0.5)
    person = np.clip(head * np.where(portrait, u(1.3, 3.5), u(4, 9)), 0, 0.85)
    person = np.where(p(0.06), head * 1.02, person)  # a head alone
    hair = head * np.where(p(0.1), 0, np.where(p(0.4), u(0.3, 0.9), u(0.08, 0.35)))
    from_behind = scenery & p(0.2)  # people whose face is not seen
    person = np.where(from_behind, u(0.02, 0.4), np.where(scenery, 0, person))
    head = np.where(from_behind, person * u(0.05, 0.2), np.where(scenery, 0, head))
    hair = np.where(from_behind, head * u(0, 0.8), np.where(scenery, 0, hair))
    room = 1 - person
    some = lambda prob, low, high: np.where(p(prob), u(low, high), 0)
    vegetation = np.where(scenery, some(0.6, 0.02, 0.8), some(0.3, 0.02, 0.5)) * room
    water = np.where(scenery, some(0.6, 0.02, 0.6), some(0.2, 0.02, 0.35)) * room
    sky = np.where(scenery, some(0.65, 0.03, 0.6), some(0.35, 0.03, 0.4)) * room
    over = np.maximum(1, (vegetation + water + sky) / np.maximum(room, 1e-3))
    # Perception is never quite silent: a trace of everything is noise, not a thing that moves.
    trace = lambda a: np.where(a > 0, a / over, np.where(p(0.5), u(0, 0.006), 0))
    both, one = p(0.08), p(0.05)
    left = rng.random(n) < 0.5
    shut = u(0.05, 0.14)
    wide = np.clip(rng.normal(0.33, 0.06, n), 0.16, 0.55)
    open_l = np.where(both | (one & left), shut, wide)
    open_r = np.where(both | (one & ~left), shut * u(0.8, 1.2), np.clip(wide * u(0.9, 1.1), 0.16, 0.6))
    columns = dict(
        has_face=face, person=person, head=head, hair=hair, sky=trace(sky), vegetation=trace(vegetation),
        water=trace(water), face_size=size * face, open_l=open_l * face, open_r=open_r * face,
        mouth_open=np.where(p(0.6), u(0, 0.03), u(0.03, 0.4)) * face,
        yaw=np.clip(rng.normal(0, 14, n), -45, 45) * DEGREE * face,
        pitch=np.clip(rng.normal(0, 8, n), -30, 30) * DEGREE * face,
        roll=np.clip(rng.normal(0, 7, n), -30, 30) * DEGREE * face,
        smile=np.clip(rng.normal(0.84, 0.11, n), 0.55, 1.2) * face)
    for name, value in columns.items():
        out[:, PH[name]] = value
    return out


# How often each thing happens where nobody asks for it.
_ACTIONS = dict(smile=0.24, brow=0.15, gaze_x=0.18, gaze_y=0.15, talk=0.16, nod=0.17, shake=0.17, tilt=0.16,
                look_x=0.2, look_y=0.16, wink=0.08, close=0.06, lean=0.1)
_CAMERA = dict(zoom=0.32, pan_x=0.18, pan_y=0.13, orbit=0.2, handheld=0.2)
_NATURE = dict(sway=0.55, ripple=0.62, drift=0.55)
_SIGNED = ("smile", "gaze_x", "gaze_y", "tilt", "look_x", "look_y", "zoom", "pan_x", "pan_y", "orbit", "drift",
           "wink", "lean")


def draw_tags(rng, n):
    tags = np.zeros((n, len(TAGS)), np.float32)
    # Small strengths as often as large ones: what is asked by half must come by half.
    value = lambda: np.where(rng.random(n) < 0.25, rng.uniform(0.8, 1.2, n), rng.uniform(0.05, 1.25, n))
    # Prompts name one or two things: half of the windows hold one or two actions and no more.
    names = list(_ACTIONS)
    weights = np.array(list(_ACTIONS.values()))
    sparse = rng.random(n) < 0.5
    picked = np.zeros((n, len(names)), bool)
    for _ in range(2):
        picked[np.arange(n), rng.choice(len(names), n, p=weights / weights.sum())] |= rng.random(n) < 0.6
    for j, name in enumerate(names):
        on = np.where(sparse, picked[:, j], rng.random(n) < weights[j])
        tags[:, TG[name]] = on * value()
    for name, prior in {**_CAMERA, **_NATURE}.items():
        tags[:, TG[name]] = (rng.random(n) < prior) * value()
    tags[:, TG["idle"]] = (rng.random(n) < 0.75) * value()
    tags[:, TG["breathe"]] = (rng.random(n) < 0.7) * value()
    # 15 to 20 blinks a minute put one into about every second window.
    tags[:, TG["blink"]] = (rng.random(n) < 0.52) * np.where(
        rng.random(n) < 0.65, rng.uniform(0.8, 1.2, n), rng.uniform(0.05, 1.2, n))
    for name in _SIGNED:
        positive = 0.75 if name == "smile" else 0.6 if name == "zoom" else 0.5
        tags[:, TG[name]] *= np.where(rng.random(n) < positive, 1, -1)
    # Lids that stay shut neither blink nor wink.
    shut = np.abs(tags[:, TG["close"]]) > 0
    tags[shut, TG["blink"]] = tags[shut, TG["wink"]] = 0
    still = rng.random(n) < 0.09
    for name in [*names, "idle", "blink"]:
        tags[still, TG[name]] = 0
    tags[:, TG["still"]] = still
    return tags


# --- building blocks -----------------------------------------------------------------------------

def _posed(w, asked, target, reach, rest, slow=False, glance=0.0, signed=True):
    """A pose that moves to an absolute target, holds it, sometimes comes back.

    asked: which windows move it; target: where to; reach: how far earlier windows may have left it;
    rest: where it drifts when nobody asks. Returns the curve, the onset and the size of the move.
    """
    n, d, t = w.n, w.d, w.t
    running = ~w.opening
    scatter = w.uniform(-1, 1) if signed else w.uniform(0, 1)
    held = np.where(running & w.chance(0.4), scatter * reach, 0)
    held = np.where(running & asked & w.chance(0.3), target, held)  # the same was asked before
    # Some earlier move is still under way at the cut.
    earlier = np.where(running & w.chance(0.2), np.where(w.chance(0.5), 0, (w.uniform(-1, 1) if signed
                       else w.uniform(0, 1)) * reach), held)
    seconds_before = w.uniform(0.5, 1.1)
    onset_before = -w.uniform(0.05, 1.0) * seconds_before
    # Nobody asks: hold, or go back to rest unhurriedly.
    back = w.chance(0.5) & ~w.still
    goal = np.where(asked, target, np.where(back, rest, held))
    seconds = np.minimum(w.uniform(0.5, 1.1), 0.55 * d)
    lazy = np.minimum(w.uniform(0.9, 2.2), 0.8 * d)
    seconds = np.where(asked, seconds, lazy if slow else np.maximum(seconds, np.minimum(lazy, 0.9)))
    latest = np.maximum(0.88 * d - seconds, 0.05 * d)
    onset = np.minimum(w.uniform(0.04, 1.0) * np.minimum(d / 2, 0.9) + 0.02, latest)
    move = goal - held
    curve = _col(earlier) + _col(held - earlier) * _ramp(t, onset_before, seconds_before) \
        + _col(move) * _ramp(t, onset, seconds)
    if glance:
        pause, home = w.uniform(0.25, 0.7), w.uniform(0.5, 0.9)
        returns = asked & w.chance(glance) & (onset + seconds + pause + home < 0.92 * d)
        curve -= _col(np.where(returns, goal * w.uniform(0.5, 1.0), 0)) * _ramp(t, onset + seconds + pause, home)
    return curve, onset, np.where(asked, move, 0)


def _burst(w, low, high):
    """Nods and shakes: one to three cycles under an envelope, all within the window."""
    f = w.uniform(low, high)
    room = 0.86 * w.d
    cycles = np.clip(np.minimum(w.rng.integers(1, 4, w.n), np.floor((room - 0.05) * f)), 1, 3)
    f = np.maximum(f, cycles / (room - 0.02 * w.d))
    seconds = cycles / f
    onset = np.minimum(w.uniform(0.02, 0.6), np.maximum(room - seconds, 0.01 * w.d))
    s = w.t - _col(onset)
    u = np.clip(s / _col(seconds), 0, 1)
    # A head cannot swing as wide when it must hurry.
    hurry = np.clip(1.9 / np.maximum(f, 1.9), 0.7, 1)
    return _col(hurry) * np.sin(2 * np.pi * _col(f) * s) * np.maximum(np.sin(np.pi * u), 0) ** 0.7


def _pulse(w, onset, closing, hold, opening):
    """A blink's lid: shut, hold, open."""
    onset, closing, hold = _col(onset), _col(closing), _col(hold)
    return np.minimum(minimum_jerk((w.t - onset) / closing),
                      1 - minimum_jerk((w.t - onset - closing - hold) / _col(opening)))


# --- the parts -----------------------------------------------------------------------------------

def _head(w):
    """Head pose: looks, tilts, nods, shakes, leaning and the idle sway. Returns onsets of turns."""
    t = w.t
    idle = np.where(w.still, 0, w.tag("idle"))
    sway = w.strength(idle) * np.ones_like(t)
    # Small figures sway with the whole body: more, measured in eye distances.
    body = 1 + 1.2 * np.clip((0.07 - w.see("face_size")) / 0.06, 0, 1)
    drift = np.minimum(idle, 1)

    def toward(value, photo, room):
        """A head that is turned already has little room left on that side."""
        return value * (1 - 0.65 * np.clip(np.sign(value) * photo / room, 0, 1))

    def rest(photo, share, most):
        return -np.clip(share * photo, -most, most) * drift

    look, turn_onset, turn = _posed(
        w, w.tag("look_x") != 0, toward(12 * DEGREE * w.tag("look_x"), w.see("yaw"), 35 * DEGREE),
        12 * DEGREE, rest(w.see("yaw"), 0.22, 4 * DEGREE), slow=True, glance=0.25)
    shake = 9 * DEGREE * _col(w.tag("shake") * w.sign()) * _burst(w, 0.75, 1.5)
    # Tracked heads (GRID) also tremble by a third of a degree, faster than they sway.
    tremble = lambda size: size * DEGREE * _noise(w.rng, t, 0.5, 2.2)
    w.add("yaw", look + shake + sway * (1.8 * DEGREE * _noise(w.rng, t, 0.07, 0.45) + tremble(0.25)))

    up_down, dip_onset, dip = _posed(
        w, w.tag("look_y") != 0, toward(8 * DEGREE * w.tag("look_y"), w.see("pitch"), 28 * DEGREE),
        8 * DEGREE, rest(w.see("pitch"), 0.18, 2.5 * DEGREE), slow=True, glance=0.25)
    nod = 7 * DEGREE * _col(w.tag("nod")) * _burst(w, 0.8, 1.6)
    w.add("pitch", up_down + nod + sway * (1.2 * DEGREE * _noise(w.rng, t, 0.07, 0.45) + tremble(0.35)))

    tilt, _, _ = _posed(
        w, w.tag("tilt") != 0, toward(8 * DEGREE * w.tag("tilt"), w.see("roll"), 28 * DEGREE),
        8 * DEGREE, rest(w.see("roll"), 0.25, 3 * DEGREE), slow=True, glance=0.2)
    w.add("roll", tilt - 0.08 * look + sway * (0.9 * DEGREE * _noise(w.rng, t, 0.07, 0.4) + tremble(0.15)))

    lean, _, _ = _posed(w, w.tag("lean") != 0, 0.055 * w.tag("lean"), 0.05, 0 * w.d, slow=True, glance=0.2)
    w.add("scale", lean + sway * 0.005 * _noise(w.rng, t, 0.07, 0.4))
    # The neck carries the head sideways as it tilts and down as it comes nearer.
    bob = lambda size: size * _noise(w.rng, t, 0.4, 1.8)
    w.add("shift_x", 0.35 * tilt + sway * _col(body) * (0.016 * _noise(w.rng, t, 0.07, 0.4) + bob(0.004)))
    w.add("shift_y", 0.5 * lean + 0.15 * up_down + sway * _col(body) * (0.011 * _noise(w.rng, t, 0.07, 0.4) + bob(0.005)))
    return (turn_onset, turn / (12 * DEGREE), look), (dip_onset, dip / (8 * DEGREE), up_down)


def _gaze(w, turn, dip):
    """Saccades, fixations that wander, and eyes that lead a turning head and then swing back."""
    t = w.t
    idle = np.where(w.still, 0, w.tag("idle"))
    blind = _smoothstep(np.maximum(w.see("open_l"), w.see("open_r")), 0.13, 0.17)
    for name, amount, (onset, size, pose), wander in (("gaze_x", 0.16, turn, 0.028), ("gaze_y", 0.11, dip, 0.016)):
        n, d = w.n, w.d
        running = ~w.opening
        asked = w.tag(name) != 0
        held = np.where(running & w.chance(0.35), w.uniform(-1, 1) * amount, 0)
        held = np.where(running & asked & w.chance(0.3), amount * w.tag(name), held)
        goal = np.where(asked, amount * w.tag(name), np.where(w.chance(0.6) & ~w.still, 0, held))
        start = w.uniform(0.04, 0.45) * np.minimum(d, 2)
        back = w.uniform(0.5, 1.3)
        returns = asked & w.chance(0.35) & (start + back + 0.15 < 0.9 * d)
        # A long window's sines cannot follow a tenth of a second: a slower jump rings less.
        saccade = np.maximum(w.uniform(0.08, 0.12), 0.07 * d)
        curve = _col(held) + _col(goal - held) * _ramp(t, start, saccade) \
            - _col(np.where(returns, goal, 0)) * _ramp(t, start + back, saccade)
        # Eyes lead the head by about a tenth of a second; the reflex turns them back as it arrives.
        lead = np.where(np.abs(size) > 0.15, np.clip(size, -1.3, 1.3), 0) * amount * 0.5 * ~asked
        led = onset - w.uniform(0.06, 0.14)
        led = np.maximum(led, 0.01)
        curve += _col(lead) * (_ramp(t, led, saccade) - _ramp(t, onset + 0.15, np.minimum(0.55, 0.4 * d)))
        # Fixations: every jump replaces the last resting place.
        place = np.where(running, w.rng.normal(size=n), 0)
        at = w.uniform(0.0, 1.0)
        wandering = _col(place)
        for _ in range(4):
            fresh = w.rng.normal(size=n)
            wandering = wandering + _col(fresh - place) * _ramp(t, at, saccade)
            place, at = fresh, at + w.uniform(0.4, 1.3)
        curve += w.strength(idle, settle=0.3) * wander * wandering
        w.add(name, curve * _col(blind))


def _lids(w, turn_onset, turn_size):
    t, d, n = w.t, w.d, w.n
    asked = w.tag("blink")
    # Below half strength lids only droop part of the way; from there on a blink is a full one.
    depth = np.clip(2 * asked, 0, 1)
    hurry = np.clip(d / 0.75, 0.6, 1)
    lids = np.zeros_like(t)

    def blink(onset, depth):
        # Real blinks (eleven in eight clips at 25 fps) are shut for two to four frames.
        parts = [np.maximum(w.uniform(0.11, 0.16) * hurry, 0.05 * d), w.uniform(0.03, 0.07) * hurry, w.uniform(0.2, 0.3) * hurry]
        return LID_OVERSHOOT * _col(depth) * _pulse(w, onset, *parts), sum(parts)

    latest = np.maximum(0.9 * d - 0.5 * hurry, 0.05 * d)
    onset = 0.02 * d + w.rng.random(n) * (latest - 0.02 * d)
    with_turn = (np.abs(turn_size) > 0.5) & w.chance(0.5)
    onset = np.where(with_turn, np.clip(turn_onset - 0.03, 0.02 * d, latest), onset)
    curve, seconds = blink(onset, depth)
    lids = np.maximum(lids, curve)
    second = onset + np.where(w.chance(0.15), w.uniform(0.45, 0.55), w.uniform(0.8, 1.9))
    again = (asked >= 0.5) & (second < 0.9 * d - 0.5) & w.chance(0.25)
    lids = np.maximum(lids, blink(second, again)[0])
    # A blink that the cut fell into goes on, whatever this window was asked.
    under_way = ~w.opening & w.chance(0.07)
    lids = np.maximum(lids, blink(-w.uniform(0.02, 0.42), under_way)[0])

    wink = np.where(asked > 0, 0, w.tag("wink"))
    w.tags[:, TG["wink"]] = wink
    wink_depth = LID_OVERSHOOT * np.clip(2 * np.abs(wink), 0, 1)
    parts = [w.uniform(0.14, 0.2) * hurry, w.uniform(0.1, 0.25) * hurry, w.uniform(0.22, 0.32) * hurry]
    start = 0.02 * d + w.rng.random(n) * np.maximum(0.9 * d - sum(parts) - 0.02 * d, 0.01)
    winked = _col(wink_depth) * _pulse(w, start, *parts)

    # Lids that were asked to stay shut: an absolute pose. Nobody asks any more: they open.
    shut = np.where(w.opening, 0, np.where(w.chance(0.1), np.where(w.chance(0.5), 1, w.uniform(0.2, 1)), 0))
    want = np.abs(w.tag("close"))
    w.tags[:, TG["close"]] = want
    goal = np.where(want > 0, np.minimum(want, 1), np.where(w.still, shut, 0))
    seconds = np.minimum(w.uniform(0.3, 0.65), 0.5 * d)
    begin = w.uniform(0.02, 0.5) * np.minimum(d - seconds, 1.0)
    closed = _col(shut) + _col(goal - shut) * _ramp(t, begin, seconds)

    smile = w.values[:, CH["smile"]]
    gaze = w.values[:, CH["gaze_y"]]
    # Cheeks push the lower lids up in a smile; upper lids follow the gaze down.
    soft = 0.10 * np.maximum(smile, 0) + 0.5 * gaze
    for name, side in (("lid_l", -1), ("lid_r", 1)):
        this = np.where(np.sign(wink) == side, 1, 0.08)
        lid = np.maximum(np.maximum(lids * _col(w.uniform(0.97, 1.03)), closed), winked * _col(this))
        lid = np.clip(lid + soft * np.clip(1 - lid, 0, 1), -0.12, 1.15)
        # An eye that the photo shows closed has nothing left to close.
        w.add(name, lid * _col(_smoothstep(w.see("open_" + name[-1]), 0.13, 0.18)))


def _face(w):
    t = w.t
    idle = np.where(w.still, 0, w.tag("idle"))
    # Who smiles already has less to add.
    room = 1 - 0.6 * np.clip((w.see("smile") - 0.82) / 0.25, 0, 1)
    want = w.tag("smile")
    want = np.where(want > 0, want * room, 0.8 * want)
    smile, _, _ = _posed(w, want != 0, want, 0.8, 0 * w.d, glance=0.15)
    w.add("smile", smile)
    w.add("yaw", 0.6 * DEGREE * smile * _col(w.sign() * w.chance(0.5)))
    w.add("pitch", -1.2 * DEGREE * np.maximum(smile, 0) * _col(w.chance(0.5)))
    brow, _, _ = _posed(w, w.tag("brow") != 0, 0.1 * w.tag("brow"), 0.08, 0 * w.d, glance=0.6, signed=False)
    w.add("brow", brow - 0.02 * np.maximum(-smile, 0)
          + w.strength(idle) * 0.006 * _noise(w.rng, t, 0.1, 0.6))


def _talk(w):
    """Syllables: the jaw swings between open and closed, in phrases with pauses."""
    t = w.t
    # A window's sines end at (K - 1/2) / 2d Hz: a longer window must speak more slowly.
    rate = np.minimum(w.uniform(3.0, 6.0), 0.8 * (COEFFICIENTS - 0.5) / (2 * w.d))
    asked = np.where(w.still, 0, w.tag("talk"))
    voice = w.strength(asked, settle=0.25)
    phase = 2 * np.pi * _col(rate) * t + _col(w.uniform(0, 2 * np.pi)) + 1.1 * _noise(w.rng, t, 0.5, 1.5, 3)
    stress = 0.65 + 0.35 * np.tanh(_noise(w.rng, t, 0.4, 1.6, 3))
    phrase = 0.15 + 0.85 * _smoothstep(_noise(w.rng, t, 0.25, 0.6, 3) + 1.1, 0.0, 0.7)
    swing = (0.5 - 0.5 * np.cos(phase)) * stress * phrase
    # A mouth that is open in the photo can also close.
    gap = _col(w.see("mouth_open"))
    w.add("mouth", voice * (0.125 * (1 - np.clip(gap / 0.6, 0, 0.5)) * swing - 0.7 * gap * (1 - swing) * (gap > 0.03)))
    w.add("pitch", voice * 0.8 * DEGREE * _noise(w.rng, t, 0.3, 1.0, 3))
    w.add("brow", voice * 0.008 * _noise(w.rng, t, 0.3, 1.0, 3))
    # Lips that speak also purse and spread: GRID's mouth corners move by a tenth of a smile.
    w.add("smile", voice * 0.1 * _noise(w.rng, t, 0.4, 1.6, 3))


def _breath(w):
    present = _smoothstep(w.see("person") - w.see("head"), 0.004, 0.02)
    wave = np.sin(2 * np.pi * _col(w.uniform(0.2, 0.35)) * w.t
                  + _col(np.where(w.opening, 0, w.uniform(0, 2 * np.pi))))
    wave = wave * w.strength(w.tag("breathe")) * _col(present)
    w.add("breath", np.clip(wave, -1.25, 1.25))
    return wave


def _camera(w):
    """Camera moves at a constant speed after a soft start: windows in a row then do not pulse."""
    t, d = w.t, w.d

    def travel(asked):
        seconds = np.minimum(w.uniform(0.5, 0.9), 0.5 * d)
        speed = asked / (d - seconds / 2)
        typical = np.where(w.chance(0.5), speed, np.where(w.chance(0.5), 0, w.uniform(-0.5, 0.5) * scale / d))
        start = np.where(w.opening, 0, typical)
        s = np.clip(t / _col(seconds), 0, 1)
        ramped = _col(seconds) * s ** 4 * (2.5 - 3 * s + s * s)  # the integral of minimum jerk
        braked = np.minimum(t, _col(seconds)) - ramped
        gone = _col(np.where(w.opening, 0, w.uniform(-1.2, 1.2) * scale * w.chance(0.6)))
        return gone + _col(speed) * t + _col(start - speed) * braked

    for name, scale in (("zoom", 0.12), ("pan_x", 0.06), ("pan_y", 0.06), ("orbit", 0.05)):
        w.add(name, travel(scale * w.tag(name)))
    shaking = w.strength(w.tag("handheld"))
    for name, size in (("pan_x", 0.0045), ("pan_y", 0.0040), ("camera_roll", 0.0045), ("zoom", 0.003)):
        w.add(name, shaking * size * _noise(w.rng, t, 0.15, 1.1))


def _waves(w, kind, strength, total, low, high, weights):
    """Travelling waves on a class's mode pairs: quadrature in time on quadrature in space, with gusts."""
    t = w.t
    names = [f"{kind}_{i}" for i in range(2 * len(weights))]
    gust = 0.65 + 0.35 * np.tanh(_noise(w.rng, t, 0.08, 0.4, 3))
    along = w.sign()  # wind and swell run one way
    for pair, weight in enumerate(weights):
        if not weight:
            continue
        omega = 2 * np.pi * w.uniform(low, high) * (1 + 0.18 * pair) * along
        phase = _col(omega) * t + _col(w.uniform(0, 2 * np.pi)) + 0.5 * _noise(w.rng, t, 0.1, 0.4, 3)
        size = strength * gust * weight * total
        w.add(names[2 * pair], size * np.cos(phase))
        w.add(names[2 * pair + 1], size * np.sin(phase))


def _nature(w, breath):
    t = w.t
    wind = w.strength(w.tag("sway"), settle=1.0)
    person, head = w.see("person"), w.see("head")
    # Growth with the share: a bush at the edge stirs less than a meadow that fills the frame.
    cover = lambda share: _smoothstep(share, 0.008, 0.03) * (0.6 + 0.4 * _smoothstep(share, 0.03, 0.4))
    _waves(w, "vegetation", wind * _col(cover(w.see("vegetation"))), 0.0042, 0.3, 0.75, [0.5, 0.36, 0.25, 0.16])
    ripples = w.strength(w.tag("ripple"), settle=1.0) * _col(cover(w.see("water")))
    _waves(w, "water", ripples, 0.0036, 0.35, 0.8, [0.45, 0.4, 0.22, 0.22])

    clothed = _smoothstep(person - head, 0.01, 0.2)
    _waves(w, "cloth", wind * _col(clothed), 0.0032, 0.3, 0.7, [0.35, 0.65])
    w.add("cloth_0", 0.0022 * breath * _col(clothed))

    share = _smoothstep(w.see("hair"), 0.002, 0.01)
    long = 0.25 + 0.75 * _smoothstep(w.see("hair") / np.maximum(head, 1e-4), 0.12, 0.5)
    loose = _col(share * long)
    _waves(w, "hair", wind * loose, 0.016, 0.3, 0.8, [0.35, 0.65])
    # Hair is a slack pendulum that the head drags along.
    drive = 1.5 * w.values[:, CH["yaw"]] + w.values[:, CH["shift_x"]] + 1.0 * w.values[:, CH["roll"]]
    drive = drive * _col(w.see("has_face"))
    swing = np.zeros_like(drive)
    omega, damping = w.uniform(5.5, 8.0), 0.35
    x = np.where(w.opening, 0, w.uniform(-0.01, 0.01) * w.chance(0.5))
    v = np.zeros(w.n, np.float32)
    swing[:, 0] = x
    speed = (drive[:, 1] - drive[:, 0]) / EPSILON
    speed = np.where(w.opening, 0, speed)
    for i in range(1, drive.shape[1]):
        step = t[:, i] - t[:, i - 1]
        now = (drive[:, i] - drive[:, i - 1]) / step
        v = (v - (now - speed)) / (1 + 2 * damping * omega * step) - omega ** 2 * x * step
        x = x + v * step
        speed = now
        swing[:, i] = x
    w.add("hair_0", 0.03 * np.tanh(0.6 * swing / 0.03) * loose)

    cloud = cover(w.see("sky"))
    seconds = np.minimum(1.0, 0.6 * w.d)
    speed = 0.02 / 3 * w.tag("drift") * cloud
    start = np.where(w.opening, 0, np.where(w.chance(0.75), speed, 0.02 / 3 * cloud * w.uniform(-1, 1)))
    s = np.clip(t / _col(seconds), 0, 1)
    braked = np.minimum(t, _col(seconds)) - _col(seconds) * s ** 4 * (2.5 - 3 * s + s * s)
    path = _col(speed) * t + _col(start - speed) * braked
    for name, share in (("sky_0", 1.0), ("sky_1", 0.35)):
        w.add(name, share * path)


def draw(rng, n):
    """n windows: coefficients [n, K, C], tags [n, T], photo [n, P], state [n, S]."""
    w = Window(rng, n)
    turn, dip = _head(w)
    _gaze(w, turn, dip)
    _face(w)
    _lids(w, turn[0], turn[1])
    _talk(w)
    breath = _breath(w)
    _camera(w)
    _nature(w, breath)
    face = w.see("has_face") > 0
    w.values[:, CH["mouth"]] = np.clip(w.values[:, CH["mouth"]], -0.4, 0.16)
    for name in FACE:
        w.values[~face, CH[name]] = 0
    value = w.values[:, :, 0]
    velocity = (w.values[:, :, 1] - value) / EPSILON
    velocity[w.opening] = 0
    value[w.opening] = 0
    change = w.values[:, :, 2:] - value[:, :, None]
    coefficients = np.einsum("nct,tk->nkc", change, _PROJECT, optimize=True)
    state = np.concatenate([value, velocity, w.d[:, None]], 1).astype(np.float32)
    assert state.shape[1] == len(STATE) and coefficients.shape[1:] == (COEFFICIENTS, len(RIG) + len(MODES))
    return dict(coefficients=coefficients.astype(np.float32), tags=w.tags, photo=w.photo, state=state)
