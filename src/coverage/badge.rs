//! Coverage as a badge: a picture in SVG that needs nothing from elsewhere.

use super::Coverage;

/// What stands on the left.
const LABEL: &str = "requirements";

/// The badge, with a title for those who hear it read.
#[must_use]
pub fn badge(coverage: &Coverage<'_>) -> String {
    let percent = coverage.shown_percent();
    let percent = format!("{} %", percent.strip_suffix(".0").unwrap_or(&percent));
    // Dark enough for white letters.
    let colour = match coverage.percent() {
        percent if percent >= 95.0 => "#2b7a0b",
        percent if percent >= 80.0 => "#7a6a00",
        _ => "#b32d1f",
    };
    let (left, right) = (width(LABEL), width(&percent));
    let (whole, at_left, at_right) = (left + right, left / 2, left + right / 2);
    let (long_left, long_right) = (left - PAD, right - PAD);
    let title = coverage.summary();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"{title}\">\n  \
         <title>{title}</title>\n  \
         <rect width=\"{whole}\" height=\"20\" rx=\"3\" fill=\"#444\"/>\n  \
         <path d=\"M{left} 0h{straight}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z\" fill=\"{colour}\"/>\n  \
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\n    \
         <text x=\"{at_left}\" y=\"14\" textLength=\"{long_left}\">{LABEL}</text>\n    \
         <text x=\"{at_right}\" y=\"14\" textLength=\"{long_right}\">{percent}</text>\n  </g>\n</svg>\n",
        straight = right - 3
    )
}

/// The space beside a text, both sides together.
const PAD: usize = 12;

/// The width of a text and the space beside it, as wide as letters of this size mostly are.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + PAD
}

#[cfg(test)]
mod tests {
    use super::{Coverage, badge};
    use crate::coverage::tests::{catalogue, evidence};

    #[test]
    fn a_badge_says_its_percentage() {
        let ((requirements, scenarios), evidence) = (catalogue(), evidence());
        let mut coverage = Coverage::of(&requirements, &scenarios, &evidence);
        let svg = badge(&coverage);
        assert!(svg.contains("<title>1 of 2 requirements are covered: 50.0 %</title>"), "{svg}");
        assert!(svg.contains(">50 %</text>") && svg.contains("#b32d1f"), "{svg}");
        coverage.covered.pop();
        assert!(badge(&coverage).contains(">100 %</text>"));
    }
}
