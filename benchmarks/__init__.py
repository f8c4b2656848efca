"""What the matcher reaches, how fast, and what others reach on the same rounds: `make bench`, `make long`.

Nothing here is shipped. `__main__` runs the sections and draws the page; each section keeps its figures as JSON under
`results/`, so that `docs/benchmarks.md` can be drawn again without measuring again.
"""
