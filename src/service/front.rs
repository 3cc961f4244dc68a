//! What every request passes first: who is at the other end, a number by which it is found in the log, how long it took.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Service;
use super::incoming::Peer;
use crate::access::Actor;
use crate::clock::{Randomness, Stopwatch};

/// The number of a request, in its answer and in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const FORWARDED_FOR: &str = "x-forwarded-for";

/// How the service stands to the world.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Proxies whose word about who asks is taken.
    pub trusted_proxies: Vec<IpAddr>,
    /// The address by which people reach the service: `https://ankuan.example`. With it, forms of other sites are refused.
    pub origin: Option<String>,
    /// With it, the figures may be read from elsewhere than this machine.
    pub metrics_token: Option<String>,
}

/// Who asked, told by the first that knows: for the log.
#[derive(Clone, Debug, Default)]
pub struct Asker(Arc<OnceLock<(i64, i64)>>);

impl Asker {
    /// Tells who asked.
    pub fn tell(&self, person: &Actor) {
        // It is the same person, however often it is told.
        let _told = self.0.set((person.court_id, person.person_id));
    }
}

/// Passes a request on and says in the log what came of it: never with a path, which may name a case, nor with an address.
pub async fn pass(
    State((service, front)): State<(Arc<Service>, Arc<Front>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let watch = Stopwatch::start();
    let id = Randomness::system().bytes::<8>().map(|bytes| ankuan_ledger::chain::hex(&bytes)).unwrap_or_default();
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    if let Some(ConnectInfo(Peer(peer))) = request.extensions().get::<ConnectInfo<Peer>>().copied() {
        let client = client_of(peer.ip(), request.headers(), &front.trusted_proxies);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, peer.port())));
    }
    let method = word_of(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let mut response = if is_foreign(request.headers(), front.origin.as_deref()) {
        (StatusCode::FORBIDDEN, "the form came from another site\n").into_response()
    } else {
        next.run(request).await
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, micros) = (response.status().as_u16(), watch.micros());
    service.metrics.answered(method, &route, status, micros);
    let (court, person) = asker.0.get().copied().unwrap_or_default();
    tracing::info!(request = id, method, route, status, micros, court, person, "answered");
    response
}

/// A method that is none of these would be a label of somebody's choice.
fn word_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

/// Who asks: whoever is at the other end, or if that is a proxy of ours, the last before it that is none.
fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let values: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    let mut client = peer;
    for hop in values.iter().flat_map(|value| value.split(',')).rev() {
        let Ok(address) = hop.trim().parse() else { return client };
        client = address;
        if !trusted.contains(&client) {
            return client;
        }
    }
    client
}

/// Whether a browser says that what it sends was begun on another site.
fn is_foreign(headers: &HeaderMap, origin: Option<&str>) -> bool {
    let Some(origin) = origin else { return false };
    headers.get(header::ORIGIN).is_some_and(|given| given.as_bytes() != origin.as_bytes())
}

/// Whether the figures may be read: on the machine itself, not by way of a proxy on it, or with the token.
#[must_use]
pub fn may_read_metrics(front: &Front, request: &Request) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    if let (Some(token), Some(given)) = (&front.metrics_token, given.and_then(|given| given.strip_prefix("Bearer "))) {
        // Compared by digest: how long it takes says nothing about the token.
        let digest = |text: &str| ankuan_ledger::chain::sha256(&[text.as_bytes()]);
        return digest(token) == digest(given);
    }
    let is_direct = !request.headers().contains_key(FORWARDED_FOR) && !request.headers().contains_key("forwarded");
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(client)| client.ip());
    is_direct && client.is_some_and(|client| client.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("6.6.6.6, 9.9.9.9"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("10.0.0.2"));
        let proxies = [ip("10.0.0.1"), ip("10.0.0.2")];
        // The first is what the client wrote itself; the proxy added who came to it.
        assert_eq!(client_of(ip("10.0.0.1"), &headers, &proxies), ip("9.9.9.9"));
        assert_eq!(client_of(ip("10.0.0.1"), &headers, &proxies[..1]), ip("10.0.0.2"));
        assert_eq!(client_of(ip("10.0.0.1"), &headers, &[]), ip("10.0.0.1"));
        assert_eq!(client_of(ip("8.8.8.8"), &headers, &proxies), ip("8.8.8.8"));
        assert_eq!(client_of(ip("10.0.0.1"), &HeaderMap::new(), &proxies), ip("10.0.0.1"));
    }

    #[test]
    fn figures_are_for_the_machine_itself_or_the_token() {
        let front = Front { metrics_token: Some("a-long-token-of-somebody".to_owned()), ..Front::default() };
        let request = |client: &str, header: Option<(&'static str, &'static str)>| {
            let mut request = Request::new(axum::body::Body::empty());
            let address: SocketAddr = format!("{client}:1").parse().expect("an address");
            request.extensions_mut().insert(ConnectInfo(address));
            if let Some((name, value)) = header {
                request.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            request
        };
        assert!(may_read_metrics(&front, &request("127.0.0.1", None)));
        assert!(!may_read_metrics(&front, &request("127.0.0.1", Some((FORWARDED_FOR, "127.0.0.1")))));
        assert!(!may_read_metrics(&front, &request("10.0.0.5", None)));
        let right = Some(("authorization", "Bearer a-long-token-of-somebody"));
        assert!(may_read_metrics(&front, &request("10.0.0.5", right)));
        assert!(!may_read_metrics(&front, &request("10.0.0.5", Some(("authorization", "Bearer another")))));
        assert!(!may_read_metrics(&Front::default(), &request("10.0.0.5", right)));
    }

    #[test]
    fn a_form_of_another_site_is_foreign() {
        let mut headers = HeaderMap::new();
        assert!(!is_foreign(&headers, Some("https://a.example")));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://b.example"));
        assert!(is_foreign(&headers, Some("https://a.example")));
        assert!(!is_foreign(&headers, Some("https://b.example")));
        assert!(!is_foreign(&headers, None));
    }
}
