"""Turns a diffusers pipeline into a pack.

    python -m export --model DIR_OR_HUB_ID --out PACK_DIR [--precision f32|f16|int8|w8a8] [--static WxHxF] [--attention plain]
"""
import argparse
import json
import os
import re

import torch

from . import families, pack, weights

# What the publishers of known models say; others have to be named on the command line.
LICENCES = {
    "Wan-AI/": {"name": "Apache License 2.0", "spdx": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0",
                "open": True},
    "stabilityai/stable-video-diffusion": {"name": "Stability AI Community License", "spdx": None,
                                           "url": "https://stability.ai/community-license-agreement", "open": False},
}


def licence_of(options):
    if options.licence_name:
        return {"name": options.licence_name, "spdx": options.licence_spdx, "url": options.licence_url,
                "open": options.licence_open}
    for start, licence in LICENCES.items():
        if options.model.startswith(start):
            return dict(licence)
    raise SystemExit("the licence is not known: say --licence-name and --licence-url (and --licence-spdx, --licence-open)")


def main():
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="a folder in diffusers' layout, or the name of a model on the hub")
    parser.add_argument("--revision", help="of the model on the hub")
    parser.add_argument("--out", required=True)
    parser.add_argument("--id", help="of the pack; without it from the model's name")
    parser.add_argument("--name", help="for people; without it the model's name")
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--precision", default="f32", choices=weights.PRECISIONS)
    parser.add_argument("--static", help="WxHxF, as 832x480x81: graphs for this size alone")
    parser.add_argument("--attention", default="fused", choices=["fused", "plain"],
                        help="plain: standard operators alone, for execution providers without ONNX Runtime's own")
    parser.add_argument("--single-file", help="also write all of the pack in one file")
    for field in ("name", "spdx", "url", "file"):
        parser.add_argument(f"--licence-{field}")
    parser.add_argument("--licence-open", action="store_true")
    options = parser.parse_args()
    if options.attention == "plain" and options.precision in ("int8", "w8a8"):
        parser.error("products of 8 bits are ONNX Runtime's own operators: plain goes with f32 and f16")

    from diffusers import DiffusionPipeline
    licence = licence_of(options)
    torch.set_num_threads(os.cpu_count())
    pipe = DiffusionPipeline.from_pretrained(options.model, revision=options.revision, torch_dtype=torch.float32)
    last = options.model.rstrip("/").split("/")[-1]
    about = {"id": options.id or re.sub(r"[^a-z0-9.-]+", "-", last.lower()).strip(".-")[:64], "name": options.name or last,
             "version": options.version, "licence": licence,
             "source": f"{options.model}@{options.revision}" if options.revision else last}
    if options.licence_file:
        os.makedirs(options.out, exist_ok=True)
        with open(options.licence_file, "rb") as source, open(os.path.join(options.out, "LICENSE"), "wb") as target:
            target.write(source.read())
        licence["file"] = "LICENSE"
    static = tuple(map(int, options.static.split("x"))) if options.static else None
    differences = families.export(pipe, options.out, about, static=static, precision=options.precision,
                                  attention=options.attention)
    if options.single_file:
        pack.single_file(options.out, options.single_file)
    print(json.dumps(differences))


if __name__ == "__main__":
    main()
