//! Groups of at most eight members as bits, and what the rest of the code calls them.

use core::fmt;

use mpenc_types::{MemberId, MemberSet};

/// Members 0 to 7.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(u8);

impl Group {
    /// Nobody.
    pub const NOBODY: Self = Self(0);

    /// The group with these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// One bit for each member.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Members 0 to `n - 1`; all eight for larger `n`.
    #[must_use]
    pub const fn first(n: u8) -> Self {
        if n >= 8 { Self(u8::MAX) } else { Self((1 << n) - 1) }
    }

    /// Only this member.
    #[must_use]
    pub const fn of(member: u8) -> Self {
        Self(1 << (member & 7))
    }

    /// Whether the member belongs to it.
    #[must_use]
    pub const fn has(self, member: u8) -> bool {
        self.0 & Self::of(member).0 != 0
    }

    /// Whether nobody belongs to it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of members.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Members of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Members of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Members that are not in `other`.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether everybody in it is in `other`.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Its members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |member| self.has(*member))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nobody");
        }
        self.iter().try_for_each(|member| f.write_str(&name(member)))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A, B, C and so on.
#[must_use]
pub(super) fn name(member: u8) -> String {
    char::from(b'A'.saturating_add(member)).to_string()
}

/// All groups as sets of identifiers, made once.
#[derive(Debug)]
pub(super) struct Sets(Vec<MemberSet>, MemberSet);

impl Sets {
    pub(super) fn new() -> Self {
        let id = |member| MemberId::from_wire(name(member).as_bytes());
        Self(
            (0..=u8::MAX).map(|bits| Group(bits).iter().map(id).collect()).collect(),
            MemberSet::new(),
        )
    }

    /// The identifiers of a group.
    pub(super) fn get(&self, group: Group) -> &MemberSet {
        // There is one for every value.
        self.0.get(usize::from(group.0)).unwrap_or(&self.1)
    }
}
