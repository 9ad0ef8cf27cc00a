package deploy

// line is the order in which one service's deployments go: one at a time, at most one waiting.
type line struct {
	current *attempt
	waiting *attempt
}

// join puts a in its service's line. What carries new code, and a rollback, supersedes whatever of
// the service has not finished its build; a config change waits for the build instead, since it
// would otherwise undo the push that is on its way. d.mu is held.
func (d *Deployer) join(a *attempt) {
	l := d.lines[a.queued.Service]
	if l == nil {
		l = &line{}
		d.lines[a.queued.Service] = l
	}
	if l.waiting != nil {
		l.waiting.giveUp(errSuperseded)
	}
	if l.current == nil {
		l.current = a
		close(a.turn)
		return
	}
	if a.overtakes() {
		l.current.giveUp(errSuperseded)
	}
	l.waiting = a
}

// step lets the next in line go once a has left it. d.mu is held.
func (d *Deployer) step(a *attempt) {
	l := d.lines[a.queued.Service]
	if l.waiting == a {
		l.waiting = nil
	}
	if l.current != a {
		return
	}
	l.current, l.waiting = l.waiting, nil
	if l.current == nil {
		delete(d.lines, a.queued.Service)
		return
	}
	close(l.current.turn)
}

func (a *attempt) overtakes() bool { return a.request.From == "" || a.request.Restore }
