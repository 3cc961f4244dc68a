//! Where events may be sent: to public addresses over https, and to what the configuration names. Whoever can add a webhook
//! must not reach through this program what only this machine can reach.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ureq::http::Uri;

use crate::Message;

/// The longest address of a webhook: what proxies and logs still take whole.
pub const URL_CHARS_MAX: usize = 500;

/// One entry of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host by its name. It may be asked without TLS, and may have an address of a private network; this machine and its
    /// neighbours on the link are not reached by a name alone, for whoever answers for names would choose them.
    Host(String),
    /// A range of addresses, `10.1.0.0/16`, or one. Nothing in it is refused.
    Range(IpAddr, u32),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "HOST, ADDRESS or ADDRESS/BITS".to_owned();
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        if let Ok(address) = address.parse::<IpAddr>() {
            let width = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(width), str::parse::<u32>).map_err(|_| wrong())?;
            return if bits <= width { Ok(Self::Range(address, bits)) } else { Err(wrong()) };
        }
        let is_known = |character: char| character.is_ascii_alphanumeric() || "-.".contains(character);
        if bits.is_none() && !text.is_empty() && text.chars().all(is_known) {
            Ok(Self::Host(text.to_ascii_lowercase()))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => out.write_str(name),
            Self::Range(address, bits) => write!(out, "{address}/{bits}"),
        }
    }
}

impl Target {
    fn has_address(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Range(IpAddr::V4(first), bits), IpAddr::V4(address)) => {
                let behind = 32 - *bits;
                u64::from(first.to_bits()) >> behind == u64::from(address.to_bits()) >> behind
            }
            (Self::Range(IpAddr::V6(first), bits), IpAddr::V6(address)) => {
                let same = (first.to_bits() ^ address.to_bits()).leading_zeros();
                same >= *bits
            }
            _ => false,
        }
    }
}

/// Everything that the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets(pub Vec<Target>);

impl Targets {
    /// Whether a connection to an address may be opened that was found for a host.
    #[must_use]
    pub fn allow(&self, host: &str, address: IpAddr) -> bool {
        // ::ffff:127.0.0.1 is 127.0.0.1.
        let address = address.to_canonical();
        is_public(address)
            || self.0.iter().any(|target| target.has_address(address))
            || (is_private(address) && self.names(host))
    }

    fn names(&self, host: &str) -> bool {
        self.0.iter().any(|target| matches!(target, Target::Host(name) if *name == host))
    }

    /// Reads the address of a webhook, and refuses what is known to be refused without asking for the host's addresses.
    ///
    /// # Errors
    /// `webhook.url` (no address of a host, or with a user's name in it), `webhook.needs_https`, `webhook.target_forbidden`.
    pub fn read(&self, url: &str) -> Result<Uri, Message> {
        let no_url = || Message::new("webhook.url").with("max", URL_CHARS_MAX);
        let uri: Uri = url.parse().map_err(|_| no_url())?;
        let is_http = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return Err(no_url()),
        };
        let authority = uri.authority().ok_or_else(no_url)?;
        let host = host(&uri);
        if url.chars().count() > URL_CHARS_MAX
            || host.is_empty()
            || authority.as_str().contains('@')
            || url.contains(|character: char| character == '#' || character.is_whitespace())
        {
            return Err(no_url());
        }
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        if address.is_some_and(|address| !self.allow(&host, address)) {
            return Err(Message::new("webhook.target_forbidden").with("host", &host));
        }
        let is_named =
            self.names(&host) || address.is_some_and(|address| self.0.iter().any(|target| target.has_address(address)));
        if is_http && !is_named {
            return Err(Message::new("webhook.needs_https").with("host", &host));
        }
        Ok(uri)
    }
}

/// The host of an address, as names are compared: small letters, no brackets, no dot at the end.
pub(super) fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.trim_end_matches('.').to_ascii_lowercase()
}

/// Networks of one's own: RFC 1918, RFC 6598, RFC 4193.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || is_shared(address.octets()),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// 100.64.0.0/10: behind a provider's translation of addresses.
const fn is_shared(octets: [u8; 4]) -> bool {
    octets[0] == 100 && octets[1] & 0b1100_0000 == 64
}

