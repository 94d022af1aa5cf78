package main

import (
	"fmt"
	"os"

	"conch/internal/site"
	"conch/internal/stepper"
	"conch/internal/web/learn"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "mksite: got", len(os.Args)-1, "arguments, want one: the folder to write")
		os.Exit(64)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mksite:", err)
		os.Exit(1)
	}
}

func write(out string) error {
	root := os.DirFS(".")
	documents, err := site.Documents(root)
	if err != nil {
		return err
	}
	cfg := site.Config{Root: root, Learn: learn.FS(), Documents: documents}
	for _, r := range stepper.ReadyMade() {
		cfg.Lessons = append(cfg.Lessons, site.Lesson{ID: r.ID, Title: r.Title, About: r.About})
	}
	return site.Write(out, cfg)
}
