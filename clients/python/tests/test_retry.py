"""When an intent is tried again."""

import grpc

from sealwire._core.effects import Reply
from sealwire._core.failure import CallFailure
from sealwire._core.outcome import Failed, read_end
from sealwire._core.retry import Retries
from sealwire._core.settings import Retry
from sealwire.signing import Expected
from sealwire.v1 import Error, ErrorReason


def refusal(reason: str, *, retryable: bool = False, delay: float | None = None) -> Failed:
    error = Error(code=14, reason=ErrorReason.Value(f"ERROR_REASON_{reason}"), retryable=retryable)
    if delay is not None:
        error.retry_delay.FromNanoseconds(int(delay * 1e9))
    return Failed("refusal", CallFailure.of_error(error))


def unsigned(code: grpc.StatusCode, *, unsent: bool = False) -> Failed:
    reason = "UNREACHABLE" if code is grpc.StatusCode.UNAVAILABLE else "RESPONSE_UNVERIFIED"
    return Failed("unsigned", CallFailure(reason, "said", code=code), is_unsent=unsent, is_away=unsent)


def retries(fraction: float = 1.0, **options: float) -> Retries:
    return Retries(Retry(**options), lambda: fraction)  # type: ignore[arg-type]


def never() -> bool:
    return False


def test_delays_double_up_to_their_limit() -> None:
    tried = retries()
    delays = [tried.delay_after(unsigned(grpc.StatusCode.INTERNAL), correct_clock=never) for _ in range(7)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert not tried.attempts_left


def test_a_lost_connection_is_waited_for_at_least_half_a_second() -> None:
    tried = retries(0.0)
    lost = unsigned(grpc.StatusCode.UNAVAILABLE)
    assert [tried.delay_after(lost, correct_clock=never) for _ in range(4)] == [0.5, 1.0, 2.0, 2.5]


def test_attempts_that_reached_no_server_do_not_count() -> None:
    tried = retries()
    for _ in range(9):
        assert tried.delay_after(unsigned(grpc.StatusCode.UNAVAILABLE, unsent=True), correct_clock=never) is not None
    assert tried.attempts_left
    last = unsigned(grpc.StatusCode.UNAVAILABLE, unsent=True)
    assert tried.final_failure(last).has_not_begun


def test_a_certificate_that_is_not_trusted_is_not_waited_for() -> None:
    expected = Expected("peer", "k", b"", b"", "r", None)
    told = {
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused": True,
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed: CERTIFICATE_VERIFY_FAILED: self signed": False,
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL: WRONG_VERSION_NUMBER": False,
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Peer name other is not in peer certificate": False,
        "last error: UNKNOWN: Custom verification check failed: Hostname Verification Check failed.": False,
    }
    for text, is_away in told.items():
        details = f"failed to connect to all addresses; {text}"
        failed = read_end(Reply(grpc.StatusCode.UNAVAILABLE, details=details, is_from_peer=False), expected, 0)
        assert (failed.is_unsent, failed.is_away) == (True, is_away)


def test_a_server_is_never_asked_earlier_than_it_says() -> None:
    for fraction in (0.0, 0.5, 1.0):
        tried = retries(fraction)
        limited = refusal("RATE_LIMITED", retryable=True, delay=2.0)
        delays = [tried.delay_after(limited, correct_clock=never) for _ in range(5)]
        assert all(delay is not None and delay >= 2.0 for delay in delays)
        assert tried.allows(limited)


def test_a_delay_that_makes_no_sense_is_bounded() -> None:
    for seconds in (-(2**62), 2**62):
        limited = refusal("RATE_LIMITED", retryable=True, delay=0.0)
        assert limited.failure.error is not None
        limited.failure.error.retry_delay.seconds = seconds
        delays = [retries().delay_after(limited, correct_clock=never) for _ in range(3)]
        assert all(delay is not None and 0 < delay < 2e6 for delay in delays)


def test_the_clock_is_corrected_once() -> None:
    tried = retries()
    skew = refusal("CLOCK_SKEW")
    assert tried.delay_after(skew, correct_clock=lambda: True) == 0.0
    assert tried.delay_after(skew, correct_clock=lambda: True) is None


def test_what_is_final_is_not_tried_again() -> None:
    assert retries().delay_after(refusal("ARGS_INVALID"), correct_clock=never) is None
    assert retries().delay_after(unsigned(grpc.StatusCode.NOT_FOUND), correct_clock=never) is None
    forged = Failed("forged", CallFailure("RESPONSE_UNVERIFIED", "no", code=grpc.StatusCode.UNAVAILABLE))
    assert retries().delay_after(forged, correct_clock=never) is None


def test_a_failure_says_whether_the_call_may_have_run() -> None:
    assert retries().final_failure(refusal("ARGS_INVALID")).has_not_begun
    assert not retries().final_failure(refusal("INTERNAL")).has_not_begun
    earlier = retries()
    earlier.delay_after(unsigned(grpc.StatusCode.INTERNAL), correct_clock=never)
    assert not earlier.final_failure(refusal("ARGS_INVALID")).has_not_begun


def test_replayed_is_tried_again_and_its_outcome_is_unknown() -> None:
    tried = retries()
    assert tried.delay_after(refusal("REPLAYED"), correct_clock=never) is not None
    assert tried.final_failure(refusal("REPLAYED")).reason == "OUTCOME_UNKNOWN"


def test_another_server_is_asked_at_once() -> None:
    tried = retries()
    draining = refusal("DRAINING", retryable=True)
    assert tried.delay_after(draining, correct_clock=never, alternatives=1) == 0.0
    assert tried.delay_after(draining, correct_clock=never, alternatives=1) != 0.0
