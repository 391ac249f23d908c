use trial_core::values::{CompanyError, CompanyName};

fn name(text: &str) -> String {
    CompanyName::parse(text).unwrap().as_str().to_owned()
}

fn key(text: &str) -> String {
    CompanyName::parse(text).unwrap().key().as_str().to_owned()
}

#[test]
fn space_around_it_is_trimmed_and_the_rest_kept_as_written() {
    assert_eq!(name("  Acme  Ltd \t"), "Acme  Ltd");
    assert_eq!(name("\u{3000}神马\u{a0}"), "神马");
}

#[test]
fn nothing_that_shows_is_empty() {
    for text in [
        "",
        " ",
        "\u{3000}",
        "\u{200b}",
        "\u{200b}\u{2060}\u{feff}",
        "\u{ad}",
        "\u{200e}\u{200f}",
        "\u{2800}",
        "\u{2800} \u{2800}\u{200b}",
        "\u{3164}",
        "\u{115f}\u{1160}",
        "\u{ffa0}",
        "\u{180e}",
        "\u{1d159}",
        "\u{13441}\u{13442}",
        "\u{16fe4}",
        "\u{1680}",
    ] {
        assert_eq!(CompanyName::parse(text), Err(CompanyError::Empty), "{text:?}");
    }
}

#[test]
fn at_most_128_characters_after_trimming() {
    for character in ["a", "神", "\u{1F680}"] {
        let longest = character.repeat(128);
        assert_eq!(name(&format!("  {longest}  ")), longest);
        assert_eq!(CompanyName::parse(&character.repeat(129)), Err(CompanyError::TooLong));
    }
}

#[test]
fn a_ligature_that_folds_to_many_characters_is_taken() {
    let name = "\u{fdfa}".repeat(128);
    assert!(CompanyName::parse(&name).is_ok(), "each of these is 18 characters after NFKC");
}

#[test]
fn control_characters_are_refused() {
    for text in ["a\0b", "a\nb", "a\tb", "a\u{1b}[31mb", "a\u{7f}", "a\u{85}b", "\0"] {
        assert_eq!(CompanyName::parse(text), Err(CompanyError::Control), "{text:?}");
    }
}

#[test]
fn direction_overrides_are_dropped_and_plain_marks_are_kept() {
    for c in
        ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}']
    {
        let name = CompanyName::parse(&format!("{c}a{c}b{c}")).unwrap();
        assert_eq!((name.as_str(), name.key().as_str()), ("ab", "ab"), "{c:?}");
        assert_eq!(CompanyName::parse(&c.to_string()), Err(CompanyError::Empty), "{c:?}");
    }
    for c in ['\u{200e}', '\u{200f}', '\u{61c}'] {
        assert_eq!(CompanyName::parse(&format!("a{c}b")).unwrap().as_str(), format!("a{c}b"), "{c:?}");
        assert_eq!(key(&format!("a{c}b")), "ab", "{c:?}");
    }
}

#[test]
fn every_script_and_emoji_is_taken() {
    for text in [
        "华为技术有限公司",
        "שלום בע״מ",
        "شركة",
        "Åkesson & Söner",
        "株式会社\u{1F680}",
        "👩‍👩‍👧",
        "O'Neil \"Q\" <b>",
        "😀",
    ] {
        assert_eq!(name(text), text);
    }
}

#[test]
fn case_does_not_count() {
    assert_eq!(key("ACME Ltd"), "acme ltd");
    assert_eq!(key("Straße"), key("STRASSE"));
    assert_eq!(key("Stra\u{1e9e}e"), key("strasse"));
    assert_eq!(key("ΟΔΟΣ"), key("οδος"));
    assert_eq!(key("\u{130}stanbul"), key("i\u{307}stanbul"), "a dotted capital I");
    assert_ne!(key("\u{131}stanbul"), key("istanbul"), "no language is known: a dotless i is another letter");
}

#[test]
fn width_and_composition_do_not_count() {
    assert_eq!(key("ＡＣＭＥ　Ｌｔｄ"), "acme ltd");
    assert_eq!(key("ｶﾌﾞｼｷ"), key("カブシキ"));
    assert_eq!(key("Cafe\u{301}"), key("CAF\u{c9}"));
    assert_eq!(key("①㍿ﬁ"), key("1株式会社fi"));
    assert_eq!(key("\u{2121} \u{1F130}"), key("tel a"), "capitals that composing brings to light");
    assert_eq!(key("\u{1f82}"), key("\u{3b1}\u{313}\u{300}\u{345}"), "folding and composing settle");
}

#[test]
fn white_space_is_collapsed() {
    assert_eq!(key("Acme   Ltd"), "acme ltd");
    assert_eq!(key("Acme\u{a0}\u{2003}\u{3000}Ltd"), "acme ltd");
    assert_eq!(key("\u{200b} Acme \u{200b} Ltd"), "acme ltd");
    assert_ne!(key("AcmeLtd"), key("Acme Ltd"));
}

#[test]
fn what_shows_nothing_does_not_count() {
    for c in [
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{2060}',
        '\u{feff}',
        '\u{ad}',
        '\u{fe0f}',
        '\u{34f}',
        '\u{e0041}',
        '\u{3164}',
    ] {
        assert_eq!(key(&format!("Ac{c}me")), "acme", "{c:?}");
    }
}

#[test]
fn the_key_of_a_key_is_itself() {
    for text in ["ＡＣＭＥ Straße", "\u{130}", "ΟΔΟΣ ①", "\u{fdfa}", "Ǆ ǅ", "\u{345}\u{3b1}", "a\u{200b}\u{301}"]
    {
        let once = key(text);
        assert_eq!(key(&once), once, "{text:?}");
    }
}

#[test]
fn a_name_does_not_show_in_debug_output() {
    let name = CompanyName::parse("Acme").unwrap();
    assert_eq!(format!("{name:?} {:?}", name.key()), "CompanyName(***) CompanyKey(***)");
}

#[test]
fn a_blank_of_braille_is_white_space_to_a_comparison() {
    assert_eq!(key("Acme\u{2800}Ltd\u{2800}"), key("Acme Ltd"));
}
