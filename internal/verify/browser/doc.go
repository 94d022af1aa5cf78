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
// # Not promised
//
// The audit is the project's own, since the usual one (axe-core) comes with no package
// that Go can fetch. It does not judge whether a name or a text is a good one, nor
// colours of pictures.
package browser
