mod common;
use hudun_duty::*;

#[test]
fn whole_case() {
    let set = RuleSet::embedded().unwrap();
    let facts = common::full();
    let a = assess(&facts, &set, common::now()).unwrap();
    for d in &a.duties {
        println!(
            "{:?} {} {:?} {}",
            d.verdict, d.rule, d.deadline, d.reason.zh
        );
    }
    println!("{:?}", a.severity.enisa.as_ref().map(|e| &e.formula));
    for g in &a.gates {
        println!("{} {:?}", g.id, g.state);
    }
    let r = Renderer::new(&set).unwrap();
    for k in [NoticeKind::RegulatorFirst, NoticeKind::PersonalNotice] {
        for l in [Lang::Zh, Lang::En] {
            println!(
                "{}",
                r.render(k, l, &facts, &a, &RenderOptions::default())
                    .unwrap()
                    .to_text()
            );
        }
    }
}
