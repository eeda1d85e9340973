package sealwire

import (
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// lossDelay is the least delay after the connection was lost during a call, unless MaxDelay is less than twice this.
	lossDelay = 500 * time.Millisecond
	// leastLeft is the time below which a call that reaches no server is given up.
	leastLeft = 50 * time.Millisecond
	// forever stands for no deadline.
	forever = time.Duration(1<<63 - 1)
)

// retries decide whether and when an intent is tried again (docs/protocol.md, Intents and retries). All attempts have the
// same request id, and a server executes an intent once, so an attempt with an unknown outcome may be repeated for any
// tool. After a verified refusal only what is retryable is repeated.
type retries struct {
	Retry
	failures, counted, losses, told int
	clockCorrected                  bool
	awaySince                       time.Time
	mayHaveRun                      bool
}

// situation is what is known after a failed attempt.
type situation struct {
	// correctClock is called on the first verified CLOCK_SKEW, and returns true if the clock was corrected.
	correctClock func() bool
	// alternatives is the number of other servers, which may be tried without a delay.
	alternatives int
	// remaining is the time that is left.
	remaining time.Duration
}

func (r *retries) attemptsLeft() bool { return r.counted < r.MaxAttempts }

// allows reports whether the number of attempts allows another. A told delay is bounded by the deadline instead.
func (r *retries) allows(f *failure) bool {
	return r.attemptsLeft() || r.MaxAttempts > 1 && f.tellsDelay()
}

// reset forgets all failures, after a message has shown that the server works.
func (r *retries) reset() { *r = retries{Retry: r.Retry, mayHaveRun: r.mayHaveRun} }

// note remembers whether a failed attempt may have been executed: an unsigned refusal of a key proves nothing.
func (r *retries) note(f *failure) { r.mayHaveRun = r.mayHaveRun || f.mayHaveRun() }

// delayAfter returns the time to wait before the next attempt, and false if there is none.
func (r *retries) delayAfter(f *failure, s situation) (time.Duration, bool) {
	r.failures++
	r.note(f)
	awayLeft, isBounded := r.awayLeft(f)
	if !isBounded {
		r.counted++
	}
	left := s.remaining
	if isBounded {
		left = min(left, awayLeft)
	}
	switch {
	case (f.away || f.isDraining()) && (s.remaining < leastLeft || left <= 0):
		return 0, false
	case f.isLostInMidCall():
		return r.delayAfterLoss(), true
	case f.isOutOfService() && r.failures <= s.alternatives:
		return 0, true
	case f.refusal == nil:
		return r.backoff(left), !f.forged && f.isPassing()
	case f.reason == "CLOCK_SKEW":
		return 0, r.correctOnce(s.correctClock)
	case f.reason == "REPLAYED":
		// The nonce is unique, so the frame was delivered twice. Another attempt gets the outcome.
		return r.backoff(s.remaining), true
	case !f.refusal.Error.Retryable:
		return 0, false
	case f.refusal.Error.RetryDelay == nil:
		return r.backoff(s.remaining), true
	default:
		return r.delayAsTold(f.refusal.Error.RetryDelay.AsDuration(), s.remaining), true
	}
}

// awayLeft returns the time left to wait for a server that is away, or drains and is about to go, and false if attempts
// are counted instead.
func (r *retries) awayLeft(f *failure) (time.Duration, bool) {
	if !f.away && !f.isDraining() || r.MaxAttempts == 1 {
		return 0, false
	}
	now := time.Now()
	if r.awaySince.IsZero() {
		r.awaySince = now
	}
	return r.UnreachableFor - now.Sub(r.awaySince), true
}

// backoff returns a random delay below a limit that doubles with each failure, and is at most half of the time left.
func (r *retries) backoff(remaining time.Duration) time.Duration {
	limit := min(r.MaxDelay, doubled(r.InitialDelay, r.failures-1), remaining/2)
	return fraction(limit)
}

// delayAfterLoss returns the delay after a lost connection: the call itself may have ended the server.
func (r *retries) delayAfterLoss() time.Duration {
	r.losses++
	base := min(r.MaxDelay/2, doubled(lossDelay, r.losses-1))
	return base + fraction(base)
}

// delayAsTold returns the delay that the server asked for, and a random part that grows with each repetition and spreads
// clients that were told the same.
func (r *retries) delayAsTold(told, remaining time.Duration) time.Duration {
	r.told++
	told = max(0, told)
	var again time.Duration
	if r.told > 1 {
		again = doubled(r.InitialDelay, r.told-2)
	}
	spread := min(r.MaxDelay, told/4+10*time.Millisecond+again, max(0, remaining-told)/2)
	return told + fraction(spread)
}

func (r *retries) correctOnce(correct func() bool) bool {
	if r.clockCorrected {
		return false
	}
	r.clockCorrected = true
	return correct()
}

// final returns the problem after the last attempt.
func (r *retries) final(f *failure) *problem {
	isOpen := r.mayHaveRun || f.mayHaveRun()
	p := f.problem()
	p.notBegun = !isOpen
	if p.reason == reasonUnreachable {
		p.message += "; check the address and that the server runs"
		if isOpen {
			p.message += "; repeat under the same request id, the call may have taken effect"
		}
	}
	return p
}

// finalInTime returns the problem if the time was up and the call has certainly not begun, otherwise nil.
func (r *retries) finalInTime(f *failure) *problem {
	if f == nil || f.refusal != nil || f.forged || r.mayHaveRun || f.mayHaveRun() {
		return nil
	}
	return &problem{
		reason: reasonUnreachable, code: codes.Unavailable, notBegun: true,
		message: "no connection to a server in time, so the call has not begun (" + f.message + ")",
	}
}

func doubled(d time.Duration, times int) time.Duration {
	if times = min(max(times, 0), 30); d > dayLong>>times {
		return dayLong
	}
	return d << times
}

func fraction(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
