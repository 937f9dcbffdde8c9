"""Which file exports which pipeline, and what all exports share."""
import os

import torch

from . import ltx, pack, svd, tokens, wan

FAMILIES = {"LTXImageToVideoPipeline": ltx, "LTXPipeline": ltx, "StableVideoDiffusionPipeline": svd,
            "WanImageToVideoPipeline": wan, "WanPipeline": wan}


def export(pipe, folder, about, limits=None, defaults=None, static=None, precision="f32", attention="fused"):
    """Writes a pack of the pipeline. `about`: id, name, version, licence, source; gives the differences from diffusers."""
    family = FAMILIES[type(pipe).__name__]
    parts = family.components(pipe)
    manifest = {**about, **family.settings(pipe), "scheduler": pack.scheduler_settings(pipe.scheduler),
                "preview": preview(pipe, family)}
    if static:
        fix(parts, manifest, *static)
    manifest["limits"] |= limits or {}
    manifest["defaults"] |= defaults or {}
    os.makedirs(folder, exist_ok=True)
    if manifest["tokenizer"] is not None:
        tokens.save(pipe.tokenizer, os.path.join(folder, manifest["tokenizer"]["file"]))
    return pack.build(parts, manifest, folder, precision, attention)


def fix(parts, manifest, width, height, frames):
    """Nails the graphs down to one size. A text's length stays open, and the chunk that SVD decodes."""
    about, limits = manifest["latents"], manifest["limits"]
    if width % limits["side_multiple"] or height % limits["side_multiple"] \
            or (frames - limits["frames_offset"]) % limits["frames_multiple"]:
        raise ValueError(f"{width}x{height}x{frames} does not suit {limits}")
    f = (frames - limits["frames_offset"]) // about["temporal"] + limits["frames_offset"]
    h, w = height // about["spatial"], width // about["spatial"]
    settings = manifest["family_settings"]
    patch = settings.get("patch", [1, 1, 1])
    sizes = {"frames": f, "height": h, "width": w, "tokens": f // patch[0] * (h // patch[1]) * (w // patch[2]),
             "pixel_frames": frames, "pixel_height": height, "pixel_width": width}
    if "decoder_step" in settings:
        step = settings["decoder_step"]
        sizes |= {"latent_frames": f, "feature_frames": settings["feature_scale"] * (f - 1) + 1, "step": step,
                  "double_step": 2 * step, "quadruple_step": 4 * step}
    for scale in range(2, about["spatial"] + 1):
        sizes |= {f"height_{scale}": h * scale, f"width_{scale}": w * scale}
    for part in parts:
        if part.name not in ("text_encoder", "image_encoder"):
            chunked = manifest["family"] == "svd" and part.name.startswith("vae_decoder")
            part.fix({name: n for name, n in sizes.items() if not (chunked and name == "frames")})
    manifest["defaults"] |= {"width": width, "height": height, "frames": frames}
    settings["static"] = [width, height, frames]


def preview(pipe, family):
    """Latents → RGB by least squares over a clip that the decoder makes of smooth noise."""
    channels = family.settings(pipe)["latents"]["channels"]
    small = torch.randn(1, channels, 2, 6, 6, generator=torch.Generator().manual_seed(3))
    latents = torch.nn.functional.interpolate(small, size=(2, 12, 12), mode="trilinear") * 1.5
    with torch.no_grad():
        frames = family.decode(pipe, latents)  # [1, 3, F, H, W]
    rgb = torch.nn.functional.adaptive_avg_pool3d(frames, latents.shape[2:])
    x = latents[0].flatten(1).T.double()
    y = rgb[0].flatten(1).T.double()
    solved = torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1), y).solution
    return {"matrix": [[round(v, 4) for v in row] for row in solved[:-1].tolist()],
            "bias": [round(v, 4) for v in solved[-1].tolist()]}
