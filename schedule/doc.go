// Package schedule owns what happens by the clock: which times a cron expression means in a time zone, and that each of them
// is taken on once (SPEC sections 2 and 4).
//
// It refuses to run anything before the planned time is claimed in the records, so that no crash or restart makes a run
// happen twice; to make up in a burst for what was missed; and to know how a deployment is made or a command
// is run: Actions does that.
package schedule

import _ "time/tzdata" // time zones are there also where the machine has no database of them
