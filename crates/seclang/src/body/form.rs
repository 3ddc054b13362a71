//! `a=1&b=2`, percent-decoded.

use super::{BodyFault, Pairs};

/// Takes a query or a form apart.
pub(crate) fn urlencoded(text: &[u8], separator: u8, limit: usize) -> (Pairs, Option<BodyFault>) {
    let mut out = Vec::new();
    let mut bad = false;
    for piece in text.split(|b| *b == separator).filter(|p| !p.is_empty()) {
        if out.len() >= limit {
            return (
                out,
                Some(BodyFault::over("Arguments limit exceeded", limit)),
            );
        }
        let (name, value) = match memchr::memchr(b'=', piece) {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &b""[..]),
        };
        out.push((decode(name, &mut bad), decode(value, &mut bad)));
    }
    (
        out,
        bad.then(|| BodyFault {
            bad_escape: true,
            ..BodyFault::default()
        }),
    )
}

fn decode(text: &[u8], bad: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |i: usize| text.get(i).and_then(|b| (*b as char).to_digit(16));
                if let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) {
                    out.push((high << 4 | low) as u8);
                    at += 2;
                } else {
                    *bad = true;
                    out.push(b'%');
                }
            }
            b => out.push(b),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let (args, fault) = urlencoded(b"a=1&b=%20x+y&&c&d=%zz&=e", b'&', 10);
        assert_eq!(args.len(), 5);
        assert_eq!(args[1], (b"b".to_vec(), b" x y".to_vec()));
        assert_eq!(args[4], (Vec::new(), b"e".to_vec()));
        assert!(fault.unwrap().bad_escape);
        let (args, fault) = urlencoded(b"a&b&c", b'&', 2);
        assert_eq!(args.len(), 2);
        assert!(fault.unwrap().limit);
    }
}
