"""What convolutions remember of the frames that went through before: outputs of one run, inputs of the next.

`cache_3` goes in, what comes out as `next_cache_3` goes in as `cache_3` the next time. At first there is none, and `cache_3`
comes out.
"""


def named(shapes):
    return {f"cache_{i}": shape for i, shape in enumerate(shapes)}


def following(caches):
    """The outputs of a later run."""
    return {f"next_{name}": shape for name, shape in caches.items()}


def over(caches):
    """Which output a host writes over which input."""
    return {f"next_{name}": name for name in caches}


def sides(scale):
    """The names of sizes that are so many times those of the latents: height_2 is twice as high."""
    return ["height", "width"] if scale == 1 else [f"height_{scale}", f"width_{scale}"]


def shapes(tensors, height):
    """Of tensors [1, c, f, h, w] where latents are so high, with their sizes named."""
    return [("f32", [*t.shape[:3], *sides(t.shape[3] // height)]) for t in tensors]


def spread(sizes, shapes, scale):
    """The choices of sizes, with those that follow from them; `scale`: pixels to a latent."""
    out = []
    for size in sizes:
        size = {**size, "pixel_height": size["height"] * scale, "pixel_width": size["width"] * scale}
        for _, shape in shapes:
            for name in (n for n in shape if isinstance(n, str) and n.startswith(("height_", "width_"))):
                side, factor = name.split("_")
                size[name] = size[side] * int(factor)
        out.append(size)
    return out
