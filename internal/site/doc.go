// Package site writes the lessons of the page /learn and the project's documents as a folder
// of plain files, which any web server serves, below any path: `make site`.
//
// Documents are rendered from Markdown. The folder is laid out as the checkout is, so links
// between documents stay as they are but for .md, which becomes .html. What a document links
// to comes along: other documents are rendered, pictures are copied, sources are shown as
// text, and a folder becomes a list of its files. A link that leads nowhere is an error.
//
// # Not promised
//
// HTML inside Markdown is left out. Addresses outside the checkout are not looked at.
package site
