// Answers questions about Argo's expression languages with Argo's own packages.
//
// It reads one JSON object per line from standard input and writes one per line to standard output, in the same order.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/Knetic/govaluate"
	"github.com/Masterminds/sprig/v3"
	"github.com/expr-lang/expr"

	exprenv "github.com/argoproj/argo-workflows/v4/util/expr/env"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/util/template"
)

type question struct {
	// Kind is expression, when, template or signatures.
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Variables are named with dots; null is an absent optional output.
	Variables map[string]any `json:"variables"`
	// Strict is how a template is replaced: lenient, all, or prefixes, separated by commas.
	Strict string `json:"strict"`
}

type answer struct {
	Type  string            `json:"type,omitempty"`
	JSON  string            `json:"json,omitempty"`
	Text  string            `json:"text,omitempty"`
	Value map[string]string `json:"value,omitempty"`
	Error string            `json:"error,omitempty"`
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
		out.Flush()
	}
}

func ask(q question) answer {
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- answer{Error: fmt.Sprintf("panic: %v", r)}
			}
		}()
		done <- reply(q)
	}()
	select {
	case a := <-done:
		return a
	case <-time.After(10 * time.Second):
		return answer{Error: "timeout"}
	}
}

func reply(q question) answer {
	switch q.Kind {
	case "expression":
		return expression(q)
	case "when":
		return when(q.Text)
	case "template":
		return replaced(q)
	default:
		return signatures()
	}
}

func failed(err error) answer { return answer{Error: err.Error()} }

func expression(q question) answer {
	env := exprenv.GetFuncMap(q.Variables)
	program, err := expr.Compile(q.Text, expr.Env(env))
	if err != nil {
		return answer{Type: "compile", Error: err.Error()}
	}
	value, err := expr.Run(program, env)
	if err != nil {
		return failed(err)
	}
	text := fmt.Sprintf("%v", value)
	written, err := json.Marshal(value)
	if err != nil {
		return answer{Type: fmt.Sprintf("%T", value), Text: text}
	}
	return answer{Type: fmt.Sprintf("%T", value), JSON: string(written), Text: text}
}

// when does what the controller's shouldExecute does, which no package exports: variables are taken for strings.
func when(text string) answer {
	if text == "" {
		return answer{Text: "true"}
	}
	parsed, err := govaluate.NewEvaluableExpression(text)
	if err != nil {
		return failed(err)
	}
	tokens := parsed.Tokens()
	for i := range tokens {
		if tokens[i].Kind == govaluate.VARIABLE {
			tokens[i].Kind = govaluate.STRING
		}
	}
	if parsed, err = govaluate.NewEvaluableExpressionFromTokens(tokens); err != nil {
		return failed(err)
	}
	value, err := parsed.Evaluate(nil)
	if err != nil {
		return failed(err)
	}
	holds, ok := value.(bool)
	if !ok {
		return answer{Error: fmt.Sprintf("not a boolean: %v", value)}
	}
	return answer{Text: fmt.Sprint(holds)}
}

func replaced(q question) answer {
	ctx := logging.WithLogger(context.Background(), logging.NewSlogLogger(logging.Error, logging.Text))
	var text string
	var err error
	switch q.Strict {
	case "lenient":
		text, err = template.Replace(ctx, q.Text, q.Variables, true)
	case "all":
		text, err = template.Replace(ctx, q.Text, q.Variables, false)
	default:
		text, err = template.ReplaceStrictAny(ctx, q.Text, q.Variables, strings.Split(q.Strict, ","))
	}
	if err != nil {
		return failed(err)
	}
	return answer{Text: text}
}

func signatures() answer {
	found := map[string]string{}
	for name, function := range sprig.GenericFuncMap() {
		found[name] = reflect.TypeOf(function).String()
	}
	return answer{Value: found}
}
