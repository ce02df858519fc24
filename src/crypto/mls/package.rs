//! Key packages. One serves many rooms (RFC 9420 section 16.8, last resort), so that an invitation needs no round trip.

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    Extension, ExtensionType, Extensions, KeyPackage, KeyPackageIn, LastResortExtension, Lifetime, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, ProtocolVersion, UnknownExtension,
};

use super::bag::Bag;
use super::{DeviceSigner, Engine, Leaf, MADE, MlsError, SUITE, capabilities, fake};
use crate::crypto::fake as suite;
use crate::crypto::keys::Keys;
use crate::types::{Millis, Rng};

/// A key package whose signatures and certificate hold.
#[derive(Clone)]
pub struct Package {
    /// Whose it is.
    pub leaf: Leaf,
    /// When it says it was made.
    pub made: Millis,
    inner: Inner,
}

/// Of the suite it was opened in.
#[derive(Clone)]
enum Inner {
    Real(Box<KeyPackage>),
    Fake(Box<fake::Package>),
}

/// The key packages inside, if all are of the real suite.
pub(super) fn real(packages: &[Package]) -> Option<Vec<KeyPackage>> {
    let inner = packages.iter().map(|package| match &package.inner {
        Inner::Real(inner) => Some((**inner).clone()),
        Inner::Fake(_) => None,
    });
    inner.collect()
}

/// The same for the fake one.
pub(super) fn fake(packages: &[Package]) -> Option<Vec<fake::Package>> {
    let inner = packages.iter().map(|package| match &package.inner {
        Inner::Real(_) => None,
        Inner::Fake(inner) => Some((**inner).clone()),
    });
    inner.collect()
}

impl Package {
    /// Opens an untrusted one. Whether it is in date is for the one who wants to add it to say: RFC 9420's lifetime is
    /// left open, because members judge an Add alike only if no clock is asked.
    pub fn open(engine: &Engine, bytes: &[u8]) -> Option<Self> {
        if suite::is_on() {
            let inner = fake::Package::open(bytes).filter(fake::Package::is_certified)?;
            return Some(Self { leaf: inner.leaf(), made: inner.made(), inner: Inner::Fake(Box::new(inner)) });
        }
        let MlsMessageBodyIn::KeyPackage(package) = MlsMessageIn::tls_deserialize_exact(bytes).ok()?.extract() else { return None };
        let inner = KeyPackageIn::validate(package, &engine.crypto, ProtocolVersion::Mls10).ok()?;
        if inner.ciphersuite() != SUITE {
            return None;
        }
        let node = inner.leaf_node();
        let leaf = Leaf::verify(node.credential(), node.signature_key().as_slice())?;
        let made = inner.extensions().unknown(MADE)?.0.as_slice().try_into().ok()?;
        Some(Self { leaf, made: u64::from_be_bytes(made), inner: Inner::Real(Box::new(inner)) })
    }

    /// The leaf's encryption key (X25519), which tells one key package of a device from another.
    pub fn encryption_key(&self) -> Option<[u8; 32]> {
        match &self.inner {
            Inner::Real(inner) => inner.leaf_node().encryption_key().tls_serialize_detached().ok()?.last_chunk().copied(),
            Inner::Fake(inner) => Some(inner.key()),
        }
    }
}

/// Makes a key package of this device; its secrets are in the bag.
pub fn make(engine: &Engine, rng: &mut Rng, keys: &Keys, made: Millis) -> Result<(Vec<u8>, Bag), MlsError> {
    if suite::is_on() {
        return Ok(fake::make(rng, keys, made));
    }
    let failed = MlsError::Failed("making a key package");
    let mut bag = Bag::default();
    let extensions = Extensions::from_vec(vec![
        Extension::LastResort(LastResortExtension::default()),
        Extension::Unknown(MADE, UnknownExtension(made.to_be_bytes().to_vec())),
    ])
    .map_err(|_| failed)?;
    debug_assert!(extensions.contains(ExtensionType::LastResort));
    let bundle = KeyPackage::builder()
        .key_package_lifetime(Lifetime::init(0, u64::MAX))
        .key_package_extensions(extensions)
        .leaf_node_capabilities(capabilities())
        .build(SUITE, &engine.provider(rng, &mut bag), &DeviceSigner(&keys.device), Leaf::credential(keys))
        .map_err(|_| failed)?;
    let message = MlsMessageOut::from(bundle.into_key_package());
    Ok((message.tls_serialize_detached().map_err(|_| failed)?, bag))
}
