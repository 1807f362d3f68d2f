package password

import (
	"strings"
	"testing"
)

const (
	salt16 = "c2FsdHNhbHRzYWx0c2FsdA"                      // saltsaltsaltsalt
	tag32  = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE" // 32 digits
)

// A hash that the reference implementation's command line made (RFC 9106, version 1.3):
// echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
func TestReference(t *testing.T) {
	t.Parallel()
	h, err := parse("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("password", NewLimiter(0, 0)) {
		t.Error("the right password does not match")
	}
	if h.matches("Password", NewLimiter(0, 0)) {
		t.Error("a wrong password matches")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	whole := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt16 + "$" + tag32 }
	for _, tt := range []struct{ name, phc, want string }{
		{"ours", whole("m=19456,t=2,p=1"), ""},
		{"the most memory", whole("m=1048576,t=1,p=4"), ""},
		{"a common default", whole("m=65536,t=3,p=4"), ""},
		{"empty", "", "not a password hash"},
		{"clear text", "hunter2", "not a password hash"},
		{"one dollar", "$argon2id", "not a password hash"},
		{"another kind", "$6$rounds=1000$salt$hash", `of the kind "6" cannot be read`},
		{"a long kind", "$" + strings.Repeat("x", 9999) + "$y", "cannot be read"},
		{"argon2d", "$argon2d$v=19$m=64,t=1,p=1$" + salt16 + "$" + tag32, `of the kind "argon2d"`},
		{"no version", "$argon2id$m=64,t=1,p=1$" + salt16 + "$" + tag32, "must have the parts"},
		{"an old version", "$argon2id$v=16$m=64,t=1,p=1$" + salt16 + "$" + tag32, "version"},
		{"no hash", "$argon2id$v=19$m=64,t=1,p=1$" + salt16, "must have the parts"},
		{"a part too many", whole("m=64,t=1,p=1") + "$", "must have the parts"},
		{"parameters in another order", whole("t=1,m=64,p=1"), "want m="},
		{"a parameter missing", whole("m=64,t=1"), "want m=…,t=…,p=…"},
		{"a negative one", whole("m=64,t=-1,p=1"), "want t="},
		{"a signed one", whole("m=64,t=+1,p=1"), "want t="},
		{"not a number", whole("m=64,t=x,p=1"), "want t="},
		{"over 32 bits", whole("m=64,t=4294967296,p=1"), "want t="},
		{"more than 1 GiB", whole("m=1048577,t=1,p=1"), "more than 1 GiB"},
		{"too many passes", whole("m=19456,t=1000,p=1"), "takes too long"},
		{"passes that overflow", whole("m=1048576,t=4294967295,p=1"), "takes too long"},
		{"no pass", whole("m=64,t=0,p=1"), "at least one pass"},
		{"no lane", whole("m=64,t=1,p=0"), "lanes"},
		{"256 lanes", whole("m=65536,t=1,p=256"), "lanes"},
		{"no memory", whole("m=0,t=1,p=1"), "8 KiB"},
		{"little memory for the lanes", whole("m=31,t=1,p=4"), "8 KiB"},
		{"short salt", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$" + tag32, "the salt has 4 bytes"},
		{"padded salt", "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "==$" + tag32, "the salt is not base64"},
		{"a line break in the salt", "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "\n$" + tag32, "the salt is not base64"},
		{"short hash", "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$c2FsdA", "the hash itself has 4 bytes"},
		{"long hash", "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + strings.Repeat(tag32[:40], 5), "allowed are 16 to 64"},
		{"stray bits", "$argon2id$v=19$m=64,t=1,p=1$" + salt16[:21] + "B$" + tag32, "the salt is not base64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := parse(tt.phc)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if got := h.(argon2id).String(); got != tt.phc {
					t.Errorf("reads as %q, want %q", got, tt.phc)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want it to say %q", err, tt.want)
			}
			if strings.Contains(err.Error(), tag32) || len(err.Error()) > 200 {
				t.Errorf("the error holds the hash or is long: %v", err)
			}
			if _, err := FromHash(tt.phc); err == nil {
				t.Error("FromHash took it")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + tag32)
	f.Add("$argon2id$v=19$m=1048577,t=1,p=1$$")
	for _, one := range elsewhere {
		f.Add(one.hash)
	}
	f.Add("$2b$12$x")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parse(s)
		if err != nil {
			return
		}
		w := h.work()
		if w.memory() > maxMemory || w.estimate() > mostMicroseconds || w.amount == 0 {
			t.Errorf("%q takes %s", s, w)
		}
		if again, err := ParseWork(w.String()); err != nil || again != w {
			t.Errorf("the work of %q does not read back: %s, %v", s, again, err)
		}
		if ours, ok := h.(argon2id); ok {
			if again, err := parse(ours.String()); err != nil || again.work() != w {
				t.Errorf("%q does not read back: %v", s, err)
			}
		}
	})
}
