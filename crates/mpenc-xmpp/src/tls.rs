//! TLS with a server (RFC 6120, 5): STARTTLS, and whose certificates count.

use alloc::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use sasl::common::ChannelBinding;
use tokio::io::BufWriter;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, Error as TlsError, ProtocolVersion, RootCertStore,
};
use tokio_xmpp::Error;
use tokio_xmpp::error::ProtocolError;
use tokio_xmpp::parsers::ns;
use tokio_xmpp::parsers::starttls::{Nonza, Request};
use tokio_xmpp::xmlstream::{
    ReadError, StreamHeader, Timeouts, XmlStream, XmppStreamElement, initiate_stream,
};

use crate::bounded::Bounded;
use crate::wire::Wire;

/// The certificates in a text (PEM), each fit to be an authority's; what is wrong otherwise.
pub(crate) fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut found = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let number = index.saturating_add(1);
        let certificate =
            certificate.map_err(|_| format!("certificate {number} in it is damaged"))?;
        found.add(certificate).map_err(|_| format!("certificate {number} in it cannot be read"))?;
    }
    if found.is_empty() {
        return Err(
            "there is no certificate in it (it would begin with BEGIN CERTIFICATE)".to_owned()
        );
    }
    Ok(found)
}

/// The operating system's authorities, and these. What is wrong if there are none at all.
pub(crate) fn trusted(own: &RootCertStore) -> Result<RootCertStore, String> {
    let system = rustls_native_certs::load_native_certs();
    let mut all = own.clone();
    all.add_parsable_certificates(system.certs);
    if !all.is_empty() {
        return Ok(all);
    }
    let why = system.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
    Err(format!("the operating system knows no certificate authorities{why}"))
}

/// Changes a fresh connection over to TLS, with a certificate of `domain`.
pub(crate) async fn start(
    wire: Wire,
    domain: &str,
    header: StreamHeader<'_>,
    timeouts: Timeouts,
    trusted: RootCertStore,
) -> Result<(TlsStream<Wire>, ChannelBinding), Error> {
    let stream = Bounded::new(BufWriter::new(wire));
    let stream = initiate_stream(stream, ns::JABBER_CLIENT, header, timeouts).await?;
    let (features, mut stream) = stream.recv_features::<XmppStreamElement>().await?;
    if !features.can_starttls() {
        return Err(Error::Protocol(ProtocolError::NoTls));
    }
    stream.send(&XmppStreamElement::Starttls(Nonza::Request(Request))).await?;
    proceed(&mut stream).await?;
    // What somebody may have put behind the answer stays in the buffer, which goes.
    let wire = stream.into_inner().into_inner().into_inner();

    // Named, so that it does not matter what other crates of a program choose.
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from(domain.to_owned())
        .map_err(|_| invalid(TlsError::InvalidCertificate(CertificateError::NotValidForName)))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, wire).await?;
    let binding = channel_binding(&stream);
    Ok((stream, binding))
}

/// Waits for the server's answer to our request.
async fn proceed(
    stream: &mut XmlStream<Bounded<BufWriter<Wire>>, XmppStreamElement>,
) -> Result<(), Error> {
    loop {
        match stream.next().await {
            Some(Ok(XmppStreamElement::Starttls(Nonza::Proceed(_)))) => return Ok(()),
            Some(Ok(_)) => return Err(Error::Protocol(ProtocolError::NoTls)),
            Some(Err(ReadError::SoftTimeout)) => {}
            Some(Err(ReadError::HardError(error))) => return Err(error.into()),
            Some(Err(ReadError::ParseError(error))) => {
                return Err(Error::Protocol(ProtocolError::Parsers(error)));
            }
            Some(Err(ReadError::StreamFooterReceived)) | None => return Err(Error::Disconnected),
        }
    }
}

/// What ties the proof of the password to this connection (RFC 9266), where TLS has it.
fn channel_binding(stream: &TlsStream<Wire>) -> ChannelBinding {
    let (_, connection) = stream.get_ref();
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return ChannelBinding::None;
    }
    match connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", None) {
        Ok(material) => ChannelBinding::TlsExporter(material),
        Err(_) => ChannelBinding::None,
    }
}

fn invalid(error: TlsError) -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

/// What TLS has against the server, if this is about that.
pub(crate) fn objection(error: &std::io::Error) -> Option<Objection> {
    let error = error.get_ref()?.downcast_ref::<TlsError>()?;
    let TlsError::InvalidCertificate(problem) = error else {
        return Some(Objection::Other(error.to_string()));
    };
    if *problem == CertificateError::UnknownIssuer {
        return Some(Objection::UnknownIssuer);
    }
    let text = if *problem == CertificateError::BadSignature {
        "a signature on its certificate is wrong; has the authority been made anew?".to_owned()
    } else if problem.to_string().contains("CaUsedAsEndEntity") {
        "its certificate is an authority's; it needs one of its own, signed by that".to_owned()
    } else {
        problem.to_string()
    };
    Some(Objection::Other(text))
}

/// See [`objection`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// Nobody who is trusted vouches for the certificate.
    UnknownIssuer,
    /// In a sentence.
    Other(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_authorities_are_refused() {
        fn check(pem: &str, expect: &str) {
            let refused = authorities(pem.as_bytes()).unwrap_err();
            assert!(refused.contains(expect), "{pem:?}: {refused}");
        }
        check("", "there is no certificate in it");
        check("hello\n", "there is no certificate in it");
        check("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", "certificate 1 in it is damaged");
        check("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "is damaged");
        check(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 in it cannot be read",
        );
    }

    #[test]
    fn other_troubles_are_not_about_certificates() {
        assert_eq!(objection(&std::io::Error::other("a broken pipe")), None);
        let expired = TlsError::InvalidCertificate(CertificateError::Expired);
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, expired);
        let Some(Objection::Other(text)) = objection(&error) else { panic!("{error}") };
        assert!(text.contains("xpired"), "{text}");
    }
}
