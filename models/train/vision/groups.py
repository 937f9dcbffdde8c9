"""Figures by group of people: who the networks see worse.

`vision.evaluate --groups` prints them. The groups of the synthetic portraits were marked by eye on
the held-out ones (a file's name says only what it was picked for); pose and light are measured.
"""

import cv2
import numpy as np

from . import perception, points

CHILD = """accessories_021 background_color_006 ethnicity_044 ethnicity_051 expression_008 eye_color_009
facial_features_008 lighting_006 physical_characteristics_025 physical_characteristics_026
physical_characteristics_028 physical_characteristics_030""".split()
OLDER = """accessories_055 background_020 background_039 ethnicity_002 eye_color_028 face_pose_017
facial_features_028 facial_features_030 glasses_001 hair_color_001 hair_style_x_sex_030 hats_002
jewelry_010""".split()
DARK_SKIN = """background_039 background_045 background_color_030 ethnicity_024 ethnicity_037 expression_047
eye_gaze_002 face_pose_002 facial_hair_027 glasses_style_016 hair_style_036 hair_style_038
hair_style_x_sex_030 hats_043 jewelry_001 jewelry_007 jewelry_008""".split()
GLASSES = """accessories_048 background_color_030 ethnicity_028 ethnicity_055 expression_x_sex_037 eye_gaze_022
eye_gaze_030 face_pose_002 facial_features_008 facial_hair_012 glasses_001 glasses_013 glasses_015
glasses_019 glasses_style_006 glasses_style_008 glasses_style_010 glasses_style_016
glasses_style_023 jewelry_008""".split()
DARK_GLASSES = """accessories_040 accessories_062 background_019 background_045 facial_features_013
facial_features_016 glasses_style_030 glasses_style_032 hats_007 hats_043
physical_characteristics_022""".split()
BEARD = """background_020 background_047 ethnicity_024 ethnicity_037 expression_x_sex_015 eye_color_005
eye_gaze_033 face_pose_017 facial_features_028 facial_features_030 facial_hair_011 facial_hair_012
facial_hair_024 facial_hair_027 facial_hair_034 glasses_style_006 hair_color_069 hats_000 hats_007
hats_019 lighting_005 physical_characteristics_017 physical_characteristics_022""".split()
HAT = """accessories_044 background_color_009 ethnicity_010 ethnicity_037 ethnicity_044 ethnicity_051
expression_x_sex_037 facial_features_028 hats_000 hats_002 hats_004 hats_007 hats_011 hats_019
hats_043 hats_046 jewelry_008 jewelry_039 lighting_012 physical_characteristics_022""".split()
MAKEUP = """accessories_002 ethnicity_007 facial_features_038 hair_style_x_sex_018 hair_style_x_sex_020
makeup_004 makeup_005 makeup_021 makeup_025 makeup_030 makeup_033""".split()

MARKED = {"children": CHILD, "older people": OLDER, "dark skin": DARK_SKIN, "glasses": GLASSES,
          "dark glasses": DARK_GLASSES, "beard or moustache": BEARD, "hat or head cloth": HAT,
          "strong makeup": MAKEUP}


def turn(face):
    """How far a head is turned, from its points: 0 frontal, about 1 where an ear meets the nose."""
    middle = (face[:16].mean(0) + face[16:32].mean(0)) / 2
    across = face[16:32].mean(0) - face[:16].mean(0)
    apart = np.linalg.norm(across)
    return abs((face[53] - middle) @ across) / apart**2 * 2


def of_face(crop, face, name):
    """The groups of one face: a crop (160, 160, 3 BGR), its points in the unit square, its name."""
    folder, rest = name.split("/")
    sources = {"images_jpg90": "street photos", "synthetic": "synthetic portraits"}
    groups = ["all", sources.get(folder, folder)]
    stem = rest.split(":")[0]
    if folder == "synthetic":
        marked = [group for group, names in MARKED.items() if stem in names]
        groups += marked
        if not {"children", "older people"} & set(marked):
            groups.append("other ages")
        if "dark skin" not in marked:
            groups.append("other skin")
        if not {"glasses", "dark glasses"} & set(marked):
            groups.append("no glasses")
        if "beard or moustache" not in marked:
            groups.append("no beard")
    yaw = turn(face)
    groups.append("frontal" if yaw < 0.3 else "half turned" if yaw < 0.7 else "profile")
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY).astype(np.float32)
    side = len(grey)
    oval = np.zeros((side, side), np.uint8)
    cv2.fillPoly(oval, [np.int32(face[77:93] * side)], 1)
    x = np.arange(side)[None] < face[53, 0] * side
    left, right = (grey[(oval == 1) & half] for half in (x, ~x))
    both = np.concatenate([left, right])
    if len(left) > 50 and len(right) > 50:
        groups.append("dark picture" if both.mean() < 60 else "bright picture" if both.mean() > 170
                      else "medium light")
        if max(left.mean(), right.mean()) > 2 * min(left.mean(), right.mean()):
            groups.append("light from one side")
    return groups


