//! LeRobot's parquet tables: frames, episodes, tasks.
use super::stats::Stats;
use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// Arrow's name of an item, where LeRobot's reader looks for it.
const ITEM: &str = "element";

/// A column of a table.
pub(super) type Column = (String, ArrayRef);

/// A table of columns, and what its schema says besides.
pub(super) fn table(
    columns: Vec<Column>,
    metadata: HashMap<String, String>,
) -> Result<RecordBatch, ArrowError> {
    let field = |(name, array): &Column| Field::new(name, array.data_type().clone(), true);
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect())
}

/// Rows of `width` numbers.
pub(super) fn vectors(name: &str, width: usize, rows: &[f32]) -> Column {
    let field = Field::new(ITEM, DataType::Float32, true);
    let mut builder = FixedSizeListBuilder::new(Float32Builder::new(), width as i32).with_field(field);
    for row in rows.chunks_exact(width) {
        builder.values().append_slice(row);
        builder.append(true);
    }
    (name.to_string(), Arc::new(builder.finish()))
}

pub(super) fn numbers(name: &str, numbers: Vec<f32>) -> Column {
    (name.to_string(), Arc::new(Float32Array::from(numbers)))
}

pub(super) fn integers(name: &str, integers: Vec<i64>) -> Column {
    (name.to_string(), Arc::new(Int64Array::from(integers)))
}

/// Lists of texts.
pub(super) fn texts(name: &str, rows: &[Vec<String>]) -> Column {
    let mut builder =
        ListBuilder::new(StringBuilder::new()).with_field(Field::new(ITEM, DataType::Utf8, true));
    for row in rows {
        row.iter().for_each(|text| builder.values().append_value(text));
        builder.append(true);
    }
    (name.to_string(), Arc::new(builder.finish()))
}

/// The statistics of `feature`, a row an episode.
pub(super) fn statistics(feature: &str, rows: &[&Stats]) -> Vec<Column> {
    let list = |index: usize| -> ArrayRef {
        let mut builder =
            ListBuilder::new(Float64Builder::new()).with_field(Field::new(ITEM, DataType::Float64, true));
        for stats in rows {
            builder.values().append_slice(stats.columns()[index].1);
            builder.append(true);
        }
        Arc::new(builder.finish())
    };
    let mut counts =
        ListBuilder::new(Int64Builder::new()).with_field(Field::new(ITEM, DataType::Int64, true));
    for stats in rows {
        counts.values().append_slice(&stats.count);
        counts.append(true);
    }
    let names: Vec<&str> = Stats::default().columns().map(|(name, _)| name).to_vec();
    let column = |(index, name): (usize, &&str)| (format!("stats/{feature}/{name}"), list(index));
    let mut columns: Vec<Column> = names.iter().enumerate().map(column).collect();
    // Between the four moments and the quantiles.
    columns.insert(4, (format!("stats/{feature}/count"), Arc::new(counts.finish())));
    columns
}

/// The tasks, with the text as pandas' index. The metadata must stand in Arrow's own schema: as a mere entry of the
/// file it is not seen, and every task would be read as a number.
pub(super) fn tasks(tasks: &[String]) -> Result<RecordBatch, ArrowError> {
    let column = |name: &str, pandas: &str, numpy: &str| serde_json::json!({ "name": name, "field_name": name, "pandas_type": pandas, "numpy_type": numpy, "metadata": null });
    let pandas = serde_json::json!({
        "index_columns": ["task"],
        "column_indexes": [{
            "name": null, "field_name": null, "pandas_type": "unicode", "numpy_type": "object",
            "metadata": { "encoding": "UTF-8" },
        }],
        "columns": [column("task_index", "int64", "int64"), column("task", "unicode", "object")],
        "attributes": {},
        "creator": { "library": "pyarrow", "version": "21.0.0" },
        "pandas_version": "2.3.3",
    });
    let names: Vec<&str> = tasks.iter().map(String::as_str).collect();
    let columns = vec![
        integers("task_index", (0..tasks.len() as i64).collect()),
        ("task".to_string(), Arc::new(StringArray::from(names)) as ArrayRef),
    ];
    table(columns, HashMap::from([("pandas".to_string(), pandas.to_string())]))
}
