// Package modulepath changes the path of the module wherever it stands: in go.mod, imports,
// proto options and what is generated from them, documents and settings. Only whoever
// publishes the repository knows its address, so it is written as plain "conch" here, which
// `go get` does not take.
//
// # What is not promised
//
// That text is understood. A path is taken for the module's where it stands alone before
// one of the folders at the root, or in an import, a go.mod file or a `go mod edit`.
package modulepath
