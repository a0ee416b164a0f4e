"""How thickness becomes contrast: phase, differential interference, defocus, quantitative."""

from __future__ import annotations

import numpy as np

from napari_sam.training.synthetic.fields import Array, blur


def phase_contrast(thickness: Array, halo: float, strength: float, leak: float) -> Array:
    """Dark objects with a bright halo that fades over ``halo`` pixels.

    The ring of a phase microscope does not hold back the lowest frequencies: what is seen is
    the thickness minus a wide blur of it, which is the halo outside and the shade-off inside.
    """
    return np.float32(0.5) - np.float32(strength) * (
        thickness - np.float32(leak) * blur(thickness, halo)
    )


def differential(thickness: Array, angle: float, shear: float, strength: float) -> Array:
    """Relief as if lit from the side: the slope of the thickness along one direction."""
    slope_rows, slope_cols = np.gradient(blur(thickness, shear))
    slope = np.float32(np.sin(angle)) * slope_rows + np.float32(np.cos(angle)) * slope_cols
    return np.float32(0.5) + np.float32(strength) * slope.astype(np.float32)


def defocused(thickness: Array, distance: float, strength: float, absorb: float) -> Array:
    """Brightfield away from focus: light gathers where the thickness curves.

    ``distance`` is the width of the bright or dark rim in pixels; the sign of ``strength``
    says on which side of focus the lens is.
    """
    fine, wide = blur(thickness, 0.6 * distance), blur(thickness, 1.6 * distance)
    return np.float32(0.6) + np.float32(strength) * (fine - wide) - np.float32(absorb) * thickness
