package api

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"csph/api/wire"
)

// Rates bounds how often the API may be asked, in requests a second and how many at once. Zero fields mean
// the defaults.
type Rates struct {
	Token, TokenBurst       float64 // by one token
	Stranger, StrangerBurst float64 // without a valid token, from one address
}

const (
	defaultTokenRate, defaultTokenBurst       = 100, 500
	defaultStrangerRate, defaultStrangerBurst = 1, 30
	refusalsAudited, refusalsBurst            = 5, 50 // entries a second about refused requests
	// limitersMax is how many limiters are kept; those that are full again are as good as new ones.
	limitersMax = 10_000
)

func (r Rates) withDefaults() Rates {
	if r.Token == 0 {
		r.Token, r.TokenBurst = defaultTokenRate, defaultTokenBurst
	}
	if r.Stranger == 0 {
		r.Stranger, r.StrangerBurst = defaultStrangerRate, defaultStrangerBurst
	}
	return r
}

// limits counts requests.
type limits struct {
	rates   Rates
	refusal *rate.Limiter // of writing refusals down

	mu        sync.Mutex
	callers   map[string]*rate.Limiter // by credential
	strangers map[string]*rate.Limiter // by address
}

func newLimits(r Rates) *limits {
	return &limits{
		rates: r.withDefaults(), refusal: rate.NewLimiter(refusalsAudited, refusalsBurst),
		callers: map[string]*rate.Limiter{}, strangers: map[string]*rate.Limiter{},
	}
}

// rateError says that somebody asks too often.
type rateError struct {
	who   string
	after time.Duration
}

func (e *rateError) Error() string {
	return fmt.Sprintf("too many requests from %s; try again in %d s", e.who, e.seconds())
}

func (e *rateError) seconds() int { return max(1, int(math.Ceil(e.after.Seconds()))) }

// caller counts a request of a credential.
func (l *limits) caller(credential string) error {
	if after, ok := take(l.limiter(l.callers, credential, l.rates.Token, l.rates.TokenBurst)); !ok {
		return &rateError{"this token", after}
	}
	return nil
}

// stranger counts a request without a valid token, of which an address may make only so many.
func (l *limits) stranger(address string) error {
	if after, ok := take(l.limiter(l.strangers, address, l.rates.Stranger, l.rates.StrangerBurst)); !ok {
		return &rateError{"this address without a valid token", after}
	}
	return nil
}

func (l *limits) limiter(of map[string]*rate.Limiter, key string, every, burst float64) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := of[key]
	if limiter == nil {
		if len(of) >= limitersMax {
			prune(of)
		}
		limiter = rate.NewLimiter(rate.Limit(every), int(burst))
		of[key] = limiter
	}
	return limiter
}

// prune forgets limiters that have recovered; when none has, all of them.
func prune(of map[string]*rate.Limiter) {
	before := len(of)
	for key, limiter := range of {
		if limiter.Tokens() >= float64(limiter.Burst()) {
			delete(of, key)
		}
	}
	if len(of) == before {
		clear(of)
	}
}

// take takes one token, or says when there will be one.
func take(limiter *rate.Limiter) (after time.Duration, ok bool) {
	r := limiter.Reserve()
	if after = r.Delay(); after == 0 {
		return 0, true
	}
	r.Cancel()
	return after, false
}

// limited is how a rateError looks from outside.
func (p *problem) limited(e *rateError) {
	p.Status, p.Code, p.Detail, p.RetryAfter = 429, wire.CodeRateLimited, e.Error(), e.seconds()
	p.Hint = "ask less often, or wait for events with follow instead of asking again and again"
}
