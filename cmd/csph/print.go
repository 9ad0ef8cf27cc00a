package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"csph/transcript"
)

// structured reports whether standard output is for programs.
func (a *app) structured() bool { return a.format != "table" }

// show prints v as JSON or YAML, or calls table.
func (a *app) show(v any, table func() error) error {
	switch a.format {
	case "json":
		return a.printJSON(v)
	case "yaml":
		return a.printYAML(v)
	}
	return table()
}

// printYAML prints v with the names that it has as JSON.
func (a *app) printYAML(v any) error {
	text, err := yamlOf(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return a.printf("%s", text)
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// printRecord prints v as one line of JSON, or a document of YAML, for sequences without an end.
func (a *app) printRecord(v any) error {
	if a.format == "yaml" {
		if err := a.printf("---\n"); err != nil {
			return err
		}
		return a.printYAML(v)
	}
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// table prints rows under a heading, in columns.
func (a *app) table(heading string, rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, heading)
	for _, row := range rows {
		for i := range row {
			row[i] = transcript.Harmless(row[i])
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// printf prints one text to standard output.
func (a *app) printf(format string, args ...any) error {
	if _, err := fmt.Fprintf(a.out, format, args...); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// note tells the user about progress.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

// when is a time as tables show it.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}
