//! How much of a file is read before it is refused, so that a bomb costs neither time nor memory.

/// Bounds on one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes of one file.
    pub(super) file_bytes: usize,
    /// Bytes of all keys and texts, aliases written out; also of what references are filled in with.
    pub(super) text_bytes: usize,
    /// Bytes of one scalar.
    pub(super) scalar_bytes: usize,
    /// Bytes of one key.
    pub(super) key_bytes: usize,
    /// Maps and lists within each other.
    pub(super) depth: usize,
    /// Values, aliases written out.
    pub(super) nodes: usize,
    /// Aliases.
    pub(super) aliases: usize,
    /// Files that extend each other, all together.
    pub(super) files: usize,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// For files of one's own project.
    pub(super) const TRUSTED: Self = Self {
        file_bytes: 8 * MIB,
        text_bytes: 8 * MIB,
        scalar_bytes: MIB,
        key_bytes: 1024,
        depth: 64,
        nodes: 50_000,
        aliases: 1_000,
        files: 64,
    };

    /// For files of strangers.
    pub(super) const UNTRUSTED: Self = Self {
        file_bytes: MIB,
        text_bytes: MIB,
        ..Self::TRUSTED
    };
}
