package wire

// NewSchedule is a schedule to add to a service.
type NewSchedule struct {
	Cron    string   `json:"cron" doc:"Minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly, @every DURATION" minLength:"1" maxLength:"200"`
	Zone    string   `json:"zone,omitempty" doc:"Time zone by its IANA name, for example Europe/Berlin; UTC when empty" maxLength:"100"`
	Deploy  bool     `json:"deploy,omitempty" doc:"Make a deployment: of the connected repository, or where there is none of what is live"`
	Command []string `json:"command,omitempty" maxItems:"1000" nullable:"false" doc:"Program and arguments to run in a spherelet of its own; the service's start command when empty"`
	Overlap string   `json:"overlap,omitempty" doc:"What happens while the run before is still going on: skip (default), queue or allow" enum:"skip,queue,allow"`
}
