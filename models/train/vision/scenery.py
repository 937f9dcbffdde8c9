"""Sky, vegetation and water: cues on real pictures, and painted scenery.

No teacher knows these classes, so their labels are cues (colour, smoothness, place in the picture)
switched on only for pictures that were looked at and listed here. A pixel that looks like a class
in a picture that is not listed is left out of the loss: missing is better than wrong.
"""

import cv2
import numpy as np

SKY, VEGETATION, WATER = 0, 1, 2

# Synthetic portraits seen to have the class in their background.
LISTED_SKY = """background_010 background_011 background_012 background_014 background_017
background_018 background_019 background_041 background_043 background_044 background_045
background_046 background_047 background_048 background_052 background_055 background_057
ethnicity_010 ethnicity_012 ethnicity_015 ethnicity_016 ethnicity_020 ethnicity_047
glasses_011 face_pose_028 lighting_043 lighting_045 lighting_028 lighting_035 jewelry_002
jewelry_003 hats_036 glasses_style_041 glasses_style_042 glasses_style_043 eye_gaze_009""".split()
LISTED_VEGETATION = """background_010 background_011 background_012 background_013 background_014
background_016 background_017 background_019 background_052 ethnicity_020 ethnicity_034
ethnicity_037 ethnicity_045 ethnicity_047 ethnicity_050 expression_009 eye_color_010 eye_color_011
eye_color_013 eye_color_027 hair_color_004 hair_color_011 hair_color_013 hats_031 hats_034 hats_040
hats_043 hats_045 lighting_029""".split()

# Pictures without people: class -> polygons in the unit square; the cue decides inside them.
REGIONS = {
    "bridge-mods__aaa-orig": {
        SKY: [[(0, 0), (1, 0), (1, 0.36), (0, 0.36)]],
        VEGETATION: [
            [(0, 0), (0.86, 0), (0.86, 0.6), (0, 0.6)],
            [(0, 0.84), (0.5, 0.8), (0.5, 1), (0, 1)],
        ],
        WATER: [
            [(0, 0.62), (0.56, 0.62), (0.56, 0.8), (0, 0.84)],
            [(0.68, 0.62), (0.88, 0.66), (0.88, 0.88), (0.68, 0.9)],
        ],
    },
    "labelme-subset__q0003": {SKY: [[(0, 0), (1, 0), (1, 1), (0, 1)]]},
    "labelme-subset__q0004": {SKY: [[(0, 0), (1, 0), (1, 1), (0, 1)]]},
    "labelme-subset__q0122": {
        SKY: [[(0, 0), (1, 0), (1, 0.45), (0, 0.45)]],
        WATER: [[(0, 0.51), (1, 0.51), (1, 1), (0, 1)]],
    },
    "labelme-subset__q1050": {SKY: [[(0, 0), (0.96, 0), (0.96, 0.2), (0, 0.2)]]},
    "kodim03": {SKY: [[(0.3, 0), (1, 0), (1, 0.62), (0.6, 0.38)]]},
    "scaledown-test-tri": {
        SKY: [[(0, 0), (1, 0), (1, 0.5), (0, 0.5)]],
        WATER: [[(0.55, 0.86), (1, 0.68), (1, 1), (0.4, 1)]],
    },
    "pine_and_sky": {
        SKY: [[(0, 0), (1, 0), (1, 0.9), (0, 0.9)]],
        VEGETATION: [[(0, 0), (0.4, 0), (0.4, 0.78), (0, 0.78)]],
    },
    "mdn_flower": {VEGETATION: [[(0, 0), (1, 0), (1, 1), (0, 1)]]},
    "flutter_bee": {VEGETATION: [[(0, 0), (1, 0), (1, 1), (0, 1)]]},
    "flutter_butterfly": {VEGETATION: [[(0, 0), (1, 0), (1, 1), (0, 1)]]},
    "train__robertducky1": {VEGETATION: [[(0.25, 0), (0.9, 0), (0.9, 0.5), (0.25, 0.5)]]},
}


def cues(bgr):
    """Where a picture may show sky and vegetation by its colour and smoothness (booleans)."""
    blurred = cv2.GaussianBlur(bgr, (0, 0), 1.5).astype(np.float32)
    b, green, r = blurred[..., 0], blurred[..., 1], blurred[..., 2]
    value, spread = blurred.max(2), blurred.max(2) - blurred.min(2)
    grey = blurred.mean(2)
    rough = np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))
    rough = cv2.GaussianBlur(rough, (0, 0), 3)
    smooth = rough < 16
    sky = smooth & (value > 70) & ((b >= r - 6) | (value > 190) | (spread < 30))
    plant = (green > 1.06 * b + 4) & (green > 0.98 * r) & (spread > 16) & (value > 28)
    return sky, plant


