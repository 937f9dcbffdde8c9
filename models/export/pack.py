"""A pack: the folder of graphs, weights and pack.json, or all of it in one file."""
import hashlib
import json
import os
import struct
import zipfile

from . import component as components_
from . import weights

FORMAT = 1
MINIMUM_RUNTIME = "1.22.0"
TOLERANCE = 1e-4  # of an f32 component from diffusers
PAGE = 4096
PADDING_FIELD = 0xD935  # the extra field by which Android's zipalign pads, too

# The fields of diffusers' configurations that change what a scheduler computes.
SCHEDULER_FIELDS = {
    "EulerDiscreteScheduler": ("EulerDiscrete", [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type",
        "use_karras_sigmas", "sigma_min", "sigma_max", "timestep_spacing", "timestep_type", "steps_offset",
        "rescale_betas_zero_snr", "final_sigmas_type"]),
    "FlowMatchEulerDiscreteScheduler": ("FlowMatchEuler", [
        "num_train_timesteps", "shift", "use_dynamic_shifting", "base_shift", "max_shift", "base_image_seq_len",
        "max_image_seq_len", "shift_terminal", "time_shift_type",
        "stochastic_sampling"]),
    "UniPCMultistepScheduler": ("UniPC", [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "solver_order", "prediction_type",
        "predict_x0", "solver_type", "lower_order_final", "disable_corrector", "use_karras_sigmas",
        "use_flow_sigmas", "flow_shift", "timestep_spacing", "steps_offset", "final_sigmas_type",
        "rescale_betas_zero_snr"]),
    "DPMSolverMultistepScheduler": ("DPMSolver++2M", [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "solver_order", "prediction_type",
        "algorithm_type", "solver_type", "lower_order_final", "euler_at_final", "use_karras_sigmas", "use_flow_sigmas",
        "flow_shift", "timestep_spacing", "steps_offset", "final_sigmas_type", "rescale_betas_zero_snr"]),
    "DDIMScheduler": ("DDIM", [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type", "clip_sample",
        "clip_sample_range", "set_alpha_to_one", "steps_offset", "timestep_spacing", "rescale_betas_zero_snr"]),
    "LCMScheduler": ("LCM", [
        "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "original_inference_steps", "prediction_type",
        "clip_sample", "clip_sample_range", "timestep_scaling", "rescale_betas_zero_snr"]),
}


# What the library does not compute otherwise: a configuration that wants it cannot become a pack.
SCHEDULER_FIXED = {
    "thresholding": False, "invert_sigmas": False, "interpolation_type": "linear", "use_exponential_sigmas": False,
    "use_beta_sigmas": False, "use_lu_lambdas": False, "trained_betas": None,
}


def scheduler_settings(scheduler):
    kind, fields = SCHEDULER_FIELDS[type(scheduler).__name__]
    for name, value in SCHEDULER_FIXED.items():
        if scheduler.config.get(name, value) != value:
            raise ValueError(f"a {kind} scheduler with {name}={scheduler.config[name]} cannot be run from a pack")
    return {"type": kind, **{name: scheduler.config[name] for name in fields if name in scheduler.config}}


def scheduler_from(settings):
    """The diffusers scheduler that the settings describe."""
    import diffusers
    settings = dict(settings)
    kind = settings.pop("type")
    name = next(name for name, (known, _) in SCHEDULER_FIELDS.items() if known == kind)
    return getattr(diffusers, name)(**settings)


def build(parts, manifest, folder, precision="f32", attention="fused", report=print):
    """Traces and writes all components and pack.json."""
    os.makedirs(folder, exist_ok=True)
    described, data = {}, {}
    for part in parts:
        model = components_.trace(part, attention)
        weights.store(model, precision, part.name)
        if part.data not in data:
            data[part.data] = components_.Data(folder, part.data)
        total = components_.save(model, part, data[part.data])
        held = any(isinstance(v.const_value, components_.ir.ExternalTensor) for v in model.graph.initializers.values())
        describe = lambda values: {name: {"type": kind, "shape": shape} for name, (kind, shape) in values.items()}
        described[part.name] = {"graph": f"{part.name}.onnx", "data": part.data if held else None,
                                "inputs": describe(part.inputs), "outputs": describe(part.outputs), "weights": total}
    for name, file in data.items():
        file.close()
        if not os.path.getsize(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    differences = {}
    for part in parts:
        differences[part.name] = components_.compare(part, folder)
        if precision == "f32" and max(differences[part.name]) > TOLERANCE:
            raise AssertionError(f"{part.name} differs from diffusers by {differences[part.name]}")
        report(f"{manifest['id']}: {part.name}: largest differences from diffusers "
               + ", ".join(f"{d:.1e}" for d in differences[part.name]))
    write_manifest(folder, {"format": FORMAT, **manifest, "precision": precision, "components": described})
    return differences


ORDER = ["format", "id", "name", "version", "family", "tasks", "licence", "source", "precision", "minimum_runtime",
         "files", "components", "tokenizer", "scheduler", "defaults", "limits", "latents", "preview", "family_settings"]


def write_manifest(folder, manifest):
    files = {}
    for name in sorted(os.listdir(folder)):
        if name != "pack.json":
            with open(os.path.join(folder, name), "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[name] = {"size": os.path.getsize(os.path.join(folder, name)), "sha256": digest}
    manifest = {**manifest, "minimum_runtime": MINIMUM_RUNTIME, "files": files}
    with open(os.path.join(folder, "pack.json"), "w") as file:
        file.write(dumps({name: manifest[name] for name in ORDER}) + "\n")


def dumps(value, depth=2):
    """JSON with a line for each entry down to `depth`, and all of an entry on its line."""
    if depth and isinstance(value, dict) and any(isinstance(v, dict) for v in value.values()):
        pad = " " * (3 - depth)
        lines = (f"{pad}{json.dumps(key)}: {dumps(v, depth - 1)}" for key, v in value.items())
        return "{\n" + ",\n".join(lines) + "\n" + pad[1:] + "}"
    return json.dumps(value, ensure_ascii=False)


def single_file(folder, path):
    """All of a pack in one zip whose entries are stored and start on pages."""
    with open(os.path.join(folder, "pack.json")) as file:
        names = ["pack.json", *json.load(file)["files"]]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            size = os.path.getsize(os.path.join(folder, name))
            entry.file_size = size
            wide = size > zipfile.ZIP64_LIMIT
            # 30 bytes of local header, the name, the padding field's own 4, and zip64's 20 where they are needed
            start = archive.fp.tell() + 30 + len(name.encode()) + 4 + 20 * wide
            entry.extra = struct.pack("<HH", PADDING_FIELD, -start % PAGE) + bytes(-start % PAGE)
            with open(os.path.join(folder, name), "rb") as source, archive.open(entry, "w", force_zip64=wide) as target:
                while block := source.read(1 << 22):
                    target.write(block)
