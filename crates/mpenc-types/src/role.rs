/// What an accepted packet does in the order of operations; enters the chain hash (ORD-004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketRole {
    /// Begins an operation.
    Initial,
    /// Ends the running operation.
    Final,
    /// Begins and ends an operation by itself; enters the chain once.
    Both,
    /// A pseudo packet that stands for somebody leaving the channel and ends the running
    /// operation without success (ORD-005).
    Leave,
}
