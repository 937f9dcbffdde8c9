"""The figures of the three exported networks on what was kept aside (see `sources.held_out`).

    python -m vision.evaluate --data DIR --work DIR --models .. [--sheets]

Prints them and writes figures.json into the work folder; `--sheets` draws overlays there as well.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from . import geometry as g
from . import detector_figures, groups, labels, perception, points, sources, teachers


def face_points(path, data, work):
    """Error to the teacher in inter-ocular distances on held-out people, and the eyes' opening."""
    arrays = labels.cached(data, work, "faces")
    test = arrays["test"]
    crops, wanted, names = arrays["crops"][test], arrays["points"][test], arrays["names"][test]
    edge = (labels.FACE_PIXELS - points.SIZE) // 2
    crops = crops[:, edge:-edge, edge:-edge]
    net = teachers.session(path)
    found = np.concatenate([
        net.run(None, {"crop": np.ascontiguousarray(teachers.unit_rgb(c).transpose(2, 0, 1)[None])})[0]
        for c in crops])
    ocular = np.linalg.norm(wanted[:, :16].mean(1) - wanted[:, 16:32].mean(1), axis=1)
    error = np.linalg.norm(found - wanted, axis=2) / ocular[:, None]
    folder = np.array([n.split("/")[0] for n in names])
    groups = dict(eyes=slice(0, 32), irises=slice(32, 42), brows=slice(42, 52), nose=slice(52, 57),
                  lips=slice(57, 77), oval=slice(77, 93))
    result = dict(faces=int(test.sum()), error=float(error.mean()), median=float(np.median(error.mean(1))),
                  by_part={k: float(error[:, s].mean()) for k, s in groups.items()},
                  by_source={f: float(error[folder == f].mean()) for f in np.unique(folder)})
    truth, guess = np.concatenate(points.openings(wanted)), np.concatenate(points.openings(found))
    closed, wide = truth < 0.2, truth > 0.3
    result["opening"] = dict(
        correlation=float(np.corrcoef(truth, guess)[0, 1]), error=float(np.abs(truth - guess).mean()),
        closed=int(closed.sum()), closed_teacher=float(truth[closed].mean()),
        closed_ours=float(guess[closed].mean()), open_teacher=float(truth[wide].mean()),
        open_ours=float(guess[wide].mean()),
        closed_seen=float((guess[closed] < 0.24).mean()), open_seen=float((guess[wide] > 0.24).mean()),
    )
    return rounded(result), (crops, found, wanted, names)


def chain(models, data, threshold=0.5, long_side=320):
    """Detector and points together on held-out portraits, as the library runs them: error to the
    teacher's points when the crop comes from our five points, and when it is then cut again from the
    points found."""
    net, reader = teachers.Detector(models / "face_detector.onnx"), teachers.FacePoints(data)
    yunet = teachers.Detector(Path(data) / "models/yunet/yunet_s_dynamic.onnx")
    points_net = teachers.session(models / "face_points.onnx")
    errors = []
    for folder in ("synthetic", "caltech_faces"):
        for path in sources.images(Path(data) / "faces" / folder):
            if not sources.held_out(path):
                continue
            image = sources.read(path)
            true = yunet.faces(image, 320)[1]
            boxes, fives, _ = net.faces(image, long_side, threshold)
            if not len(true) or not len(fives):
                continue
            wanted, sure = reader(image, true[0])
            if sure < labels.MESH_SURE:
                continue
            ocular = np.linalg.norm(wanted[:16].mean(0) - wanted[16:32].mean(0))
            five, row = fives[(boxes[:, 2:] - boxes[:, :2]).prod(1).argmax()], []
            for _ in range(2):
                to_unit = g.crop_transform(five, g.FACE_CROP)
                crop = teachers.unit_rgb(g.sample(image, to_unit, points.SIZE)).transpose(2, 0, 1)
                unit = points_net.run(None, {"crop": np.ascontiguousarray(crop[None])})[0][0]
                found = g.apply(g.invert(to_unit), unit)
                row.append(np.linalg.norm(found - wanted, axis=1).mean() / ocular)
                eyes = found[:16].mean(0), found[16:32].mean(0)
                five = np.stack([*eyes, found[53], found[57], found[63]])
            errors.append(row)
    errors = np.array(errors)
    return rounded({name: dict(portraits=len(errors), mean=float(e.mean()), median=float(np.median(e)),
                               ninetieth=float(np.percentile(e, 90)))
                    for name, e in zip(("one_pass", "two_passes"), errors.T)})


