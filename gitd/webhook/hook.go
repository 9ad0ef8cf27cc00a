package webhook

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"csph/gitd/watch"
	"csph/platform"
)

// Hook is one webhook of a service.
type Hook struct {
	ID       string
	Service  string // id
	Provider Provider
	Secret   string
	Branch   string   // what is deployed; "" means the repository's default branch, main where the provider does not say which
	Tags     string   // pattern of the tags that are deployed too, as path.Match has it; "" for none
	Previews bool     // pull requests get environments of their own
	Watch    []string // patterns of the files that count, as package watch has them; none: all
}

// DefaultBranch is what a hook without a branch deploys where nobody says what the repository's default branch is.
const DefaultBranch = "main"

// Validate refuses a hook whose pattern could never match or whose provider is unknown.
func (h Hook) Validate() error {
	if _, err := ParseProvider(string(h.Provider)); err != nil {
		return err
	}
	if _, err := path.Match(h.Tags, "v1"); err != nil {
		return fmt.Errorf("%w: %q is no pattern of tags: %v; write for example v*", platform.ErrInvalid, h.Tags, err)
	}
	if _, err := watch.Parse(h.Watch); err != nil {
		return err
	}
	return nil
}

// Order is what an accepted delivery asks for.
type Order struct {
	ID       string // assigned by the Queue
	Hook     string
	Service  string
	Delivery string // the provider's name for the delivery
	Ref      string // refs/heads/main; for pull requests the branch that asks to be merged
	Commit   string
	Subject  string
	Sender   string
	Address  string // that the delivery came from
	Pull     *Pull
	Accepted time.Time
}

// Verdict is what a delivery comes to: an order, or the reason why there is none.
type Verdict struct {
	Order  Order
	Reason string // "" when there is an order
}

func refuse(format string, arguments ...any) Verdict {
	return Verdict{Reason: fmt.Sprintf(format, arguments...)}
}

// Judge decides what an event means to the hook. It is a pure function.
func (h Hook) Judge(e Event) Verdict {
	if e.Pull != nil {
		return h.judgePull(*e.Pull, e)
	}
	if len(e.Changes) == 0 {
		return refuse("this kind of event deploys nothing")
	}
	h.Branch = cmp.Or(h.Branch, e.Default, DefaultBranch)
	verdict := refuse("nothing that is deployed has changed")
	for _, c := range e.Changes {
		if v := h.judgeChange(c, e.Sender); v.Reason == "" || verdict.Reason != "" {
			verdict = v
		}
	}
	return verdict
}

func (h Hook) judgeChange(c Change, sender string) Verdict {
	if branch, ok := c.Branch(); ok && branch != h.Branch {
		return refuse("branch %s is not deployed, %s is", branch, h.Branch)
	}
	if tag, ok := c.Tag(); ok && !h.deploysTag(tag) {
		return refuse("tag %s is not deployed", tag)
	}
	switch {
	case !strings.HasPrefix(c.Ref, heads) && !strings.HasPrefix(c.Ref, tags):
		return refuse("%s is neither a branch nor a tag", c.Ref)
	case c.Deleted():
		return refuse("%s was deleted; what is live stays", c.Ref)
	case !commitID.MatchString(c.Commit):
		return refuse("the commit of %s is no commit id", c.Ref)
	case Skips(c.Message):
		return refuse("the commit's message says to skip it")
	case c.Whole && !h.watches(c.Paths) && strings.HasPrefix(c.Ref, heads):
		return refuse("none of the files that are watched has changed: %s", strings.Join(h.Watch, " "))
	}
	return Verdict{Order: Order{Hook: h.ID, Service: h.Service, Ref: c.Ref, Commit: c.Commit, Subject: c.Subject(), Sender: sender}}
}

// watches reports whether one of the paths counts. What Validate would refuse counts.
func (h Hook) watches(paths []string) bool {
	watched, err := watch.Parse(h.Watch)
	return err != nil || watched.Touched(paths)
}

var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

func (h Hook) deploysTag(tag string) bool {
	ok, err := path.Match(h.Tags, tag)
	return err == nil && ok && h.Tags != ""
}

// judgePull lets nobody run code with the service's secrets who may not push to its repository.
func (h Hook) judgePull(p Pull, e Event) Verdict {
	switch {
	case p.State != PullClosed && h.Previews && !strings.EqualFold(p.Source, e.Repository):
		return refuse("the pull request is of a branch of %s; previews run branches of %s only", p.Source, e.Repository)
	case !h.Previews:
		return refuse("pull requests have no previews here; csph webhooks create --previews turns them on")
	case p.Number <= 0 || p.Branch == "":
		return refuse("the pull request has no number or no branch")
	case p.State != PullClosed && Skips(p.Title):
		return refuse("the pull request's title says to skip it")
	}
	return Verdict{Order: Order{
		Hook: h.ID, Service: h.Service, Ref: heads + p.Branch, Commit: p.Commit, Subject: p.Title, Sender: e.Sender, Pull: &p,
	}}
}

// Skips reports whether a commit's message asks that it be not deployed (SPEC section 3).
func Skips(message string) bool {
	lower := strings.ToLower(message)
	return strings.Contains(lower, "[skip ci]") || strings.Contains(lower, "[ci skip]")
}
