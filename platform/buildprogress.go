package platform

import "time"

// BuildProgress is what has become of steps of a build, for terminals that draw them. Its texts hold no secrets.
type BuildProgress struct {
	Steps []BuildStep `json:"steps,omitempty"`
	Parts []BuildPart `json:"parts,omitempty"`
}

// BuildStep is a step as it is now.
type BuildStep struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
	Cached    bool       `json:"cached,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// BuildPart is a part of a step as it is now, such as the transfer of a file.
type BuildPart struct {
	Step      string     `json:"step"`
	Name      string     `json:"name"`
	Current   int64      `json:"current,omitempty"` // bytes, or none
	Total     int64      `json:"total,omitempty"`   // bytes, or not known
	Started   *time.Time `json:"started,omitempty"`
	Completed *time.Time `json:"completed,omitempty"`
}

// Texts returns p with change applied to whatever people read of it.
func (p BuildProgress) Texts(change func(string) string) BuildProgress {
	var out BuildProgress
	for _, s := range p.Steps {
		s.Name, s.Error = change(s.Name), change(s.Error)
		out.Steps = append(out.Steps, s)
	}
	for _, part := range p.Parts {
		part.Name = change(part.Name)
		out.Parts = append(out.Parts, part)
	}
	return out
}