def maps_of(path, data, work):
    """Overlap with the teachers on held-out pictures, per map and kind of picture.

    The labels are means of several looks of the teachers. For person and hair `iou_one_look` is the
    overlap with a single pass, and `teacher` the overlap of that single pass with the labels: the
    teacher beside itself. `iou` counts pictures where the map covers 0.5%, `iou_2_percent` 2%.
    """
    arrays = labels.cached(data, work, "scenes")
    test = np.flatnonzero(arrays["test"])
    net = teachers.session(path)
    pictures, found, wanted, weights, looks = [], [], [], [], []
    for i, look in zip(test, arrays["single"]):
        zoom = perception.PORTRAIT_ZOOM if arrays["kind"][i] == "portrait" else 1.0
        cut = lambda a, size: shrink(middle(a, zoom), size)
        picture = cut(arrays["pictures"][i], perception.SIZE)
        tensor = np.ascontiguousarray(teachers.unit_rgb(picture).transpose(2, 0, 1)[None])
        pictures.append(picture)
        found.append(net.run(None, {"image": tensor})[0][0])
        wanted.append(cut(arrays["maps"][i], perception.CELLS).transpose(2, 0, 1) / 255)
        weights.append(cut(arrays["weights"][i], perception.CELLS).transpose(2, 0, 1) / 255)
        looks.append(cut(look, perception.CELLS).transpose(2, 0, 1) / 255)
    found, wanted, weights, looks = map(np.stack, (found, wanted, weights, looks))
    kind, names = arrays["kind"][test], arrays["names"][test]
    street = np.array(["images_jpg90" in n for n in names])
    result = {}
    for group in ("portrait", "whole", "scene", "street"):
        rows = street if group == "street" else (kind == group) & ~street
        if not rows.any():
            continue
        per_map = dict(pictures=int(rows.sum()))
        for m, name in enumerate(perception.MAPS[:6]):
            sure = weights[rows, m] > 0.5
            a, b = (found[rows, m] > 0.5) & sure, (wanted[rows, m] > 0.5) & sure
            each = overlaps(a, b)
            per_map[name] = dict(
                iou=mean(each), pictures=len(each), iou_2_percent=mean(overlaps(a, b, 0.02)),
                pooled_iou=float((a & b).sum() / max(1, (a | b).sum())),
                false_share=float((a & ~b).sum() / max(1, (sure & ~b).sum())))
            if name in ("person", "hair"):
                one, ours = looks[rows, m // 2] > 0.5, found[rows, m] > 0.5
                per_map[name] |= dict(
                    iou_one_look=mean(overlaps(ours, one)),
                    pooled_one_look=float((ours & one).sum() / max(1, (ours | one).sum())),
                    teacher=mean(overlaps(one & sure, b)))
            if name == "hair":
                share = b.mean((1, 2))
                per_map["hair_by_amount"] = {
                    f"{low:.0%} to {high:.0%}": dict(pictures=int(pick.sum()),
                                                     iou=mean(overlaps(a[pick], b[pick], 0)))
                    for low, high in ((0.005, 0.02), (0.02, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 1))
                    if (pick := (share >= low) & (share < high)).any()}
        per_map["depth_error"] = float(np.abs(found[rows, 6] - wanted[rows, 6]).mean())
        result[group] = per_map
    return rounded(result), (pictures, found, wanted, names), (kind, weights > 0.5)


def overlaps(found, wanted, least=0.005):
    """Intersection over union per picture, where `wanted` covers more than a share of it."""
    return [(x & y).sum() / max(1, (x | y).sum())
            for x, y in zip(found, wanted) if y.mean() >= least]


def mean(values):
    return float(np.mean(values)) if len(values) else None


def middle(array, zoom):
    edge = round(array.shape[0] * (1 - zoom) / 2)
    return array[edge : array.shape[0] - edge, edge : array.shape[1] - edge]


def shrink(array, size):
    """Area average of any number of channels (OpenCV's takes four)."""
    parts = [cv2.resize(array[..., i : i + 3], (size, size), interpolation=cv2.INTER_AREA)
             for i in range(0, array.shape[2], 3)]
    return np.dstack(parts)


def rounded(value):
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def sheet(cells, columns, path):
    blank = np.zeros_like(cells[0])
    cells = cells + [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    cv2.imwrite(str(path), np.vstack(rows))


def draw_points(drawn, path, count=40, size=256):
    """Ours in green, the teacher's in red."""
    crops, found, wanted, names = drawn
    hard = np.argsort(np.minimum(*points.openings(wanted)))[: count // 4]
    chosen = [*hard, *np.linspace(0, len(crops) - 1, count - len(hard)).astype(int)]
    cells = []
    for i in chosen:
        cell = cv2.resize(crops[i], (size, size), interpolation=cv2.INTER_CUBIC)
        for set_, colour in ((wanted[i], (0, 0, 255)), (found[i], (0, 255, 0))):
            for x, y in set_ * size:
                cv2.circle(cell, (round(float(x)), round(float(y))), 1, colour, -1)
        cells.append(cell)
    sheet(cells, 8, path)


def draw_maps(drawn, path, count=40, size=128):
    """Picture, ours, teacher: red hair, green person, blue head; then sky, plants, water; depth."""
    pictures, found, wanted, names = drawn
    cells = []
    for i in np.linspace(0, len(pictures) - 1, count).astype(int):
        row = [cv2.resize(pictures[i], (size, size), interpolation=cv2.INTER_AREA)]
        for maps in (found[i], wanted[i]):
            people = np.dstack([maps[1], maps[0], maps[2]])
            scenery_maps = np.dstack([maps[3], maps[4], maps[5]])
            depth = np.dstack([maps[6]] * 3)
            row += [cv2.resize(np.uint8(np.clip(m, 0, 1) * 255), (size, size)) for m in
                    (people, scenery_maps, depth)]
        cells.append(np.hstack(row))
    sheet(cells, 2, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--only", choices=("detector", "points", "chain", "perception", "groups"))
    parser.add_argument("--compare", action="store_true", help="YuNet's figures beside ours")
    parser.add_argument("--sheets", action="store_true")
    parser.add_argument("--groups", action="store_true",
                        help="figures by skin, age, glasses, pose... as a table")
    args = parser.parse_args()
    args.groups |= args.only == "groups"
    if args.groups and args.only not in (None, "groups"):
        parser.error("--groups needs points and perception: --only groups runs these two")
    cv2.setNumThreads(1)
    models, work = Path(args.models), Path(args.work)
    store = work / "figures.json"
    figures = json.loads(store.read_text()) if store.exists() else {}
    if args.only in (None, "detector"):
        figures["detector"] = detector_figures.figures(models / "face_detector.onnx", args.data)
        if args.compare:
            for net in ("yunet_s", "yunet_n"):
                path = Path(args.data) / f"models/yunet/{net}_dynamic.onnx"
                figures[net] = detector_figures.figures(path, args.data, 0.6, shipped=False)
    if args.only in (None, "points", "groups"):
        figures["points"], drawn = face_points(models / "face_points.onnx", args.data, work)
        if args.sheets:
            draw_points(drawn, work / "points.png")
    if args.only in (None, "chain"):
        figures["chain"] = chain(models, args.data)
    if args.only in (None, "perception", "groups"):
        figures["perception"], seen, sure = maps_of(models / "perception.onnx", args.data, work)
        if args.sheets:
            draw_maps(seen, work / "perception.png")
    if args.groups:
        by_group, of_name = groups.faces(drawn)
        figures["groups"] = rounded(dict(
            points=by_group, portraits=groups.portraits(seen, *sure, of_name)))
    figures["bytes"] = {p.name: p.stat().st_size for p in sorted(models.glob("*.onnx"))}
    store.write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))
    if args.groups:
        print(groups.table(figures["groups"]))


if __name__ == "__main__":
    main()
