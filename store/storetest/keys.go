package storetest

import (
	"crypto/dsa" //nolint:staticcheck // to see that such keys are refused
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	"csph/platform"
)

var keyTests = map[string]func(*fixture){
	"AKeyIsAddedListedFoundAndRemoved": func(f *fixture) {
		line := f.line(newKey())
		k, err := f.AddKey(f.ctx, f.member, "", line+" me@laptop\n")
		f.ok(err)
		same(f, "name", k.Name, "me@laptop")
		same(f, "public", k.Public, line)
		named, err := f.AddKey(f.ctx, f.member, " ci ", f.line(newKey()))
		f.ok(err)
		same(f, "name", named.Name, "ci")

		keys, err := f.ListKeys(f.ctx, f.account)
		f.ok(err)
		same(f, "number of keys", len(keys), 2)
		same(f, "first key", keys[0], k)

		found, account, err := f.KeyByFingerprint(f.ctx, k.Fingerprint)
		f.ok(err)
		same(f, "key", found, k)
		same(f, "account", account.ID, f.account)

		f.ok(f.RemoveKey(f.ctx, f.account, "", "ci"))
		f.ok(f.RemoveKey(f.ctx, f.account, "", k.Fingerprint))
		_, _, err = f.KeyByFingerprint(f.ctx, k.Fingerprint)
		f.refused(err, platform.ErrNotFound)
		f.refused(f.RemoveKey(f.ctx, f.account, "", k.ID), platform.ErrNotFound)
	},
	"TheFingerprintIsThatOfSSHKeygen": func(f *fixture) {
		// A well-known host key, and the fingerprint that its owner publishes.
		const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
		k, err := f.AddKey(f.ctx, f.member, "known", line)
		f.ok(err)
		same(f, "fingerprint", k.Fingerprint, "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU")
	},
	"AKeyIsKnownOnce": func(f *fixture) {
		line := f.line(newKey())
		_, err := f.AddKey(f.ctx, f.member, "a", line)
		f.ok(err)
		_, err = f.AddKey(f.ctx, f.member, "b", line)
		f.refused(err, platform.ErrConflict)
		_, err = f.AddKey(f.ctx, "mem_none", "b", f.line(newKey()))
		f.refused(err, platform.ErrNotFound)
	},
	"ANameThatSeveralKeysHaveRemovesNone": func(f *fixture) {
		for range 2 {
			_, err := f.AddKey(f.ctx, f.member, "same", f.line(newKey()))
			f.ok(err)
		}
		f.refused(f.RemoveKey(f.ctx, f.account, "", "same"), platform.ErrConflict)
		keys, err := f.ListKeys(f.ctx, f.account)
		f.ok(err)
		same(f, "number of keys", len(keys), 2)
	},
	"KeysOfAnotherAccountAreOutOfReach": func(f *fixture) {
		k, err := f.AddKey(f.ctx, f.member, "a", f.line(newKey()))
		f.ok(err)
		f.refused(f.RemoveKey(f.ctx, "acc_other", "", k.ID), platform.ErrNotFound)
		keys, err := f.ListKeys(f.ctx, "acc_other")
		f.ok(err)
		same(f, "number of keys", len(keys), 0)
	},
	"WhatIsNoUsablePublicKeyIsRefusedWithTheReason": func(f *fixture) {
		good := f.line(newKey())
		for _, c := range []struct{ line, reason string }{
			{"", "the key is empty"},
			{"  \n", "the key is empty"},
			{f.private(), "this is a private key"},
			{"hello", "not an SSH public key"},
			{"ssh-ed25519 AAAA", "not an SSH public key"},
			{"ssh-ed25519 !!!!", "not an SSH public key"},
			{"# " + good, "not an SSH public key"},
			{good + "\n" + f.line(newKey()), "more than one line"},
			{`command="rm" ` + good, "options before the key"},
			{good + strings.Repeat("x", 1<<20), "no SSH public key"},
			{f.line(weakRSA()), "too weak"},
			{f.line(dsaKey()), "DSA keys are broken"},
			{f.line(certificate()), "this is a certificate"},
		} {
			_, err := f.AddKey(f.ctx, f.member, "", c.line)
			f.refused(err, platform.ErrInvalid)
			if !strings.Contains(err.Error(), c.reason) {
				f.t.Errorf("error is %q; want %q in it", err, c.reason)
			}
		}
	},
}

func newKey() (ssh.PublicKey, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

func weakRSA() (ssh.PublicKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(&private.PublicKey)
}

func dsaKey() (ssh.PublicKey, error) {
	private := &dsa.PrivateKey{}
	if err := dsa.GenerateParameters(&private.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		return nil, err
	}
	if err := dsa.GenerateKey(private, rand.Reader); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(&private.PublicKey)
}

func certificate() (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	return cert, cert.SignCert(rand.Reader, signer)
}

// line is the line of authorized_keys of a key.
func (f *fixture) line(key ssh.PublicKey, err error) string {
	f.t.Helper()
	f.ok(err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func (f *fixture) private() string {
	f.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	f.ok(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	f.ok(err)
	return string(pem.EncodeToMemory(block))
}
