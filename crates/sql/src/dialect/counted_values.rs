//! Values of which a percentile is wanted, and how often each came.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, UInt64Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// The state of the aggregate `name`: see [`state_of`].
pub(super) fn state_fields(name: &str) -> Vec<FieldRef> {
    let list = |part: &str, kind| {
        let item = Arc::new(Field::new_list_field(kind, true));
        Arc::new(Field::new(format_state_name(name, part), DataType::List(item), true))
    };
    vec![list("values", DataType::Float64), list("counts", DataType::UInt64)]
}

/// One percentile.
pub(super) fn of_one(share: f64, is_distinct: bool) -> Box<dyn Accumulator> {
    Box::new(Values { bag: Bag::default(), share, is_distinct })
}

/// One of each of many groups.
pub(super) fn of_groups(share: f64) -> Box<dyn GroupsAccumulator> {
    Box::new(Groups { bags: Vec::new(), heap: 0, share })
}

/// Values and how often each came: a latency is one of a few thousand, and is kept once. What comes is gathered until it is worth
/// sorting, so that all of it is sorted a few times at most.
#[derive(Debug, Default)]
struct Bag {
    pending: Vec<f64>,
    /// In order, each once.
    values: Vec<f64>,
    counts: Vec<u64>,
}

/// Fewer are not sorted before they have to be.
const WORTH_SORTING: usize = 1024;

impl Bag {
    fn push(&mut self, value: f64) {
        if self.pending.len() >= WORTH_SORTING.max(self.values.len()) {
            self.settle();
        }
        self.pending.push(value);
    }

    /// Adds another's values, which are in order.
    fn merge(&mut self, values: &[f64], counts: &[u64]) {
        if values.len() <= self.values.len() && counts.iter().all(|count| *count == 1) {
            // A few at a time would have all of mine moved each time.
            values.iter().for_each(|value| self.push(*value));
            return;
        }
        self.settle();
        self.merge_settled(values, counts);
    }

    fn merge_settled(&mut self, values: &[f64], counts: &[u64]) {
        let (mine, mine_counts) = (std::mem::take(&mut self.values), std::mem::take(&mut self.counts));
        let (mut at, mut theirs_at) = (0, 0);
        while at < mine.len() || theirs_at < values.len() {
            let is_mine = theirs_at == values.len()
                || (at < mine.len() && mine[at].total_cmp(&values[theirs_at]).is_le());
            if is_mine {
                self.add(mine[at], mine_counts[at]);
                at += 1;
            } else {
                self.add(values[theirs_at], counts[theirs_at]);
                theirs_at += 1;
            }
        }
    }

    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable_by(f64::total_cmp);
        let mut new = Self::default();
        for value in pending {
            new.add(value, 1);
        }
        self.merge_settled(&new.values, &new.counts);
    }

    /// One that is not below the last.
    fn add(&mut self, value: f64, count: u64) {
        match (self.values.last(), self.counts.last_mut()) {
            (Some(last), Some(counted)) if last.total_cmp(&value).is_eq() => *counted += count,
            _ => {
                self.values.push(value);
                self.counts.push(count);
            }
        }
    }

    /// None where there is no value.
    fn percentile(&mut self, share: f64, is_distinct: bool) -> Option<f64> {
        self.settle();
        let count = |at: usize| if is_distinct { 1 } else { self.counts[at] };
        let total: u64 = (0..self.values.len()).map(count).sum();
        let place = share * total.checked_sub(1)? as f64;
        // How many stand before the place, and so at which value it is.
        let (mut before, mut at) = (0, 0);
        while before + count(at) <= place.floor() as u64 {
            before += count(at);
            at += 1;
        }
        let low = self.values[at];
        let is_last_of_its_kind = place.floor() as u64 + 1 >= before + count(at);
        let high = match place.fract() > 0.0 && is_last_of_its_kind {
            true => self.values.get(at + 1).copied().unwrap_or(low),
            false => low,
        };
        // As PostgreSQL reckons it.
        Some(if low == high { low } else { low + (high - low) * place.fract() })
    }

    fn heap(&self) -> usize {
        (self.pending.capacity() + self.values.capacity()) * size_of::<f64>()
            + self.counts.capacity() * size_of::<u64>()
    }
}

