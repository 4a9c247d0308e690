//! Numbers, vectors and matrices of golden files.

use serde_json::Value;

/// The shape and the numbers, row-major.
pub fn numbers(json: &Value) -> (Vec<i64>, Vec<f64>) {
    fn collect(json: &Value, shape: &mut Vec<i64>, depth: usize, out: &mut Vec<f64>) {
        match json {
            Value::Array(items) => {
                if shape.len() == depth {
                    shape.push(items.len() as i64);
                }
                items
                    .iter()
                    .for_each(|item| collect(item, shape, depth + 1, out));
            }
            number => out.push(number.as_f64().unwrap()),
        }
    }
    let (mut shape, mut out) = (Vec::new(), Vec::new());
    collect(json, &mut shape, 0, &mut out);
    (shape, out)
}
