package conch

import clientv1 "conch/proto/conch/client/v1"

// LockService is what the node serves its clients, for tests.
func (n *Node) LockService() clientv1.LockServiceServer { return n.node.LockService() }
