//! What makes DataFusion's SQL PostgreSQL's: see docs/sql.md.

mod arithmetic;
mod at_time_zone;
mod counted_values;
mod date_arithmetic;
mod patterns;
mod percentile;
mod refused;
mod rewrite;
mod rounding;
mod scaled_interval;
mod sum;
mod timestamp_text;
mod versions;

use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionContext;
use datafusion::functions::math::signum;
use datafusion::functions_aggregate::median::Median;
use datafusion::functions_aggregate::percentile_cont::PercentileCont;
use datafusion::functions_aggregate::variance::var_samp_udaf;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, ScalarUDFImpl};

pub(crate) use refused::{Asked, check, check_plan};
pub(crate) use rewrite::{rewrite, sql_of};
pub(crate) use versions::{Versions, draw_in};

/// Makes a session answer by the dialect.
pub(crate) fn register(context: &SessionContext) {
    context.register_udaf(AggregateUDF::from(sum::CheckedSum::default()));
    context.register_udaf(AggregateUDF::from(percentile::Counted::<PercentileCont>::default()));
    context.register_udaf(AggregateUDF::from(percentile::Counted::<Median>::default()));
    for function in patterns::ByPattern::all() {
        // With its other names, under which it would come back.
        context.deregister_udf(function.name());
        context.register_udf(ScalarUDF::from(function));
    }
    context.register_udf(ScalarUDF::from(at_time_zone::AtTimeZone::default()));
    // PostgreSQL's names of what is there under others.
    context.register_udf(signum().as_ref().clone().with_aliases(["sign"]));
    context.register_udaf(var_samp_udaf().as_ref().clone().with_aliases(["variance"]));
    context.add_analyzer_rule(Arc::new(arithmetic::Exact));
    let state = context.state_ref();
    // Before types are made to fit one another.
    let registered = state.write().register_function_rewrite(Arc::new(date_arithmetic::AsTimestamp));
    debug_assert!(registered.is_ok(), "any rule may be registered");
    let registered = state.write().register_expr_planner(Arc::new(scaled_interval::Planner));
    debug_assert!(registered.is_ok(), "any planner may be registered");
}
