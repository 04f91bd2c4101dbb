"""Tests of what is said of steadiness, domination and flips."""

from judging.tables import case_result

from harness.judging.steadiness import Change, State, Steadiness
from harness.report.words import course_words, disturbed_words


def course(sitting: int, state: State, *changes: Change) -> Steadiness:
    """A sitting of that state."""
    return Steadiness(
        sitting=sitting,
        state=state,
        cut=55,
        cut_s=1.0,
        changes=changes,
        throttling="throttle count of cpu0 rose from 1 to 2" if state is State.THROTTLED else "",
        outliers=(0, 0),
        first_minute=None,
        sustained=None,
        throttled=None,
    )


def change(quantity: str, relative: float) -> Change:
    """A change after two seconds."""
    return Change(quantity=quantity, cycle=100, after_s=2.0, relative=relative)


def test_steady_cases_need_no_words() -> None:
    """Nothing is said of sittings that were steady, or too short to tell."""

    assert [] == list(course_words(case_result(courses=(course(1, State.STEADY), course(2, State.UNKNOWN)))))


def test_the_largest_change_stands_for_all() -> None:
    """Sittings of one state share a sentence with the largest of their changes."""
    courses = (
        course(1, State.DRIFTING, change("latency", 0.02), change("power", -0.3)),
        course(3, State.DRIFTING, change("latency", 0.05)),
    )

    assert [
        (
            "bench-a/onnxruntime/digits-cnn/fp32: drifting in sittings 1, 3: power -30.0 % after 2.00 s, "
            "the largest of 3 changes."
        )
    ] == list(course_words(case_result(courses=courses)))


def test_throttling_is_told_with_its_evidence() -> None:
    """What the device says of itself stands behind the change, and each state has its own sentence."""
    courses = (course(1, State.NOT_REACHED), course(2, State.THROTTLED, change("latency", 0.1)))
    throttled, settling = course_words(case_result(courses=courses))

    assert throttled.endswith(
        "throttled in sitting 2: latency +10.0 % after 2.00 s; throttle count of cpu0 rose from 1 to 2."
    )
    assert settling.endswith(
        "not steady in sitting 1: latency or power was still settling when 55 cycles, about half of the sitting, were "
        "over; raise warmup_s."
    )


def test_disturbed_sittings_are_told_once_a_run() -> None:
    """A run has one sentence with its worst sitting and their number; up to 2 % nothing is said."""
    cases = [case_result(disturbances={1: 0.01, 2: 0.4}), case_result(disturbances={1: 0.78, 2: 0.02})]
    (said,) = disturbed_words(cases)

    assert said.startswith("DISTURBED: in 2 of 4 sittings of run ")
    assert "78 % of the time in the worst" in said
    assert [] == list(disturbed_words([case_result(disturbances={1: 0.02}), case_result()]))
