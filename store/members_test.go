package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"csph/platform"
)

func TestAnInvitationMakesOneMemberWithItsRoleAndProjects(t *testing.T) {
	db, s := started(t)
	_, secret, err := db.Invite(t.Context(), s.Account, platform.Invitation{Name: "ann", Role: platform.RoleViewer, Projects: []string{s.Project}, By: "admin"})
	must(t, err)
	invited, err := db.Authenticate(t.Context(), secret)
	must(t, err)
	if invited.Check(platform.MayRead) == nil || invited.Check(platform.MayJoin) != nil {
		t.Errorf("an invitation is for accepting and nothing else: %+v", invited)
	}
	ann, token, err := db.Join(t.Context(), invited.Credential)
	must(t, err)
	if ann.Role != platform.RoleViewer || !slices.Equal(ann.Projects, []string{s.Project}) {
		t.Errorf("the new member is %+v", ann)
	}
	if _, _, err := db.Join(t.Context(), invited.Credential); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("accepting a second time says %v", err)
	}
	if _, err := db.Authenticate(t.Context(), secret); !errors.Is(err, platform.ErrUnauthorized) {
		t.Errorf("a used invitation says %v", err)
	}
	c, err := db.Authenticate(t.Context(), token)
	must(t, err)
	if c.Member != ann.ID || c.Role != platform.RoleViewer || !c.Sees(s.Project) || c.Sees("prj_other") {
		t.Errorf("the new member's token speaks for %+v", c)
	}
}

func TestAnInvitationIsRefusedWhenItsNameIsTakenOrItsProjectForeign(t *testing.T) {
	db, s := started(t)
	_, _, err := db.Invite(t.Context(), s.Account, platform.Invitation{Name: AdminMember})
	wants(t, err, platform.ErrConflict)
	_, _, err = db.Invite(t.Context(), s.Account, platform.Invitation{Name: "a\nb"})
	wants(t, err, platform.ErrInvalid)
	_, _, err = db.Invite(t.Context(), s.Account, platform.Invitation{Name: "ann", Role: "king"})
	wants(t, err, platform.ErrInvalid)
	other, err := db.CreateAccount(t.Context(), "other", platform.Quota{})
	must(t, err)
	_, _, err = db.Invite(t.Context(), other.Account.ID, platform.Invitation{Name: "ann", Projects: []string{s.Project}})
	wants(t, err, platform.ErrNotFound)
	_, _, err = db.Invite(t.Context(), s.Account, platform.Invitation{Name: "ann"})
	must(t, err)
	_, _, err = db.Invite(t.Context(), s.Account, platform.Invitation{Name: "ann"})
	wants(t, err, platform.ErrConflict)
	must(t, db.Uninvite(t.Context(), s.Account, "ann"))
	wants(t, db.Uninvite(t.Context(), s.Account, "ann"), platform.ErrNotFound)
}

func wants(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v; want %v", err, want)
	}
}

func TestTheLastAdminIsKept(t *testing.T) {
	db, s := started(t)
	wants(t, db.RemoveMember(t.Context(), s.Account, AdminMember), platform.ErrConflict)
	_, err := db.UpdateMember(t.Context(), s.Account, AdminMember, func(m *platform.Member) error { m.Role = platform.RoleViewer; return nil })
	wants(t, err, platform.ErrConflict)
	_, err = db.UpdateMember(t.Context(), s.Account, AdminMember, func(m *platform.Member) error { m.Projects = []string{s.Project}; return nil })
	wants(t, err, platform.ErrConflict)
	m, err := db.Member(t.Context(), s.Account, AdminMember)
	must(t, err)
	if m.Role != platform.RoleAdmin || m.Projects != nil {
		t.Errorf("a refused change left %+v", m)
	}
}

func TestARemovedMembersTokensAndKeysAreGone(t *testing.T) {
	db, s := started(t)
	_, secret, err := db.Invite(t.Context(), s.Account, platform.Invitation{Name: "ann"})
	must(t, err)
	c, err := db.Authenticate(t.Context(), secret)
	must(t, err)
	ann, token, err := db.Join(t.Context(), c.Credential)
	must(t, err)
	k, err := db.AddKey(t.Context(), ann.ID, "", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ann@laptop")
	must(t, err)
	who, err := db.KeyCaller(t.Context(), k.Fingerprint)
	must(t, err)
	if who.Member != ann.ID || who.Role != platform.RoleMember {
		t.Errorf("the key speaks for %+v", who)
	}
	must(t, db.RemoveMember(t.Context(), s.Account, "ann"))
	_, err = db.Authenticate(t.Context(), token)
	wants(t, err, platform.ErrUnauthorized)
	_, err = db.KeyCaller(t.Context(), k.Fingerprint)
	wants(t, err, platform.ErrNotFound)
}

func TestATokenCanDoNoMoreThanItsMemberAndItsOwnLimits(t *testing.T) {
	db, s := started(t)
	admin := adminOf(t, db, s.Account)
	_, secret, err := db.CreateToken(t.Context(), admin, platform.Token{Name: "ci", ReadOnly: true, Projects: []string{s.Project}, Expires: time.Now().Add(time.Hour)})
	must(t, err)
	c, err := db.Authenticate(t.Context(), secret)
	must(t, err)
	if c.Check(platform.MayRead) != nil || c.Check(platform.MayChange) == nil || c.Sees("prj_other") {
		t.Errorf("a token that can only read one project speaks for %+v", c)
	}
	_, _, err = db.CreateToken(t.Context(), admin, platform.Token{Name: "x", Projects: []string{"prj_none"}})
	wants(t, err, platform.ErrNotFound)
	for _, draft := range []platform.Token{{Name: "x", Expires: time.Now().Add(-time.Hour)}, {Name: " "}, {Name: "two\nlines"}, {Name: "\x1b[31mred"}} {
		_, _, err = db.CreateToken(t.Context(), admin, draft)
		wants(t, err, platform.ErrInvalid)
	}
	// None of these could look after the account.
	wants(t, db.RevokeToken(t.Context(), s.Account, "", AdminToken), platform.ErrConflict)
}

func TestAnExpiredTokenIsUnauthorized(t *testing.T) {
	db, s := started(t)
	made, secret, err := db.CreateToken(t.Context(), adminOf(t, db, s.Account), platform.Token{Name: "ci", Expires: time.Now().Add(time.Hour)})
	must(t, err)
	_, err = db.Authenticate(t.Context(), secret)
	must(t, err)
	_, err = db.writer.ExecContext(t.Context(), "UPDATE tokens SET expires = 1 WHERE id = $1", made.ID)
	must(t, err)
	_, err = db.Authenticate(t.Context(), secret)
	wants(t, err, platform.ErrUnauthorized)
}

func TestLimitsToProjectsAreNarrowedAndNeverWidened(t *testing.T) {
	for _, c := range []struct{ a, b, want []string }{
		{nil, nil, nil}, {nil, []string{"x"}, []string{"x"}}, {[]string{"x"}, nil, []string{"x"}},
		{[]string{"x", "y"}, []string{"y", "z"}, []string{"y"}}, {[]string{"x"}, []string{"y"}, []string{}},
	} {
		if got := narrowed(c.a, c.b); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%v and %v leave %v; want %v", c.a, c.b, got, c.want)
		}
	}
}
