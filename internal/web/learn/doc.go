// Package learn holds the page /learn: the stepper, in which people move a simulated
// cluster by hand to see how the algorithm works.
//
// The page's own files are part of every build. The stepper itself is Go compiled to
// WebAssembly, which `make learn` builds into the folder built/ and git ignores; a
// program that was built without it has the page all the same, and the page then says
// what to run.
//
// Whoever serves FS may send this Content-Security-Policy, and needs no more than it
// allows:
//
//	default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';
//	connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';
//	frame-ancestors 'none'
//
// The page's links are relative, so it may be served below any path that ends in a
// slash. The WebAssembly is gzipped and unpacked by the page: it is to be sent as it is,
// without a Content-Encoding.
//
// What is not promised: that a browser without WebAssembly or DecompressionStream (in
// all the large ones since 2023) shows more than a sentence that says so.
package learn
