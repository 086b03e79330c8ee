//! How PostgreSQL names the columns of an answer that the statement doesn't name: by their function or type, not by their text.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Statement};

/// Names by position; none where the engine's own is PostgreSQL's.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnNames(Arc<Vec<Option<String>>>);

impl ColumnNames {
    pub(super) fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Query(query) => Self::of_query(query).unwrap_or_default(),
            _ => Self::default(),
        }
    }

    fn of_query(query: &Query) -> Option<Self> {
        let mut body = query.body.as_ref();
        let select = loop {
            match body {
                SetExpr::Select(select) => break select,
                SetExpr::SetOperation { left, .. } => body = left,
                SetExpr::Query(query) => body = &query.body,
                _ => return None,
            }
        };
        let names = select.projection.iter().map(|item| match item {
            SelectItem::UnnamedExpr(expr) => Some(name_of(expr)),
            SelectItem::ExprWithAlias { .. } => Some(None),
            // How many columns it stands for is not told here.
            _ => None,
        });
        Some(Self(Arc::new(names.collect::<Option<_>>()?)))
    }

    pub(super) fn name(&self, schema: &SchemaRef) -> SchemaRef {
        if self.0.len() != schema.fields().len() || self.0.iter().all(Option::is_none) {
            return Arc::clone(schema);
        }
        let fields = schema.fields().iter().zip(self.0.iter()).map(|(field, name)| match name {
            Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
            None => Arc::clone(field),
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

fn name_of(expr: &Expr) -> Option<String> {
    let name = match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => return None,
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => return name_of(inner),
        Expr::Function(function) => function.name.0.last()?.to_string().trim_matches('"').to_lowercase(),
        Expr::Cast { expr: inner, data_type, .. } => match inner.as_ref() {
            Expr::Identifier(name) => name.value.clone(),
            Expr::CompoundIdentifier(parts) => parts.last()?.value.clone(),
            inner => match name_of(inner) {
                Some(name) if name != UNNAMED => name,
                _ => data_type.to_string().split('(').next().unwrap_or_default().trim().to_lowercase(),
            },
        },
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Case { .. } => "case".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.value.clone(),
                SelectItem::UnnamedExpr(expr) => return name_of(expr).or_else(|| Some(UNNAMED.to_owned())),
                _ => UNNAMED.to_owned(),
            },
            _ => UNNAMED.to_owned(),
        },
        _ => UNNAMED.to_owned(),
    };
    Some(name)
}

const UNNAMED: &str = "?column?";
