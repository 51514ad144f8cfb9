use alloc::collections::BTreeSet;
use alloc::collections::btree_set;
use core::fmt;

use crate::MemberId;

/// A set of members, iterated in the order of their identifiers' bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberSet(BTreeSet<MemberId>);

impl MemberSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// The set of one member.
    #[must_use]
    pub fn of(member: &MemberId) -> Self {
        Self(BTreeSet::from([member.clone()]))
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `member` is in it.
    #[must_use]
    pub fn contains(&self, member: &MemberId) -> bool {
        self.0.contains(member)
    }

    /// Adds a member; false if it was there.
    pub fn insert(&mut self, member: MemberId) -> bool {
        self.0.insert(member)
    }

    /// Removes a member; false if it was not there.
    pub fn remove(&mut self, member: &MemberId) -> bool {
        self.0.remove(member)
    }

    /// Removes everybody.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Members in the order of their bytes.
    pub fn iter(&self) -> btree_set::Iter<'_, MemberId> {
        self.0.iter()
    }

    /// Members of `self`, `other` or both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).cloned().collect()
    }

    /// Members of `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.0.difference(&other.0).cloned().collect()
    }

    /// Whether everybody in `self` is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether nobody is in both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.0.is_disjoint(&other.0)
    }

    /// The set with `member` added.
    #[must_use]
    pub fn with(&self, member: &MemberId) -> Self {
        let mut set = self.clone();
        set.insert(member.clone());
        set
    }

    /// The set without `member`.
    #[must_use]
    pub fn without(&self, member: &MemberId) -> Self {
        let mut set = self.clone();
        set.remove(member);
        set
    }
}

impl FromIterator<MemberId> for MemberSet {
    fn from_iter<I: IntoIterator<Item = MemberId>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl<'a> FromIterator<&'a MemberId> for MemberSet {
    fn from_iter<I: IntoIterator<Item = &'a MemberId>>(iter: I) -> Self {
        iter.into_iter().cloned().collect()
    }
}

impl Extend<MemberId> for MemberSet {
    fn extend<I: IntoIterator<Item = MemberId>>(&mut self, iter: I) {
        self.0.extend(iter);
    }
}

impl IntoIterator for MemberSet {
    type Item = MemberId;
    type IntoIter = btree_set::IntoIter<MemberId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a MemberSet {
    type Item = &'a MemberId;
    type IntoIter = btree_set::Iter<'a, MemberId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Prints the names, separated by commas.
impl fmt::Display for MemberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, member) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{member}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MemberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
