use super::*;

fn number(text: &str) -> Extended {
    Extended::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"))
}

#[test]
fn sums_print_as_in_80_bits() {
    for (left, right, sum) in [
        ("0.1", "0.2", "0.3"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("3", "1.1", "4.1"),
        ("1", "1e-17", "1.00000000000000001"),
        ("1", "-1", "0"),
        ("-0", "-0", "0"),
        ("17179869184", "1.5", "17179869185.5"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"),
        // The 64 bits are used up: the half is rounded to the even one.
        ("18446744073709551615", "0.5", "18446744073709551616"),
        ("18446744073709551614", "0.5", "18446744073709551614"),
        ("1e20", "0.1", "100000000000000000000"),
        ("1e300", "-1e300", "0"),
        ("0x1.8p3", "0", "12"),
        ("1e-4950", "0", "0"),
    ] {
        assert_eq!(number(left).plus(number(right)).unwrap().print(), sum, "{left} + {right}");
        assert_eq!(number(right).plus(number(left)).unwrap().print(), sum, "{right} + {left}");
    }
}

#[test]
fn the_largest_number_and_what_lies_beyond() {
    let max = number("1.18973149535723176502e+4932");
    assert_eq!(max.compare(Extended::MAX), Ordering::Equal);
    assert!(max.plus(max).unwrap().is_infinite());
    assert_eq!(max.plus(number("1")), Some(max));
    assert_eq!(number("inf").plus(number("-inf")), None);
    assert_eq!(number("-inf").print(), "-inf");
    assert_eq!(Extended::parse(b"1.2e4932"), None, "beyond is no number");
    assert_eq!(Extended::parse(b"1e-4960"), None, "as good as none is no number");
    assert_eq!(Extended::MAX.print().len(), 4933);
}

#[test]
fn order_is_by_size() {
    let sorted = ["-inf", "-10", "-0.5", "-1e-4940", "0", "1e-4940", "0.5", "9", "10", "inf"];
    for (at, left) in sorted.iter().enumerate() {
        for (other, right) in sorted.iter().enumerate() {
            assert_eq!(number(left).compare(number(right)), at.cmp(&other), "{left} {right}");
        }
    }
    assert_eq!(number("-0").compare(number("0")), Ordering::Equal);
}

#[test]
fn only_whole_numbers_are_read() {
    for text in [
        "", " 1", "1 ", "abc", "nan", ".", "-", "+", "e5", "1e", "1e+", "1_0", "1,5", "0x", "0xg",
        "0x1p", "1.2.3", "--1", "infinit", "1\0",
    ] {
        assert_eq!(Extended::parse(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(Extended::parse("1".repeat(5 * 1024).as_bytes()), None, "too long");
    for (text, printed) in [
        ("+5", "5"),
        ("5.", "5"),
        (".5", "0.5"),
        ("-.5E-1", "-0.05"),
        ("007", "7"),
        ("Infinity", "inf"),
        ("0X.8P1", "1"),
        ("0e99999999999999999999", "0"),
    ] {
        assert_eq!(number(text).print(), printed, "{text}");
    }
}

#[test]
fn integers_are_themselves() {
    for integer in [0, 1, -1, 10, i64::MAX, i64::MIN] {
        assert_eq!(Extended::from_integer(integer).print(), integer.to_string());
        assert_eq!(
            number(&integer.to_string()).compare(Extended::from_integer(integer)),
            Ordering::Equal
        );
    }
}
