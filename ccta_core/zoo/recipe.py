"""How an adapter is trained: every number that decides its weights, in one frozen value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """Low-rank adaptation (LoRA, Hu et al., 2021) of the embedded backbone with a fresh head."""

    seed: int = 1
    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 5e-4
    warmup_share: float = 0.06
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.05
    max_tokens: int = 128
    bfloat16: bool = True
    checkpoint_every: int = 200
    """Steps between two checkpoints that a killed run resumes from."""
