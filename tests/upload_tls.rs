//! Who is not who they should be gets nothing, and an upstream that lies is named.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]

mod upload_support;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use upload_support::seed::{Appliance, fill};
use upload_support::{Collector, Fault, eventually, settings};
use watchpost::health::State;
use watchpost::store::StoreSettings;
use watchpost::upload::TlsSettings;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/upload_support/tls", name].iter().collect()
}

fn pinned() -> TlsSettings {
    TlsSettings { ca_file: Some(file("ca.pem")), ..TlsSettings::default() }
}

/// A collector with the certificate `name`; it wants one of the box when told so.
fn collector(name: &str, wants_client: bool) -> Collector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let chain = vec![CertificateDer::from_pem_file(file(&format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file(&format!("{name}-key.pem"))).unwrap();
    let builder = match wants_client {
        false => builder.with_no_client_auth(),
        true => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    Collector::start_tls(builder.with_single_cert(chain, key).unwrap())
}

/// What health says once it says that the upload fails.
fn complaint(appliance: &Appliance) -> String {
    eventually("a complaint", || appliance.report().state == State::Degraded);
    appliance.report().message
}

fn refused(collector: &Collector, url: &str, tls: TlsSettings) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    fill(&appliance.store, 25);
    appliance.upload_trusting(url, tls, settings());
    let complaint = complaint(&appliance);
    assert_eq!(collector.look(|kept| kept.requests), 0, "a request got through");
    appliance.close();
    complaint
}

fn https(collector: &Collector) -> String {
    collector.url().replace("http:", "https:")
}

#[test]
fn who_cannot_prove_who_they_are_gets_nothing() {
    for (name, tls, reason) in [
        ("expired", pinned(), "expired"),
        ("stranger", pinned(), "not valid for name"),
        ("self", pinned(), "certificate"),
        // The system does not know this authority.
        ("server", TlsSettings::default(), "certificate"),
    ] {
        let collector = collector(name, false);
        let complaint = refused(&collector, &https(&collector), tls);
        assert!(complaint.contains(reason), "{name}: {complaint}");
    }
}

#[test]
fn https_does_not_become_http() {
    let collector = Collector::start(|_, _| Fault::None);
    let complaint = refused(&collector, &https(&collector), pinned());
    assert!(complaint.contains("cannot connect"), "{complaint}");
}

#[test]
fn both_sides_know_each_other_by_their_certificates() {
    let collector = collector("server", true);
    let complaint = refused(&collector, &https(&collector), pinned());
    assert!(complaint.contains("ertificate"), "{complaint}");

    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    fill(&appliance.store, 25);
    let ours = TlsSettings {
        cert_file: Some(file("box.pem")),
        key_file: Some(file("box-key.pem")),
        ..pinned()
    };
    appliance.upload_trusting(&https(&collector), ours, settings());
    collector.wait("an event", |kept| kept.order.iter().any(|key| key.starts_with("event")));
    appliance.close();
}

#[test]
fn a_redirect_is_told_to_people_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    fill(&appliance.store, 25);
    let collector = Collector::start(|_, _| Fault::Status(307));
    appliance.upload(&collector.url(), settings());
    let complaint = complaint(&appliance);
    assert!(complaint.contains("169.254.169.254"), "{complaint}");
    let next_step = appliance.report().next_step.unwrap();
    assert!(next_step.contains("upload.http.url"), "{next_step}");
    appliance.close();
}
