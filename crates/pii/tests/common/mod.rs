//! What the tests share.
#![allow(dead_code, unreachable_pub)]

use hudun_pii::{Bounds, Fed, FieldMap, Format, Keyer, ScanMode, Scanner};

pub fn keyer() -> Keyer {
    Keyer::new(&[7; 32])
}

/// Feeds a body in pieces of `piece` bytes and adds up what comes back.
pub fn run(mut scanner: Scanner, body: &[u8], piece: usize) -> Fed {
    let mut sum = Fed::default();
    for chunk in body.chunks(piece.min(body.len().max(1))) {
        add(&mut sum, scanner.feed(chunk));
    }
    add(&mut sum, scanner.finish());
    sum
}

pub fn add(sum: &mut Fed, fed: Fed) {
    assert!(fed.settled >= sum.settled, "settled never goes back");
    sum.settled = fed.settled;
    sum.sightings.extend(fed.sightings);
    sum.output.extend(fed.output);
    sum.rows += fed.rows;
    sum.foreign_rows += fed.foreign_rows;
    sum.explained += fed.explained;
    sum.losses.forced += fed.losses.forced;
    sum.losses.unattributed += fed.losses.unattributed;
    sum.losses.too_deep += fed.losses.too_deep;
    sum.losses.malformed += fed.losses.malformed;
}

pub fn scan(map: &FieldMap, body: &str) -> Fed {
    let scanner = Scanner::new(
        Format::Json,
        map,
        &keyer(),
        ScanMode::Observe,
        Bounds::default(),
    );
    run(scanner, body.as_bytes(), usize::MAX)
}

/// A small seeded generator (splitmix64), so that a failure can be repeated.
pub struct Seed(pub u64);

impl Seed {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    pub fn digits(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    pub fn mobile(&mut self) -> String {
        let segment = self.pick(&["138", "139", "150", "166", "177", "186", "199"]);
        format!("{segment}{}", self.digits(8))
    }

    pub fn resident_id(&mut self) -> String {
        let region = self.pick(&["110105", "310101", "440305", "510104"]);
        let body = format!(
            "{region}{}{:02}{:02}{}",
            1950 + self.below(60),
            1 + self.below(12),
            1 + self.below(28),
            self.digits(3)
        );
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body
            .bytes()
            .zip(weights)
            .map(|(b, w)| u32::from(b - b'0') * w)
            .sum();
        format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
    }

    pub fn name(&mut self) -> String {
        let family = self.pick(&["张", "王", "李", "欧阳", "赵"]);
        format!("{family}{}", self.pick(&["伟", "小红", "建国", "芳"]))
    }

    /// Numbers that look like personal data and are none.
    pub fn negative(&mut self) -> String {
        match self.below(6) {
            0 => format!("17{}", self.digits(17)),
            1 => format!("SO20240{}", self.digits(12)),
            2 => format!("17{}", self.digits(8)),
            3 => format!("138****{}", self.digits(4)),
            4 => format!("91350100M000100Y4{}", self.below(3)),
            _ => format!("{}-{}", self.digits(5), self.digits(6)),
        }
    }
}

/// A synthetic customer.
pub struct Customer {
    pub id: String,
    pub name: String,
    pub mobile: String,
    pub email: String,
    pub resident_id: String,
    pub remark: String,
    pub other: String,
}

pub fn customer(seed: &mut Seed) -> Customer {
    let mobile = seed.mobile();
    Customer {
        id: format!("c{}", seed.below(1_000_000)),
        name: seed.name(),
        email: format!("u{}@example.com", seed.digits(6)),
        resident_id: seed.resident_id(),
        remark: format!("对接人 {}，订单 {}", seed.mobile(), seed.negative()),
        other: seed.negative(),
        mobile,
    }
}