/// Whether an address is of the public network, by the registries of special addresses (RFC 6890 and what updates it).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let octets = address.octets();
            !(octets[0] == 0
                || address.is_private()
                || is_shared(octets)
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation()
                || matches!(octets, [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..])
                // Multicast, reserved, broadcast.
                || octets[0] >= 224)
        }
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// 2000::/3 is all that is given out. Out of it: 2001::/23 (special, Teredo among it), 2001:db8::/32 and 3fff::/20
/// (documentation), 2002::/16 (an IPv4 address inside).
const fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = match first {
        0x2001 => second < 0x200 || second == 0xdb8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    first & 0xe000 == 0x2000 && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(texts: &[&str]) -> Targets {
        Targets(texts.iter().map(|text| text.parse().expect("a target")).collect())
    }

    fn allows(targets: &Targets, host: &str, address: &str) -> bool {
        targets.allow(host, address.parse().expect("an address"))
    }

    #[test]
    fn only_public_addresses_where_nothing_is_configured() {
        let none = Targets::default();
        for public in ["8.8.8.8", "1.1.1.1", "203.0.112.1", "100.128.0.1", "172.32.0.1", "2606:4700::1", "2400:3200::1"]
        {
            assert!(allows(&none, "a.example", public), "{public}");
        }
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ] {
            assert!(!allows(&none, "a.example", refused), "{refused}");
        }
    }

    #[test]
    fn a_range_opens_what_is_in_it_and_a_name_only_private_networks() {
        let some = targets(&["10.1.0.0/16", "127.0.0.1", "fd00::/8", "Intranet.Court"]);
        for (host, address, is_allowed) in [
            ("x", "10.1.255.255", true),
            ("x", "10.2.0.0", false),
            ("x", "127.0.0.1", true),
            ("x", "127.0.0.2", false),
            ("x", "::ffff:10.1.0.1", true),
            ("x", "fd34::1", true),
            ("x", "fc00::1", false),
            ("intranet.court", "192.168.7.7", true),
            ("intranet.court", "100.64.3.3", true),
            ("intranet.court", "127.0.0.2", false),
            ("intranet.court", "169.254.169.254", false),
            ("intranet.court", "::1", false),
            ("other.court", "192.168.7.7", false),
        ] {
            assert_eq!(allows(&some, host, address), is_allowed, "{host} {address}");
        }
        assert!(allows(&targets(&["0.0.0.0/0"]), "x", "127.0.0.1"));
        assert!(allows(&targets(&["::/0"]), "x", "::1"));
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in
            ["", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "host/8", "a host", "https://a", "[::1]", "a:80"]
        {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
        assert_eq!("10.0.0.0/8".parse::<Target>().expect("a range").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn an_address_of_a_webhook_is_read() {
        let some = targets(&["intranet.court", "10.0.0.0/8"]);
        let code = |url: &str| some.read(url).map_or_else(|refused| refused.code, |_| "");
        for (url, expected) in [
            ("https://hooks.example/a?b=c", ""),
            ("https://HOOKS.example:8443", ""),
            ("http://hooks.example/a", "webhook.needs_https"),
            ("http://intranet.court/a", ""),
            ("http://Intranet.Court./a", ""),
            ("http://10.1.1.1/a", ""),
            ("http://8.8.8.8/a", "webhook.needs_https"),
            ("https://8.8.8.8/a", ""),
            ("https://192.168.1.1/", "webhook.target_forbidden"),
            ("https://[::1]/", "webhook.target_forbidden"),
            ("https://[::ffff:192.168.1.1]/", "webhook.target_forbidden"),
            ("http://127.0.0.1/", "webhook.target_forbidden"),
            ("https://me:secret@hooks.example/", "webhook.url"),
            ("https://hooks.example/#part", "webhook.url"),
            ("ftp://hooks.example/", "webhook.url"),
            ("file:///etc/passwd", "webhook.url"),
            ("hooks.example/a", "webhook.url"),
            ("https://", "webhook.url"),
            ("", "webhook.url"),
        ] {
            assert_eq!(code(url), expected, "{url}");
        }
        assert_eq!(code(&format!("https://hooks.example/{}", "a".repeat(URL_CHARS_MAX))), "webhook.url");
    }
}
