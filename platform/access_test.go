package platform

import (
	"errors"
	"testing"
)

// TestEveryRoleHasExactlyItsRights spells the whole table out.
func TestEveryRoleHasExactlyItsRights(t *testing.T) {
	callers := map[string]Caller{
		"operator":        {Role: RoleAdmin, Operator: true},
		"admin":           {Role: RoleAdmin},
		"limited admin":   {Role: RoleAdmin, Operator: true, Projects: []string{"prj_1"}},
		"member":          {Role: RoleMember, Operator: true},
		"viewer":          {Role: RoleViewer, Operator: true},
		"read-only admin": {Role: RoleAdmin, Operator: true, ReadOnly: true},
		"invitation":      {Invitation: true, Role: RoleAdmin, Operator: true},
		"nobody":          {},
	}
	may := map[string][]Right{
		"operator":        {MayRead, MayKeep, MayChange, MayAdminister, MayOperate},
		"admin":           {MayRead, MayKeep, MayChange, MayAdminister},
		"limited admin":   {MayRead, MayKeep, MayChange},
		"member":          {MayRead, MayKeep, MayChange},
		"viewer":          {MayRead, MayKeep},
		"read-only admin": {MayRead},
		"invitation":      {MayJoin},
	}
	for name, c := range callers {
		want := map[Right]bool{}
		for _, r := range may[name] {
			want[r] = true
		}
		for _, r := range append(Rights(), "unheard of") {
			err := c.Check(r)
			if (err == nil) != want[r] {
				t.Errorf("%s and %s: %v", name, r, err)
			}
			if err != nil && !errors.Is(err, ErrForbidden) {
				t.Errorf("%s and %s: the error is no ErrForbidden: %v", name, r, err)
			}
		}
	}
}

func TestALimitedCallerSeesItsProjectsOnly(t *testing.T) {
	if !(Caller{}).Sees("prj_1") {
		t.Error("a caller without limits does not see a project")
	}
	if c := (Caller{Projects: []string{}}); c.Sees("prj_1") {
		t.Error("a caller with no projects sees one")
	}
	if c := (Caller{Projects: []string{"prj_1"}}); !c.Sees("prj_1") || c.Sees("prj_2") {
		t.Error("a limited caller sees other projects than its own")
	}
}
