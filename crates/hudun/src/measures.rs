//! What was done and what people can do, in words for notices: from the restrictions in force, and standing advice.

use hudun_core::{Incident, IsolationMode, Policy, RevocationTarget, Scope};
use hudun_duty::{Impact, Measures, Text};

/// The measures of a case.
pub fn of_case(case: &Incident, policy: &Policy) -> Measures {
    let mine = |restriction: &hudun_core::Restriction| restriction.incident == Some(case.id);
    let mut taken = Vec::new();
    for revocation in policy
        .revocations
        .iter()
        .filter(|revocation| mine(&revocation.restriction))
    {
        taken.push(match revocation.target {
            RevocationTarget::Account(_) => {
                Text::new("已冻结涉事账号", "the account concerned is frozen")
            }
            RevocationTarget::SessionsOf { .. }
            | RevocationTarget::Session(_)
            | RevocationTarget::Token(_) => Text::new(
                "已终止涉事账号的全部登录会话",
                "every session of the account concerned has been ended",
            ),
            RevocationTarget::Address(_) => {
                Text::new("已拦截来源地址", "the source address is blocked")
            }
        });
    }
    for isolation in policy
        .isolations
        .iter()
        .filter(|isolation| mine(&isolation.restriction))
    {
        taken.push(match isolation.mode {
            IsolationMode::Off => Text::new(
                format!("已停用“{}”功能", isolation.module),
                format!("the function “{}” is switched off", isolation.module),
            ),
            IsolationMode::Mask => Text::new(
                "页面中的个人信息已改为脱敏显示",
                "personal data is shown masked",
            ),
            _ => Text::new(
                format!("已限制“{}”功能", isolation.module),
                format!("the function “{}” is restricted", isolation.module),
            ),
        });
    }
    if policy.patches.iter().any(|patch| mine(&patch.restriction)) {
        taken.push(Text::new(
            "已上线热补丁拦截同类请求",
            "a hot patch stops requests of this kind",
        ));
    }
    taken.sort_by(|one, other| one.zh.cmp(&other.zh));
    taken.dedup();
    let contained = case.mark(hudun_core::TimelineMark::Contained).is_some();
    Measures {
        effect: if contained {
            Text::new(
                "经核实，涉事账号的后续请求已被拒绝",
                "verified: further requests of the account are refused",
            )
        } else {
            Text::default()
        },
        taken,
        planned: vec![
            Text::new(
                "修复漏洞并以重放攻击的方式验证",
                "fix the hole and prove it by replaying the attack",
            ),
            Text::new("逐一告知受影响的个人", "tell each affected person"),
        ],
        self_help: vec![
            Text::new(
                "不轻信自称客服、快递或退款的来电和短信",
                "do not trust calls or messages that claim to be service, delivery or refunds",
            ),
            Text::new(
                "不向任何人透露验证码、密码和银行卡号",
                "give nobody one-time codes, passwords or card numbers",
            ),
            Text::new(
                "通过官方 App 内公布的电话核实",
                "verify through the telephone number shown in the official app",
            ),
        ],
        ..Measures::default()
    }
}

/// What may follow for persons, by the kinds that left.
pub fn impact(scope: &Scope) -> Impact {
    if scope.high == 0 {
        return Impact::default();
    }
    Impact {
        harm: Text::new(
            "可能被用于冒充客服、快递或退款名义的诈骗和骚扰",
            "may be used for fraud and harassment in the name of service, delivery or refunds",
        ),
        trend: Text::new(
            "已遏制，未发现继续扩大",
            "contained; no further spread was found",
        ),
        ..Impact::default()
    }
}
