package bare

import "testing"

func FuzzPointers(f *testing.F) {
	for _, s := range []string{"", "oid sha256:" + "ab\nsize 5\n", "size -1\n", "size 9223372036854775808\n", "oid sha256:zz", "ext-0-foo sha256:x\n"} {
		f.Add([]byte(pointerStart + s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, ok := parsePointer(content)
		if ok && (len(p.OID) != 64 || p.Size < 0) {
			t.Errorf("%q is taken for %+v", content, p)
		}
	})
}
