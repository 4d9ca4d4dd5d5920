"""What the scripts that measure have in common: the goals, and how a table looks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TASKS = ("sentences", "excerpts", "xquad")

# Goals as the benchmark's own README sets them.
GOALS: dict[str, dict[str, float]] = {
    "sentences": {"selection_char_f1": 0.75, "confidence_auroc": 0.95, "balanced_accuracy": 0.90},
    "excerpts": {
        "selection_char_f1": 0.65,
        "selection_char_iou": 0.50,
        "selection_hit_at_1": 0.78,
        "selection_hit_at_3": 0.90,
    },
    "xquad": {
        "selection_hit_at_1": 0.92,
        "selection_hit_at_3": 0.98,
        "balanced_accuracy": 0.99,
        "confidence_auroc": 0.998,
    },
}


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
