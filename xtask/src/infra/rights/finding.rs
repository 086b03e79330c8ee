//! One thing that is wrong with a policy.

/// What is wrong, of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    UnknownAction,
    NoResourceFits,
    WantsStar,
    ResourceMissing,
    UnsupportedKey,
    DependentMissing,
    KeyMissing,
    Writes,
    TooLarge,
    CallDenied,
    NotNeeded,
    IdleException,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnknownAction => "unknown action",
            Self::NoResourceFits => "no resource fits",
            Self::WantsStar => "takes no resource",
            Self::ResourceMissing => "a resource is missing",
            Self::UnsupportedKey => "condition key not supported",
            Self::DependentMissing => "needed beside it, not granted",
            Self::KeyMissing => "the key may not be used",
            Self::Writes => "a role that only looks writes",
            Self::TooLarge => "too large",
            Self::CallDenied => "a call is denied",
            Self::NotNeeded => "no call needs it",
            Self::IdleException => "exception not needed",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) holder: String,
    pub(super) statement: String,
    pub(super) action: String,
    pub(super) kind: Kind,
    /// The condition key, the type of resource or the other action.
    pub(super) about: String,
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl Finding {
    /// Kind, action and what it is about: the same in every role.
    pub(super) fn headline(&self) -> String {
        let about = if self.about.is_empty() { String::new() } else { format!(" {}", self.about) };
        format!("{}: {}{about}", self.kind.name(), self.action)
    }
}
