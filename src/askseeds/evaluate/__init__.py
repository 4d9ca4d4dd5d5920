"""Fixed question-and-answer pairs: read, asked, judged, counted and reported.

    pairs     what a pair is, and what makes one wrong
    formats   YAML, CSV and JSON Lines, in and out
    gold      where the expected fragments stand; how much of them was quoted
    judge     whether an answer is what a pair expects, and if not, where it went astray
    runner    asks every pair once
    figures   means, intervals and tests over many pairs
    gate      which figures are good enough
    compare   two configurations on the same pairs
    record    today's answers as the expectation, and what changed since
    draft     first pairs for new seeds, and pairs from the feedback of the chat
    outputs   text, JSON, JUnit and Markdown
    plots     SVG
    report    one HTML file
    command   `askseeds eval`

Read `runner.run` first. Definitions and their sources: docs/evaluation.md.
"""
