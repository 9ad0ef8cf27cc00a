package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"

	"csph/platform"
)

// Object is the content of a file that Git LFS keeps beside a repository.
type Object struct {
	OID  string `json:"oid"` // SHA-256, in hexadecimal digits
	Size int64  `json:"size"`
}

// Bounds of the talk about objects.
const (
	lfsType    = "application/vnd.git-lfs+json"
	lfsBatch   = 100 // objects that are asked for at once (the API's own limit at GitHub)
	maxLFSText = 8 << 20
)

// Objects fetches objects of a repository by the batch API of Git LFS (its docs/api/batch.md), each of which is given to put
// as it arrives and has proven to be what was asked for once put has read it to its end without an error. Errors are
// *platform.Failure, or put's.
func (c *Client) Objects(ctx context.Context, r Repository, wanted []Object, put func(Object, io.Reader) error) error {
	u, err := ParseURL(r.URL)
	if err == nil && u.Scheme == "ssh" {
		err = fmt.Errorf("%w: Git LFS files are fetched over https only; connect the repository by https with a token", platform.ErrInvalid)
	}
	for len(wanted) > 0 && err == nil {
		some := wanted[:min(len(wanted), lfsBatch)]
		wanted = wanted[len(some):]
		err = c.objects(ctx, r, u, some, put)
	}
	if err != nil {
		return explainObjects(r.URL, err)
	}
	return nil
}

func explainObjects(address string, err error) error {
	var known *platform.Failure
	var closed *AddressError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &closed):
		return explain("fetched", address, err)
	}
	return &platform.Failure{
		Reason: platform.BuildFailed, Message: fmt.Sprintf("the Git LFS files of %s could not be fetched: %v", address, err),
		Hint: "Deploy again, or connect the repository without --lfs to deploy the pointers.", Err: err,
	}
}

// located is where an object is, as the host says.
type located struct {
	Object
	Actions struct {
		Download *struct {
			Href   string            `json:"href"`
			Header map[string]string `json:"header"`
		} `json:"download"`
	} `json:"actions"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (c *Client) objects(ctx context.Context, r Repository, u *url.URL, some []Object, put func(Object, io.Reader) error) error {
	found, err := c.locate(ctx, r, u, some)
	if err != nil {
		return err
	}
	at := map[string]located{}
	for _, l := range found {
		at[l.OID] = l
	}
	for _, o := range some {
		l, ok := at[o.OID]
		switch {
		case !ok || l.Error == nil && l.Actions.Download == nil:
			return fmt.Errorf("object %.12s is not there", o.OID)
		case l.Error != nil:
			return fmt.Errorf("object %.12s: %d %s", o.OID, l.Error.Code, l.Error.Message)
		}
		if err := c.download(ctx, u, o, l, put); err != nil {
			return fmt.Errorf("object %.12s: %w", o.OID, err)
		}
	}
	return nil
}

// locate asks where objects are.
func (c *Client) locate(ctx context.Context, r Repository, u *url.URL, some []Object) ([]located, error) {
	body, err := json.Marshal(map[string]any{"operation": "download", "transfers": []string{"basic"}, "hash_algo": "sha256", "objects": some})
	if err != nil {
		return nil, fmt.Errorf("ask for the objects: %w", err)
	}
	place := strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), ".git") + ".git/info/lfs/objects/batch"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, place, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask for the objects: %w", err)
	}
	request.Header.Set("Accept", lfsType)
	request.Header.Set("Content-Type", lfsType)
	if r.Credential.Token != "" {
		if u.Scheme != "https" {
			return nil, fmt.Errorf("%w: a token is not sent without encryption; use https", platform.ErrInvalid)
		}
		request.SetBasicAuth(userFor(r.Credential, u.Hostname()), r.Credential.Token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the host answers %s", answer.Status)
	}
	var all struct {
		Objects []located `json:"objects"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxLFSText)).Decode(&all); err != nil {
		return nil, fmt.Errorf("read where the objects are: %w", err)
	}
	return all.Objects, nil
}

// download gets one object from where the host says that it is: never without encryption where the repository has it.
func (c *Client) download(ctx context.Context, u *url.URL, o Object, l located, put func(Object, io.Reader) error) error {
	place, err := u.Parse(l.Actions.Download.Href)
	if err != nil || place.Scheme != "https" && place.Scheme != u.Scheme {
		return errors.New("the host names no place over https for it")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place.String(), nil)
	if err != nil {
		return err
	}
	for name, value := range l.Actions.Download.Header {
		request.Header.Set(name, value)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("its place answers %s", answer.Status)
	}
	return put(o, &proven{from: io.LimitReader(answer.Body, o.Size+1), object: o, sum: sha256.New()})
}

// proven ends with an error unless what was read is the object.
type proven struct {
	from   io.Reader
	object Object
	sum    hash.Hash
	read   int64
}

func (p *proven) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.sum.Write(b[:n])
	p.read += int64(n)
	if err == io.EOF && (p.read != p.object.Size || hex.EncodeToString(p.sum.Sum(nil)) != p.object.OID) {
		return n, fmt.Errorf("what came is not what was asked for: %d bytes of %d", p.read, p.object.Size)
	}
	return n, err
}
