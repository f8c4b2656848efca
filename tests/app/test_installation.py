"""The keys of an installation: made once, whole, and the same for every process that starts at that moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tanyi.app.installation import _secret

AT_ONCE, REPETITIONS = 4, 100


def test_all_who_make_the_secret_at_once_get_the_same_whole_secret(tmp_path: Path) -> None:
    for number in range(REPETITIONS):
        path, start = tmp_path / str(number), threading.Barrier(AT_ONCE)

        def make(_: int, path: Path = path, start: threading.Barrier = start) -> str:
            start.wait()
            return _secret(path)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            made = set(pool.map(make, range(AT_ONCE)))
        assert len(made) == 1
        assert len(made.pop()) >= 40


def test_a_secret_is_closed_to_others_and_leaves_no_draft_behind(tmp_path: Path) -> None:
    kept = _secret(tmp_path / "webhook-secret")
    assert [path.name for path in tmp_path.iterdir()] == ["webhook-secret"]
    assert (tmp_path / "webhook-secret").stat().st_mode & 0o777 == 0o600
    assert _secret(tmp_path / "webhook-secret") == kept
