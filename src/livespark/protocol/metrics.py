"""Names of metrics."""

__all__ = ("means",)


def means(wanted: str, name: str) -> bool:
    """Whether the metric `name` is the `wanted` one, maybe within a group: `loss` means `train/loss`, `loss/train` and
    `val_loss`, too."""
    return name == wanted or name.endswith((f"/{wanted}", f"_{wanted}")) or name.startswith(f"{wanted}/")
