/// What a greeting packet is for (wire-v1.md section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GreetType {
    /// First packet of a start, from the starter to the second member.
    StartInitial,
    /// Passed on by a member of a start that is neither first nor last.
    StartUpflow,
    /// First downflow of a start, from the last member to everybody.
    StartDownflow,
    /// Any other member's session signature in a start.
    StartConfirm,
    /// First packet of an include, from an old member to the first new one.
    IncludeInitial,
    /// Passed on by a new member that is not the last.
    IncludeUpflow,
    /// First downflow of an include, from the last new member to everybody.
    IncludeDownflow,
    /// Any other member's session signature in an include.
    IncludeConfirm,
    /// First packet and downflow of an exclude, from a remaining member to everybody.
    ExcludeInitial,
    /// Any other remaining member's session signature in an exclude.
    ExcludeConfirm,
    /// The one packet of a refresh.
    RefreshInitial,
    /// Departure: obsolete, never sent, rejected by greetings (GRT-028).
    Quit,
}

/// The kind of operation that a greeting packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GreetingOperation {
    /// A session is established.
    Start,
    /// Members are added.
    Include,
    /// Members are removed.
    Exclude,
    /// Only the group key changes.
    Refresh,
    /// Departure; obsolete.
    Quit,
}

impl GreetType {
    /// Every type, in the order of the specification.
    pub const ALL: [Self; 12] = [
        Self::StartInitial,
        Self::StartUpflow,
        Self::StartDownflow,
        Self::StartConfirm,
        Self::IncludeInitial,
        Self::IncludeUpflow,
        Self::IncludeDownflow,
        Self::IncludeConfirm,
        Self::ExcludeInitial,
        Self::ExcludeConfirm,
        Self::RefreshInitial,
        Self::Quit,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn to_u16(self) -> u16 {
        match self {
            Self::StartInitial => 0x009c,
            Self::StartUpflow => 0x001c,
            Self::StartDownflow => 0x001e,
            Self::StartConfirm => 0x001a,
            Self::IncludeInitial => 0x00ad,
            Self::IncludeUpflow => 0x002d,
            Self::IncludeDownflow => 0x002f,
            Self::IncludeConfirm => 0x002b,
            Self::ExcludeInitial => 0x00bf,
            Self::ExcludeConfirm => 0x003b,
            Self::RefreshInitial => 0x00c7,
            Self::Quit => 0x00d3,
        }
    }

    /// The type with this number, if there is one.
    #[must_use]
    pub fn from_u16(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|greet_type| greet_type.to_u16() == number)
    }

    /// What the operation does.
    #[must_use]
    pub const fn operation(self) -> GreetingOperation {
        match self {
            Self::StartInitial | Self::StartUpflow | Self::StartDownflow | Self::StartConfirm => {
                GreetingOperation::Start
            }
            Self::IncludeInitial
            | Self::IncludeUpflow
            | Self::IncludeDownflow
            | Self::IncludeConfirm => GreetingOperation::Include,
            Self::ExcludeInitial | Self::ExcludeConfirm => GreetingOperation::Exclude,
            Self::RefreshInitial => GreetingOperation::Refresh,
            Self::Quit => GreetingOperation::Quit,
        }
    }

    /// Whether it is for everybody; otherwise it is addressed to the next member.
    #[must_use]
    pub const fn is_downflow(self) -> bool {
        self.to_u16() & 1 << 1 != 0
    }

    /// Whether it is addressed to the next member.
    #[must_use]
    pub const fn is_upflow(self) -> bool {
        !self.is_downflow()
    }

    /// Whether it carries intermediate keys.
    #[must_use]
    pub const fn has_int_keys(self) -> bool {
        self.to_u16() & 1 << 2 != 0
    }

    /// Whether it carries nonces and ephemeral keys.
    #[must_use]
    pub const fn has_ske(self) -> bool {
        self.to_u16() & 1 << 3 != 0
    }

    /// Whether it is the first packet of its operation.
    #[must_use]
    pub const fn is_initial(self) -> bool {
        self.to_u16() & 1 << 7 != 0
    }

    /// Whether it carries only a session signature, besides the lists it confirms.
    #[must_use]
    pub const fn is_confirm(self) -> bool {
        self.has_session_signature() && !self.has_int_keys()
    }

    /// Whether it carries a session signature.
    #[must_use]
    pub const fn has_session_signature(self) -> bool {
        self.is_downflow() && self.has_ske()
    }

    /// Whether it says where the operation belongs.
    #[must_use]
    pub const fn has_metadata(self) -> bool {
        self.is_initial() && !matches!(self, Self::Quit)
    }

    /// Whether it names members.
    #[must_use]
    pub const fn has_members(self) -> bool {
        !matches!(self, Self::Quit)
    }
}
