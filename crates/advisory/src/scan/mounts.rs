//! Which folders are not on this machine's disks.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Skip;

/// File systems in which the kernel shows itself.
const KERNEL: [&str; 21] = [
    "proc",
    "sysfs",
    "devtmpfs",
    "devpts",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "securityfs",
    "pstore",
    "bpf",
    "mqueue",
    "hugetlbfs",
    "configfs",
    "fusectl",
    "binfmt_misc",
    "nsfs",
    "efivarfs",
    "selinuxfs",
    "rpc_pipefs",
    "autofs",
];
/// File systems of other machines.
const NETWORK: [&str; 18] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "beegfs",
    "gfs2",
    "ocfs2",
    "coda",
    "9p",
    "orangefs",
    "davfs",
    "pvfs2",
];

/// Mount points that are left out, with the kind of file system.
pub(super) fn left_out() -> HashMap<PathBuf, (Skip, String)> {
    parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

fn parse(text: &str) -> HashMap<PathBuf, (Skip, String)> {
    let mut found = HashMap::new();
    for line in text.lines() {
        let Some((front, behind)) = line.split_once(" - ") else {
            continue;
        };
        let (Some(point), Some(kind)) = (front.split(' ').nth(4), behind.split(' ').next()) else {
            continue;
        };
        let why = if KERNEL.contains(&kind) {
            Skip::Kernel
        } else if NETWORK.contains(&kind) || kind.starts_with("fuse.") {
            Skip::Network
        } else {
            continue;
        };
        found.insert(PathBuf::from(unescaped(point)), (why, kind.to_owned()));
    }
    found
}

/// Spaces and the like stand as `\040`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = more.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_and_network_mounts_are_told_from_disks() {
        let text = "22 1 0:21 / /proc rw,nosuid - proc proc rw\n\
            26 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n\
            90 26 0:50 / /srv/shared\\040files rw - nfs4 10.0.0.1:/x rw\n\
            91 26 0:51 / /srv/mnt rw - fuse.sshfs a@b: rw\nbroken";
        let found = parse(text);
        assert_eq!(found.len(), 3);
        assert_eq!(found[&PathBuf::from("/proc")].0, Skip::Kernel);
        assert_eq!(
            found[&PathBuf::from("/srv/shared files")],
            (Skip::Network, "nfs4".to_owned())
        );
    }
}