def from_the_top(bgr, allowed, step=2.2):
    """Pixels reached from the upper edge without crossing an edge of the picture."""
    smooth = cv2.bilateralFilter(bgr, 7, 30, 5)
    h, w = allowed.shape
    mask = np.ones((h + 2, w + 2), np.uint8)
    mask[1:-1, 1:-1] = ~allowed
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (2 << 8)
    for x in range(2, w, 8):
        for y in (2, 12):
            if mask[y + 1, x + 1] == 0:
                cv2.floodFill(smooth, mask, (x, y), 0, (step,) * 3, (step,) * 3, flags)
    return mask[1:-1, 1:-1] == 2


def polygons(shape, unit):
    mask = np.zeros(shape, np.uint8)
    for points in unit:
        cv2.fillPoly(mask, [np.int32(np.array(points) * (shape[1], shape[0]))], 1)
    return mask.astype(bool)


def label(bgr, person, name, studio=False):
    """Labels and weights (H, W, 3) of sky, vegetation, water for a picture.

    `name` looks the picture up in the lists; `person` (H, W, 0-1) is never scenery; a `studio`
    background has none of the classes.
    """
    h, w = bgr.shape[:2]
    labels, weights = np.zeros((h, w, 3), np.float32), np.ones((h, w, 3), np.float32)
    if studio:
        return labels, weights
    sky, plant = cues(bgr)
    free = person < 0.15
    border = (person >= 0.05) & (person < 0.9)
    regions = REGIONS.get(name)
    if regions is not None:
        for kind, areas in regions.items():
            inside = polygons((h, w), areas)
            if kind == WATER:
                labels[..., WATER] = inside & ~plant
                weights[..., WATER] = np.where(inside & plant, 0, 1)
            elif kind == SKY:
                hit = inside & (sky if name not in ("bridge-mods__aaa-orig",) else bgr.min(2) > 185)
                hit = cv2.morphologyEx(hit.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3))) > 0
                labels[..., SKY] = hit
                weights[..., SKY] = np.where(inside & ~hit, 0.3, 1)
            else:
                hit = plant if name != "pine_and_sky" else bgr.max(2) < 95
                if name == "bridge-mods__aaa-orig":
                    hit = bgr.min(2) < 150
                labels[..., VEGETATION] = inside & hit
                weights[..., VEGETATION] = np.where(inside & ~hit, 0.0, 1)
        labels[..., VEGETATION] *= 1 - labels[..., SKY]
        return labels, weights
    if name in LISTED_SKY:
        hit = from_the_top(bgr, sky & free & (np.arange(h)[:, None] < 0.75 * h))
        hit = cv2.morphologyEx(hit.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5))) > 0
        hit &= free
        labels[..., SKY] = hit
        weights[..., SKY] = np.where(sky & ~hit & (np.arange(h)[:, None] < 0.75 * h), 0, 1)
    else:
        top = from_the_top(bgr, sky & free)
        # Blue and bright at the top may be sky in a street; in a portrait it is mostly a wall.
        blue = bgr[..., 0].astype(int) > bgr[..., 2].astype(int) + 25
        weights[..., SKY] = np.where(top & blue, 0, 1)
    if name in LISTED_VEGETATION:
        labels[..., VEGETATION] = plant & free
        weights[..., VEGETATION] = np.where(free & ~plant, 0.3, 1)
    else:
        weights[..., VEGETATION] = np.where(plant & free, 0, 1)
    water_like = np.zeros((h, w), bool)
    water_like[h // 2 :] = sky[h // 2 :]
    weights[..., WATER] = np.where(water_like & free, 0.2, 1)
    weights[border] *= 0.5
    return labels, weights


# --- Painted scenery: classes that occur together, with exact labels ---------------------------


def fractal(rng, h, w, coarse=4, octaves=5, stretch=1.0, fall=0.55):
    """Smooth noise of several octaves, 0-1."""
    total, weight = np.zeros((h, w), np.float32), 1.0
    for octave in range(octaves):
        rows = max(2, int(coarse * 2**octave * stretch))
        columns = max(2, int(coarse * 2**octave))
        grid = rng.random((min(rows, h), min(columns, w)), np.float32)
        total += weight * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
        weight *= fall
    low, high = np.percentile(total, (1, 99))
    return np.clip((total - low) / max(high - low, 1e-6), 0, 1)


def colour(rng, base, spread=14):
    return np.clip(np.array(base, np.float32) + rng.normal(0, spread, 3), 0, 255)


def blend(a, b, t):
    return a + (b - a) * t[..., None]


def paint_sky(rng, h, w):
    palettes = (
        ((200, 130, 70), (240, 215, 190)), ((225, 190, 150), (245, 235, 225)),
        ((180, 175, 170), (225, 222, 220)), ((120, 80, 90), (110, 160, 245)),
        ((150, 110, 60), (200, 180, 160)), ((90, 45, 25), (130, 90, 70)),
    )
    top, bottom = palettes[rng.integers(len(palettes))]
    ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None] * np.ones((1, w), np.float32)
    sky = blend(colour(rng, top), colour(rng, bottom), ramp ** rng.uniform(0.6, 1.6))
    if rng.random() < 0.7:
        noise = fractal(rng, h, w, rng.integers(2, 5), 6, rng.uniform(1, 3))
        cloud = np.clip((noise - rng.uniform(0.35, 0.7)) * rng.uniform(1.5, 5), 0, 1)
        shade = colour(rng, (235, 235, 238) if rng.random() < 0.7 else (150, 150, 155))
        sky = blend(sky, shade, cloud * rng.uniform(0.3, 0.95))
    return sky