def faces(drawn):
    """Groups -> what `evaluate.face_points` drew: point errors and the eyes' opening."""
    crops, found, wanted, names = drawn
    ocular = np.linalg.norm(wanted[:, :16].mean(1) - wanted[:, 16:32].mean(1), axis=1)
    error = np.linalg.norm(found - wanted, axis=2) / ocular[:, None]
    truth, guess = (np.stack(points.openings(p), 1) for p in (wanted, found))
    members = {}
    for i in range(len(crops)):
        for group in of_face(crops[i], wanted[i], names[i]):
            members.setdefault(group, []).append(i)
    result = {}
    for group, rows in members.items():
        closed, opened = truth[rows] < 0.2, truth[rows] > 0.3
        result[group] = dict(
            faces=len(rows), points=float(error[rows].mean()), eyes=float(error[rows, :32].mean()),
            opening_error=float(np.abs(truth[rows] - guess[rows]).mean()), closed=int(closed.sum()),
            closed_seen=float((guess[rows][closed] < 0.24).mean()) if closed.any() else None,
            open_seen=float((guess[rows][opened] > 0.24).mean()) if opened.any() else None)
    return result, {n: of_face(c, w, n) for c, w, n in zip(crops, wanted, names)}


def portraits(drawn, kinds, sure, of_name):
    """Groups -> person and hair overlap on portrait crops, where the labels are `sure`; `of_name`
    knows each face's groups."""
    _, found, wanted, names = drawn
    members = {}
    for i in np.flatnonzero(kinds == "portrait"):
        groups = of_name.get(f"{names[i]}:0", ("all",))
        # Of a clip's frames only the source is known here, not which way each one looks.
        clip = names[i].split("/")[0] in ("grid_corpus", "intel_asl")
        for group in groups[:2] if clip else groups:
            members.setdefault(group, []).append(i)
    result = {}
    for group, rows in members.items():
        row = {}
        for name in ("person", "hair"):
            m = perception.MAPS.index(name)
            a, b = ((maps[rows, m] > 0.5) & sure[rows, m] for maps in (found, wanted))
            each = [(x & y).sum() / (x | y).sum() for x, y in zip(a, b) if y.mean() >= 0.02]
            row |= {name: float(np.mean(each)) if each else None,
                    f"{name}_pooled": float((a & b).sum() / max(1, (a | b).sum())),
                    f"{name}_pictures": len(each)}
        result[group] = row
    return result


def table(figures):
    """The figures of faces and portraits as one Markdown table."""
    show = lambda v: "–" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v)
    columns = ("faces", "points", "eyes", "opening_error", "closed", "closed_seen", "open_seen")
    maps = ("person", "hair", "hair_pooled", "hair_pictures")
    lines = ["| group | " + " | ".join((*columns, *maps)) + " |",
             "|---" * (1 + len(columns) + len(maps)) + "|"]
    first = ("all", "street photos", "synthetic portraits", "caltech_faces", "grid_corpus", "intel_asl",
             "children", "other ages", "older people", "dark skin", "other skin", "no glasses",
             "glasses", "dark glasses", "no beard", "beard or moustache", "hat or head cloth",
             "strong makeup", "frontal", "half turned", "profile")
    order = lambda group: first.index(group) if group in first else len(first)
    for group, row in sorted(figures["points"].items(), key=lambda pair: order(pair[0])):
        other = figures["portraits"].get(group, {})
        cells = [show(row[c]) for c in columns] + [show(other.get(c)) for c in maps]
        lines.append(f"| {group} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
