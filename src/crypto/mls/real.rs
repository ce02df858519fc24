//! One epoch of a group by OpenMLS.

use std::collections::BTreeSet;

use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::group::{
    GroupId as MlsGroupId, MlsGroup, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessMessageError, StageCommitError,
    StagedCommit, StagedWelcome, ValidationError, WelcomeError,
};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    ContentType, CredentialType, Extension, ExtensionType, Extensions, KeyPackage, LeafNodeIndex, Lifetime, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, ProcessedMessageContent, Proposal, ProposalOrRefType, ProtocolMessage, RequiredCapabilitiesExtension, Sender,
    SenderRatchetConfiguration, UnknownExtension,
};

use super::bag::{self, Bag};
use super::group::{Kind, Made, Next, OpenError, Staged};
use super::{DeviceSigner, Engine, INFO, Leaf, MlsError, SUITE, capabilities};
use crate::crypto::keys::Keys;
use crate::types::limits::{FORWARD_DISTANCE_MAX, OUT_OF_ORDER_MAX};
use crate::types::{DeviceId, GroupId, Rng};

/// A group in one of its epochs; see [`super::Group`] for what each function does.
pub(super) struct Group {
    mls: MlsGroup,
    bag: Bag,
}

/// The kind of a message; `None` for what no member sends.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    match message(bytes)? {
        ProtocolMessage::PrivateMessage(private) if private.content_type() == ContentType::Application => Some(Kind::Application),
        ProtocolMessage::PublicMessage(public) if public.content_type() == ContentType::Commit => Some(Kind::Commit),
        _ => None,
    }
}

