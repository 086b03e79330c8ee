//! What an event's fields have to keep beyond their types.

use crate::field::{Field, Kind};

/// A rule of an event, in the names of its fields. A record that breaks it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The field is there: else `missing_field`.
    Present(&'static str),
    /// One of these texts is there, so that somebody can be told by it: else `no_identity`.
    Identity(&'static [&'static str]),
    /// The number is absent or within both bounds, which count in: else `invalid_value`.
    Within {
        /// The number's field.
        field: &'static str,
        /// The least that is allowed.
        least: i64,
        /// The most that is allowed.
        most: i64,
    },
    /// The field is absent, or `beside`, an enum, has one of `symbols`: else `invalid_value`.
    OnlyWith {
        /// The field that depends on another.
        field: &'static str,
        /// The enum's field.
        beside: &'static str,
        /// By their names, any of which allows the field.
        symbols: &'static [&'static str],
    },
}

/// A rule in the places of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    Present(usize),
    Identity(Vec<usize>),
    Within { slot: usize, least: i64, most: i64, reason: String },
    OnlyWith { slot: usize, beside: usize, symbols: Vec<u16>, reason: String },
}

impl Rule {
    /// Answers the name that no field (or no symbol) has where the rule does not fit the fields.
    pub(crate) fn check(&self, fields: &[Field]) -> Result<Check, &'static str> {
        let slot = |name: &'static str| fields.iter().position(|field| field.name == name).ok_or(name);
        let of_kind = |name, kinds: &[Kind]| {
            slot(name).and_then(|at| if kinds.contains(&fields[at].kind) { Ok(at) } else { Err(name) })
        };
        Ok(match *self {
            Self::Present(field) => Check::Present(slot(field)?),
            Self::Identity(names) => {
                Check::Identity(names.iter().map(|name| slot(name)).collect::<Result<_, _>>()?)
            }
            Self::Within { field, least, most } => Check::Within {
                slot: of_kind(field, &[Kind::Int32, Kind::Int64])?,
                least,
                most,
                reason: format!("not within {least} and {most}"),
            },
            Self::OnlyWith { field, beside, symbols } => {
                let beside_slot = of_kind(beside, &[Kind::Enum])?;
                let known = &fields[beside_slot].symbols;
                let places = symbols.iter().map(|&name| {
                    known.iter().position(|symbol| symbol.name == name).map(|at| at as u16).ok_or(name)
                });
                Check::OnlyWith {
                    slot: slot(field)?,
                    beside: beside_slot,
                    symbols: places.collect::<Result<_, _>>()?,
                    reason: format!("there where {beside} is not {}", symbols.join(" or ")),
                }
            }
        })
    }
}
