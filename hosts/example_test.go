package hosts_test

import (
	"fmt"

	"conch/hosts"
)

// A node that listens on all interfaces, started with
//
//	--listen :7400 --advertise Node2:7400 --peers node1:7400,node3:7400
func Example() {
	self, err := hosts.Advertise(
		hosts.Entry{Where: "--listen", Address: ":7400"},
		hosts.Entry{Where: "--advertise", Address: "Node2:7400"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	members, err := hosts.List(self, hosts.Flag("--peers", "node1:7400,node3:7400"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(members.Addresses, members.Self)
	// Output: [node1:7400 node2:7400 node3:7400] 1
}

// What is wrong is told with where it stands.
func ExampleList_error() {
	_, err := hosts.List(
		hosts.Entry{Where: "--listen", Address: hosts.DefaultListen},
		hosts.Flag("--peers", "127.0.0.1:7401,127.0.0.1:740200"),
	)
	fmt.Println(err)
	// Output: --peers: bad address "127.0.0.1:740200": bad port "740200"; want a port from 1 to 65535, in digits without a leading zero
}