impl Group {
    pub(super) fn create(engine: &Engine, rng: &mut Rng, keys: &Keys, id: &GroupId, info: &[u8]) -> Result<Self, MlsError> {
        let failed = MlsError::Failed("making a group");
        let required = RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(INFO)], &[], &[CredentialType::Basic]);
        let context = Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required),
            Extension::Unknown(INFO, UnknownExtension(info.to_vec())),
        ])
        .map_err(|_| failed)?;
        let mut bag = Bag::default();
        let mls = MlsGroup::builder()
            .with_group_id(MlsGroupId::from_slice(&id.0))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(true)
            .sender_ratchet_configuration(ratchet())
            .lifetime(Lifetime::init(0, u64::MAX))
            .with_capabilities(capabilities())
            .with_group_context_extensions(context)
            .build(&engine.provider(rng, &mut bag), &DeviceSigner(&keys.device), Leaf::credential(keys))
            .map_err(|_| failed)?;
        Ok(Self { mls, bag })
    }

    pub(super) fn join(engine: &Engine, rng: &mut Rng, packages: &Bag, welcome: &[u8]) -> Result<(Self, Leaf), MlsError> {
        let invalid = MlsError::Invalid("welcome");
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(welcome).map_err(|_| invalid)?.extract() else {
            return Err(invalid);
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(true)
            .sender_ratchet_configuration(ratchet())
            .build();
        let mut bag = Bag::default();
        bag.extend(packages);
        let provider = engine.provider(rng, &mut bag);
        let staged = StagedWelcome::build_from_welcome(&provider, &config, welcome)
            .map_err(|error| if matches!(error, WelcomeError::NoMatchingKeyPackage) { MlsError::NoKeyPackage } else { invalid })?
            .skip_lifetime_validation()
            .build()
            .map_err(|_| invalid)?;
        let sender = staged.welcome_sender().map_err(|_| invalid)?;
        let sender = Leaf::verify(sender.credential(), sender.signature_key().as_slice()).ok_or(invalid)?;
        let mls = staged.into_group(&provider).map_err(|_| invalid)?;
        bag.take(bag::KEY_PACKAGE);
        let group = Self { mls, bag };
        let verified = group.mls.members().map(|member| Leaf::verify(&member.credential, &member.signature_key));
        let devices: Option<Vec<DeviceId>> = verified.map(|leaf| leaf.map(|leaf| leaf.device)).collect();
        if group.mls.ciphersuite() != SUITE || !devices.is_some_and(|devices| is_distinct(&devices)) {
            return Err(MlsError::Invalid("leaf"));
        }
        Ok((group, sender))
    }

    pub(super) fn load(engine: &Engine, rng: &mut Rng, id: &GroupId, mut bag: Bag) -> Option<Self> {
        let provider = engine.provider(rng, &mut bag);
        let mls = MlsGroup::load(&provider.shelf, &MlsGroupId::from_slice(&id.0)).ok().flatten()?;
        Some(Self { mls, bag })
    }

    pub(super) fn bag(&mut self) -> &mut Bag {
        &mut self.bag
    }

    pub(super) fn id(&self) -> Option<GroupId> {
        GroupId::from_slice(self.mls.group_id().as_slice())
    }

    pub(super) fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    pub(super) fn authenticator(&self) -> Vec<u8> {
        self.mls.epoch_authenticator().as_slice().to_vec()
    }

    pub(super) fn export(&self, engine: &Engine) -> Result<[u8; 32], MlsError> {
        let secret = self.mls.export_secret(&engine.crypto, "tidings v1 room", &[], 32).map_err(|_| MlsError::Failed("exporting"))?;
        secret.try_into().map_err(|_| MlsError::Failed("exporting"))
    }

    pub(super) fn info(&self) -> Option<&[u8]> {
        self.mls.extensions().unknown(INFO).map(|extension| extension.0.as_slice())
    }

    pub(super) fn leaves(&self) -> Vec<Leaf> {
        self.mls.members().filter_map(|member| Leaf::read(&member.credential)).map(|(leaf, _)| leaf).collect()
    }

    pub(super) fn encryption_key(&self, device: &DeviceId) -> Option<Vec<u8>> {
        self.mls.members().find(|member| member.signature_key == device.0).map(|member| member.encryption_key)
    }

    pub(super) fn commit(
        &mut self,
        engine: &Engine,
        rng: &mut Rng,
        keys: &Keys,
        adds: Vec<KeyPackage>,
        removes: &[DeviceId],
    ) -> Result<Made, MlsError> {
        let failed = MlsError::Failed("committing");
        let gone: Vec<LeafNodeIndex> = removes.iter().filter_map(|device| self.index(device)).collect();
        let Self { mls, bag } = self;
        let provider = engine.provider(rng, bag);
        let bundle = mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(gone)
            .propose_adds(adds)
            .load_psks(&provider.shelf)
            .map_err(|_| failed)?
            .build(&provider.rng, provider.crypto, &DeviceSigner(&keys.device), |_| true)
            .map_err(|_| failed)?
            .stage_commit(&provider)
            .map_err(|_| failed)?;
        let (commit, welcome, _) = bundle.into_messages();
        mls.merge_pending_commit(&provider).map_err(|_| failed)?;
        bag.move_away();
        let bytes = |message: MlsMessageOut| message.tls_serialize_detached().map_err(|_| failed);
        Ok(Made { commit: bytes(commit)?, welcome: welcome.map(bytes).transpose()? })
    }

    pub(super) fn stage(&mut self, engine: &Engine, rng: &mut Rng, commit: &[u8]) -> Result<Staged, MlsError> {
        let invalid = MlsError::Invalid("commit");
        let message = message(commit).ok_or(invalid)?;
        let ProtocolMessage::PublicMessage(public) = &message else { return Err(invalid) };
        let Sender::Member(index) = *public.sender() else { return Err(invalid) };
        let committer = self.leaf(index).ok_or(invalid)?;
        let provider = engine.provider(rng, &mut self.bag);
        let processed = self.mls.process_message(&provider, message).map_err(|error| match error {
            ProcessMessageError::InvalidCommit(StageCommitError::OwnCommitMismatch) => MlsError::OwnCommit,
            _ => invalid,
        })?;
        let ProcessedMessageContent::StagedCommitMessage(inner) = processed.into_content() else { return Err(invalid) };
        let path = inner.update_path_leaf_node().ok_or(MlsError::Invalid("commit without a path"))?;
        if Leaf::verify(path.credential(), path.signature_key().as_slice()) != Some(committer) {
            return Err(MlsError::Invalid("leaf"));
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for queued in inner.queued_proposals() {
            if queued.proposal_or_ref_type() != ProposalOrRefType::Proposal {
                return Err(MlsError::Invalid("proposal by reference"));
            }
            match queued.proposal() {
                Proposal::Add(add) => {
                    let node = add.key_package().leaf_node();
                    added.push(Leaf::verify(node.credential(), node.signature_key().as_slice()).ok_or(MlsError::Invalid("leaf"))?);
                }
                Proposal::Remove(remove) => removed.push(self.leaf(remove.removed()).ok_or(invalid)?),
                _ => return Err(MlsError::Invalid("proposal")),
            }
        }
        let kept = self.leaves().into_iter().filter(|leaf| !removed.contains(leaf));
        let after: Vec<DeviceId> = kept.chain(added.iter().copied()).map(|leaf| leaf.device).collect();
        if !is_distinct(&after) {
            return Err(MlsError::Invalid("two leaves of one device"));
        }
        Ok(Staged { committer, added, removed, removes_us: inner.self_removed(), inner: Next::Real(inner) })
    }

    pub(super) fn merge(&mut self, engine: &Engine, rng: &mut Rng, staged: StagedCommit) -> Result<(), MlsError> {
        let provider = engine.provider(rng, &mut self.bag);
        self.mls.merge_staged_commit(&provider, staged).map_err(|_| MlsError::Failed("merging"))?;
        self.bag.move_away();
        Ok(())
    }

    pub(super) fn seal(&mut self, engine: &Engine, rng: &mut Rng, keys: &Keys, content: &[u8]) -> Result<Vec<u8>, MlsError> {
        let provider = engine.provider(rng, &mut self.bag);
        let sealed = self.mls.create_message(&provider, &DeviceSigner(&keys.device), content).map_err(|_| MlsError::Failed("sealing"))?;
        sealed.tls_serialize_detached().map_err(|_| MlsError::Failed("sealing"))
    }

    pub(super) fn open(&mut self, engine: &Engine, rng: &mut Rng, bytes: &[u8]) -> Result<(Leaf, Vec<u8>), OpenError> {
        let message = message(bytes).ok_or(OpenError::Invalid)?;
        let provider = engine.provider(rng, &mut self.bag);
        let processed = self.mls.process_message(&provider, message).map_err(|error| match error {
            ProcessMessageError::ValidationError(ValidationError::UnableToDecrypt(why)) => open_error(&why),
            _ => OpenError::Invalid,
        })?;
        let (leaf, _) = Leaf::read(processed.credential()).ok_or(OpenError::Invalid)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => Ok((leaf, content.into_bytes())),
            ProcessedMessageContent::OwnPrivateMessage => Err(OpenError::Own),
            _ => Err(OpenError::Invalid),
        }
    }

    fn index(&self, device: &DeviceId) -> Option<LeafNodeIndex> {
        self.mls.members().find(|member| member.signature_key == device.0).map(|member| member.index)
    }

    fn leaf(&self, index: LeafNodeIndex) -> Option<Leaf> {
        let member = self.mls.member_at(index)?;
        Leaf::read(&member.credential).map(|(leaf, _)| leaf)
    }
}

fn open_error(why: &MessageDecryptionError) -> OpenError {
    match why {
        MessageDecryptionError::SecretTreeError(SecretTreeError::SecretReuseError) => OpenError::Reused,
        MessageDecryptionError::SecretTreeError(SecretTreeError::TooDistantInThePast) => OpenError::Old,
        MessageDecryptionError::SecretTreeError(SecretTreeError::TooDistantInTheFuture) => OpenError::Early,
        _ => OpenError::Invalid,
    }
}

fn message(bytes: &[u8]) -> Option<ProtocolMessage> {
    MlsMessageIn::tls_deserialize_exact(bytes).ok()?.try_into_protocol_message().ok()
}

fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_MAX, FORWARD_DISTANCE_MAX)
}

fn is_distinct(devices: &[DeviceId]) -> bool {
    devices.iter().collect::<BTreeSet<_>>().len() == devices.len()
}
