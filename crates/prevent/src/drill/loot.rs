//! What the attacker really received: the ground truth of a drill.

use std::collections::BTreeSet;

use serde_json::Value;

/// Customers by the product's own id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loot {
    customers: BTreeSet<i64>,
}

/// Fields of a customer that say something about the person: also what staff concluded, such as the stage.
const PERSONAL: [&str; 12] = [
    "name",
    "mobile",
    "email",
    "address",
    "resident_id",
    "external_userid",
    "unionid",
    "birthday",
    "gender",
    "stage",
    "remark",
    "tags",
];

impl Loot {
    /// The ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = i64> {
        self.customers.iter().copied()
    }

    /// How many customers.
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether nothing was received.
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    /// Writes down what a JSON answer holds: a customer, or a list of them under `items`.
    pub(crate) fn take_json(&mut self, body: &[u8]) {
        let Ok(document) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        match document.get("items").and_then(Value::as_array) {
            Some(items) => items.iter().for_each(|item| self.take_customer(item)),
            None => self.take_customer(&document),
        }
    }

    fn take_customer(&mut self, customer: &Value) {
        let Some(id) = customer.get("id").and_then(Value::as_i64) else {
            return;
        };
        let clear_text = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| !text.is_empty() && !text.contains('*'))
        };
        let in_clear = |field: &&str| match customer.get(*field) {
            Some(Value::Array(values)) => values.iter().any(clear_text),
            Some(value) => clear_text(value),
            None => false,
        };
        if PERSONAL.iter().any(in_clear) {
            self.customers.insert(id);
        }
    }

    /// Writes down what an HTML page holds: every element that names a customer.
    pub(crate) fn take_html(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        for piece in text.split("data-customer-id=\"").skip(1) {
            if let Some(id) = piece.split('"').next().and_then(|id| id.parse().ok()) {
                self.customers.insert(id);
            }
        }
    }

    /// Writes down what a CSV file holds, up to where it was cut: each row that shows more than its id.
    pub(crate) fn take_csv(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        for row in text.lines().skip(1) {
            let mut cells = row.split(',');
            let Some(id) = cells
                .next()
                .and_then(|id| id.trim_matches(['"', '\u{feff}']).parse().ok())
            else {
                continue;
            };
            if cells.any(|cell| !cell.trim_matches('"').is_empty()) {
                self.customers.insert(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_clear_counts() {
        let mut loot = Loot::default();
        loot.take_json(br#"{"items":[{"id":1,"name":"Li"},{"id":2,"name":"*","mobile":"138****0001"},{"id":3}]}"#);
        loot.take_json(br#"{"id":4,"mobile":"13800000001"}"#);
        loot.take_html(br#"<tr data-customer-id="5"><td>Li</td></tr>"#);
        loot.take_csv(b"customer_id,name\n6,Li\n7,\n8");
        assert_eq!(loot.ids().collect::<Vec<_>>(), [1, 4, 5, 6]);
    }
}
