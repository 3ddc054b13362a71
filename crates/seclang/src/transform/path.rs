//! `/a/./b/../c` to `/a/c`.

pub(super) fn normalise(input: &[u8], out: &mut Vec<u8>) {
    let absolute = input.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut open = false;
    for part in input.split(|b| *b == b'/') {
        open = true;
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => {
                    parts.pop();
                }
                _ if absolute => {}
                _ => {
                    parts.push(part);
                    open = false;
                }
            },
            _ => {
                parts.push(part);
                open = false;
            }
        }
    }
    if absolute {
        out.push(b'/');
    }
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(part);
    }
    if open && !parts.is_empty() {
        out.push(b'/');
    }
}

pub(super) fn normalise_win(input: &[u8], out: &mut Vec<u8>) {
    if input.contains(&b'\\') {
        let forward: Vec<u8> = input
            .iter()
            .map(|b| if *b == b'\\' { b'/' } else { *b })
            .collect();
        normalise(&forward, out);
    } else {
        normalise(input, out);
    }
}
