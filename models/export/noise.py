"""The random numbers of the library (src/diffusion/noise.rs, src/pipeline/video/draws.rs), for whoever wants to start
from the same noise: ChaCha8 (Bernstein 2008) for the bits, Box and Muller (1958) for the shape."""
import numpy as np

LATENTS, AUGMENTATION, DECODE = (1 << 32) + np.arange(3)  # streams of a seed


def seed_words(seed):
    """The key that rand_core's `seed_from_u64` makes of a number: PCG32's outputs."""
    state, words = seed, []
    for _ in range(8):
        state = (state * 6364136223846793005 + 11634580027462260723) % (1 << 64)
        shifted, turn = ((state >> 18 ^ state) >> 27) % (1 << 32), state >> 59
        words.append((shifted >> turn | shifted << (-turn % 32)) % (1 << 32))
    return words


def chacha8(key, stream, blocks):
    """So many blocks of sixteen words, u32 [blocks, 16]."""
    counter = np.arange(blocks, dtype=np.uint64)
    fixed = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key]
    start = [np.full(blocks, word, np.uint32) for word in fixed]
    start += [(counter & 0xFFFFFFFF).astype(np.uint32), (counter >> np.uint64(32)).astype(np.uint32)]
    start += [np.full(blocks, int(stream) >> shift & 0xFFFFFFFF, np.uint32) for shift in (0, 32)]
    x = [word.copy() for word in start]

    def turned(word, bits):
        return word << np.uint32(bits) | word >> np.uint32(32 - bits)

    def quarter(a, b, c, d):
        for to, other, last, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[to] = x[to] + x[other]
            x[last] = turned(x[last] ^ x[to], bits)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return np.stack([a + b for a, b in zip(x, start)], 1)


def draw(seed, stream, shape):
    """Draws from N(0, 1), f32."""
    count = int(np.prod(shape))
    pairs = -(-count // 2)
    words = chacha8(seed_words(seed), stream, -(-pairs // 4)).reshape(-1, 2).astype(np.uint64)
    uniform = ((words[:, 0] | words[:, 1] << np.uint64(32)) >> np.uint64(11)) / 2.0 ** 53
    u, angle = 1 - uniform[0:2 * pairs:2], 2 * np.pi * uniform[1:2 * pairs:2]
    radius = np.sqrt(-2 * np.log(u))
    both = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return both.reshape(-1)[:count].astype(np.float32).reshape(shape)
