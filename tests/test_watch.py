"""What a long run of the tests says while it runs."""

from types import SimpleNamespace

from tests.watch import Watch


def test_what_takes_long_is_named_once_and_its_end_told():
    lines, now = [], [0.0]
    watch = Watch(lines.append, long=100, clock=lambda: now[0])
    watch.pytest_runtest_logstart("slow")
    watch.pytest_runtest_logstart("quick")
    now[0] = 60
    watch.pytest_runtest_logfinish("quick")
    watch.long_running()
    assert lines == []
    now[0] = 130
    watch.long_running()
    watch.long_running()
    assert lines == ["still running after 130 s: slow"]
    now[0] = 150
    watch.pytest_runtest_logfinish("slow")
    assert lines[1:] == ["ended after 150 s: slow"]


def test_a_failure_is_told_at_once_with_its_reason():
    lines = []
    report = SimpleNamespace(
        failed=True, when="call", nodeid="t.py::t", longrepr="def t():\nE   assert 1 == 2\n\nt.py:1"
    )
    Watch(lines.append).pytest_runtest_logreport(report)
    assert lines == ["failed in call: t.py::t: E   assert 1 == 2"]
    report.failed = False
    Watch(lines.append).pytest_runtest_logreport(report)
    assert len(lines) == 1


def test_a_failure_without_a_reason_is_told_too():
    lines = []
    report = SimpleNamespace(failed=True, when="setup", nodeid="t.py::t", longrepr=None)
    Watch(lines.append).pytest_runtest_logreport(report)
    assert lines == ["failed in setup: t.py::t: None"]
