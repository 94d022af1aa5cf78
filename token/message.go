package token

// MessageKind tells the messages apart.
type MessageKind uint8

// The messages of the protocol. REQUEST and TOKEN are Suzuki and Kasami's.
const (
	Request MessageKind = iota + 1
	TokenMessage
)

// Message is what one member sends to another. Which fields are used depends on
// the kind; the others are zero.
type Message struct {
	Kind   MessageKind
	Lock   string // all kinds
	Number Number // Request: the sender's request number

	Token   *Token  // TokenMessage
	Session Session // TokenMessage: the receiver's session, to which it is addressed
}
