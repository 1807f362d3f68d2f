package settings

import "fmt"

// Origin says where a value stands.
type Origin struct {
	From From
	Name string // the file, the environment variable or the flag
	Line int    // in the file
}

// From is a kind of source. The zero value is the default.
type From string

// The sources, the weakest first.
const (
	FromDefault From = ""
	FromFile    From = "file"
	FromEnv     From = "env"
	FromFlag    From = "flag"
)

// String is "default", "file nightlatch.toml:12", "env NIGHTLATCH_LISTEN" or "flag --listen".
func (o Origin) String() string {
	if o.From == FromDefault {
		return "default"
	}
	return string(o.From) + " " + o.place()
}

func (o Origin) place() string {
	if o.From == FromFile {
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	}
	return o.Name
}
