//! A written value in the type that the schema asks for.
use toml::de::DeValue;
use toml::{Spanned, Value};

/// `value` in the type of `expected`, or the offset and the sentence of what is wrong with it.
///
/// A whole number is good where a real one is expected; NaN and infinity are good nowhere.
pub(super) fn convert(value: &Spanned<DeValue<'_>>, expected: &Value) -> Result<Value, (usize, String)> {
    let wrong = |message: String| Err((value.span().start, message));
    match (value.get_ref(), expected) {
        (DeValue::Boolean(b), Value::Boolean(_)) => Ok(Value::Boolean(*b)),
        (DeValue::String(s), Value::String(_)) => Ok(Value::String(s.to_string())),
        (DeValue::Integer(i), Value::Integer(_)) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(i) => Ok(Value::Integer(i)),
            Err(_) => wrong(format!("= {i}: does not fit 64 bits")),
        },
        (DeValue::Integer(i), Value::Float(_)) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(i) => Ok(Value::Float(i as f64)),
            Err(_) => wrong(format!("= {i}: does not fit 64 bits; write it with a point")),
        },
        (DeValue::Float(x), Value::Float(_)) => match x.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => wrong(format!("= {x}: not a finite number")),
        },
        (DeValue::Array(items), Value::Array(pattern)) => match pattern.first() {
            // An array that is empty by default takes any text: serde alone can judge its elements.
            None => items.iter().map(loose).collect::<Result<_, _>>().map(Value::Array),
            Some(first) => {
                items.iter().map(|item| convert(item, first)).collect::<Result<_, _>>().map(Value::Array)
            }
        },
        (found, _) => wrong(format!("{} found, {} expected", describe_found(found), describe(expected))),
    }
}

/// `value` in its own type.
fn loose(value: &Spanned<DeValue<'_>>) -> Result<Value, (usize, String)> {
    let pattern = match value.get_ref() {
        DeValue::Integer(_) => Value::Integer(0),
        DeValue::Float(_) => Value::Float(0.0),
        DeValue::Boolean(_) => Value::Boolean(false),
        DeValue::Array(_) => Value::Array(Vec::new()),
        _ => Value::String(String::new()),
    };
    convert(value, &pattern)
}

fn describe_found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(s) => format!("the text {:?}", s.chars().take(40).collect::<String>()),
        DeValue::Integer(i) => format!("the whole number {i}"),
        DeValue::Float(x) => format!("the number {x}"),
        DeValue::Boolean(b) => format!("{b}"),
        DeValue::Datetime(d) => format!("the date {d}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn describe(expected: &Value) -> String {
    match expected {
        Value::String(default) => format!("a text such as {default:?}"),
        Value::Integer(default) => format!("a whole number such as {default}"),
        Value::Float(default) => format!("a number such as {default}"),
        Value::Boolean(_) => "true or false".to_owned(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Array(default) => {
            format!("a list such as {}", Value::Array(default.clone()))
        }
        Value::Table(_) => "a table".to_owned(),
    }
}
