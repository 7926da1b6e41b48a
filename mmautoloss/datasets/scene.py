"""One scene: several handwritten digits on a cluttered background, and the mask of each."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from mmautoloss.datasets.background import draw_background
from mmautoloss.datasets.source import DigitPool

MIN_DIGITS, MAX_DIGITS = 2, 6
MIN_HEIGHT, MAX_HEIGHT = 0.24, 0.50  # of a digit's 8x8 cell, in sides of the image
MAX_HIDDEN = 0.10  # share of an earlier digit that later ones may cover
MAX_BOX_OVERLAP = 0.12  # intersection over union of two boxes
TRIES = 12  # places tried for one digit before it is left out

Box = tuple[int, int, int, int]  # x, y, width, height


class Instance(NamedTuple):
    """A digit in a scene.

    Attributes:
        digit: Its value, 0 to 9.
        source: Row of the handwritten digit in ``sklearn.datasets.load_digits``.
        mask: Visible pixels, shape (H, W), bool.
    """

    digit: int
    source: int
    mask: np.ndarray


class Scene(NamedTuple):
    """A picture and the digits in it.

    Attributes:
        image: BGR picture, shape (H, W, 3), uint8.
        instances: The digits; their masks do not overlap.
    """

    image: np.ndarray
    instances: tuple[Instance, ...]

    def label_map(self) -> np.ndarray:
        """Class of each pixel: 0 background, digit + 1 elsewhere; shape (H, W), uint8."""
        labels = np.zeros(self.image.shape[:2], np.uint8)
        for instance in self.instances:
            labels[instance.mask] = instance.digit + 1
        return labels


def render_scene(pool: DigitPool, size: int, rng: np.random.Generator) -> Scene:
    """Draws one scene.

    Args:
        pool: Handwritten digits to choose from.
        size: Side of the image in pixels.
        rng: Source of all randomness.
    """
    image = draw_background(size, rng)
    instances: list[Instance] = []
    count = int(rng.integers(MIN_DIGITS, MAX_DIGITS + 1))
    for _ in range(count):
        image = add_digit(image, instances, pool, rng)
    while len(instances) < MIN_DIGITS:
        image = add_digit(image, instances, pool, rng)
    return Scene(finish(image, rng), tuple(instances))


def add_digit(image: np.ndarray, instances: list[Instance], pool: DigitPool, rng: np.random.Generator) -> np.ndarray:
    """Adds a digit to ``instances`` and returns the painted image, or leaves both as they are.

    The visible masks of the earlier digits are cut where the new one covers them.
    """
    row = int(rng.integers(len(pool.digits)))
    earlier = [(item.mask, mask_box(item.mask)) for item in instances]
    for _ in range(TRIES):
        cover = place_stroke(pool.strokes[row], len(image), rng)
        mask = cover >= 0.5
        if fits(mask, earlier):
            break
    else:
        return image
    instances[:] = [item._replace(mask=item.mask & ~mask) for item in instances]
    instances.append(Instance(int(pool.digits[row]), int(pool.sources[row]), mask))
    return paint(image, cover, rng)


def place_stroke(stroke: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws a digit at a random position, size, slant and rotation.

    Args:
        stroke: Ink of the digit, shape (8, 8).
        size: Side of the image in pixels.
        rng: Source of all randomness.

    Returns:
        How much of each pixel the digit covers, 0 to 1, shape (size, size).
    """
    low, high = np.log([MIN_HEIGHT, MAX_HEIGHT])
    height = size * np.exp(rng.uniform(low, high))
    width = height * rng.uniform(0.85, 1.15)
    turn, slant = rng.uniform(-0.22, 0.22), rng.uniform(-0.15, 0.15)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation @ np.array([[1, slant], [0, 1]]) @ np.diag([width, height]) / 8
    margin = 0.4 * height
    centre = rng.uniform(margin, size - 1 - margin, size=2)
    padded = np.pad(stroke, 2)
    matrix = np.column_stack([linear, centre - linear @ np.full(2, (len(padded) - 1) / 2)])
    ink = cv2.warpAffine(padded, matrix, (size, size), flags=cv2.INTER_CUBIC)
    sharpness = height / 8  # keeps the edge about one pixel and a half wide at any size
    return np.clip((ink - 0.42) * sharpness + 0.5, 0, 1)


def fits(mask: np.ndarray, earlier: list[tuple[np.ndarray, Box]]) -> bool:
    """Whether a new mask lies inside the image and leaves the earlier digits readable."""
    if mask[[0, -1]].any() or mask[:, [0, -1]].any():
        return False
    box = mask_box(mask)
    return all(
        box_overlap(box, other_box) <= MAX_BOX_OVERLAP and (other & mask).sum() <= MAX_HIDDEN * other.sum()
        for other, other_box in earlier
    )


def mask_box(mask: np.ndarray) -> Box:
    """Tightest box of a mask that is not empty, in whole pixels."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def box_overlap(one: Box, two: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    height = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    common = max(width, 0) * max(height, 0)
    return common / (one[2] * one[3] + two[2] * two[3] - common)


def paint(image: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paints a digit 60 to 130 grey levels lighter or darker than the image under it."""
    under = image[cover >= 0.5].mean(0)
    step = rng.choice([-1, 1]) * rng.uniform(60, 130)
    if not 0 <= under.mean() + step <= 255:
        step = -step
    tint = rng.normal(0, 30, size=3)
    colour = under + step + tint - tint.mean()
    if rng.random() < 0.3:
        image = add_shadow(image, cover, rng)
    shading = np.linspace(-1, 1, len(image))[:, None, None] * rng.uniform(-15, 15)
    return image + cover[..., None] * ((colour + shading).astype(np.float32) - image)


def add_shadow(image: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Darkens the image a little to the side of a digit."""
    shift = np.column_stack([np.eye(2), rng.uniform(-2.5, 2.5, size=2)])
    moved = cv2.warpAffine(cover, shift, cover.shape[::-1])
    return image - 25 * cv2.GaussianBlur(moved, (0, 0), 1.2)[..., None]


def finish(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Adds the effects of a camera: slight blur, sensor noise and clipping to uint8."""
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 0.7))
    image = image + rng.normal(0, rng.uniform(2, 7), size=image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
