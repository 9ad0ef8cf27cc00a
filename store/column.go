package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// document keeps what of points to in a column as JSON.
type document struct{ of any }

func (d document) Value() (driver.Value, error) {
	text, err := json.Marshal(d.of)
	return string(text), err
}

func (d document) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a column of JSON holds a %T", src)
	}
	return json.Unmarshal([]byte(text), d.of)
}

// instant keeps what at points to in a column as microseconds since 1970; 0 is the zero time.
type instant struct{ at *time.Time }

func (i instant) Value() (driver.Value, error) {
	if i.at.IsZero() {
		return int64(0), nil
	}
	return i.at.UnixMicro(), nil
}

func (i instant) Scan(src any) error {
	us, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a column of time holds a %T", src)
	}
	*i.at = time.Time{}
	if us != 0 {
		*i.at = time.UnixMicro(us).UTC()
	}
	return nil
}

// now is the present time as the records keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
