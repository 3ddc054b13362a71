//! Ways of spoiling a notice.

use hudun_duty::Draft;

/// Spoils a draft in every way we could think of; each is named.
pub(crate) fn mutations(good: &Draft) -> Vec<(String, Draft)> {
    let mut out: Vec<(String, Draft)> = vec![];
    let mut put = |name: String, d: Draft| {
        if d != *good {
            out.push((name, d));
        }
    };
    for (i, s) in good.sections.iter().enumerate() {
        let with = |f: &dyn Fn(&mut Draft)| {
            let mut d = good.clone();
            f(&mut d);
            d
        };
        put(
            format!("{}: section removed", s.id),
            with(&|d| drop(d.sections.remove(i))),
        );
        put(
            format!("{}: body emptied", s.id),
            with(&|d| d.sections[i].body.clear()),
        );
        put(
            format!("{}: section doubled", s.id),
            with(&|d| d.sections.push(good.sections[i].clone())),
        );
        put(
            format!("{}: heading changed", s.id),
            with(&|d| d.sections[i].heading.push('x')),
        );
        if i > 0 {
            put(
                format!("{}: moved to the front", s.id),
                with(&|d| {
                    let s = d.sections.remove(i);
                    d.sections.insert(0, s);
                }),
            );
        }
        put(
            format!("{}: marker", s.id),
            with(&|d| d.sections[i].body.push_str("\n【待补：原因】")),
        );
        for (n, line) in s.body.lines().enumerate() {
            let replace = |new: Option<String>| {
                with(&|d| {
                    let mut lines: Vec<String> = s.body.lines().map(str::to_owned).collect();
                    match &new {
                        Some(l) => lines[n].clone_from(l),
                        None => drop(lines.remove(n)),
                    }
                    d.sections[i].body = lines.join("\n");
                })
            };
            for (at, c) in line.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
                let other = char::from(b'0' + (c as u8 - b'0' + 1) % 10);
                let mut l = line.to_owned();
                l.replace_range(at..=at, &other.to_string());
                put(
                    format!("{} line {n}: digit at {at} changed", s.id),
                    replace(Some(l)),
                );
            }
            if line.starts_with("- ") {
                put(format!("{} line {n}: item removed", s.id), replace(None));
                put(
                    format!("{} line {n}: item changed", s.id),
                    replace(Some(format!("{line}等"))),
                );
            }
        }
        for bad in [
            "另有 3,500 人受影响。",
            "另有三千人受影响。",
            "绝对安全，请放心。",
            "未造成任何影响。",
            "没有发现信息被滥用的迹象。",
            "请联系 13812345678 的客户。",
            "身份证 11010519491231002X 已核实。",
            "银行卡 6222021234567890128 已冻结。",
            "请写信至 zhang.san@mail.example.com 。",
            "漏洞编号 CWE-639。",
            "接口 /api/customers/{id} 没有检查。",
            "接口未校验对象归属。",
            "可用 ' or 1=1 绕过。",
            "本事件于 2026年11月24日 发现。",
            "- 银行卡号",
        ] {
            put(
                format!("{}: added “{bad}”", s.id),
                with(&|d| d.sections[i].body.push_str(&format!("\n{bad}"))),
            );
        }
        put(
            format!("{}: link", s.id),
            with(&|d| {
                d.sections[i]
                    .body
                    .push_str("\n请点击 https://a.example/x 查询")
            }),
        );
        put(
            format!("{}: bare domain", s.id),
            with(&|d| d.sections[i].body.push_str("\n请访问 fraud-site.top 查询")),
        );
    }
    let whole: [(&str, Spoil<'_>); 6] = [
        ("title", &|d| d.title.push('！')),
        ("rules digest", &|d| d.rules_digest.push('0')),
        ("facts digest", &|d| d.facts_digest.push('0')),
        ("incident", &|d| d.incident.push('0')),
        ("dated in the future", &|d| {
            d.dated = "2027-01-01T00:00:00Z".parse().unwrap()
        }),
        ("dated before detection", &|d| {
            d.dated = "2026-11-22T00:00:00Z".parse().unwrap()
        }),
    ];
    for (name, f) in whole {
        let mut d = good.clone();
        f(&mut d);
        put(name.into(), d);
    }
    out
}

type Spoil<'a> = &'a dyn Fn(&mut Draft);
