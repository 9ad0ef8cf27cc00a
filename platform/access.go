package platform

import (
	"fmt"
	"slices"
	"time"
)

// Role is what a member may do in an account (SPEC section 1).
type Role string

const (
	RoleAdmin  Role = "admin"  // everything, members and quotas of the account included
	RoleMember Role = "member" // deploy and configure
	RoleViewer Role = "viewer" // look
)

// Roles lists every role, the mightiest first.
func Roles() []Role { return []Role{RoleAdmin, RoleMember, RoleViewer} }

// Right is what an operation needs of whoever asks for it. Every operation needs exactly one.
type Right string

const (
	MayRead       Right = "read"       // see what is in the account
	MayKeep       Right = "keep"       // look after one's own tokens and keys
	MayChange     Right = "change"     // deploy and configure
	MayAdminister Right = "administer" // members, projects, the audit log
	MayOperate    Right = "operate"    // the server: accounts and their quotas
	MayJoin       Right = "join"       // accept an invitation; invitations have this right and no other
)

// Rights lists every right.
func Rights() []Right {
	return []Right{MayRead, MayKeep, MayChange, MayAdminister, MayOperate, MayJoin}
}

// Caller is who asks for something, as a token, a key or an invitation says.
type Caller struct {
	Account    string // id
	Operator   bool   // the account is the one whose admins look after the server
	Member     string // id; empty for an invitation
	MemberName string
	Credential string // id of the token, key or invitation
	Name       string // of the token or key; recorded as the actor
	Role       Role
	ReadOnly   bool     // whatever the role
	Projects   []string // ids of those it is limited to; nil: all of the account's
	Invitation bool
	// Less says that the credential can do less than its member: only read, only some projects, or only until a time.
	Less  bool
	Until time.Time // when the credential ends; zero: never
}

// Check is the one rule of who may do what: nil, or ErrForbidden with what is missing.
func (c Caller) Check(need Right) error {
	if c.Invitation || need == MayJoin {
		if c.Invitation && need == MayJoin {
			return nil
		}
		return fmt.Errorf("%w: an invitation is for csph members accept and nothing else, and only an invitation is", ErrForbidden)
	}
	switch {
	case need == MayRead && slices.Contains(Roles(), c.Role):
		return nil
	case c.ReadOnly:
		return fmt.Errorf("%w: the token %s can only read; make one that can do more: csph token create NAME", ErrForbidden, c.Name)
	case need == MayKeep && slices.Contains(Roles(), c.Role):
		return nil
	case need == MayChange && (c.Role == RoleMember || c.Role == RoleAdmin):
		return nil
	case need != MayAdminister && need != MayOperate || c.Role != RoleAdmin:
		return fmt.Errorf("%w: this needs the right to %s, which the role %s does not have; ask an admin of the account (csph members list)", ErrForbidden, need, c.Role)
	case c.Projects != nil:
		return fmt.Errorf("%w: %s is limited to some projects, and this concerns the whole account", ErrForbidden, c.Name)
	case need == MayOperate && !c.Operator:
		return fmt.Errorf("%w: this is for the admins of the server's first account", ErrForbidden)
	}
	return nil
}

// Sees reports whether a project of the caller's account exists for it.
func (c Caller) Sees(project string) bool {
	return c.Projects == nil || slices.Contains(c.Projects, project)
}

// Lend is until when a token can last that the caller makes, when wanted says until when it should (zero: for ever). A
// credential that ends makes none that lasts longer: it would outlive its own end.
func (c Caller) Lend(wanted time.Time) (time.Time, error) {
	switch {
	case c.Until.IsZero() || !wanted.IsZero() && !wanted.After(c.Until):
		return wanted, nil
	case wanted.IsZero():
		return c.Until, nil
	}
	return wanted, fmt.Errorf("%w: the token %s ends at %s, and makes none that lasts longer", ErrForbidden, c.Name, c.Until.Format(time.RFC3339))
}
