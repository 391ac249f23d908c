use trial_core::tenants::Tenant;
use trial_core::values::{Email, EmailError, MailHosts, TenantId};

fn key(text: &str) -> String {
    let email = Email::parse_at(MailHosts::Any, text).unwrap_or_else(|error| panic!("{text:?} {error}"));
    email.key().as_str().to_owned()
}

#[test]
fn what_rfc_5321_allows_is_taken() {
    let allowed = [
        "a@example.com",
        "first.last@example.com",
        "user+tag@example.com",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "1@1.example",
        "a@localhost",
        "a@sub.sub.sub.example.com",
        "a@xn--fiqs8s.example",
        "a@a-b.example",
        "a@123.example",
        "\"john\"@example.com",
        "\"john doe\"@example.com",
        "\"a@b\"@example.com",
        "\"a\\\"b\"@example.com",
        "\"a\\\\b\"@example.com",
        "\"..\"@example.com",
        "a@[127.0.0.1]",
        "a@[IPv6:2001:db8::1]",
        "a@[ipv6:::1]",
    ];
    for text in allowed {
        let taken = Email::parse_at(MailHosts::Any, text).map(|email| email.as_str().to_owned());
        assert_eq!(taken, Ok(text.to_owned()), "{text:?}");
    }
    let long = format!("{}@example.com", "l".repeat(64));
    assert!(Email::parse(&long).is_ok(), "64 octets before the @");
    let label = format!("a@{}.example.com", "d".repeat(63));
    assert!(Email::parse(&label).is_ok());
}

#[test]
fn space_around_it_is_not_part_of_it() {
    assert_eq!(Email::parse(" a@example.com\t").unwrap().as_str(), "a@example.com");
}

#[test]
fn what_rfc_5321_forbids_is_refused() {
    let forbidden = [
        "a",
        "@",
        "a@",
        "@example.com",
        "a@@example.com",
        "a@b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a b@example.com",
        "a\t@example.com",
        "a@exam ple.com",
        "a@example..com",
        "a@.example.com",
        "a@example.com.",
        "a@-example.com",
        "a@example-.com",
        "a@exa_mple.com",
        "a@example.com,b@example.com",
        "a@example.com;b@example.com",
        "<a@example.com>",
        "A <a@example.com>",
        "a@example.com (Ann)",
        "(Ann)a@example.com",
        "<@x.example:a@example.com>",
        "mailto:a@example.com\n",
        "a\n@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "\"a\r\nb\"@example.com",
        "\"a\0b\"@example.com",
        "a\0@example.com",
        "\"a\u{7f}\"@example.com",
        "\"a\tb\"@example.com",
        "\"a\"b@example.com",
        "\"a@example.com",
        "a\"@example.com",
        "\"a\".b@example.com",
        "a\\@b@example.com",
        "a@[127.0.0.256]",
        "a@[127.0.0.1",
        "a@127.0.0.1]",
        "a@[]",
        "a@[example.com]",
        "a@[IPv6:127.0.0.1]",
        "a@[IPv6:2001:db8::g]",
        "a@[2001:db8::1]",
        "a@exa\u{0}mple.com",
        "a@example.com/../x",
        "a@exam\"ple.com",
        "\"\"\"@example.com",
    ];
    for text in forbidden {
        for hosts in [MailHosts::Internet, MailHosts::Any] {
            assert_eq!(Email::parse_at(hosts, text), Err(EmailError::Malformed), "{text:?}");
        }
    }
    for text in ["zhangxxxx@******.com", "a@**.example.org", "＊@＊＊＊.com"] {
        assert_eq!(Email::parse(text), Err(EmailError::Placeholder), "{text:?}");
    }
    let long = format!("{}@example.com", "l".repeat(65));
    assert_eq!(Email::parse(&long), Err(EmailError::Malformed), "65 octets before the @");
    let label = format!("a@{}.example", "d".repeat(64));
    assert_eq!(Email::parse(&label), Err(EmailError::Malformed));
}

