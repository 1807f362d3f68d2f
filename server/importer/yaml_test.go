package importer

import (
	"fmt"
	"strings"
	"testing"
)

// The forms in which users files are written, those of Authelia's documentation first.
func TestUsersFiles(t *testing.T) {
	t.Parallel()
	const documented = `# yaml-language-server: $schema=https://www.authelia.com/schemas/latest/json-schema/user-database.json
---
users:
  john:
    disabled: false
    displayname: 'John Doe'
    password: '$argon2id$v=19$m=65536,t=3,p=2$BpLnfgDsc2WD8F2q$o/vz' # yamllint disable-line rule:quoted-strings
    email: 'john@example.com'
    picture: 'https://example.com/john.png'
    website: https://example.com/
    groups:
      - 'admins'
      - 'dev'
    address:
      street_address: ''
      country: ''
    extra: {}
...
`
	head := "users:\n  john:\n    email: 'john@example.com'\n    password: '$argon2id$v=19$m=65536,t=3,p=2$BpLnfgDsc2WD8F2q$o/vz'\n"
	for name, tt := range map[string]struct {
		text     string
		groups   string
		disabled bool
	}{
		"as documented":               {documented, "admins dev", false},
		"a compact list at the end":   {head + "    groups:\n    - admins\n    - dev\n", "admins dev", false},
		"a compact list before a key": {head + "    groups:\n    - admins\n    - \"dev\" # two\n    disabled: true\n", "admins dev", true},
		"two compact lists":           {head + "    groups:\n    # who\n    - admins\n\n    - dev\n    others:\n    - x\n    disabled: false\n", "admins dev", false},
		"before the next user":        {head + "    groups:\n    - admins\n    - dev\n  ann:\n    email: ''\n", "admins dev", false},
		"an empty list":               {head + "    groups: []\n", "", false},
		"an empty list, of it said":   {head + "    groups: [ ] # none yet\n    disabled: yes\n", "", true},
		"a list in brackets":          {head + "    groups: [admins, 'dev']  # both\n", "admins dev", false},
		"a list of nothing":           {head + "    groups:\n    disabled: 'true'\n", "", true},
		"a null":                      {head + "    groups: ~\n    disabled: null\n", "", false},
		"lines of Windows":            {strings.ReplaceAll(head+"    groups:\n    - admins\n    disabled: True\n", "\n", "\r\n"), "admins", true},
	} {
		r, err := ReadFiles(t.Context(), "authelia", Input{Files: []string{path(t, tt.text)}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := len(r.Accounts) - 1
		if john := r.Accounts[i]; john.Username != "john" || strings.Join(john.Groups, " ") != tt.groups || john.Disabled != tt.disabled ||
			john.Email != "john@example.com" || john.PasswordHash != "$argon2id$v=19$m=65536,t=3,p=2$BpLnfgDsc2WD8F2q$o/vz" {
			t.Errorf("%s: %+v", name, john)
		}
	}
}

// What only looks like a compact list is refused by its line.
func TestUsersFilesThatAreMixed(t *testing.T) {
	t.Parallel()
	for line, text := range map[int]string{
		3: "users:\n  john: x\n  - ann\n",
		5: "users:\n  john:\n    groups:\n      - a\n      b: c\n",
		4: "users:\n  john:\n    groups: {a: b}\n  - x\n",
	} {
		_, err := ReadFiles(t.Context(), "authelia", Input{Files: []string{path(t, text)}})
		if line == 4 {
			line = 3
		}
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d: ", line)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
