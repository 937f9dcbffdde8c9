"""Small line plots drawn with OpenCV: sampled curves above simulated ones, to be looked at."""
import cv2
import numpy as np

_INK = [(180, 60, 20), (30, 120, 220), (40, 150, 40), (160, 40, 160), (60, 60, 60)]


def panel(canvas, box, title, lines, limits):
    x0, y0, x1, y1 = box
    low, high = limits
    cv2.rectangle(canvas, (x0, y0), (x1, y1), (200, 200, 200), 1)
    at = lambda v: y1 - (np.clip(v, low, high) - low) / (high - low) * (y1 - y0)
    cv2.line(canvas, (x0, int(at(0.0))), (x1, int(at(0.0))), (220, 220, 220), 1)
    for i, line in enumerate(lines):
        points = np.stack([np.linspace(x0, x1, len(line)), at(line)], 1)
        cv2.polylines(canvas, [np.round(points * 8).astype(np.int32)], False, _INK[i % len(_INK)], 1, cv2.LINE_AA, 3)
    cv2.putText(canvas, title, (x0 + 3, y0 + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)


def sheet(rows, path, width=200, height=92):
    """rows: a list of rows of (title, lines, limits)."""
    columns = max(len(row) for row in rows)
    canvas = np.full((len(rows) * (height + 6) + 6, columns * (width + 6) + 6, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        for j, (title, lines, limits) in enumerate(row):
            x, y = 6 + j * (width + 6), 6 + i * (height + 6)
            panel(canvas, (x, y, x + width, y + height), title, lines, limits)
    cv2.imwrite(path, canvas)
