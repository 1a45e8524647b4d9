//! Targets: addresses normalised, credentials by reference, limits merged over the file's.

use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;
use url::Url;

use super::slo;
use crate::foundation::diagnostic::Finding;
use crate::foundation::secret::{Secret, SecretRef};
use crate::kinds::protocol;
use crate::scenario::check::child;
use crate::scenario::document::target as document;
use crate::scenario::domain::{Address, Auth, HttpOptions, Prices, Ready, Target};

/// What is asked for to know that a target is ready.
const READY_PATH: &str = "/health";
/// The budget for readiness in seconds.
const READY_WITHIN_S: u64 = 60;
/// Seconds between two tries.
const READY_EVERY_S: u64 = 1;

/// The targets of a legal document, whose paths start at `folder`.
pub(super) fn targets(
    written: &IndexMap<String, document::Target>,
    file_slo: &Value,
    whole: &Value,
    folder: &Path,
) -> Result<IndexMap<String, Target>, Finding> {
    let mut targets = IndexMap::new();
    for (name, target) in written {
        let pointer = child("/targets", name);
        let own_slo = whole.pointer(&format!("{pointer}/slo"));
        let mut resolved = resolve(name, target, file_slo, own_slo)?;
        resolved.http.ca_file = resolved.http.ca_file.map(|path| folder.join(path));
        targets.insert(name.clone(), resolved);
    }
    Ok(targets)
}

fn resolve(
    name: &str,
    written: &document::Target,
    file_slo: &Value,
    own_slo: Option<&Value>,
) -> Result<Target, Finding> {
    let pointer = child("/targets", name);
    let common = written.common.clone();
    let (address, user_info) = address(&common, &pointer)?;
    let http_protocol = match &written.options {
        document::Options::Http(options) => Some((**options).clone()),
        _ => None,
    };
    Ok(Target {
        name: name.to_owned(),
        protocol: common.protocol,
        address,
        model: common.requests.model,
        path: common.requests.path,
        auth: common.requests.auth.map(auth),
        user_info,
        headers: common.requests.headers.into_iter().collect(),
        params: common.requests.params,
        tokenizer: common.requests.tokenizer,
        ready: common.around.ready.map(ready),
        metadata: common.around.metadata,
        http: common.http.map(http).unwrap_or_default(),
        prices: common.prices.map(|prices| Prices {
            per_hour: prices.per_hour,
            currency: prices.currency.unwrap_or_else(|| "USD".to_owned()),
        }),
        setup: common.around.setup,
        teardown: common.around.teardown,
        slo: slo::of_target(file_slo, own_slo, &pointer)?,
        allow_hosts: common.address.allow_hosts,
        http_protocol,
    })
}

/// The address, and the user-info that stood in it.
fn address(common: &document::Common, pointer: &str) -> Result<(Address, Option<Secret>), Finding> {
    let written = &common.address;
    if let Some(model) = &written.embedded {
        return Ok((Address::Embedded(Box::new(model.clone())), None));
    }
    let urls: Vec<(String, &String)> = match (&written.base_url, &written.base_urls) {
        (Some(url), _) => vec![(format!("{pointer}/base_url"), url)],
        (None, Some(urls)) => urls
            .iter()
            .enumerate()
            .map(|(index, url)| (format!("{pointer}/base_urls/{index}"), url))
            .collect(),
        (None, None) => Vec::new(),
    };
    let under_v1 = speaks_v1(common.protocol, common.requests.path.as_deref());
    let mut bases = Vec::new();
    let mut user_info = None;
    for (pointer, url) in urls {
        let (base, info) =
            base(url, under_v1).map_err(|reason| Finding::error("bad-url", pointer, reason))?;
        bases.push(base);
        user_info = user_info.or(info);
    }
    Ok((Address::Urls(bases), user_info))
}

/// Whether what is appended to the base URL begins with `/v1` itself.
fn speaks_v1(kind: protocol::Kind, path: Option<&str>) -> bool {
    path.map_or(kind.under_v1(), |path| path.starts_with("/v1/"))
}

/// A base URL without its user-info, last slash and doubled `/v1`; and the user-info.
fn base(written: &str, under_v1: bool) -> Result<(String, Option<Secret>), String> {
    let mut url = parse(written)?;
    let user_info = (!url.username().is_empty() || url.password().is_some()).then(|| {
        let value = format!(
            "{}:{}",
            decoded(url.username()),
            decoded(url.password().unwrap_or_default())
        );
        Secret::new(SecretRef::Env("base_url".to_owned()), value)
    });
    // Setting these fails only for URLs that cannot have them, which `parse` has refused.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let text = url.as_str().trim_end_matches('/');
    let text = if under_v1 {
        text.strip_suffix("/v1").unwrap_or(text)
    } else {
        text
    };
    Ok((text.trim_end_matches('/').to_owned(), user_info))
}

/// An address that requests can be sent to.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(written: &str) -> Result<Url, String> {
    let url = Url::parse(written).map_err(|error| format!("`{written}` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{written}` is neither `http://…` nor `https://…`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "`{written}` has a query or a fragment, which a base URL cannot have"
        ));
    }
    Ok(url)
}

/// Percent-decoded.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|_| *byte == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(hex.unwrap_or(*byte));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn auth(written: document::Auth) -> Auth {
    match written {
        document::Auth::Bearer(token) => Auth::Bearer(token),
        document::Auth::Basic(basic) => Auth::Basic {
            user: basic.user,
            password: basic.password,
        },
        document::Auth::Header(header) => Auth::Header {
            name: header.name,
            value: header.value,
        },
    }
}

fn ready(written: document::Ready) -> Ready {
    let seconds = std::time::Duration::from_secs;
    Ready {
        path: written.path.unwrap_or_else(|| READY_PATH.to_owned()),
        within: written
            .within
            .map_or(seconds(READY_WITHIN_S), |within| within.0),
        every: written
            .every
            .map_or(seconds(READY_EVERY_S), |every| every.0),
    }
}

fn http(written: document::Http) -> HttpOptions {
    HttpOptions {
        version: written.version,
        connection_per_request: written.connections == document::Connections::PerRequest,
        proxy_from_environment: written.proxy == document::Proxy::Env,
        client: written.client,
        ca_file: written.tls.map(|tls| tls.ca),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_loses_its_last_slash_and_a_doubled_v1_only() {
        for (written, under_v1, base_url) in [
            ("http://h:8000", true, "http://h:8000"),
            ("http://h:8000/", true, "http://h:8000"),
            ("http://h:8000/v1", true, "http://h:8000"),
            ("http://h:8000/v1/", true, "http://h:8000"),
            ("http://h:8000/api/v1/", true, "http://h:8000/api"),
            ("http://h:8000/v1", false, "http://h:8000/v1"),
        ] {
            assert_eq!(base(written, under_v1).unwrap().0, base_url, "{written}");
        }
    }

    #[test]
    fn user_info_is_taken_out_of_the_url_and_not_shown() {
        let (url, info) = base("http://a:p%40ss@h/", false).unwrap();
        assert_eq!(url, "http://h");
        let info = info.unwrap();
        assert_eq!(info.expose(), "a:p@ss");
        assert!(!format!("{info:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for written in [
            "h:8000",
            "127.0.0.1:8000",
            "ftp://h",
            "http://",
            "http://h/?q=1",
            "http://h/#a",
        ] {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
