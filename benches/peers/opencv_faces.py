"""The peer of the face detector: OpenCV's FaceDetectorYN on the same pixels.

Started by the example `bench_faces`, which talks to it through pipes.

    opencv_faces.py pictures MODEL FOLDER...   every picture, letterboxed to SIZE x SIZE, with OpenCV's
                                               faces, as binary records on stdout
    opencv_faces.py time MODEL PICTURE         the same for one picture; then for each line N on
                                               stdin, N timed calls: one line of milliseconds

A record, little-endian: u32 length of the name, the name in UTF-8, SIZE*SIZE*4 bytes RGBA, u32 number
of faces n, n rows of 15 f32 as FaceDetectorYN gives them (x, y, w, h, five points, score).
"""

import os
import struct
import sys
import time

import cv2
import numpy as np

SIZE = 640
SCORE, OVERLAP, TOP = 0.6, 0.3, 5000
THREADS = 2
SUFFIXES = (".jpg", ".jpeg", ".png")


def detector(model):
    cv2.setNumThreads(THREADS)
    return cv2.FaceDetectorYN.create(model, "", (SIZE, SIZE), SCORE, OVERLAP, TOP)


def letterbox(picture):
    height, width = picture.shape[:2]
    scale = SIZE / max(width, height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return canvas


def record(out, name, canvas, faces):
    name = name.encode()
    out.write(struct.pack("<I", len(name)) + name)
    out.write(cv2.cvtColor(canvas, cv2.COLOR_BGR2RGBA).tobytes())
    rows = np.zeros((0, 15), np.float32) if faces is None else faces.astype("<f4")
    out.write(struct.pack("<I", len(rows)) + rows.tobytes())
    out.flush()


def pictures(folders):
    for folder in folders:
        for root, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES):
                    yield os.path.join(root, name)


def main():
    mode, model, *paths = sys.argv[1:]
    out = sys.stdout.buffer
    net = detector(model)
    if mode == "pictures":
        for path in pictures(paths):
            picture = cv2.imread(path)
            if picture is not None:
                canvas = letterbox(picture)
                record(out, os.path.basename(path), canvas, net.detect(canvas)[1])
        return
    canvas = letterbox(cv2.imread(paths[0]))
    record(out, os.path.basename(paths[0]), canvas, net.detect(canvas)[1])
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            net.detect(canvas)
            times.append(1e3 * (time.perf_counter() - start))
        print(" ".join(f"{t:.4f}" for t in times), flush=True)


if __name__ == "__main__":
    main()
