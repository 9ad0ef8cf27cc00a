package store

import (
	"fmt"
	"strings"
)

// conditions are the terms of a WHERE clause and their arguments.
type conditions struct {
	terms []string
	args  []any
}

// equal adds column = value, unless value is empty.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.compare(column, "=", value)
	}
}

func (c *conditions) compare(column, operator string, value any) {
	c.args = append(c.args, value)
	c.terms = append(c.terms, fmt.Sprintf("%s %s $%d", column, operator, len(c.args)))
}

// sql is the WHERE clause, empty without terms.
func (c *conditions) sql() string {
	if len(c.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.terms, " AND ") + " "
}
