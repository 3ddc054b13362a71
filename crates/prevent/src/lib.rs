//! 防 — the stage that makes the next time better: drills, the retrospective, the playbook's next version.
//!
//! A [`drill`] attacks the real system through its front door. What the attacker received is written down by the
//! attacker and is the measure of everything that Hudun says about it; Hudun itself never reads it.

pub mod drill;
pub mod retro;