#[test]
fn a_mailbox_is_at_a_host_that_can_be_on_the_internet() {
    for text in [
        "root@localhost",
        "root@LocalHost",
        "a@mx",
        "x@[127.0.0.1]",
        "x@[192.0.2.1]",
        "x@[IPv6:2001:db8::1]",
        "x@127.0.0.1",
        "x@10.1",
        "x@127.0.0.0x1",
        "x@0x7f.1.0X0",
        "x@mx.c0m",
        "x@mx.a-b",
        "a@printer.local",
        "a@db.internal",
        "a@host.localdomain",
        "a@x.test",
        "a@x.invalid",
        "a@x.example",
        "a@nas.lan",
        "a@mail.home.arpa",
        "a@hidden.onion",
        "a@exchange.corp",
        "a@X.LOCALHOST",
    ] {
        assert_eq!(Email::parse(text), Err(EmailError::LocalHost), "{text:?}");
        assert!(Email::parse_at(MailHosts::Any, text).is_ok(), "{text:?}");
    }
    for text in [
        "a@example.com",
        "a@example.org",
        "a@local.example.com",
        "a@test.de",
        "a@1.example.net",
        "a@b.xn--fiqs8s",
        "a@b.XN--P1AI",
    ] {
        assert!(Email::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_local_part_is_no_route_no_program_and_no_file() {
    for text in [
        "a%b@example.com",
        "a%example.org@example.com",
        "host!user@example.com",
        "|/bin/id@example.com",
        "\"|/bin/id\"@localhost",
        "\"a|b\"@example.com",
        "\"a@b\"@example.com",
        "\"@x.example:a\"@example.com",
        "/etc/passwd@example.com",
        "\"/dev/null\"@example.com",
        "\":include:/etc/passwd\"@example.com",
        "\"a\\%b\"@example.com",
    ] {
        assert_eq!(Email::parse(text), Err(EmailError::Route), "{text:?}");
        assert!(Email::parse_at(MailHosts::Any, text).is_ok(), "{text:?}");
    }
    for text in ["a/b@example.com", "#$&'*+-=?^_`{}~@example.com", "\"john doe\"@example.com"] {
        assert!(Email::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn nothing_is_empty() {
    for text in ["", " ", "\t"] {
        assert_eq!(Email::parse(text), Err(EmailError::Empty), "{text:?}");
    }
}

#[test]
fn at_most_254_bytes() {
    let domain = format!("{}.{}.{}", "d".repeat(63), "d".repeat(63), "d".repeat(61));
    let longest = format!("{}@{domain}", "l".repeat(254 - 1 - domain.len()));
    assert_eq!(longest.len(), 254);
    assert!(Email::parse(&longest).is_ok());
    assert_eq!(Email::parse(&format!("l{longest}")), Err(EmailError::TooLong));
    assert_eq!(Email::parse(&"a".repeat(100_000)), Err(EmailError::TooLong));
}

#[test]
fn beyond_ascii_is_another_protocol() {
    for text in [
        "j\u{f6}rg@example.com",
        "a@ex\u{e4}mple.com",
        "\u{1F600}@example.com",
        "j\u{f6}rg＠example.com",
        "\u{430}@example.com",
    ] {
        assert_eq!(Email::parse(text), Err(EmailError::NotAscii), "{text:?}");
    }
}

/// Characters that address books, web pages and input methods put into and around an address.
#[test]
fn a_pasted_address_is_what_is_meant() {
    for text in [
        "ａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "ａ@example。com",
        "a﹫example｡com",
        "\u{feff}a@example.com",
        "a@example.com\u{200b}",
        "a\u{200d}@exam\u{ad}ple.com",
        "\u{202a}a@example.com\u{202c}",
        "\u{202e}\u{200f}a@example.com\u{2069}",
        "\u{2060}\u{a0}a@example.com\u{3000}\u{2003}",
        "\r\n\t a@example.com \r\n",
    ] {
        for hosts in [MailHosts::Internet, MailHosts::Any] {
            let email = Email::parse_at(hosts, text).unwrap_or_else(|error| panic!("{text:?} {error}"));
            assert_eq!((email.as_str(), email.key().as_str()), ("a@example.com", "a@example.com"), "{text:?}");
        }
    }
    assert_eq!(key("Ａｎｎ@Ｅxample.com"), key("ann@example.com"));
    assert_eq!(Email::parse("ａ％ｂ@example.com"), Err(EmailError::Route), "folded before it is judged");
    assert_eq!(Email::parse("a＠b＠example.com"), Err(EmailError::Malformed));
    assert_eq!(Email::parse("a@loca\u{200b}lhost"), Err(EmailError::LocalHost));
    assert_eq!(Email::parse("＜a@example.com＞"), Err(EmailError::Malformed), "with what else came along");
    assert_eq!(Email::parse("mailto:a@example.com"), Err(EmailError::Malformed));
    assert_eq!(Email::parse("a\u{3000}b@example.com"), Err(EmailError::Malformed), "space within");
    for text in ["\u{200b}", "\u{feff}\u{3000}", "\n"] {
        assert_eq!(Email::parse(text), Err(EmailError::Empty), "{text:?}");
    }
}

#[test]
fn what_does_not_show_does_not_count_for_its_length() {
    let invisible = "\u{200b}".repeat(300);
    assert_eq!(Email::parse(&format!("a{invisible}@example.com")).unwrap().as_str(), "a@example.com");
    assert_eq!(Email::parse(&format!("a@example.com{}", " ".repeat(5_000))), Err(EmailError::TooLong));
}

#[test]
fn an_account_is_found_by_its_pasted_name() {
    let id = TenantId::from_bytes([7; 16]);
    let name = Tenant::account_name(id);
    let full_width = name.replace('@', "＠").to_uppercase();
    for text in [format!("\u{202a}{name}\u{202c}"), format!(" {full_width}\u{200b}\n")] {
        assert_eq!(Tenant::of_account(&text), Some(id), "{text:?}");
    }
    assert_eq!(Tenant::of_account("ann@example.com"), None);
}

#[test]
fn case_does_not_count() {
    assert_eq!(key("Ann.Lee@Example.COM"), "ann.lee@example.com");
    assert_eq!(key("A@[IPv6:2001:DB8::1]"), key("a@[ipv6:2001:db8::1]"));
}

#[test]
fn quotes_count_where_they_are_needed() {
    assert_eq!(key("\"Ann\"@example.com"), "ann@example.com");
    assert_eq!(key("\"A\\nn\"@example.com"), "ann@example.com", "an escape of what needs none");
    assert_eq!(key("\"ann lee\"@example.com"), "\"ann lee\"@example.com");
    assert_eq!(key("\"a\\\"\\\\b\"@example.com"), "\"a\\\"\\\\b\"@example.com");
    assert_eq!(key("\".a\"@example.com"), "\".a\"@example.com");
}

#[test]
fn what_differs_stays_different() {
    let mailboxes = [
        "a@example.com",
        "a.@x.example.com",
        "b@example.com",
        "a+b@example.com",
        "a@example.org",
        "\"a b\"@example.com",
        "\"a  b\"@example.com",
    ];
    let mut keys: Vec<_> =
        mailboxes.iter().filter_map(|text| Email::parse(text).ok()).map(|email| email.key().clone()).collect();
    let distinct = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((keys.len(), distinct), (6, 6));
}

#[test]
fn an_address_shows_masked() {
    let email = Email::parse("ann@example.com").unwrap();
    assert_eq!(
        (email.masked().as_str(), format!("{email:?}").as_str()),
        ("a***@example.com", "Email(a***@example.com)")
    );
    assert_eq!(format!("{:?}", email.key()), "EmailKey(***)");
    assert_eq!(Email::parse_at(MailHosts::Any, "\"a@b\"@example.com").unwrap().masked(), "\"***@example.com");
}
