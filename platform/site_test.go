package platform

import (
	"errors"
	"testing"
)

func TestASiteThatCannotBeServedAsItIsWrittenIsRefused(t *testing.T) {
	for name, r := range map[string]Site{
		"a relative path":        {Redirects: []SiteRedirect{{From: "x", To: "/y", Status: 301}}},
		"a rewrite to elsewhere": {Redirects: []SiteRedirect{{From: "/x", To: "https://example.test"}}},
		"a status that is none":  {Redirects: []SiteRedirect{{From: "/x", To: "/y", Status: 304}}},
		"a line in an address":   {Redirects: []SiteRedirect{{From: "/x", To: "/y\r\nX: z", Status: 301}}},
		"a line in a header":     {Headers: []SiteHeader{{For: "/*", Values: map[string]string{"X": "a\r\nY: b"}}}},
		"a name that is none":    {Headers: []SiteHeader{{For: "/*", Values: map[string]string{"X Y": "a"}}}},
		"no address":             {Redirects: []SiteRedirect{{From: "/x", Status: 301}}},
		"no path":                {Headers: []SiteHeader{{For: "*.js"}}},
		"a length":               {Headers: []SiteHeader{{For: "/*", Values: map[string]string{"content-length": "5"}}}},
		"a line in cors":         {CORS: "*\r\nX: y"},
	} {
		if err := r.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok := Site{CORS: "*", Redirects: []SiteRedirect{{From: "/a/*", To: "/b"}, {From: "/c", To: "https://example.test/", Status: 308}},
		Headers: []SiteHeader{{For: "/*", Values: map[string]string{"X-Frame-Options": "DENY", "x_y!": "a\tb"}}}}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
}
