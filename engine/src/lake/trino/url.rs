//! Parts of URLs.

use super::{Args, Function, Gives, Kind, Result, function};
use arrow::array::ArrayRef;

const TEXT: &[Kind] = &[Kind::Text];

pub(super) static ALL: &[Function] = &[
    function("url_extract_protocol", TEXT, Gives::Text, |a| {
        part(a, |u| Some(u.protocol.to_owned()))
    }),
    function("url_extract_host", TEXT, Gives::Text, |a| {
        part(a, |u| Some(u.host.to_owned()))
    }),
    function("url_extract_path", TEXT, Gives::Text, |a| {
        part(a, |u| Some(decode(u.path, false)))
    }),
    function("url_extract_query", TEXT, Gives::Text, |a| {
        part(a, |u| Some(u.query.to_owned()))
    }),
    function("url_extract_fragment", TEXT, Gives::Text, |a| {
        part(a, |u| Some(u.fragment.to_owned()))
    }),
    function("url_extract_port", TEXT, Gives::Int, |a| {
        a.ints(|r| Ok(a.text(0, r).and_then(parse).and_then(|u| u.port)))
    }),
    function(
        "url_extract_parameter",
        &[Kind::Text, Kind::Text],
        Gives::Text,
        |a| {
            a.texts(|r| {
                let (Some(url), Some(name)) = (a.text(0, r).and_then(parse), a.text(1, r)) else {
                    return Ok(None);
                };
                let mut pairs = url
                    .query
                    .split('&')
                    .map(|p| p.split_once('=').unwrap_or((p, "")));
                Ok(pairs
                    .find(|(key, _)| decode(key, true) == name)
                    .map(|(_, value)| decode(value, true)))
            })
        },
    ),
    function("url_encode", TEXT, Gives::Text, |a| {
        a.texts(|r| Ok(a.text(0, r).map(encode)))
    }),
    function("url_decode", TEXT, Gives::Text, |a| {
        a.texts(|r| Ok(a.text(0, r).map(|t| decode(t, true))))
    }),
];

fn part(a: &Args<'_>, of: impl Fn(&Parts<'_>) -> Option<String>) -> Result<ArrayRef> {
    a.texts(|r| Ok(a.text(0, r).and_then(parse).and_then(|u| of(&u))))
}

struct Parts<'a> {
    protocol: &'a str,
    host: &'a str,
    port: Option<i64>,
    path: &'a str,
    query: &'a str,
    fragment: &'a str,
}

fn parse(url: &str) -> Option<Parts<'_>> {
    if url.contains(char::is_whitespace) {
        return None;
    }
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (protocol, rest) = rest.split_once("://").unwrap_or(("", rest));
    let slash = if protocol.is_empty() {
        0
    } else {
        rest.find('/').unwrap_or(rest.len())
    };
    let (authority, path) = rest.split_at(slash);
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (authority, None),
    };
    Some(Parts {
        protocol,
        host,
        port,
        path,
        query,
        fragment,
    })
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(b));
            }
            b' ' => out.push('+'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        let code = code.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = code.and_then(|h| u8::from_str_radix(h, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) if plus => bytes.push(b' '),
            _ => bytes.push(first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
