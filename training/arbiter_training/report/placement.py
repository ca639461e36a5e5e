"""Labels beside their points, so that none covers another; for the page's drawing and the figures alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RADII = (9.0, 18.0, 30.0, 44.0, 60.0, 80.0, 104.0)
"""Distances from point to label that are tried, in pixels."""

FAR_WEIGHT = 1.2
"""Square pixels of overlap that one pixel of distance is worth."""

LEADER_FROM = 18.0
"""A label at this distance or more gets a line to its point."""

SIDES = (
    *((1, 0), (-1, 0), (0, -1), (0, 1), (0.7, -0.8), (0.7, 0.8), (-0.7, -0.8), (-0.7, 0.8)),
    *((0.2, -1), (0.2, 1), (-0.2, -1), (-0.2, 1)),
)
"""Directions from point to label, the preferred first; y grows downward."""

POINT_HALF = 6.0
POINT_WEIGHT = 3.0
OUTSIDE_WEIGHT = 1e3
LINE_WEIGHT = 6.0
LINE_MOST = 40.0
"""Cost of each point of a curve under a label, and the most that curves can cost: to lie on a line reads worse than
free, better than on a point or another label, and a long name that cannot but cross a curve need not flee far."""

LEADER_WEIGHT = 60.0
"""Cost of a line that runs through another point or name: it would seem to belong there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels, y downward."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        """Give the common area in square pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0.0 and height > 0.0 else 0.0

    def outside(self, frame: "Box") -> float:
        """Give how far it reaches beyond a frame, in pixels."""
        sides = (frame.left - self.left, frame.top - self.top, self.right - frame.right, self.bottom - frame.bottom)
        return sum(max(side, 0.0) for side in sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text to place: its point and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a label went: its box, and the near end of the line to its point, where it needs one."""

    box: Box
    leader: tuple[float, float] | None


def place(labels: Sequence[Label], frame: Box, lines: Sequence[tuple[float, float]] = ()) -> list[Placed]:
    """Place labels one after the other, each where it covers least.

    Parameters
    ----------
    labels : in order of importance.
    frame : what they must stay in.
    lines : points along drawn curves, to be avoided where that is possible.

    Returns
    -------
    placed : one per label, in the order given.
    """
    room = _Room(frame=frame, labels=labels, curve=np.array(lines, dtype=np.float64).reshape(-1, 2))
    placed: list[Placed] = []
    for label in labels:
        tried = [(_placed(label, radius, side), FAR_WEIGHT * radius) for radius in RADII for side in SIDES]
        placed.append(min(tried, key=lambda one: one[1] + room.cost(label, one[0], placed))[0])
    return placed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    frame: Box
    labels: Sequence[Label]
    curve: NDArray[np.float64]

    def cost(self, label: Label, tried: Placed, placed: Sequence[Placed]) -> float:
        """Rate a place by what it covers and what its leader runs through."""
        box, names = tried.box, [other.box for other in placed]
        points = [_around(other) for other in self.labels]
        cost = sum(map(box.overlap, names)) + POINT_WEIGHT * sum(map(box.overlap, points))
        cost += min(LINE_WEIGHT * self._curve_points(box), LINE_MOST) + OUTSIDE_WEIGHT * box.outside(self.frame)
        if tried.leader:
            others = [_around(o) for o in self.labels if (o.x, o.y) != (label.x, label.y)]
            cost += LEADER_WEIGHT * _crossed((label.x, label.y), tried.leader, [*names, *others])
        return cost

    def _curve_points(self, box: Box) -> int:
        x, y = self.curve.T
        return int(np.count_nonzero((x > box.left) & (x < box.right) & (y > box.top) & (y < box.bottom)))


def _crossed(start: tuple[float, float], end: tuple[float, float], boxes: Sequence[Box]) -> int:
    """Count the boxes that a line runs through, by points along it."""
    t = np.linspace(0.0, 1.0, 16)
    x, y = start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])
    inside = (((x > b.left) & (x < b.right) & (y > b.top) & (y < b.bottom)).any() for b in boxes)
    return sum(map(bool, inside))


def _placed(label: Label, radius: float, side: tuple[float, float]) -> Placed:
    box = _beside(label, radius, side)
    return Placed(box=box, leader=_leader(label, box, radius))


def _beside(label: Label, radius: float, side: tuple[float, float]) -> Box:
    dx, dy = side
    center_x = label.x + dx * radius + (label.width / 2 if dx > 0 else -label.width / 2 if dx < 0 else 0.0)
    center_y = label.y + dy * (radius + label.height / 2)
    return Box(
        left=center_x - label.width / 2,
        top=center_y - label.height / 2,
        right=center_x + label.width / 2,
        bottom=center_y + label.height / 2,
    )


def _leader(label: Label, box: Box, radius: float) -> tuple[float, float] | None:
    if radius < LEADER_FROM:
        return None
    return min(max(label.x, box.left), box.right), min(max(label.y, box.top), box.bottom)


def _around(label: Label) -> Box:
    x, y, half = label.x, label.y, POINT_HALF
    return Box(left=x - half, top=y - half, right=x + half, bottom=y + half)
