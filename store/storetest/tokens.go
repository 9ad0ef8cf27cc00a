package storetest

import (
	"strings"

	"csph/platform"
)

var tokenTests = map[string]func(*fixture){
	"ATokenIsMadeUsedListedAndRevoked": func(f *fixture) {
		made, secret, err := f.CreateToken(f.ctx, f.member, platform.Token{Name: " ci "})
		f.ok(err)
		same(f, "name", made.Name, "ci")
		same(f, "secret starts with csph_", strings.HasPrefix(secret, "csph_"), true)
		same(f, "secret holds 256 bits", len(secret) >= len("csph_")+43, true)
		got, err := f.Authenticate(f.ctx, secret)
		f.ok(err)
		same(f, "credential", got.Credential, made.ID)
		same(f, "member", got.Member, f.member)
		same(f, "role", got.Role, platform.RoleAdmin)

		all, err := f.ListTokens(f.ctx, f.account)
		f.ok(err)
		same(f, "number of tokens", len(all), 2) // the admin's too
		same(f, "token", all[1].ID, made.ID)

		f.ok(f.RevokeToken(f.ctx, f.account, "", "ci"))
		_, err = f.Authenticate(f.ctx, secret)
		f.refused(err, platform.ErrUnauthorized)
		f.refused(f.RevokeToken(f.ctx, f.account, "", made.ID), platform.ErrNotFound)
	},
	"WhatIsNoTokenIsUnauthorized": func(f *fixture) {
		for _, secret := range []string{"", "csph_", f.token[:len(f.token)-1], f.token + "0", strings.ToUpper(f.token), "' OR 1=1 --"} {
			_, err := f.Authenticate(f.ctx, secret)
			f.refused(err, platform.ErrUnauthorized)
		}
	},
	"TwoTokensAreNeverTheSame": func(f *fixture) {
		_, a, err := f.CreateToken(f.ctx, f.member, platform.Token{Name: "a"})
		f.ok(err)
		_, b, err := f.CreateToken(f.ctx, f.member, platform.Token{Name: "a"})
		f.ok(err)
		same(f, "equal", a == b, false)
		f.refused(f.RevokeToken(f.ctx, f.account, "", "a"), platform.ErrConflict) // which one?
	},
	"ATokenNeedsANameAndAnAccount": func(f *fixture) {
		_, _, err := f.CreateToken(f.ctx, f.member, platform.Token{Name: " "})
		f.refused(err, platform.ErrInvalid)
		_, _, err = f.CreateToken(f.ctx, "mem_none", platform.Token{Name: "x"})
		f.refused(err, platform.ErrNotFound)
	},
	"TheLastTokenOfAnAccountIsKept": func(f *fixture) {
		f.refused(f.RevokeToken(f.ctx, f.account, "", "admin"), platform.ErrConflict)
		f.refused(f.RevokeToken(f.ctx, "acc_other", "", "admin"), platform.ErrNotFound)
		_, err := f.Authenticate(f.ctx, f.token)
		f.ok(err)
	},
}
