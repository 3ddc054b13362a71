//! The text that goes with every pack.

pub(super) const TEXT: &str = "\
# 证据包 / Evidence pack

## 怎么核验

1. 从日志的主人以外的渠道拿到日志公钥(或它的 SHA256 指纹),这是唯一需要信任的东西。
2. 在任何一台机器上运行,不需要联网:

       hudun verify 本文件 --key 公钥

   不带 `--key` 也能核验,但只能说明包内自洽,并会显示公钥指纹,请自行比对。
3. 核验内容:每个文件的 SHA-256;两个检查点的签名;后一个检查点确由前一个增长而来;
   每条记录都在签名过的日志里;记录首尾相接,一条不少;附件与导出时登记的一致。

也可以用通用工具自己核验:`entries.jsonl` 的每一行(不含换行)前加一个 0x00 字节,其 SHA-256 就是
RFC 6962 的叶子;`proofs.jsonl` 是 RFC 6962 的一致性证明和包含证明;检查点是 C2SP 的
tlog-checkpoint 与 signed-note(Ed25519),公钥在 `log.vkey`。
每条记录的 `incident_seq` 从 0 连续编号,`incident_prev` 是同一事件上一条记录的叶子。
最后一条 `evidence.export` 写明此前有多少条、最后一条是哪条、附件各是什么。

## How to check

1. Get the log's public key (or its SHA256 fingerprint) by another way than this pack. It is the one
   thing that you have to trust.
2. On any machine, without a network:

       hudun verify THIS-FILE --key PUBLIC-KEY

   Without `--key` the pack is checked against itself only, and the key's fingerprint is shown for you
   to compare.
3. What is checked: the SHA-256 of every file; the signatures of both checkpoints; that the later
   checkpoint grew out of the earlier; that every entry is in the signed log; that the entries form an
   unbroken chain; that the attachments are those put down at export.

General tools do as well: the SHA-256 of a byte 0x00 followed by a line of `entries.jsonl` (without its
line end) is the RFC 6962 leaf; `proofs.jsonl` has RFC 6962 consistency and inclusion proofs; the
checkpoints are C2SP tlog-checkpoint in signed-note form (Ed25519), the key is in `log.vkey`.
`incident_seq` counts from 0, `incident_prev` is the leaf of the incident's entry before. The last
entry, `evidence.export`, says how many came before it, which was the last, and what the attachments are.
";