def paint_water(rng, h, w):
    palettes = (
        ((170, 120, 60), (110, 70, 25)), ((190, 180, 120), (150, 140, 60)),
        ((170, 165, 160), (100, 95, 90)), ((120, 150, 210), (60, 50, 60)),
        ((110, 110, 80), (50, 60, 45)), ((210, 190, 160), (160, 110, 60)),
    )
    far, near = palettes[rng.integers(len(palettes))]
    ramp = np.linspace(0, 1, h, dtype=np.float32)[:, None] * np.ones((1, w), np.float32)
    water = blend(colour(rng, far), colour(rng, near), ramp)
    # Waves look longer than high, and smaller towards the horizon.
    flat = fractal(rng, 2 * h, w, int(rng.integers(3, 7)), 6, rng.uniform(4, 9), 0.75)
    rows = (np.linspace(0, 1, h) ** 0.55 * (2 * h - 1)).astype(np.float32)
    waves = cv2.remap(
        flat, np.tile(np.arange(w, dtype=np.float32), (h, 1)), np.tile(rows[:, None], (1, w)),
        cv2.INTER_LINEAR,
    )
    water += (waves[..., None] - 0.5) * rng.uniform(15, 110)
    if rng.random() < 0.35:
        glint = np.clip((waves - 0.75) * 6, 0, 1) * np.exp(
            -((np.arange(w) / w - rng.random()) ** 2) / 0.02)[None].astype(np.float32)
        water = blend(water, np.array((225, 240, 250), np.float32), glint)
    return water


def paint_plants(rng, h, w, patches):
    if patches and rng.random() < 0.6:
        patch = patches[rng.integers(len(patches))]
        side = int(rng.uniform(0.5, 1.0) * min(patch.shape[:2]))
        y = rng.integers(patch.shape[0] - side + 1)
        x = rng.integers(patch.shape[1] - side + 1)
        leaf = cv2.resize(patch[y : y + side, x : x + side], (w, h), interpolation=cv2.INTER_AREA)
        leaf = leaf.astype(np.float32) * rng.uniform(0.7, 1.25)
    else:
        palettes = (((20, 55, 30), (60, 150, 110)), ((25, 60, 45), (90, 190, 170)),
                    ((15, 40, 25), (50, 110, 70)), ((20, 60, 60), (70, 170, 190)))
        dark, light = palettes[rng.integers(len(palettes))]
        coarse, fine = fractal(rng, h, w, 4, 4), fractal(rng, h, w, 24, 4, rng.uniform(0.4, 1), 0.9)
        mix = np.clip(0.35 * coarse + 0.75 * fine - 0.1, 0, 1)
        leaf = blend(colour(rng, dark), colour(rng, light), mix)
    if rng.random() < 0.4:
        leaf = cv2.GaussianBlur(leaf, (0, 0), rng.uniform(1, 7))
    return leaf


