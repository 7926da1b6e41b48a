"""Cluttered backgrounds: gradients, stains, blobs and strokes that are not digits."""

from __future__ import annotations

import cv2
import numpy as np


def draw_background(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws one background.

    Args:
        size: Side of the image in pixels.
        rng: Source of all randomness.

    Returns:
        Image of shape (size, size, 3), float32, about 0 to 255, not yet clipped.
    """
    image = draw_gradient(size, rng) + draw_stains(size, rng)
    for _ in range(rng.integers(1, 4)):
        image = add_blob(image, rng)
    for _ in range(rng.integers(1, 5)):
        image = add_stroke(image, rng)
    return image


def draw_gradient(size: int, rng: np.random.Generator) -> np.ndarray:
    """Blends two muted colours along a random direction; shape (size, size, 3)."""
    brightness = rng.uniform(40, 215, size=(2, 1))
    brightness[1] = brightness[0] + 0.4 * (brightness[1] - brightness[0])
    colours = brightness + rng.normal(0, 18, size=(2, 3))
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
    blend = np.clip(0.5 + rows * np.sin(angle) + columns * np.cos(angle), 0, 1)[..., None]
    return (blend * colours[0] + (1 - blend) * colours[1]).astype(np.float32)


def draw_stains(size: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth colour noise of a few grey levels; shape (size, size, 3)."""
    coarse = rng.normal(0, rng.uniform(3, 12), size=(7, 7, 3)).astype(np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def add_blob(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a soft ellipse or a box over the image, fainter than any digit."""
    size = len(image)
    cover: np.ndarray = np.zeros((size, size), np.float32)
    centre = [int(value) for value in rng.integers(0, size, 2)]
    radii = [int(value) for value in np.rint(rng.uniform(0.05, 0.22, 2) * size)]
    if rng.random() < 0.6:
        cv2.ellipse(cover, centre, radii, rng.uniform(0, 180), 0, 360, (1.0,), -1)
    else:
        corner = [middle + radius for middle, radius in zip(centre, radii, strict=True)]
        cv2.rectangle(cover, centre, corner, (1.0,), -1)
    cover = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 2.5))
    return image + cover[..., None] * draw_tint(rng, 15, 40)


def add_stroke(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a thin bent line over the image, thinner and fainter than the strokes of a digit."""
    size = len(image)
    cover: np.ndarray = np.zeros((size, size), np.uint8)
    begin, bend, end = rng.uniform(-0.1, 1.1, size=(3, 2)) * size
    time = np.linspace(0, 1, 12)[:, None]
    curve = (1 - time) ** 2 * begin + 2 * time * (1 - time) * bend + time**2 * end
    points = np.rint(curve).astype(np.int32)[:, None]
    thickness = int(rng.integers(1, 1 + max(1, size // 48)))
    cv2.polylines(cover, [points], False, (255,), thickness, cv2.LINE_AA)
    return image + (cover / np.float32(255))[..., None] * draw_tint(rng, 20, 50)


def draw_tint(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A step to a lighter or darker colour by ``low`` to ``high`` grey levels; shape (3,)."""
    step = rng.choice([-1, 1]) * rng.uniform(low, high)
    return (step + rng.normal(0, 10, size=3)).astype(np.float32)
