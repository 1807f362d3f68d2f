package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/pelletier/go-toml/v2"
)

// ReadTOML reads a file of TOML that is none of settings into a struct, whose fields name their keys. Its errors name the
// line and the key, and show no value: such files hold secrets.
func ReadTOML(path string, into any) error {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	d := toml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		line, _ := unknown.Errors[0].Position()
		return fmt.Errorf("%s:%d: there is no key %v", path, line, unknown.Errors[0].Key())
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		return fmt.Errorf("%s:%d: it is no TOML of the type that it must have", path, line)
	case err != nil:
		return fmt.Errorf("%s cannot be read as TOML", path)
	}
	return nil
}
