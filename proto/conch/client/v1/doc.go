// Package clientv1 is what a node and its clients say to each other, generated
// from client.proto, which documents each call and each message.
//
// What is not promised: that a client's description of itself (its host, user
// and command) is true. Who may open the node's socket or port may say anything.
package clientv1
