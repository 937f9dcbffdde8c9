"""The denoiser: a small transformer over the 16 temporal coefficients of a window.

Each token is one frequency of all channels; three more tokens carry tags, photo and state, and the
same conditions (with the flow time) scale and shift every block (adaLN, one modulation shared by
all blocks plus an offset per block, as in PixArt).
"""
import math

import torch
from torch import nn

from .contract import CHANNELS, COEFFICIENTS, PHOTO, STATE, TAGS

CHANNEL_COUNT = len(CHANNELS)
# The flow time as overlapping bumps: sines and cosines are not on every execution provider's list.
TIME_BUMPS = 32

# Shares of the picture span decades and what matters is whether there is any: a root spreads them out.
SHARES = ["person", "head", "hair", "sky", "vegetation", "water", "face_size"]
ROOT = 0.4
# Where a thing begins to be there (after the root), and how soft that border is.
BORDERS = dict(hair=(0.12, 0.03), sky=(0.19, 0.04), vegetation=(0.19, 0.04), water=(0.19, 0.04),
               open_l=(0.155, 0.02), open_r=(0.155, 0.02), mouth_open=(0.03, 0.02), clothes=(0.16, 0.05))


class Attention(nn.Module):
    """Plain MatMul and Softmax: nineteen tokens need no fused kernel, and every runtime has these."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        batch, tokens, width = x.shape
        size = width // self.heads
        q, k, v = self.qkv(x).chunk(3, -1)
        q = q.reshape(-1, tokens, self.heads, size).transpose(1, 2)
        k = k.reshape(-1, tokens, self.heads, size).permute(0, 2, 3, 1)
        v = v.reshape(-1, tokens, self.heads, size).transpose(1, 2)
        weights = (q @ k * size ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(-1, tokens, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        self.offset = nn.Parameter(torch.zeros(6 * width))

    def forward(self, x, modulation):
        scale1, shift1, gate1, scale2, shift2, gate2 = (modulation + self.offset)[:, None].chunk(6, -1)
        x = x + (1 + gate1) * self.attention(self.norm1(x) * (1 + scale1) + shift1)
        y = nn.functional.gelu(self.up(self.norm2(x) * (1 + scale2) + shift2))
        return x + (1 + gate2) * self.down(y)

# Where a photo scales what a prompt asks for. Products are slow to learn, so they are given.
ASKED = ["smile", "look_x", "look_y", "tilt", "talk", "blink"]
ANSWER = ["smile", "yaw", "pitch", "roll", "mouth_open"]


class PhotoFeatures(nn.Module):
    """The photo's features where they can be told apart: coarse, fine, and at the border of being there."""

    def __init__(self):
        super().__init__()
        names = PHOTO + ["clothes", "long_hair"]
        self.size = 3 * len(names)
        self.index = [PHOTO.index(name) for name in ("person", "head", "hair")]
        self.register_buffer("share", torch.tensor([float(n in SHARES or n == "clothes") for n in names]))
        self.register_buffer("border", torch.tensor([BORDERS.get(n, (0.0, 1.0))[0] for n in names]))
        self.register_buffer("softness", torch.tensor([BORDERS.get(n, (0.0, 1.0))[1] for n in names]))
        self.register_buffer("mean", torch.zeros(len(names)))
        self.register_buffer("deviation", torch.ones(len(names)))

    def spread(self, photo):
        person, head, hair = (photo[:, i:i + 1] for i in self.index)
        photo = torch.cat([photo, person - head, (hair / (head + 1e-3)).clamp(0, 1)], 1)
        return photo * (1 - self.share) + (photo * self.share).relu().pow(ROOT)

    def fit(self, photo):
        x = self.spread(photo)
        there = (x.abs() > 1e-6).float()
        count = there.sum(0).clamp(min=1)
        self.mean.copy_((x * there).sum(0) / count)
        self.deviation.copy_((((x - self.mean).pow(2) * there).sum(0) / count).sqrt() + 1e-2)

    def forward(self, photo):
        x = self.spread(photo)
        z = (x - self.mean) / self.deviation
        return torch.tanh(torch.cat([0.6 * z, 2 * z, (x - self.border) / self.softness], 1))


