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

// before adds column < value, unless value is empty.
func (c *conditions) before(column, value string) {
	if value != "" {
		c.compare(column, "<", value)
	}
}

// among adds column IN values, unless values is nil. Nothing is among no values.
func (c *conditions) among(column string, values []string) {
	if values == nil {
		return
	}
	places := make([]string, len(values))
	for i, v := range values {
		c.args = append(c.args, v)
		places[i] = fmt.Sprintf("$%d", len(c.args))
	}
	if len(places) == 0 {
		places = []string{"NULL"}
	}
	c.terms = append(c.terms, fmt.Sprintf("%s IN (%s)", column, strings.Join(places, ", ")))
}

func (c *conditions) compare(column, operator string, value any) {
	c.args = append(c.args, value)
	c.terms = append(c.terms, fmt.Sprintf("%s %s $%d", column, operator, len(c.args)))
}

// behind adds that the columns sort after the values.
func (c *conditions) behind(columns, values []string) {
	places := make([]string, len(values))
	for i, v := range values {
		c.args = append(c.args, v)
		places[i] = fmt.Sprintf("$%d", len(c.args))
	}
	c.terms = append(c.terms, fmt.Sprintf("(%s) > (%s)", strings.Join(columns, ", "), strings.Join(places, ", ")))
}

// sql is the WHERE clause, empty without terms.
func (c *conditions) sql() string {
	if len(c.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.terms, " AND ") + " "
}
