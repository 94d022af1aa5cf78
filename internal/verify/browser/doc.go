// Package browser opens pages in a real browser for tests: it starts Chromium, sets the
// window and the colour scheme, waits for what a page shows, and audits a page for
// accessibility.
//
// # The audit
//
// [Audit] checks rules of WCAG 2.1 AA that a program can check: the contrast of every
// text, by the colours that the browser computed; landmarks, headings, lists, tables and
// labels; names, as the browser's own accessibility tree has them; references between
// elements; scrollable parts that the keyboard cannot reach; and a page that is wider than its
// window. [Tabs] walks through a page by the Tab key.
//
// # What is not promised
//
// The audit is the project's own, since the usual one (axe-core) is in no package that Go
// can fetch. It judges neither the quality of names and texts, nor the colours of pictures.
package browser
