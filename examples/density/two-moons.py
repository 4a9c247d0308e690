"""Makes two-moons.csv: 2000 points on two half circles with Gaussian noise, from the standard library alone."""

import math
import random

random.seed(7)
with open("two-moons.csv", "w", encoding="utf-8") as out:
    out.write("x,y\n")
    for i in range(2000):
        angle = math.pi * random.random()
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1 - x, 0.5 - y
        out.write(f"{x + random.gauss(0, 0.08):.4f},{y + random.gauss(0, 0.08):.4f}\n")
