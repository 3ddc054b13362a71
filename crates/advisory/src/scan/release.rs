//! Which distribution a root is of, by its os-release.

/// `debian-12`, `rocky-9.4`, `alpine-3.20.1`; without a version just the name.
pub(super) fn distro(text: &str) -> Option<String> {
    let get = |wanted: &str| {
        text.lines().take(200).find_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            let value = value.trim().trim_matches(['"', '\'']).trim();
            (name.trim() == wanted && !value.is_empty()).then(|| value.to_ascii_lowercase())
        })
    };
    let plain = |text: &String| {
        text.len() <= 40
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let id = get("ID").filter(plain)?;
    // As purls name the makers.
    let id = match id.as_str() {
        "rhel" => "redhat",
        "sles" | "sled" | "sle_hpc" => "suse",
        "ol" => "oracle",
        id if id.starts_with("opensuse") => "opensuse",
        id => id,
    };
    Some(match get("VERSION_ID").filter(plain) {
        Some(version) => format!("{id}-{version}"),
        None => id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::distro;

    #[test]
    fn distributions_are_named_as_purls_name_them() {
        for (text, wanted) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", Some("debian-12")),
            (
                "NAME=x\nID=\"rhel\"\nVERSION_ID=\"9.4\"",
                Some("redhat-9.4"),
            ),
            ("ID='opensuse-leap'\nVERSION_ID=15.5", Some("opensuse-15.5")),
            (
                "ID=openEuler\nVERSION_ID=\"22.03\"",
                Some("openeuler-22.03"),
            ),
            ("ID=arch", Some("arch")),
            ("ID=\"a b\"", None),
            ("", None),
        ] {
            assert_eq!(distro(text).as_deref(), wanted, "{text}");
        }
    }
}
