//! How the words of `hudun-core` look in the OpenAPI document. The core knows nothing of OpenAPI, so its enumerations
//! are mirrored here; a test holds each mirror equal to what the core really writes.

use serde::Serialize;
use utoipa::ToSchema;

macro_rules! mirrors {
    ($($(#[$doc:meta])* $name:ident as $word:ident { $($(#[$vdoc:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Serialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        #[schema(as = $word)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    )*};
}

mirrors! {
    /// [`hudun_core::Grade`]
    GradeWord as Grade {
        /// Handle in working hours.
        Low,
        /// Handle today.
        Medium,
        /// Handle now, all departments.
        High,
    }
    /// [`hudun_core::Level`]
    LevelWord as Level {
        /// Worth a line in the record.
        Informational,
        /// Worth a look today.
        Low,
        /// Worth a look now.
        Medium,
        /// Wakes the security lead.
        High,
        /// Wakes everybody.
        Critical,
    }
    /// [`hudun_core::Stage`]
    StageWord as Stage {
        /// 监
        Monitor,
        /// 响
        Respond,
        /// 隔
        Contain,
        /// 析
        Analyze,
        /// 修
        Repair,
        /// 通
        Inform,
        /// 防
        Prevent,
    }
    /// [`hudun_core::IncidentState`]
    IncidentStateWord as IncidentState {
        /// Opened, nobody has taken it yet.
        Open,
        /// A playbook runs or people work on it.
        Handling,
        /// The attack can't go on.
        Contained,
        /// The hole is proven shut.
        Repaired,
        /// Everything lifted.
        Closed,
    }
    /// [`hudun_core::TimelineMark`]
    TimelineMarkWord as TimelineMark {
        /// First exchange of the attack.
        Onset,
        /// First finding.
        Detected,
        /// Alert sent.
        Alerted,
        /// A person took the case.
        Acknowledged,
        /// Containment verified.
        Contained,
        /// Scope computed.
        Scoped,
        /// All drafts ready.
        Drafted,
        /// Root fix proven.
        Repaired,
        /// Case closed.
        Closed,
    }
    /// [`hudun_core::Department`]
    DepartmentWord as Department {
        /// 信息技术
        It,
        /// 信息安全
        Security,
        /// 法务
        Legal,
        /// 公关
        Pr,
        /// 业务
        Business,
    }
    /// [`hudun_core::TaskState`]
    TaskStateWord as TaskState {
        /// Nobody has taken it.
        Open,
        /// Somebody works on it.
        Taken,
        /// Finished.
        Done,
        /// Not needed.
        Dropped,
    }
    /// [`hudun_core::PatchState`]
    PatchStateWord as PatchState {
        /// Only counts.
        Observe,
        /// Acts.
        Enforce,
    }
    /// [`hudun_core::LossReason`]
    LossReasonWord as LossReason {
        /// A bounded queue was full.
        QueueFull,
        /// A body was longer than inspection reads.
        BodyTooLong,
        /// A body could not be decoded.
        Undecodable,
        /// A log line could not be parsed.
        Unparseable,
        /// An alert could not be delivered.
        AlertUndelivered,
        /// Per-key state was dropped.
        StateEvicted,
        /// A torn record was cut off.
        TornTail,
        /// Retention removed old data.
        Retention,
    }
}

/// [`hudun_core::Text`]
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Text)]
pub struct TextWord {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// [`hudun_core::Window`]
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Window)]
pub struct WindowWord {
    /// First moment.
    #[schema(format = DateTime)]
    pub from: String,
    /// Last moment.
    #[schema(format = DateTime)]
    pub to: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hudun_core as core;
    use serde_json::to_value;

    macro_rules! same {
        ($mirror:ident, $($word:expr),* $(,)?) => {
            let ours: Vec<_> = $mirror::ALL.iter().map(|w| to_value(w).unwrap()).collect();
            let theirs = vec![$(to_value($word).unwrap()),*];
            assert_eq!(ours, theirs, stringify!($mirror));
        };
    }

    #[test]
    fn mirrors_write_what_the_core_writes() {
        same!(
            GradeWord,
            core::Grade::Low,
            core::Grade::Medium,
            core::Grade::High
        );
        use core::Level as L;
        same!(
            LevelWord,
            L::Informational,
            L::Low,
            L::Medium,
            L::High,
            L::Critical
        );
        use core::Stage as S;
        same!(
            StageWord,
            S::Monitor,
            S::Respond,
            S::Contain,
            S::Analyze,
            S::Repair,
            S::Inform,
            S::Prevent
        );
        use core::IncidentState as I;
        same!(
            IncidentStateWord,
            I::Open,
            I::Handling,
            I::Contained,
            I::Repaired,
            I::Closed
        );
        use core::TimelineMark as M;
        same!(
            TimelineMarkWord,
            M::Onset,
            M::Detected,
            M::Alerted,
            M::Acknowledged,
            M::Contained,
            M::Scoped,
            M::Drafted,
            M::Repaired,
            M::Closed,
        );
        use core::Department as D;
        same!(
            DepartmentWord,
            D::It,
            D::Security,
            D::Legal,
            D::Pr,
            D::Business
        );
        use core::TaskState as T;
        same!(TaskStateWord, T::Open, T::Taken, T::Done, T::Dropped);
        same!(
            PatchStateWord,
            core::PatchState::Observe,
            core::PatchState::Enforce
        );
        let ours: Vec<_> = LossReasonWord::ALL
            .iter()
            .map(|w| to_value(w).unwrap())
            .collect();
        let theirs: Vec<_> = core::LossReason::ALL
            .iter()
            .map(|w| to_value(w).unwrap())
            .collect();
        assert_eq!(ours, theirs);
    }
}