def paint_ground(rng, h, w, things):
    if things and rng.random() < 0.6:
        thing = things[rng.integers(len(things))]
        return cv2.resize(thing, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    base = ((120, 170, 200), (110, 115, 120), (60, 80, 105), (70, 75, 80), (200, 205, 210))
    shade = colour(rng, base[rng.integers(len(base))])
    return shade + (fractal(rng, h, w, 6, 5)[..., None] - 0.5) * rng.uniform(10, 70)


def outline(rng, h, w, level, rise, rough):
    """A jagged line across the picture as a mask of what is below it."""
    line = fractal(rng, 2, w, rough, 6)[0]
    return np.arange(h)[:, None] > (level - rise * line[None]) * h


def paint(rng, size, patches, things):
    """A landscape (size, size, 3) with its labels (size, size, 3) and depth (size, size)."""
    h = w = size
    labels = np.zeros((h, w, 3), np.float32)
    rows = np.arange(h, dtype=np.float32)[:, None] / h * np.ones((1, w), np.float32)
    horizon = rng.uniform(0.2, 0.75)
    if rng.random() < 0.12:  # Leaves or a lawn all over the picture.
        labels[..., VEGETATION] = 1
        return paint_plants(rng, h, w, patches), labels, 0.25 + 0.4 * rows
    picture, depth = paint_sky(rng, h, w), np.zeros((h, w), np.float32)
    labels[..., SKY] = 1
    if rng.random() < 0.15:  # Nothing but sky.
        return picture, labels, depth
    # Something far away stands on the horizon: hills, woods, houses.
    for _ in range(rng.integers(0, 3)):
        mask = outline(rng, h, w, horizon + 0.02, rng.uniform(0.04, 0.3), int(rng.integers(2, 12)))
        kind = rng.random()
        if kind < 0.5:
            layer, value = paint_plants(rng, h, w, patches), VEGETATION
        elif kind < 0.75:
            layer, value = paint_ground(rng, h, w, things), None
        else:  # Hazy mountains: neither class.
            layer = np.tile(colour(rng, (170, 150, 130), 20), (h, w, 1)) + 25 * (
                fractal(rng, h, w, 4, 5)[..., None] - 0.5)
            value = None
        picture = np.where(mask[..., None], layer, picture)
        labels[mask] = 0
        if value is not None:
            labels[mask, value] = 1
        depth = np.where(mask, 0.15, depth)
    # Below the horizon: water (1), plants (2) or ground (3).
    kind_of = rng.choice(3, p=(0.45, 0.3, 0.25)) + 1
    below = rows > horizon
    if rng.random() < 0.4:
        below = outline(rng, h, w, horizon + 0.03, 0.06, int(rng.integers(2, 8)))
    top = int(horizon * h * 0.9)
    full = np.zeros((h, w, 3), np.float32)
    painter = {
        1: lambda n: paint_water(rng, n, w),
        2: lambda n: paint_plants(rng, n, w, patches),
        3: lambda n: paint_ground(rng, n, w, things),
    }[int(kind_of)]
    full[top:] = painter(h - top)
    picture = np.where(below[..., None], full, picture)
    labels[below] = 0
    if kind_of < 3:
        labels[below, WATER if kind_of == 1 else VEGETATION] = 1
    near = 0.15 + 0.65 * np.clip((rows - horizon) / max(1 - horizon, 0.05), 0, 1)
    depth = np.where(below, near, depth)
    if kind_of == 1 and rng.random() < 0.4:  # A shore in front.
        mask = outline(rng, h, w, rng.uniform(0.85, 1.05), 0.12, int(rng.integers(2, 10)))
        plants = rng.random() < 0.5
        layer = paint_plants(rng, h, w, patches) if plants else paint_ground(rng, h, w, things)
        picture = np.where(mask[..., None], layer, picture)
        labels[mask] = 0
        if plants:
            labels[mask, VEGETATION] = 1
    if rng.random() < 0.35:  # A tree or branch in front of it all: ragged, from a side or the top.
        blob = fractal(rng, h, w, 3, 6, 1, 0.75)
        side = rows if rng.random() < 0.5 else rows.T
        side = side if rng.random() < 0.5 else 1 - side
        mask = blob * 0.6 + side > rng.uniform(1.0, 1.35)
        layer = paint_plants(rng, h, w, patches)
        if rng.random() < 0.3:
            layer = layer * 0.4
        picture = np.where(mask[..., None], layer, picture)
        labels[mask] = 0
        labels[mask, VEGETATION] = 1
        depth = np.where(mask, 0.6, depth)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 4))
    return np.clip(picture, 0, 255).astype(np.float32), labels, depth
