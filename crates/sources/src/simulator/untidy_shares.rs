//! What people leave out, mistype and write in their own way when they fill in a form, and how often.

use super::draw::Draw;
use crate::share::Share;

/// Something untidy about a simulated user, who is an event all the same: what cannot be one is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Taken over from a list that knew no ids. The only one that is never given with an id that came before.
    NoId,
    /// `phone` is left out.
    NoPhone,
    /// `phone` is `n/a` or the like, cut short, or two numbers in one.
    MalformedPhone,
    /// `email` is left out.
    NoEmail,
    /// `email` is `n/a` or the like, or near to an address.
    MalformedEmail,
    /// The postcode is left out.
    NoPostcode,
    /// The postcode is `n/a` or the like, 0 or cut short.
    MalformedPostcode,
    /// The date of birth is left out.
    NoBirth,
    /// No date by any reading, or in a form that is not read.
    MalformedBirth,
    /// A day that some system puts where there is none.
    PlaceholderBirth,
    /// The date of registration is left out.
    NoRegistration,
    /// As [`MalformedBirth`](Self::MalformedBirth).
    MalformedRegistration,
    /// As [`PlaceholderBirth`](Self::PlaceholderBirth).
    PlaceholderRegistration,
    /// A street, city, state or gender that holds nothing but a blank, or not even that.
    EmptyText,
    /// Blanks around or within a name, city, phone or address.
    Blanks,
    /// All in capitals, or none at all.
    Case,
}

/// The share of the users who repeat an earlier one where nobody says another: the same id, with changed details.
pub const CHANGED_DETAILS: Share = Share::permille(20);

/// Of somebody without an id everything else is so many times as often flawed.
const WITHOUT_ID: u32 = 10;

impl Flaw {
    /// All of them, in the order in which they are drawn, which is part of the seed.
    pub const ALL: [Self; 16] = [
        Self::NoId,
        Self::NoPhone,
        Self::MalformedPhone,
        Self::NoEmail,
        Self::MalformedEmail,
        Self::NoPostcode,
        Self::MalformedPostcode,
        Self::NoBirth,
        Self::MalformedBirth,
        Self::PlaceholderBirth,
        Self::NoRegistration,
        Self::MalformedRegistration,
        Self::PlaceholderRegistration,
        Self::EmptyText,
        Self::Blanks,
        Self::Case,
    ];

    /// The share of the users who have it, of those with an id.
    pub const fn share(self) -> Share {
        Share::permille(match self {
            Self::NoId => 5,
            Self::NoPhone => 30,
            Self::MalformedPhone => 20,
            Self::NoEmail => 20,
            Self::MalformedEmail => 20,
            Self::NoPostcode => 20,
            Self::MalformedPostcode => 10,
            Self::NoBirth => 10,
            Self::MalformedBirth => 10,
            Self::PlaceholderBirth => 5,
            Self::NoRegistration => 5,
            Self::MalformedRegistration => 5,
            Self::PlaceholderRegistration => 10,
            Self::EmptyText => 20,
            Self::Blanks => 30,
            Self::Case => 40,
        })
    }

    /// As `events.md` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoId => "no id",
            Self::NoPhone => "no phone",
            Self::MalformedPhone => "a malformed phone",
            Self::NoEmail => "no email",
            Self::MalformedEmail => "a malformed email",
            Self::NoPostcode => "no postcode",
            Self::MalformedPostcode => "a malformed postcode",
            Self::NoBirth => "no date of birth",
            Self::MalformedBirth => "a malformed date of birth",
            Self::PlaceholderBirth => "a placeholder for the date of birth",
            Self::NoRegistration => "no date of registration",
            Self::MalformedRegistration => "a malformed date of registration",
            Self::PlaceholderRegistration => "a placeholder for the date of registration",
            Self::EmptyText => "an empty text",
            Self::Blanks => "blanks too many",
            Self::Case => "capitals only, or none",
        }
    }

    /// What it is about: a user has at most one of the flaws of a field.
    const fn field(self) -> u8 {
        match self {
            Self::NoId => 0,
            Self::NoPhone | Self::MalformedPhone => 1,
            Self::NoEmail | Self::MalformedEmail => 2,
            Self::NoPostcode | Self::MalformedPostcode => 3,
            Self::NoBirth | Self::MalformedBirth | Self::PlaceholderBirth => 4,
            Self::NoRegistration | Self::MalformedRegistration | Self::PlaceholderRegistration => 5,
            Self::EmptyText => 6,
            Self::Blanks => 7,
            Self::Case => 8,
        }
    }

    /// Draws a user's flaws. One has to have an id where it came before, and where others refer to it.
    pub(super) fn draw(draw: &mut Draw, has_id: bool) -> Vec<Self> {
        let mut flaws: Vec<Self> = Vec::new();
        let mut times = 1;
        for flaw in Self::ALL {
            // Drawn in any case, so that no flaw moves another's draw.
            let is_drawn = flaw.share().times(times).covers(draw.number());
            if flaw == Self::NoId && is_drawn {
                times = WITHOUT_ID;
            }
            let is_free = flaws.iter().all(|other| other.field() != flaw.field());
            if is_drawn && is_free && !(has_id && flaw == Self::NoId) {
                flaws.push(flaw);
            }
        }
        flaws
    }

    /// Whether [`Self::draw`] would draw [`Self::NoId`] first.
    pub(super) fn draws_no_id(draw: &mut Draw) -> bool {
        Self::NoId.share().covers(draw.number())
    }
}
