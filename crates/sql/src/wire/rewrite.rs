//! Statements on PostgreSQL's catalogue, which clients write in words that DataFusion doesn't have. No other statement is touched.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArguments, GroupByExpr, JoinOperator, ObjectName, ObjectNamePart,
    Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value, ValueWithSpan, Visit,
    VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion_pg_catalog::sql::rules::{
    AliasDuplicatedProjectionRewrite, CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral,
    FixVersionColumnName, PrependUnqualifiedPgTableName, ResolveUnqualifiedIdentifier,
    RewriteArrayAnyAllOperation, RewritePgCatalogOperator, RewriteRegCastToSubquery, SqlStatementRewriteRule,
    StripCallableQualifier, StripCollate,
};

/// What a lake has none of: whatever is asked of them, there is no row.
const EMPTY: [&str; 44] = [
    "pg_attrdef",
    "pg_auth_members",
    "pg_collation_actual_version",
    "pg_constraint",
    "pg_cursors",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_init_privs",
    "pg_largeobject",
    "pg_largeobject_metadata",
    "pg_locks",
    "pg_matviews",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_prepared_xacts",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_rules",
    "pg_seclabel",
    "pg_sequence",
    "pg_sequences",
    "pg_shdepend",
    "pg_shdescription",
    "pg_shseclabel",
    "pg_statistic_ext",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_subscription_rel",
    "pg_trigger",
    "pg_user_mapping",
    "pg_user_mappings",
];

/// The crate's rules that keep a statement's meaning. Its rule for subqueries makes NULL of what it can't answer, and is left out.
static RULES: LazyLock<Vec<Box<dyn SqlStatementRewriteRule>>> = LazyLock::new(|| {
    vec![
        Box::new(AliasDuplicatedProjectionRewrite),
        Box::new(ResolveUnqualifiedIdentifier),
        Box::new(RewriteArrayAnyAllOperation),
        Box::new(PrependUnqualifiedPgTableName),
        Box::new(StripCallableQualifier),
        Box::new(FixArrayLiteral),
        Box::new(CurrentUserVariableToSessionUserFunctionCall),
        Box::new(StripCollate),
        Box::new(RewritePgCatalogOperator),
        Box::new(RewriteRegCastToSubquery::new()),
        Box::new(FixVersionColumnName),
    ]
});

/// The statement in DataFusion's words, if it is about the catalogue.
pub(super) fn rewritten(statement: &Statement) -> Option<String> {
    if !matches!(statement, Statement::Query(_)) || Visit::visit(statement, &mut Finder).is_continue() {
        return None;
    }
    let mut statement = statement.clone();
    let _ = VisitMut::visit(&mut statement, &mut Nothing);
    for rule in RULES.iter() {
        statement = rule.rewrite(statement);
    }
    let _ = VisitMut::visit(&mut statement, &mut Scalar);
    Some(statement.to_string())
}

fn last_of(name: &ObjectName) -> String {
    name.0.last().map(|part| part.to_string().trim_matches('"').to_lowercase()).unwrap_or_default()
}

