// Command manifestcheck reads Kubernetes manifests from standard input and decodes each
// strictly into the types of the Kubernetes API: a field that does not exist, occurs twice
// or has a value of another type is an error. Kinds that are not Kubernetes' own are
// named and passed over. It needs no cluster and no network.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	failed := false
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	checked := 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "manifestcheck:", err)
			os.Exit(1)
		}
		if isEmpty(document) {
			continue
		}
		_, kind, err := decoder.Decode(document, nil, nil)
		switch {
		case runtime.IsNotRegisteredError(err):
			fmt.Println("passed over:", err)
		case err != nil:
			fmt.Fprintf(os.Stderr, "manifestcheck: %v: %v\n", kind, err)
			failed = true
		default:
			fmt.Println("checked:", kind)
			checked++
		}
	}
	if checked == 0 {
		fmt.Fprintln(os.Stderr, "manifestcheck: got no manifest of a kind of Kubernetes")
	}
	if failed || checked == 0 {
		os.Exit(1)
	}
}

// isEmpty tells whether a document has nothing but comments.
func isEmpty(document []byte) bool {
	var content any
	return yaml.Unmarshal(document, &content) == nil && content == nil
}
