package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pelletier/go-toml/v2"
)

// File is the path of the optional TOML file. Kong calls BeforeResolve when the flag or its
// environment variable names one.
type File string

// BeforeResolve adds the file's values below flags and environment.
func (File) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path, _ := ctx.FlagValue(trace.Flag).(File)
	if path == "" {
		return nil
	}
	resolver, err := Resolver(string(path))
	if err != nil {
		return err
	}
	ctx.AddResolver(resolver)
	return nil
}

// Resolver reads a TOML file of settings. Keys are the flag names with underscores. A key that is
// no setting, a value of the wrong kind and broken TOML are errors that name the place.
func Resolver(path string) (kong.Resolver, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config (KAQUAN_CONFIG): %w", err)
	}
	var checked Config
	dec := toml.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&checked); err != nil {
		return nil, explain(path, err)
	}
	// Decoded again without types, because an absent key and an empty value differ.
	values := map[string]any{}
	if err := toml.Unmarshal(raw, &values); err != nil {
		return nil, explain(path, err)
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		// Kong lets a resolver win over the environment; our order is the other way round.
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil
			}
		}
		return values[strings.ReplaceAll(flag.Name, "-", "_")], nil
	}), nil
}

// explain names file, line and key; the value is left out.
func explain(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var problems []error
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			problems = append(problems, fmt.Errorf("%s line %d: %q is not a setting", path, line, strings.Join(e.Key(), ".")))
		}
		return errors.Join(problems...)
	}
	var broken *toml.DecodeError
	if errors.As(err, &broken) {
		line, _ := broken.Position()
		return fmt.Errorf("%s line %d: %w", path, line, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
