//! Local time, without a calendar: the engine needs the day, the hour, and whether it is a day of rest.

/// A moment on the tenant's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Days since 1970.
    pub(crate) day: i32,
    /// 0 to 23.
    pub(crate) hour: u8,
    /// Saturday or Sunday.
    pub(crate) rest: bool,
}

const DAY: i64 = 86_400_000;

impl Moment {
    /// The moment of this many milliseconds since 1970 UTC; beyond some five million years it stays there.
    pub(crate) fn of(at: i64, offset_minutes: i32) -> Self {
        let local = at.saturating_add(i64::from(offset_minutes) * 60_000);
        let day = local.div_euclid(DAY).clamp(-1_000_000_000, 1_000_000_000) as i32;
        let hour = (local.rem_euclid(DAY) / 3_600_000) as u8;
        Self {
            day,
            hour,
            rest: is_rest(day),
        }
    }
}

/// 1970-01-01 was a Thursday.
pub(crate) const fn is_rest(day: i32) -> bool {
    (day + 3).rem_euclid(7) >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friday_night_in_london_is_saturday_in_china() {
        // 2026-11-27 is a Friday.
        let at = 1_795_737_600_000 + 17 * 3_600_000;
        assert!(!Moment::of(at, 0).rest);
        let china = Moment::of(at, 480);
        assert_eq!((china.hour, china.rest), (1, true));
    }
}
