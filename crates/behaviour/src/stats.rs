//! The few distributions that the engine needs.

/// Largest count that an attack is thought to reach in a day; the log-uniform alternative ends here.
const ATTACK_MOST: f64 = 50_000.0;

/// P(X ≥ x) when an attacker does anything from one to fifty thousand, each order of magnitude as likely as another.
pub(crate) fn attack_tail(x: f64) -> f64 {
    (1.0 - x.max(1.0).ln() / ATTACK_MOST.ln()).clamp(0.05, 1.0)
}

/// P(X ≥ x) of the negative binomial with this mean and shape `r`: a Poisson count whose rate is Gamma distributed.
/// Equal to the regularised incomplete beta function I_p(x, r) with p = mean / (mean + r).
pub(crate) fn count_tail(x: f64, mean: f64, r: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let (mean, r) = (mean.max(1e-6), r.max(1e-3));
    beta_inc(x, r, mean / (mean + r))
}

/// P(T ≥ z) of Student's t with 8 degrees of freedom: heavier than the normal, closed form (Abramowitz and Stegun 26.7.4).
pub(crate) fn t8_tail(z: f64) -> f64 {
    let s = z / (8.0 + z * z).sqrt();
    let c = 1.0 - s * s;
    let within = s * (1.0 + c / 2.0 + c * c * 3.0 / 8.0 + c * c * c * 15.0 / 48.0);
    (0.5 - within / 2.0).clamp(1e-12, 1.0)
}

/// Median and MAD (scaled to a standard deviation) of a few values; `None` when there are none.
pub(crate) fn median_mad(values: &[f64]) -> Option<(f64, f64)> {
    let median = median(values)?;
    let away: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    Some((median, self::median(&away)? * 1.4826))
}

/// The median; of an even number the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len().is_multiple_of(2) {
        sorted.get(half - 1).map(|lower| (lower + upper) / 2.0)
    } else {
        Some(upper)
    }
}

/// Regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8).
fn beta_inc(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// Lentz's evaluation of the continued fraction, at most 200 terms.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..=200 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let change = d * c;
        result *= change;
        if (change - 1.0).abs() < 1e-10 {
            break;
        }
    }
    result
}

/// Logarithm of the gamma function for x > 0 (Lanczos, g = 7, n = 9).
fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (at, c) in C.iter().enumerate() {
        sum += c / (x + at as f64 + 1.0);
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums the probabilities one by one.
    fn naive(x: u32, mean: f64, r: f64) -> f64 {
        let p = mean / (mean + r);
        let mut term = (1.0 - p).powf(r);
        let mut below = 0.0;
        for k in 0..x {
            below += term;
            term *= p * (f64::from(k) + r) / (f64::from(k) + 1.0);
        }
        1.0 - below
    }

    #[test]
    fn the_tail_is_that_of_the_summed_distribution() {
        for (mean, r) in [(0.2, 0.5), (3.0, 1.0), (30.0, 4.0), (80.0, 12.0)] {
            for x in [1, 2, 5, 20, 60, 150] {
                let (fast, slow) = (count_tail(f64::from(x), mean, r), naive(x, mean, r));
                assert!((fast - slow).abs() < 1e-9, "{x} {mean} {r}: {fast} {slow}");
            }
        }
        assert_eq!(count_tail(0.0, 5.0, 1.0), 1.0);
    }

    #[test]
    fn students_t_and_medians() {
        assert!((t8_tail(1.8595) - 0.05).abs() < 1e-4);
        assert!((t8_tail(0.0) - 0.5).abs() < 1e-12);
        assert_eq!(median_mad(&[1.0, 2.0, 100.0]), Some((2.0, 1.4826)));
        assert_eq!(median(&[]), None);
    }
}
