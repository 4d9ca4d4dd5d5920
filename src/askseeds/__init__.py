"""Answers from your own documents, in verbatim quotes."""

import os

__version__ = "0.1.0"

# Promised: nothing leaves the machine. Libraries read these when they are first imported, so they
# are set before any is. ONNX Runtime, since 1.29, uploads usage events unless the first is set.
os.environ.update(
    ORT_DISABLE_TELEMETRY="1",
    ANONYMIZED_TELEMETRY="False",
    HF_HUB_DISABLE_TELEMETRY="1",
    GRADIO_ANALYTICS_ENABLED="False",
    DO_NOT_TRACK="1",
)
