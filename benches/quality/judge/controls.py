"""Models that are not the model: the upper bound, and those that must fail.

Each is a folder with the four files of models/README.md, so that the release library itself renders it.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = ("face_detector.onnx", "face_points.onnx", "perception.onnx", "motion.onnx")
KEY = "kinora.motion"
SEED = 20_000_000  # no training run draws from here on

# What the library fills in for what a prompt does not name.
UNASKED = dict(blink=1, idle=0.4, breathe=0.7, sway=0.6, ripple=0.6, drift=0.5)
VARIANTS = 12
# How much the seed's noise says in the choice between windows of one tag set.
DICE = 2e-3


def simulator_module():
    path = str(REPOSITORY / "models/train")
    if path not in sys.path:
        sys.path.insert(0, path)
    from motion import contract, simulate

    return contract, simulate


def about_of(models):
    model = onnx.load(Path(models) / "motion.onnx")
    return json.loads(next(entry.value for entry in model.metadata_props if entry.key == KEY))


def folder_for(work, name, models):
    """A copy of the shipped models in which a control then replaces what it is about."""
    folder = Path(work) / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in FILES:
        shutil.copyfile(Path(models) / file, folder / file)
    return folder


def no_motion(work, models):
    about = about_of(models)
    return constant(
        work,
        models,
        "no_motion",
        about,
        np.zeros((about["coefficients"], len(about["channels"])), np.float32),
    )


def training_mean(work, models):
    """The mean of what training shows, whatever is asked."""
    about = about_of(models)
    _, simulate = simulator_module()
    total, drawn = 0, 0
    for i in range(5):
        batch = simulate.draw(np.random.default_rng(SEED + i), 4000)["coefficients"]
        total, drawn = total + batch.sum(0), drawn + len(batch)
    return constant(work, models, "training_mean", about, total / drawn)


def constant(work, models, name, about, coefficients):
    folder = folder_for(work, name, models)
    table = numpy_helper.from_array(coefficients.astype(np.float32)[None], "always")
    nodes = [
        helper.make_node("Shape", ["latents"], ["size"]),
        helper.make_node("Expand", ["always", "size"], ["coefficients"]),
        helper.make_node("Identity", ["coefficients"], ["denoised"]),
    ]
    save_motion(folder, about, nodes, [table], dict(steps=1, guidance=1.0, shift=1.0))
    return folder


def save_motion(folder, about, nodes, tables, defaults):
    k, c, t = about["coefficients"], len(about["channels"]), len(about["tags"])
    about = dict(about, defaults=dict(about["defaults"], **defaults))
    tensor = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(
        nodes,
        "control",
        [
            tensor("latents", "batch", k, c),
            tensor("time", "batch"),
            tensor("tags", "batch", 2 * t),
            tensor("photo", "batch", len(about["photo"])),
            tensor("state", "batch", len(about["state"])),
        ],
        [tensor("denoised", "batch", k, c), tensor("coefficients", "batch", k, c)],
        tables,
    )
    write(graph, folder / "motion.onnx", {KEY: json.dumps(about)})


def write(graph, path, metadata=None):
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="kinora-quality"
    )
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, path)


# --- the simulator -------------------------------------------------------------------------------


def simulated(simulate, contract, tags, n, rng, seconds=1.5):
    """n opening windows in which exactly these tags are asked, for portraits with open eyes."""

    def draw_photo(rng, n):
        photo = original_photo(rng, 60 * n)
        see = lambda name: photo[:, contract.PH[name]]
        fits = (
            (see("has_face") > 0)
            & (np.minimum(see("open_l"), see("open_r")) > 0.22)
            & (see("mouth_open") < 0.08)
            & (np.abs(see("yaw")) < 0.4)
            & (see("face_size") > 0.07)
        )
        return photo[fits][:n]

    def draw_tags(rng, n):
        row = np.zeros(len(contract.TAGS), np.float32)
        for name, value in tags.items():
            row[contract.TG[name]] = value
        return np.repeat(row[None], n, 0)

    original_photo, original_tags, original_window = simulate.draw_photo, simulate.draw_tags, simulate.Window

    class Opening(original_window):
        def __init__(self, rng, n):
            original_window.__init__(self, rng, n)
            before = self.d.copy()
            self.d[:], self.opening[:] = seconds, True
            # Sample times are shares of the window but for the first two.
            self.t[:, 2:] *= (self.d / before)[:, None]

    simulate.draw_photo, simulate.draw_tags, simulate.Window = draw_photo, draw_tags, Opening
    try:
        return simulate.draw(rng, n)
    finally:
        simulate.draw_photo, simulate.draw_tags, simulate.Window = (
            original_photo,
            original_tags,
            original_window,
        )


def simulator(work, models, tag_sets):
    """The simulator as a table: the window whose tags and photo are nearest, by the seed among its like."""
    contract, simulate = simulator_module()
    about = about_of(models)
    rng = np.random.default_rng(SEED + 100)
    parts = [simulated(simulate, contract, tags, VARIANTS, rng) for tags in tag_sets]
    table = {key: np.concatenate([part[key] for part in parts]) for key in ("coefficients", "tags", "photo")}
    asked = np.concatenate([np.repeat(tags_row(contract, tags)[None], VARIANTS, 0) for tags in tag_sets])
    weights = np.zeros(len(contract.PHOTO), np.float32)
    for name in ("yaw", "pitch", "roll", "smile"):
        weights[contract.PH[name]] = 1e-3
    m = len(asked)
    features = asked.shape[1]
    numbers = rng.standard_normal((len(about["channels"]) * about["coefficients"], m)).astype(np.float32)
    numbers *= DICE / np.sqrt(len(numbers))
    root = np.sqrt(weights)
    # |a - b|² without |a|², which is the same for all b.
    tensors = dict(
        tag_t=-2 * asked.T,
        photo_w=root[None],
        photo_t=-2 * (table["photo"] * root).T,
        own=(asked**2).sum(1)[None] + ((table["photo"] * root) ** 2).sum(1)[None],
        dice=numbers,
        windows=table["coefficients"],
    )
    tables = [numpy_helper.from_array(np.ascontiguousarray(v, np.float32), k) for k, v in tensors.items()]
    integers = dict(first=[0], last=[features], axis=[1], flat=[0, numbers.shape[0]])
    tables += [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in integers.items()]
    node = helper.make_node
    nodes = [
        node("Slice", ["tags", "first", "last", "axis"], ["values"]),
        node("MatMul", ["values", "tag_t"], ["by_tags"]),
        node("Mul", ["photo", "photo_w"], ["seen"]),
        node("MatMul", ["seen", "photo_t"], ["by_photo"]),
        node("Reshape", ["latents", "flat"], ["noise"]),
        node("MatMul", ["noise", "dice"], ["by_dice"]),
        node("Add", ["by_tags", "by_photo"], ["a"]),
        node("Add", ["a", "by_dice"], ["b"]),
        node("Add", ["b", "own"], ["distance"]),
        node("ArgMin", ["distance"], ["nearest"], axis=1, keepdims=0),
        node("Gather", ["windows", "nearest"], ["coefficients"], axis=0),
        node("Identity", ["coefficients"], ["denoised"]),
    ]
    folder = folder_for(work, "simulator", models)
    save_motion(folder, about, nodes, tables, dict(steps=1, guidance=1.0, shift=1.0))
    return folder


def tags_row(contract, tags):
    row = np.zeros(len(contract.TAGS), np.float32)
    for name, value in tags.items():
        row[contract.TG[name]] = value
    return row


# --- average support -----------------------------------------------------------------------------


def average_support(work, models, photos):
    """Everything that says *where* says the mean over portraits, whatever the photo is."""
    folder = folder_for(work, "average_support", models)
    import cv2
    import onnxruntime

    sys.path.insert(0, str(REPOSITORY / "models/train"))
    from vision import geometry

    perception = onnxruntime.InferenceSession(
        str(folder / "perception.onnx"), providers=["CPUExecutionProvider"]
    )
    points = onnxruntime.InferenceSession(
        str(folder / "face_points.onnx"), providers=["CPUExecutionProvider"]
    )
    maps, found, boxes = [], [], []
    for photo in photos:
        rgb = (
            cv2.resize(photo.image, (256, 256), interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.float32)
            / 255
        )
        maps.append(perception.run(None, {perception.get_inputs()[0].name: rgb.transpose(2, 0, 1)[None]})[0])
        from .judges import EYES, MOUTH_CORNERS

        p = photo.points
        five = np.array(
            [
                p[list(EYES[0])].mean(0),
                p[list(EYES[1])].mean(0),
                p[30],
                p[MOUTH_CORNERS[0]],
                p[MOUTH_CORNERS[1]],
            ]
        )
        crop = (
            geometry.sample(photo.image, geometry.crop_transform(five, geometry.FACE_CROP), 160)[
                ..., ::-1
            ].astype(np.float32)
            / 255
        )
        found.append(points.run(None, {points.get_inputs()[0].name: crop.transpose(2, 0, 1)[None]})[0])
        h, w = photo.image.shape[:2]
        x0, y0, x1, y1 = photo.box
        side = max(h, w)
        middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        boxes.append(
            [
                middle[0] / w,
                middle[1] / h,
                (x1 - x0) / side,
                (y1 - y0) / side,
                *((five - middle) / side).ravel(),
            ]
        )
    always(folder / "perception.onnx", np.mean(maps, 0))
    always(folder / "face_points.onnx", np.mean(found, 0))
    one_face(folder / "face_detector.onnx", np.mean(boxes, 0))
    return folder


def always(path, value):
    """The same answer as a graph with the same input and output."""
    model = onnx.load(path)
    output = model.graph.output[0]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["always"], [output.name])],
        "control",
        [model.graph.input[0]],
        [output],
        [numpy_helper.from_array(np.asarray(value, np.float32), "always")],
    )
    write(graph, path, {entry.key: entry.value for entry in model.metadata_props})


def one_face(path, face):
    """A detector (YuNet's layout) that finds one face at the same place of every photo."""
    model = onnx.load(path)
    picture = model.graph.input[0].name
    cx, cy, width, height, *points = face
    constant = lambda name, value, kind=np.float32: numpy_helper.from_array(np.array(value, kind), name)
    tables = [
        constant("hw_from", [2], np.int64),
        constant("hw_to", [4], np.int64),
        constant("zero", [0], np.int64),
        constant("one", [1], np.int64),
        constant("centre", [cy, cx]),
        constant("on_off", [0, 1]),
        constant("half2", [0.5, 0.5]),
        constant("size", [width, height]),
        constant("points", points),
        constant("half10", [0.5] * 10),
    ]
    node = helper.make_node
    nodes = [node("Shape", [picture], ["shape"]), node("Slice", ["shape", "hw_from", "hw_to"], ["hw"])]
    for stride in (8, 16, 32):
        s = f"_{stride}"
        tables += [
            constant("stride" + s, [stride], np.int64),
            constant("stride_f" + s, stride),
            constant("column" + s, [1, -1, 1], np.int64),
            constant("ones4" + s, [1, 1, 4], np.int64),
        ]
        nodes += [
            node("Div", ["hw", "stride" + s], ["cells" + s]),
            node("ReduceProd", ["cells" + s], ["count" + s], keepdims=1),
        ]
        nodes += [node("Concat", ["one", "count" + s, "one"], ["shape1" + s], axis=0)]
        if stride != 32:
            for name, size in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
                tables.append(constant(f"n{size}{name}{s}", [size], np.int64))
                nodes += [
                    node("Concat", ["one", "count" + s, f"n{size}{name}{s}"], [f"shape{name}{s}"], axis=0),
                    node("ConstantOfShape", [f"shape{name}{s}"], [name + s]),
                ]
            continue
        tables += [constant("four", [4], np.int64), constant("ten", [10], np.int64)]
        nodes += [
            node("Cast", ["cells" + s], ["cells_f"], to=TensorProto.FLOAT),
            node("Mul", ["cells_f", "centre"], ["at_f"]),
            node("Floor", ["at_f"], ["at_r"]),
            node("Cast", ["at_r"], ["at"], to=TensorProto.INT64),
            node("Gather", ["at", "zero"], ["row"]),
            node("Gather", ["at", "one"], ["col"]),
            node("Gather", ["cells" + s, "one"], ["columns"]),
            node("Mul", ["row", "columns"], ["before"]),
            node("Add", ["before", "col"], ["index"]),
            node("Squeeze", ["count" + s, "zero"], ["depth"]),
            node("OneHot", ["index", "depth", "on_off"], ["hot"]),
            node("Reshape", ["hot", "shape1" + s], ["cls_32"]),
            node("Identity", ["cls_32"], ["obj_32"]),
            node("ReduceMax", ["hw"], ["long_i"], keepdims=1),
            node("Cast", ["long_i"], ["long"], to=TensorProto.FLOAT),
            node("Div", ["long", "stride_f" + s], ["long_cells"]),
            node("Mul", ["size", "long_cells"], ["size_cells"]),
            node("Log", ["size_cells"], ["size_log"]),
            node("Concat", ["half2", "size_log"], ["box"], axis=0),
            node("Concat", ["one", "count" + s, "four"], ["shape4"], axis=0),
            node("Expand", ["box", "shape4"], ["bbox_32"]),
            node("Mul", ["points", "long_cells"], ["points_cells"]),
            node("Add", ["points_cells", "half10"], ["kps_row"]),
            node("Concat", ["one", "count" + s, "ten"], ["shape10"], axis=0),
            node("Expand", ["kps_row", "shape10"], ["kps_32"]),
        ]
    graph = helper.make_graph(nodes, "control", [model.graph.input[0]], list(model.graph.output), tables)
    write(graph, path, {entry.key: entry.value for entry in model.metadata_props})
