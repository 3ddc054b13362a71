//! Finds a font with Chinese characters on this machine.

use std::path::{Path, PathBuf};

use ttf_parser::Face as Parsed;

use crate::DocumentError;

/// A font face: the file's bytes and the index in a collection.
#[derive(Clone)]
pub struct Face {
    /// The file.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Index of the face in the file.
    pub index: u32,
}

/// Searches the system's font folders. Preferred names come first; any font that covers Chinese will do.
pub fn find_face() -> Result<Face, DocumentError> {
    find_in(&FOLDERS.iter().map(PathBuf::from).collect::<Vec<_>>())
}

fn find_in(folders: &[PathBuf]) -> Result<Face, DocumentError> {
    let mut files = vec![];
    for folder in folders {
        collect(folder, 0, &mut files);
    }
    files.sort_by_key(|p| (rank(p), p.clone()));
    for path in files {
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let faces = ttf_parser::fonts_in_collection(&bytes)
            .unwrap_or(1)
            .min(MAX_FACES);
        let all = (0..faces).filter_map(|index| {
            let face = Parsed::parse(&bytes, index).ok()?;
            covers(&face).then(|| (!is_simplified(&face), index))
        });
        // A collection holds the same characters as several countries write them, Japan's first.
        if let Some((_, index)) = all.min() {
            return Ok(Face {
                path: path.display().to_string(),
                bytes,
                index,
            });
        }
    }
    let searched = folders
        .iter()
        .map(|p| p.display().to_string())
        .collect::<Vec<_>>();
    Err(DocumentError::NoFont {
        searched: searched.join(", "),
    })
}

fn covers(face: &Parsed<'_>) -> bool {
    "护盾个人信息泄露【】、。：A0"
        .chars()
        .all(|c| face.glyph_index(c).is_some())
}

/// Whether a face says by its name that it is made for simplified Chinese.
fn is_simplified(face: &Parsed<'_>) -> bool {
    let names = face.names().into_iter();
    names
        .filter(|name| name.name_id == ttf_parser::name_id::FULL_NAME)
        .filter_map(|name| name.to_string())
        .any(|name| {
            name.split(' ')
                .any(|word| matches!(word, "SC" | "CN" | "GB"))
        })
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if files.len() >= MAX_FILES {
            return;
        }
        let small = || std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= MAX_BYTES);
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, files);
        } else if path.extension().is_some_and(|e| {
            ["ttf", "ttc", "otf", "otc"]
                .iter()
                .any(|x| e.eq_ignore_ascii_case(x))
        }) && small()
        {
            files.push(path);
        }
    }
}

/// Sans-serif faces made for Chinese first, so that few files are opened.
fn rank(path: &Path) -> usize {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let wanted = [
        "notosanscjk-regular",
        "notosanssc-regular",
        "notosanscjksc-regular",
        "sourcehansans",
        "wqy",
        "notosanscjk",
        "notoserifcjk",
        "cjk",
        "droidsansfallback",
    ];
    wanted
        .iter()
        .position(|w| name.contains(w))
        .unwrap_or(wanted.len())
}

const FOLDERS: [&str; 4] = [
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/System/Library/Fonts",
    "C:\\Windows\\Fonts",
];
const MAX_DEPTH: usize = 6;
const MAX_FILES: usize = 5_000;
const MAX_FACES: u32 = 32;
const MAX_BYTES: u64 = 128 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_fonts_is_told_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        std::fs::write(empty.path().join("not-a-font.ttf"), b"nonsense").unwrap();
        let e = find_in(&[empty.path().to_owned()])
            .err()
            .unwrap()
            .to_string();
        assert!(
            e.contains("fonts-noto-cjk") && e.contains(&empty.path().display().to_string()),
            "{e}"
        );
    }
}
