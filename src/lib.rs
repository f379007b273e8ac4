//! SOPS and age for GitOps: the files, the keys and the policy, without a byte more changed than asked for.
//!
//! The modules stand in layer order; each imports only from those above it in this list.
//!
//! Encrypting a Kubernetes Secret for one recipient and decrypting it again, as the commands do it. The policy of the
//! repository would say whom for; here the recipient is given:
//!
//! ```
//! use std::path::Path;
//!
//! use gitops_secrets::{
//!     base::{env::Env, secret::Plaintext},
//!     keys::Recipient,
//!     ops::{
//!         decrypt::decrypt,
//!         encrypt::{Wishes, encrypt},
//!         session::Session,
//!     },
//!     sops::{
//!         file::MacPolicy,
//!         selector::{Selector, SelectorKind},
//!     },
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (recipient, identity) = gitops_secrets::keys::generate_key_text(gitops_secrets::keys::NewIdentity::X25519, 0);
//! let text = "kind: Secret # of the database\nstringData:\n  password: 'open sesame'\n";
//!
//! // A session is one run: the environment in which identities are looked for, and the current directory.
//! let env: Env = [("SOPS_AGE_KEY", identity.expose())].into_iter().collect();
//! let session = Session::new(env, "/tmp".into(), None);
//!
//! let wishes = Wishes {
//!     recipients: Some(vec![Recipient::parse(&recipient.to_string())?]),
//!     selector: Some(Selector::new(SelectorKind::EncryptedRegex, "^(data|stringData)$")?),
//!     ..Wishes::default()
//! };
//! let name = Path::new("/tmp/db.sops.yaml");
//! let sealed = encrypt(&session, name, &Plaintext::new(text.to_owned()), &wishes)?;
//! assert!(sealed.starts_with("kind: Secret # of the database\nstringData:\n  password: 'ENC[AES256_GCM,"));
//!
//! // Bytes that were not asked to change do not change, so that decryption gives the text back.
//! let clear = decrypt(&session, name, &sealed, MacPolicy::Require)?;
//! assert_eq!(clear.text.expose(), text);
//! # Ok(())
//! # }
//! ```

pub mod base;
pub mod crypto;
pub mod document;
pub mod git;
pub mod keys;
pub mod ops;
pub mod policy;
pub mod sops;