fn qualifier_of(name: &ObjectName) -> Option<String> {
    let at = name.0.len().checked_sub(2)?;
    Some(name.0[at].to_string().trim_matches('"').to_lowercase())
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let is_of_catalogue = match qualifier_of(relation) {
            Some(schema) => matches!(schema.as_str(), "pg_catalog" | "information_schema"),
            None => last_of(relation).starts_with("pg_"),
        };
        if is_of_catalogue { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let is_of_catalogue = match expr {
            Expr::Function(function) => {
                let name = last_of(&function.name);
                qualifier_of(&function.name).is_some_and(|schema| schema == "pg_catalog")
                    || name == "version"
                    || name.starts_with("current_")
            }
            Expr::Identifier(name) => {
                name.quote_style.is_none() && name.value.eq_ignore_ascii_case("current_schema")
            }
            Expr::Cast { data_type: DataType::Regclass, .. } => true,
            Expr::Cast { data_type: DataType::Custom(name, _), .. } => {
                last_of(name).starts_with("reg") || qualifier_of(name).is_some()
            }
            Expr::Collate { .. } => true,
            _ => false,
        };
        if is_of_catalogue { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What asks for things that a lake has none of is answered with no row, in whatever words it is written.
struct Nothing;

impl VisitorMut for Nothing {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if empty_sets(&mut query.body) {
            // What orders it may name what is not there any more.
            query.order_by = None;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(Function { name, args: FunctionArguments::Subquery(query), .. }) = expr
            && last_of(name) == "array"
        {
            *expr = as_list(query);
        }
        if let Expr::InSubquery { expr: schema, subquery, negated } = expr
            && subquery.to_string().contains("current_setting('search_path')")
        {
            // Grafana takes the path apart by SQL; what stands without a schema is found in one alone.
            let public = Expr::Value(Value::SingleQuotedString("public".to_owned()).into());
            *expr = Expr::InList { expr: schema.clone(), list: vec![public], negated: *negated };
        }
        match expr {
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                escaped(pattern, escape_char)
            }
            Expr::BinaryOp { left, right, .. } if is_function(left) && right.to_string() == "0" => {
                // Functions are told by name here, of which none is a dash.
                **right = Expr::Value(Value::SingleQuotedString("-".to_owned()).into());
            }
            Expr::BinaryOp { left, right, .. } if is_function(left) => {
                if let Expr::Cast { expr: name, .. } = right.as_ref()
                    && let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(name), .. }) =
                        name.as_ref()
                {
                    let name = name.rsplit('.').next().unwrap_or(name).to_owned();
                    **right = Expr::Value(Value::SingleQuotedString(name).into());
                }
            }
            Expr::Function(Function { name, args: FunctionArguments::List(list), .. })
                if last_of(name) == "array_to_string"
                    && list.args.first().is_some_and(|list| list.to_string().ends_with("acl")) =>
            {
                *expr = Expr::Value(Value::Null.into());
            }
            _ => {}
        }
        if let Expr::Subquery(query) = expr
            && let SetExpr::Select(select) = query.body.as_ref()
            && (asks_for_nothing(select) || names(select).any(|name| name == "pg_collation"))
        {
            *expr = Expr::Value(Value::Null.into());
        }
        ControlFlow::Continue(())
    }
}

/// DataFusion's LIKE has the backslash alone.
fn escaped(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let by = match escape.as_ref().map(|escape| &escape.value) {
        Some(Value::SingleQuotedString(by)) if by != "\\" && !by.is_empty() => by.clone(),
        _ => return,
    };
    struct Escapes(String);
    impl VisitorMut for Escapes {
        type Break = ();

        fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
            if let Value::SingleQuotedString(text) = &mut value.value {
                *text = text.replace('\\', "\\\\").replace(&self.0, "\\");
            }
            ControlFlow::Continue(())
        }
    }
    *escape = None;
    let _ = VisitMut::visit(pattern, &mut Escapes(by));
}

/// A column with a function's number.
fn is_function(expr: &Expr) -> bool {
    const NAMES: [&str; 7] =
        ["typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze"];
    let name = match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    name.is_some_and(|name| NAMES.contains(&name.value.to_lowercase().as_str()))
}

/// `ARRAY(SELECT x …)`, which DataFusion doesn't have.
fn as_list(query: &Query) -> Expr {
    let mut query = query.clone();
    if let SetExpr::Select(select) = query.body.as_ref()
        && select.from.iter().any(|table| table.to_string().to_lowercase().contains("unnest("))
    {
        // Of options, of which no table has any.
        return expression("CAST(NULL AS TEXT[])").unwrap_or(Expr::Value(Value::Null.into()));
    }
    if let SetExpr::Select(select) = query.body.as_mut()
        && !asks_for_nothing(select)
        && let [SelectItem::UnnamedExpr(value)] = select.projection.as_mut_slice()
        && let Some(list) = expression(&format!("array_agg({value})"))
    {
        *value = list;
        query.order_by = None;
    }
    Expr::Subquery(Box::new(query))
}

