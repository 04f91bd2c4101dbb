"""This package judges runs: how sure each figure is, which limits it keeps, who is on the front and what to choose.

It works from run directories alone, on any machine, and never imports what measures. Read it upwards: `cases` and
`estimates` make figures of cycles, `limits` and `front` judge them, `recommendation` says it in a sentence.
"""
