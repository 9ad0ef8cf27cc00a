package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"csph/buildpacks/zerops"
)

func (a *app) zeropsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "zerops", Short: "Work with zerops.yml",
		Args: exactly(0, "a command: csph zerops validate"),
	}
	cmd.AddCommand(a.zeropsValidate())
	return cmd
}

// validated is the outcome of csph zerops validate.
type validated struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Setups   []string         `json:"setups"`
	Problems []zerops.Problem `json:"problems"`
	Warnings []string         `json:"warnings"`
}

func (a *app) zeropsValidate() *cobra.Command {
	return &cobra.Command{
		Use: "validate [FILE]", Short: "Check a zerops.yml, and print everything that is wrong with it", Args: atMost(1),
		Long: `Check a zerops.yml and print everything that is wrong with it: FILE:LINE:COLUMN, the key, what is wrong and what
would be right. FILE may be a folder; without it the present one is looked in. No server is asked.

Exit status: 0 the file is valid, 1 it is not.`,
		Example: "  csph zerops validate\n  csph zerops validate deploy/zerops.yml -o json",
		RunE: func(_ *cobra.Command, args []string) error {
			name, err := zeropsFile(folder(args))
			if err != nil {
				return err
			}
			v, err := validate(name)
			if err != nil {
				return err
			}
			return errors.Join(a.show(v, func() error { return a.printValidated(v) }), v.verdict())
		},
	}
}

// zeropsFile is the file that is meant: path itself, or the one in the folder path.
func zeropsFile(path string) (string, error) {
	at, err := os.Stat(path)
	if err != nil {
		return "", usageError{fmt.Errorf("there is no file %s", path)}
	}
	if !at.IsDir() {
		return path, nil
	}
	for _, name := range zerops.Names() {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for %s: %w", file, err)
		}
	}
	return "", usageError{fmt.Errorf("there is no zerops.yml in %s", path)}
}

func validate(name string) (validated, error) {
	v := validated{File: name, Setups: []string{}, Problems: []zerops.Problem{}, Warnings: []string{}}
	content, err := os.ReadFile(name)
	if err != nil {
		return v, fmt.Errorf("read %s: %w", name, err)
	}
	file, err := zerops.Parse(name, content)
	if err == nil {
		v.Setups, err = file.SetupNames(), file.Validate()
	}
	var wrong *zerops.Error
	switch {
	case errors.As(err, &wrong):
		v.Problems = wrong.Problems
		return v, nil
	case err != nil:
		return v, err
	}
	v.Valid = true
	for i := range file.Setups {
		if p, err := file.Plan(&file.Setups[i], nil); err == nil { // one that others extend may not be complete
			v.Warnings = append(v.Warnings, p.Warnings...)
		}
	}
	return v, nil
}

func (a *app) printValidated(v validated) error {
	for _, p := range v.Problems {
		if err := a.printf("%s\n", p); err != nil {
			return err
		}
	}
	for _, w := range v.Warnings {
		if err := a.printf("%s: warning: %s\n", v.File, w); err != nil {
			return err
		}
	}
	if !v.Valid {
		return nil
	}
	return a.printf("%s is valid; setups: %s\n", v.File, strings.Join(v.Setups, ", "))
}

func (v validated) verdict() error {
	if v.Valid {
		return nil
	}
	if len(v.Problems) == 1 {
		return fmt.Errorf("%s has 1 problem", v.File)
	}
	return fmt.Errorf("%s has %d problems", v.File, len(v.Problems))
}
