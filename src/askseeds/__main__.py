"""`python -m askseeds` does what `askseeds` does."""

from askseeds.cli import main

if __name__ == "__main__":
    main()
