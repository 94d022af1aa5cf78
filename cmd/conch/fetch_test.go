package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// fetch URL CODE REGEXP asks until the answer has this code and a match.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg || len(args) != 3, "usage: fetch URL CODE REGEXP")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	pattern := regexp.MustCompile(args[2])
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	got := ""
	if !until(func() bool {
		response, err := client.Get(args[0])
		if err != nil {
			got = err.Error()
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		got = fmt.Sprintf("%s: %s (%v)", response.Status, text, err)
		return response.StatusCode == want && pattern.Match(text)
	}) {
		ts.Fatalf("%s: want %d and %q; got %s", args[0], want, pattern, got)
	}
}
