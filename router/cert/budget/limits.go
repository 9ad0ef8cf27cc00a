package budget

import (
	"fmt"
	"time"
)

// Limit allows Count events within any span of time Per. The zero value allows everything.
type Limit struct {
	Count int
	Per   time.Duration
}

// Limits are those of one certificate authority.
type Limits struct {
	Orders     Limit // new orders of the account
	Registered Limit // new certificates for one registered domain and all names below it
	Duplicates Limit // certificates for exactly the same name
	Failures   Limit // failed validations of one name
}

const (
	hour = time.Hour
	week = 7 * 24 * time.Hour
)

// LetsEncrypt is four fifths of what Let's Encrypt allows (its documentation of rate limits: 300 orders
// in 3 hours, 50 certificates for a registered domain and 5 for the same name in 7 days, 5 failed
// validations an hour). Other public authorities allow more.
func LetsEncrypt() Limits {
	return Limits{
		Orders: Limit{240, 3 * hour}, Registered: Limit{40, week},
		Duplicates: Limit{4, week}, Failures: Limit{4, hour},
	}
}

// WaitError says that an order would come near a limit, and from when on it would not.
type WaitError struct {
	Limit string // for a person
	Until time.Time
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("%s; the next order is possible at %s", e.Limit, e.Until.UTC().Format(time.RFC3339))
}

// longest is how long anything has to be remembered.
func (l Limits) longest() time.Duration {
	return max(l.Orders.Per, l.Registered.Per, l.Duplicates.Per, l.Failures.Per)
}
