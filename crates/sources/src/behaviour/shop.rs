//! What a user does in the shop: a funnel that loses some at each step.

use super::random::Random;

/// UserInteraction's event types, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    ViewProduct = 1,
    AddToCart = 2,
    Checkout = 3,
    Payment = 4,
    Search = 5,
}

/// Products are numbered from 1 to this.
const PRODUCTS: u64 = 10_000;

/// Where a user stands in the shop.
#[derive(Debug, Default)]
pub(super) struct Shop {
    last: Option<Deed>,
    /// The product looked at last.
    product: u16,
    in_cart: u8,
}

impl Shop {
    /// The next deed, with its product where it has one; `None` where the user leaves.
    ///
    /// A session starts with a search. Only what is looked at goes into the cart, only a cart with something in it is
    /// checked out, and only what is checked out is paid for, which empties the cart.
    pub(super) fn act(&mut self, random: &mut Random) -> Option<(Deed, Option<u16>)> {
        let drawn = random.below(100);
        let deed = match self.last {
            None => Deed::Search,
            Some(Deed::Search) => match drawn {
                0..72 => Deed::ViewProduct,
                72..88 => Deed::Search,
                _ => return None,
            },
            Some(Deed::ViewProduct) => match drawn {
                0..20 => Deed::AddToCart,
                20..65 => Deed::ViewProduct,
                65..82 => Deed::Search,
                82..85 if self.in_cart > 0 => Deed::Checkout,
                _ => return None,
            },
            Some(Deed::AddToCart) => match drawn {
                0..40 => Deed::Checkout,
                40..72 => Deed::ViewProduct,
                72..85 => Deed::Search,
                _ => return None,
            },
            Some(Deed::Checkout) => match drawn {
                0..68 => Deed::Payment,
                68..78 => Deed::ViewProduct,
                _ => return None,
            },
            Some(Deed::Payment) => match drawn {
                0..25 => Deed::Search,
                _ => return None,
            },
        };
        self.last = Some(deed);
        match deed {
            Deed::ViewProduct => self.product = random.skewed_below(PRODUCTS) as u16 + 1,
            Deed::AddToCart => self.in_cart = self.in_cart.saturating_add(1),
            Deed::Payment => self.in_cart = 0,
            Deed::Search | Deed::Checkout => {}
        }
        let has_product = matches!(deed, Deed::ViewProduct | Deed::AddToCart);
        Some((deed, has_product.then_some(self.product)))
    }

    /// Milliseconds until the next deed: forms take longer than looking on.
    pub(super) fn pause(&self, random: &mut Random) -> u64 {
        let mean = match self.last {
            None | Some(Deed::Search) => 9_000.0,
            Some(Deed::ViewProduct) => 25_000.0,
            Some(Deed::AddToCart) => 15_000.0,
            Some(Deed::Checkout) => 45_000.0,
            Some(Deed::Payment) => 30_000.0,
        };
        400 + random.wait(mean) as u64
    }
}