fn expression(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_expr()).ok()
}

fn empty_sets(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::SetOperation { left, right, .. } => empty_sets(left) & empty_sets(right),
        SetExpr::Select(select) if asks_for_nothing(select) => match empty_select(select) {
            Some(empty) => {
                *body = empty;
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// What its rows are of: without one there is no row.
fn tables(select: &Select) -> impl Iterator<Item = &TableFactor> + '_ {
    select.from.iter().flat_map(|TableWithJoins { relation, joins }| {
        let inner = joins.iter().filter(|join| {
            matches!(
                join.join_operator,
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
            )
        });
        std::iter::once(relation).chain(inner.map(|join| &join.relation))
    })
}

fn names(select: &Select) -> impl Iterator<Item = String> + '_ {
    tables(select).filter_map(|table| match table {
        TableFactor::Table { name, .. } => Some(last_of(name)),
        _ => None,
    })
}

fn is_empty(table: &TableFactor) -> bool {
    match table {
        TableFactor::Table { name, .. } => EMPTY.contains(&last_of(name).as_str()),
        TableFactor::Derived { subquery, .. } => match subquery.body.as_ref() {
            SetExpr::Select(select) => asks_for_nothing(select),
            _ => false,
        },
        _ => false,
    }
}

/// Some of these rows are of nothing. One row of an aggregate is none of them.
fn asks_for_nothing(select: &Select) -> bool {
    const AGGREGATES: [&str; 11] = [
        "count",
        "max",
        "min",
        "sum",
        "avg",
        "array_agg",
        "string_agg",
        "bool_or",
        "bool_and",
        "json_agg",
        "jsonb_agg",
    ];
    let is_aggregate = |expr: &Expr| match expr {
        Expr::Function(Function { name, .. }) => AGGREGATES.contains(&last_of(name).as_str()),
        _ => false,
    };
    let of_item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => is_aggregate(expr),
        _ => false,
    };
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(groups, _) if groups.is_empty());
    tables(select).any(is_empty) && (is_grouped || !select.projection.iter().any(of_item))
}

fn empty_select(select: &Select) -> Option<SetExpr> {
    let mut taken: Vec<String> = Vec::new();
    for item in &select.projection {
        let name = match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.value.clone(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last()?.value.clone(),
            SelectItem::UnnamedExpr(Expr::Function(function)) => last_of(&function.name),
            SelectItem::UnnamedExpr(_) => "?column?".to_owned(),
            _ => return None,
        };
        let number = taken.len();
        taken.push(if taken.contains(&name) { format!("{name}_{number}") } else { name });
    }
    let columns: Vec<String> =
        taken.iter().map(|name| format!("CAST(NULL AS TEXT) AS \"{}\"", name.replace('"', "\"\""))).collect();
    let sql = format!("SELECT {} WHERE false", columns.join(", "));
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &sql).ok()?;
    match statements.pop()? {
        Statement::Query(query) => Some(*query.body),
        _ => None,
    }
}

/// A subquery for one value that DataFusion takes for several: the largest of one is that one.
struct Scalar;

impl VisitorMut for Scalar {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Subquery(query) = expr else { return ControlFlow::Continue(()) };
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
            select.projection.as_mut_slice()
        else {
            return ControlFlow::Continue(());
        };
        let calls = matches!(value, Expr::Function(_));
        if !calls && !select.from.is_empty() && query.limit_clause.is_none() && query.order_by.is_none() {
            *value = expression(&format!("max({value})")).unwrap_or_else(|| value.clone());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        // Those of information_schema are told in PostgreSQL's types.
        if qualifier_of(relation).is_some_and(|schema| schema == "information_schema")
            && matches!(last_of(relation).as_str(), "columns" | "tables" | "schemata")
        {
            let name = format!("_information_schema_{}", last_of(relation));
            *relation = ObjectName(
                ["pg_catalog", &name].map(|part| ObjectNamePart::Identifier(part.into())).to_vec(),
            );
        }
        ControlFlow::Continue(())
    }
}
