//! [`Digests`]: what the same bytes have under several hash functions.

use super::{Algorithm, Integrity};

/// Digests of the same bytes, one an algorithm at most. The first that is known of an algorithm stays: whatever is added
/// later, such as by a record, takes the place of none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digests(Vec<Integrity>);

impl Digests {
    /// The digest under an algorithm, where it is known.
    pub fn get(&self, algorithm: Algorithm) -> Option<&Integrity> {
        self.0.iter().find(|one| one.algorithm() == algorithm)
    }

    /// Adds a digest, unless there is one of its algorithm.
    pub fn add(&mut self, digest: Integrity) {
        if self.get(digest.algorithm()).is_none() {
            self.0.push(digest);
            self.0.sort_by_key(Integrity::algorithm);
        }
    }

    /// All but that of one algorithm.
    #[must_use]
    pub fn without(&self, algorithm: Algorithm) -> Self {
        self.iter().filter(|one| one.algorithm() != algorithm).cloned().collect()
    }

    /// All of them, the shortest first.
    pub fn iter(&self) -> std::slice::Iter<'_, Integrity> {
        self.0.iter()
    }

    /// The same.
    pub fn as_slice(&self) -> &[Integrity] {
        &self.0
    }

    /// Whether none is known.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Integrity> for Digests {
    fn from(digest: Integrity) -> Self {
        Self(vec![digest])
    }
}

impl FromIterator<Integrity> for Digests {
    fn from_iter<T: IntoIterator<Item = Integrity>>(digests: T) -> Self {
        let mut all = Self::default();
        digests.into_iter().for_each(|one| all.add(one));
        all
    }
}

impl<'a> IntoIterator for &'a Digests {
    type Item = &'a Integrity;
    type IntoIter = std::slice::Iter<'a, Integrity>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_an_algorithm_stays() {
        let of = |algorithm, bytes: &[u8]| Integrity::of(algorithm, bytes);
        let mut digests = Digests::from(of(Algorithm::Sha512, b"pinned"));
        digests.add(of(Algorithm::Sha512, b"another"));
        digests.add(of(Algorithm::Sha256, b"pinned"));
        let both = [of(Algorithm::Sha256, b"pinned"), of(Algorithm::Sha512, b"pinned")];
        assert_eq!(digests.as_slice(), both);
        assert_eq!(digests, both.into_iter().rev().collect());
        assert_eq!(digests.get(Algorithm::Sha384), None);
        assert_eq!(digests.without(Algorithm::Sha512), Digests::from(of(Algorithm::Sha256, b"pinned")));
        assert!(digests.without(Algorithm::Sha512).without(Algorithm::Sha256).is_empty());
    }
}
