"""Starts the browser chat, as `askseeds chat` does; takes the same options."""

import sys

from askseeds.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "chat")
    main()
