"""OpenCV's bicubic remap of the same picture through the same field: prints seconds per frame.

Input: a folder with picture.rgb (H, W, 3) and map.f32 (H, W, 2), sampling positions; size in argv.
"""
import sys
import time

import cv2
import numpy as np

folder, width, height, threads, rounds = sys.argv[1], *map(int, sys.argv[2:6])
cv2.setNumThreads(threads)
picture = np.fromfile(f"{folder}/picture.rgb", np.uint8).reshape(height, width, 3)
field = np.fromfile(f"{folder}/map.f32", np.float32).reshape(height, width, 2)
x, y = np.ascontiguousarray(field[..., 0]), np.ascontiguousarray(field[..., 1])
out = np.empty_like(picture)
# One line in, one round out: the caller takes turns with its own rounds.
for _ in sys.stdin:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        cv2.remap(picture, x, y, cv2.INTER_CUBIC, dst=out, borderMode=cv2.BORDER_REPLICATE)
        times.append(time.perf_counter() - start)
    print(min(times), flush=True)
out.tofile(f"{folder}/out.rgb")
