"""Writes ``unetr.npz``: what ``torch_em``'s UNETR decoder answers with random weights.

Run with ``torch_em`` (0.10.9) installed: ``python tests/recorded/record_unetr.py``. Weights and
embeddings are numbers of 16 bits, so that the file stays small.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

SIDE, WIDTH, CHANNELS = 4, 32, 2
USED, SHAPE = (64, 46), (50, 36)  # of the square of 16 * SIDE, and of the plane


class _Encoder(torch.nn.Module):
    img_size, in_chans, embed_dim = 16 * SIDE, 3, WIDTH


def record(transposed: bool) -> dict[str, np.ndarray]:
    """Return weights, embedding and answers of a decoder of one kind."""
    from torch_em.model.unetr import UNETR

    torch.manual_seed(int(transposed))
    decoder = UNETR(
        img_size=16 * SIDE,
        backbone="sam",
        encoder=_Encoder(),
        out_channels=3,
        use_sam_stats=True,
        final_activation="Sigmoid",
        use_skip_connection=False,
        use_conv_transpose=transposed,
        initial_features=CHANNELS,
    ).eval()
    state = decoder.state_dict()
    for name, value in state.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.is_floating_point():
            value.normal_(std=2.0 / max(value[0].numel(), 1) ** 0.5 if value.dim() > 1 else 0.3)
            value += float(name.endswith(".2.weight"))
        if value.is_floating_point():
            value.copy_(value.half().float())
    features = torch.randn(1, WIDTH, SIDE, SIDE).half().float()
    with torch.inference_mode():
        found = decoder.decode((features, None, None), USED, SHAPE)[0]
    kind = "transposed" if transposed else "interpolated"
    arrays = {f"{kind}/weights/{k}": v.numpy() for k, v in state.items()}
    arrays = {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in arrays.items()}
    arrays[f"{kind}/features"] = features.numpy().astype(np.float16)
    arrays[f"{kind}/maps"] = found.numpy()
    return arrays


if __name__ == "__main__":
    target = Path(__file__).with_name("unetr.npz")
    np.savez_compressed(target, **record(False), **record(True))
