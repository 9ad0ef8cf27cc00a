package wire

import (
	"time"

	"csph/platform"
)

// Whoami says who a token speaks for, and what it may do.
type Whoami struct {
	Account  platform.Account `json:"account"`
	Token    string           `json:"token" doc:"Name of the token"`
	Member   string           `json:"member" doc:"Name of the member whose token it is"`
	Role     platform.Role    `json:"role"`
	ReadOnly bool             `json:"read_only,omitempty"`
	Projects []string         `json:"projects,omitempty" doc:"Ids of the projects it is limited to; none: all"`
	Rights   []platform.Right `json:"rights"`
}

// NewToken is a token to make.
type NewToken struct {
	Name     string    `json:"name" minLength:"1" maxLength:"200"`
	Member   string    `json:"member,omitempty" doc:"Id or name; for admins, to make a token of somebody else. Default: oneself" maxLength:"200"`
	ReadOnly bool      `json:"read_only,omitempty"`
	Projects []string  `json:"projects,omitempty" doc:"Names or ids; none: all that the member has" nullable:"false" maxItems:"100"`
	Expires  time.Time `json:"expires,omitzero" doc:"When it ends; absent: never"`
}

// MadeToken is a new token. The secret is shown here, and never again.
type MadeToken struct {
	platform.Token
	Secret string `json:"secret"`
}

// TokenView is a token as it is listed.
type TokenView struct {
	platform.Token
	LastUsed time.Time `json:"last_used,omitzero" doc:"At most a minute behind"`
}

// NewInvitation is an invitation to make.
type NewInvitation struct {
	Name     string        `json:"name" doc:"Of the member to be" minLength:"1" maxLength:"100"`
	Role     platform.Role `json:"role,omitempty" enum:"admin,member,viewer" doc:"Default: member"`
	Projects []string      `json:"projects,omitempty" doc:"Names or ids of those the member is limited to; none: all" nullable:"false" maxItems:"100"`
}

// MadeInvitation is a new invitation. The secret is shown here, and never again.
type MadeInvitation struct {
	platform.Invitation
	Secret string `json:"secret" doc:"For csph members accept; it can do nothing else"`
}

// Joined is the outcome of accepting an invitation.
type Joined struct {
	Member platform.Member `json:"member"`
	Secret string          `json:"secret" doc:"The member's first token; shown here, and never again"`
}

// MemberChange changes a member; what it leaves out stays as it is.
type MemberChange struct {
	Role     *platform.Role `json:"role,omitempty" enum:"admin,member,viewer"`
	Projects *[]string      `json:"projects,omitempty" doc:"Names or ids of those the member is limited to; an empty list: all" maxItems:"100"`
}

// NewAccount is an account to make.
type NewAccount struct {
	Name  string         `json:"name" minLength:"1" maxLength:"63"`
	Quota platform.Quota `json:"quota,omitzero"`
}

// MadeAccount is a new account. The token of its first admin is shown here, and never again.
type MadeAccount struct {
	platform.Account
	Secret string `json:"secret"`
}

// NewProject is a project to make.
type NewProject struct {
	Name string `json:"name" minLength:"1" maxLength:"63"`
}

// NewEnvironment is an environment to make.
type NewEnvironment struct {
	Name string `json:"name" doc:"name, in the project default, or project/name" minLength:"1" maxLength:"127"`
	EnvChange
}

// EnvChange changes variables; what it leaves out stays as it is.
type EnvChange struct {
	SetEnv   map[string]string `json:"set_env,omitempty" doc:"Variables to set"`
	UnsetEnv []string          `json:"unset_env,omitempty" doc:"Variables to remove" nullable:"false"`
}

// NewSecrets are secret variables to set. They cannot be read back.
type NewSecrets struct {
	Values map[string]string `json:"values" minProperties:"1" maxProperties:"100"`
}

// NewRegistry is with which name and password a service pulls images from a registry.
type NewRegistry struct {
	Host     string `json:"host" doc:"As image references begin" example:"ghcr.io" minLength:"1" maxLength:"255"`
	Username string `json:"username" minLength:"1" maxLength:"255"`
	Password string `json:"password" doc:"Password or token; it cannot be read back" minLength:"1" maxLength:"16384"`
}
