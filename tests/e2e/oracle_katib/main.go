// Answers questions about the conditions and log patterns of trials with the packages that Katib and Argo use.
//
// It reads one JSON object per line from standard input and writes one value per line to standard output, in the same
// order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"

	"github.com/tidwall/gjson"
	"k8s.io/apimachinery/pkg/labels"
)

type question struct {
	// Kind is condition, groups or selectors.
	Kind string `json:"kind"`
	// Path is a GJSON path, and Document the JSON text that it is looked up in.
	Path     string `json:"path"`
	Document string `json:"document"`
	// Pattern is a regular expression, and Text what it is matched with.
	Pattern string `json:"pattern"`
	Text    string `json:"text"`
	// Success and Failure are the conditions of an Argo resource template.
	Success string `json:"success"`
	Failure string `json:"failure"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, "cannot read a question:", err)
			os.Exit(1)
		}
		line, err := json.Marshal(ask(q))
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot write an answer:", err)
			os.Exit(1)
		}
		out.Write(line)
		out.WriteByte('\n')
	}
}

func ask(q question) any {
	switch q.Kind {
	case "condition":
		return matches(q.Document, q.Path)
	case "groups":
		pattern, err := regexp.Compile(q.Pattern)
		if err != nil {
			return "error"
		}
		return pattern.FindAllStringSubmatch(q.Text, -1)
	default:
		return phase(q)
	}
}

// matches returns whether Katib takes the object for one that fulfils a condition.
func matches(document, path string) bool {
	found := gjson.Get(document, path)
	return found.IsObject() || (found.IsArray() && len(found.Array()) > 0)
}

// phase returns what Argo takes the object for: one requirement of failure is enough, and success needs all.
func phase(q question) string {
	object := fields(q.Document)
	for _, one := range requirements(q.Failure) {
		if one.Matches(object) {
			return "Failed"
		}
	}
	for _, one := range requirements(q.Success) {
		if !one.Matches(object) {
			return "Running"
		}
	}
	return "Succeeded"
}

func requirements(text string) labels.Requirements {
	selector, err := labels.Parse(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, "not a label selector:", text, err)
		os.Exit(1)
	}
	found, _ := selector.Requirements()
	return found
}

// fields are the labels of an object in the eyes of Argo: their keys are GJSON paths.
type fields string

func (f fields) Has(path string) bool   { return gjson.Get(string(f), path).Exists() }
func (f fields) Get(path string) string { return gjson.Get(string(f), path).String() }

func (f fields) Lookup(path string) (string, bool) { return f.Get(path), f.Has(path) }
