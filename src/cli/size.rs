//! Sizes of files as people write and read them, in decimal units.

/// Parses `500M`, `20GB` or a number of bytes.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim_start().trim_end_matches(['B', 'b']) {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return Err(format!("'{text}' is not a size: write 500M, 20G or bytes")),
    };
    let n: u64 = digits.parse().map_err(|_| format!("'{text}' is not a size: write 500M, 20G or bytes"))?;
    n.checked_mul(unit).ok_or_else(|| format!("'{text}' is too large"))
}

/// Returns a size in the unit that leaves the fewest digits: `575 kB`, `1.2 GB`.
pub fn amount(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
        _ => (1e12, "TB"),
    };
    let value = bytes as f64 / unit;
    if value < 10.0 { format!("{value:.1} {name}").replace(".0 ", " ") } else { format!("{value:.0} {name}") }
}

/// Returns a size as `4.9 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(parse("20G"), Ok(20_000_000_000));
        assert_eq!(parse("500MB"), Ok(500_000_000));
        assert_eq!(parse("1234"), Ok(1234));
        for wrong in ["many", "", "G", "5X", "99999999999G"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(megabytes(4_900_000), "4.9 MB");
        assert_eq!([0, 575_123, 1_000_000_000, 1_249_000_000].map(amount), ["0 bytes", "575 kB", "1 GB", "1.2 GB"]);
    }
}