/// A list of values and one of their counts for each group.
fn state_of(bags: impl IntoIterator<Item = Bag>) -> Vec<ArrayRef> {
    let (mut values, mut counts, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for mut bag in bags {
        bag.settle();
        lengths.push(bag.values.len());
        values.append(&mut bag.values);
        counts.append(&mut bag.counts);
    }
    let ends = OffsetBuffer::from_lengths(lengths);
    let list = |kind, items: ArrayRef| {
        let item = Arc::new(Field::new_list_field(kind, true));
        Arc::new(ListArray::new(item, ends.clone(), items, None)) as ArrayRef
    };
    vec![
        list(DataType::Float64, Arc::new(Float64Array::from(values))),
        list(DataType::UInt64, Arc::new(UInt64Array::from(counts))),
    ]
}

/// Each group's part of a state.
fn parts(states: &[ArrayRef]) -> impl Iterator<Item = (ArrayRef, ArrayRef)> + '_ {
    let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
    (0..values.len()).map(|at| (values.value(at), counts.value(at)))
}

fn merge(bag: &mut Bag, (values, counts): &(ArrayRef, ArrayRef)) {
    bag.merge(values.as_primitive::<Float64Type>().values(), counts.as_primitive::<UInt64Type>().values());
}

#[derive(Debug)]
struct Values {
    bag: Bag,
    share: f64,
    is_distinct: bool,
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<Float64Type>().iter().flatten().for_each(|value| self.bag.push(value));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        parts(states).for_each(|part| merge(&mut self.bag, &part));
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = state_of([std::mem::take(&mut self.bag)]);
        state.iter().map(|lists| ScalarValue::try_from_array(lists, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.bag.percentile(self.share, self.is_distinct)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bag.heap()
    }
}

/// The same for each of many groups.
#[derive(Debug)]
struct Groups {
    bags: Vec<Bag>,
    /// Of all bags: to add them up for each batch would take longer than the batch.
    heap: usize,
    share: f64,
}

impl Groups {
    fn change(&mut self, group: usize, change: impl FnOnce(&mut Bag)) {
        let bag = &mut self.bags[group];
        let before = bag.heap();
        change(bag);
        self.heap = self.heap + bag.heap() - before;
    }

    fn take(&mut self, emit: EmitTo) -> Vec<Bag> {
        let taken = emit.take_needed(&mut self.bags);
        self.heap -= taken.iter().map(Bag::heap).sum::<usize>();
        taken
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.bags.resize_with(total, Bag::default);
        let values = values[0].as_primitive::<Float64Type>();
        for (at, (value, group)) in values.iter().zip(groups).enumerate() {
            let is_wanted = filter.is_none_or(|filter| filter.is_valid(at) && filter.value(at));
            if let Some(value) = value.filter(|_| is_wanted) {
                self.change(*group, |bag| bag.push(value));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let share = self.share;
        let taken = self.take(emit);
        let all = taken.into_iter().map(|mut bag| bag.percentile(share, false));
        Ok(Arc::new(all.collect::<Float64Array>()))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(state_of(self.take(emit)))
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.bags.resize_with(total, Bag::default);
        for (part, group) in parts(states).zip(groups) {
            self.change(*group, |bag| merge(bag, &part));
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<Float64Type>();
        let bags = values.iter().enumerate().map(|(at, value)| {
            let is_wanted = filter.is_none_or(|filter| filter.is_valid(at) && filter.value(at));
            let mut bag = Bag::default();
            value.filter(|_| is_wanted).into_iter().for_each(|value| bag.add(value, 1));
            bag
        });
        Ok(state_of(bags))
    }

    fn size(&self) -> usize {
        self.bags.capacity() * size_of::<Bag>() + self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_that_of_the_sorted_values_however_they_came() {
        // Many of few values, few of many, both.
        let all: [Vec<f64>; 3] = [
            (0..9_000_u32).map(|n| f64::from(n.wrapping_mul(2_654_435_761) % 37)).collect(),
            (0..9_000_u32).map(|n| f64::from(n.wrapping_mul(2_654_435_761)) / 7.0).collect(),
            (0..9_000_u32).map(|n| f64::from(n.wrapping_mul(2_654_435_761) % (n / 3 + 1))).collect(),
        ];
        for values in all {
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let mut once = sorted.clone();
            once.dedup();
            for share in [0.0, 0.25, 0.5, 0.95, 0.999, 1.0] {
                for (is_distinct, sorted) in [(false, &sorted), (true, &once)] {
                    let place = share * (sorted.len() - 1) as f64;
                    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
                    let expected = low + (high - low) * place.fract();
                    // In parts, some of which are states of others.
                    let mut bag = Bag::default();
                    for (number, part) in values.chunks(1_234).enumerate() {
                        let mut other = Bag::default();
                        part.iter().for_each(|value| other.push(*value));
                        if number % 2 == 0 {
                            other.settle();
                            bag.merge(&other.values, &other.counts);
                        } else {
                            part.iter().for_each(|value| bag.merge(&[*value], &[1]));
                        }
                    }
                    assert_eq!(bag.percentile(share, is_distinct), Some(expected), "{share} {is_distinct}");
                }
            }
        }
        assert_eq!(Bag::default().percentile(0.5, false), None);
    }
}
