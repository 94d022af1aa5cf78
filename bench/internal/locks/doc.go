// Package locks puts one face on the locks that are compared: each as its own Go
// library gives it to a user, with the settings that make it fast and none that make
// it unsafe.
//
// # What is not promised
//
// That all of them promise the same. flock knows one machine. One Redis is gone when
// its server is; Redlock and the semaphore over Redis rest on clocks. None of these has
// fencing numbers. etcd and ZooKeeper have written each step to the disks of two servers
// before they answer; the others have not.
package locks
