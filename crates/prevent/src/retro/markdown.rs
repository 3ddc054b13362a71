//! The assessment report as Markdown.

use std::fmt::Write as _;

use hudun_core::Lang;

use super::Retrospective;
use super::measure::seconds;

impl Retrospective {
    /// The whole report in one language.
    pub fn to_markdown(&self, lang: Lang) -> String {
        let zh = lang == Lang::Zh;
        let pick = |a: &'static str, b: &'static str| if zh { a } else { b };
        let mut out = String::new();
        let mut line = |text: String| {
            // Writing to a String can't fail.
            let _ = writeln!(out, "{text}");
        };
        let drill = if self.drill {
            pick("【演练】", "[Drill] ")
        } else {
            ""
        };
        line(format!(
            "# {drill}{}{}\n",
            pick("复盘：", "Retrospective: "),
            self.title.get(lang)
        ));
        line(format!("{} {}\n", self.incident, self.at));
        if let Some(persons) = self.persons {
            line(format!(
                "{}: {} / {} / {} ({:.2}%)\n",
                pick(
                    "受影响人数（确认 / 最可能 / 上限，覆盖率）",
                    "Affected persons (low / likely / high, coverage)"
                ),
                persons.low,
                persons.likely,
                persons.high,
                persons.coverage * 100.0
            ));
        }
        line(format!(
            "## {}\n\n| {} | {} | {} |\n| --- | --- | --- |",
            pick("用时", "Times"),
            pick("指标", "measure"),
            pick("结果", "result"),
            pick("目标", "aim")
        ));
        for measure in &self.measures {
            let show = |millis: Option<i64>| millis.map_or_else(|| "—".to_owned(), seconds);
            line(format!(
                "| {} | {} | {} |",
                measure.label.get(lang),
                show(measure.millis),
                show(measure.target_millis)
            ));
        }
        for (heading, items) in [
            (pick("做得好的", "What went well"), &self.well),
            (pick("做得不好的", "What did not"), &self.badly),
        ] {
            line(format!("\n## {heading}\n"));
            for item in items {
                line(format!("- {}", item.get(lang)));
            }
        }
        line(format!("\n## {}\n", pick("改进事项", "Actions")));
        for item in &self.actions {
            line(format!(
                "- **{:?}** ({:?}, {}) {} — {}",
                item.department,
                item.kind,
                item.due_at,
                item.what.get(lang),
                item.because.get(lang)
            ));
        }
        line(format!(
            "\n## {}\n",
            pick("法律义务与余量", "Duties and margins")
        ));
        for duty in &self.duties {
            let margin = match (duty.deadline, duty.met_at) {
                (Some(deadline), Some(met)) => format!("{} s", deadline.millis_since(met) / 1_000),
                (Some(deadline), None) => {
                    format!("{} {deadline}", pick("尚未完成，期限", "open, due"))
                }
                (None, _) => pick("法律未定具体期限", "no figure in law").to_owned(),
            };
            line(format!(
                "- {} {}: {margin}",
                duty.rule,
                duty.title.get(lang)
            ));
        }
        line(format!("\n## {}\n", pick("处置流程", "The run")));
        if let Some(percent) = self.automated_percent() {
            line(format!(
                "{}: {percent}%\n",
                pick("自动完成的步骤", "Steps done by the machine")
            ));
        }
        for step in self.steps.iter().filter(|step| step.manual) {
            line(format!(
                "- {}: {}",
                step.name,
                seconds(i64::try_from(step.millis).unwrap_or(i64::MAX))
            ));
        }
        line(format!("\n## {}\n", pick("时间线", "Timeline")));
        for entry in &self.timeline {
            line(format!(
                "- {} [{}] {}: {}",
                entry.at,
                entry.seq,
                entry.by,
                entry.text.get(lang)
            ));
        }
        out
    }
}
