package zerops

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind is what a value of the file is.
type kind int

const (
	nothing kind = iota // null, or nothing written
	text
	number
	boolean
	list
	object
)

// kindNames are the kinds as people call them.
var kindNames = map[kind]string{
	nothing: "nothing", text: "a text", number: "a number", boolean: "true or false", list: "a list", object: "a section of keys",
}

// node is a value of the file and its place. Aliases are resolved: the places are those of what they stand for.
type node struct {
	kind         kind
	line, column int
	value        string  // of a scalar, as written, without quotes
	items        []*node // of a list
	entries      []entry // of an object, in order, merge keys resolved
}

// entry is one key of an object.
type entry struct {
	key          string
	line, column int
	value        *node
}

// get returns the value of a key, nil where it is not there.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// maxNodes bounds how large the file is once its aliases are resolved; real files have hundreds.
const maxNodes = 50_000

// maxDepth bounds how deep values are nested.
const maxDepth = 50

// readTree parses a file of one document. Syntax errors and whatever the parser itself stumbles over are Problems.
func readTree(name string, content []byte) (root *node, err error) {
	defer func() {
		if r := recover(); r != nil { // foreign bytes against a foreign parser
			root, err = nil, &Error{Problems: []Problem{{File: name, Line: 1, Column: 1, Text: fmt.Sprint("this is not YAML that can be read: ", r)}}}
		}
	}()
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	c := converter{file: name, left: maxNodes, anchors: map[string]ast.Node{}}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return &node{line: 1, column: 1}, nil
	case len(file.Docs) > 1:
		return nil, &Error{Problems: []Problem{{File: name, Line: 1, Column: 1, Text: "the file has several YAML documents", Advice: "remove the lines that are ---"}}}
	}
	root = c.convert(file.Docs[0].Body, 0)
	if len(c.problems) > 0 {
		return nil, &Error{Problems: c.problems}
	}
	return root, nil
}

func syntaxError(name string, err error) error {
	p := Problem{File: name, Line: 1, Column: 1, Text: err.Error()}
	if syntax, ok := err.(yaml.Error); ok {
		p.Text = syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	return &Error{Problems: []Problem{p}}
}

// converter makes nodes of the parser's.
type converter struct {
	file     string
	left     int
	anchors  map[string]ast.Node
	problems []Problem
}

func (c *converter) problem(t *token.Token, format string, args ...any) {
	line, column := place(t)
	c.problems = append(c.problems, Problem{File: c.file, Line: line, Column: column, Text: fmt.Sprintf(format, args...)})
}

func place(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return t.Position.Line, t.Position.Column
}

func (c *converter) convert(from ast.Node, depth int) *node {
	if from == nil {
		return &node{line: 1, column: 1}
	}
	n := &node{}
	n.line, n.column = place(from.GetToken())
	if c.left--; c.left < 0 || depth > maxDepth {
		if len(c.problems) == 0 {
			c.problem(from.GetToken(), "the file is too large, or nested too deeply")
		}
		return n
	}
	switch v := from.(type) {
	case *ast.NullNode:
	case *ast.StringNode:
		n.kind, n.value = text, v.Value
	case *ast.LiteralNode:
		n.kind, n.value = text, v.Value.Value
	case *ast.IntegerNode:
		n.kind, n.value = number, v.Token.Value
	case *ast.FloatNode:
		n.kind, n.value = number, v.Token.Value
	case *ast.BoolNode:
		n.kind, n.value = boolean, v.Token.Value
	case *ast.SequenceNode:
		n.kind = list
		for _, item := range v.Values {
			n.items = append(n.items, c.convert(item, depth+1))
		}
	case *ast.MappingNode:
		n.kind = object
		if len(v.Values) > 0 && !v.IsFlowStyle {
			n.line, n.column = place(v.Values[0].Key.GetToken())
		}
		c.entries(n, v.Values, depth)
	case *ast.MappingValueNode:
		n.kind = object
		n.line, n.column = place(v.Key.GetToken())
		c.entries(n, []*ast.MappingValueNode{v}, depth)
	case *ast.AnchorNode:
		c.anchors[v.Name.GetToken().Value] = v.Value
		return c.convert(v.Value, depth+1)
	case *ast.AliasNode:
		return c.alias(v, depth)
	case *ast.TagNode:
		return c.convert(v.Value, depth+1)
	default:
		c.problem(from.GetToken(), "this kind of YAML (%s) has no meaning here", from.Type())
	}
	return n
}

func (c *converter) alias(v *ast.AliasNode, depth int) *node {
	name := v.Value.GetToken().Value
	target, ok := c.anchors[name]
	if !ok {
		c.problem(v.GetToken(), "the alias *%s stands for nothing: there is no anchor &%s before it", name, name)
		return &node{}
	}
	return c.convert(target, depth+1)
}

// entries adds the keys of a mapping to n. Keys that are merged in (<<) come last and lose against its own.
func (c *converter) entries(n *node, values []*ast.MappingValueNode, depth int) {
	var merged []*node
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, c.convert(v.Value, depth+1))
			continue
		}
		e := entry{key: v.Key.GetToken().Value, value: c.convert(v.Value, depth+1)}
		e.line, e.column = place(v.Key.GetToken())
		if n.get(e.key) != nil {
			c.problem(v.Key.GetToken(), "%s is there twice", shorten(e.key))
			continue
		}
		n.entries = append(n.entries, e)
	}
	for _, m := range merged {
		n.overlay(m)
	}
}

// overlay adds the keys of base that n lacks.
func (n *node) overlay(base *node) {
	for _, e := range base.entries {
		if n.get(e.key) == nil {
			n.entries = append(n.entries, e)
		}
	}
	for _, item := range base.items { // << may name several
		n.overlay(item)
	}
}

// shorten keeps foreign text in a message readable.
func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
