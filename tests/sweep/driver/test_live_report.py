"""`sweep report --live`: the page is written again as the ledger grows, and no more once the sweep has ended."""

import threading

from final_events import tuning

from sweep.driver import live_report
from trials import ledger
from trials.events import SweepEnded
from trials.folder import RunFolder


def test_it_follows_to_the_end(tmp_path, monkeypatch):
    from reports.run import page

    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    for event in tuning()[:3]:
        ledger.append(run.ledger, event)
    said: list[str] = []
    built: list[float | None] = []
    real = page.build
    monkeypatch.setattr(page, "build", lambda folder, refresh=None: built.append(refresh) or real(folder, refresh))
    thread = threading.Thread(target=live_report.follow, args=(run, said.append, 0.05))
    thread.start()
    while not built:
        thread.join(0.05)
    ledger.append(
        run.ledger,
        SweepEnded(time=9.9e9, state="complete", reason="", seconds=1.0, idle_share=0.0),
    )
    thread.join(60)
    assert not thread.is_alive()
    assert built[0] is not None and built[-1] is None and len(built) == 2
    assert "follows the sweep" in said[0] and said[-1].endswith("report.html")