class Denoiser(nn.Module):
    def __init__(self, width=144, layers=6, heads=4):
        super().__init__()
        self.config = dict(width=width, layers=layers, heads=heads)
        channels, tags, state = len(CHANNELS), 2 * len(TAGS), len(STATE)
        self.see = PhotoFeatures()
        photo = self.see.size
        self.asked = [TAGS.index(name) for name in ASKED]
        self.answer = [PHOTO.index(name) for name in ANSWER]
        products = 2 * len(ASKED) * len(ANSWER)
        self.register_buffer("scale", torch.ones(COEFFICIENTS, channels))
        self.register_buffer("state_scale", torch.ones(state))
        self.register_buffer("moments", torch.linspace(-0.02, 1.02, TIME_BUMPS))
        self.enter = nn.Linear(channels, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, COEFFICIENTS, width))

        def embed(size):
            return nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width))
        self.embed_tags, self.embed_photo, self.embed_state = embed(tags), embed(photo), embed(state)
        self.embed_all = nn.Sequential(nn.Linear(TIME_BUMPS + tags + photo + state + products, 2 * width), nn.SiLU(),
                                       nn.Linear(2 * width, width), nn.SiLU())
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        # What tags and velocities mean on average is linear; the transformer adds the rest.
        self.direct = nn.Linear(tags + photo + state + products, COEFFICIENTS * channels)
        nn.init.zeros_(self.direct.weight)
        nn.init.zeros_(self.direct.bias)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def bumps(self, time):
        away = (time[:, None] - self.moments[None]) * (1.2 * TIME_BUMPS)
        return (away * away * -1.0).exp()

    def forward(self, latents, time, tags, photo, state):
        photo = self.see(photo)
        asked = torch.cat([tags[:, i:i + 1] for i in self.asked], 1)
        answer = torch.cat([photo[:, i:i + 1] for i in self.answer], 1)
        amount = asked.relu() + (asked * -1.0).relu()
        products = (torch.cat([asked, amount], 1)[:, :, None] * answer[:, None]).flatten(1)
        # Velocities per second become velocities per window, the time scale that the tokens live in.
        values, velocities, seconds = state.split([CHANNEL_COUNT, CHANNEL_COUNT, 1], 1)
        state = torch.cat([values, velocities * seconds, seconds], 1) / self.state_scale
        direct = self.direct(torch.cat([tags, photo, state.clamp(-6, 6), products], 1))
        state = torch.tanh(state * 0.4)
        conditions = torch.cat([self.bumps(time), tags, photo, state, products], 1)
        modulation = self.modulate(self.embed_all(conditions))
        x = torch.cat([self.embed_tags(tags)[:, None], self.embed_photo(photo)[:, None],
                       self.embed_state(state)[:, None], self.enter(latents) + self.position], 1)
        for block in self.blocks:
            x = block(x, modulation)
        return self.leave(self.norm(x)[:, 3:]) + direct.reshape(-1, COEFFICIENTS, CHANNEL_COUNT)


# Strengths between which a tag's calibration is straight.
KNOTS = (0.0, 0.2, 0.4, 0.7, 1.0)
# Channels whose start is too abrupt for 16 sines; all others continue at exactly the given velocity.
ABRUPT = ["lid_l", "lid_r", "gaze_x", "gaze_y", "mouth"]


class Exported(nn.Module):
    """What the ONNX file holds: the denoiser in float32, with the whitening undone beside it.

    The start velocity is known, and it is linear in the coefficients. So the guess is moved to the
    nearest one (in whitened units, where errors are alike) that has it: windows join without a kink.
    """

    def __init__(self, net, amounts=None):
        super().__init__()
        self.net = net
        # [T, knots] slopes of each tag's curve between KNOTS (calibrate.py); ones leave strengths as they are.
        slopes = torch.ones(len(TAGS), len(KNOTS)) if amounts is None else torch.as_tensor(amounts, dtype=torch.float32)
        # A polyline is a sum of hinges: each adds the change of slope at its knot.
        self.register_buffer("bends", torch.diff(slopes, dim=1, prepend=torch.zeros(len(TAGS), 1)))
        self.register_buffer("knots", torch.tensor(KNOTS))
        k = torch.arange(COEFFICIENTS)[:, None] + 0.5
        slope = math.sqrt(2) * math.pi * k * net.scale  # of the curve at u = 0, per unit of whitened latent
        smooth = torch.tensor([float(name not in ABRUPT) for name in CHANNELS])
        self.register_buffer("slope", slope)
        self.register_buffer("pull", smooth * slope / slope.pow(2).sum(0, keepdim=True))

    def amounts(self, tags):
        """Strengths as asked -> as the network must hear them to go that far; odd in the strength, 0 stays 0."""
        value, known = tags.split([len(TAGS), len(TAGS)], 1)
        more, less = (((side * value)[:, :, None] - self.knots).relu() * self.bends for side in (1.0, -1.0))
        return torch.cat([(more - less).sum(2), known], 1)

    def forward(self, latents, time, tags, photo, state):
        tags = self.amounts(tags)
        denoised = self.net(latents, time, tags, photo, state)
        velocity = state[:, CHANNEL_COUNT:2 * CHANNEL_COUNT] * state[:, 2 * CHANNEL_COUNT:]
        missing = velocity - (denoised * self.slope).sum(1)
        denoised = denoised + self.pull * missing[:, None]
        return denoised, denoised * self.net.scale
