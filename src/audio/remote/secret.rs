//! The one-time secret of a connection: both ends prove that they know it, and neither ever sends it.
//!
//! A proof is keyed BLAKE3 over both ends' nonces, so that one seen on the wire is of no use for another connection, and
//! nobody who takes a socket's place learns anything. Deliberately absent: encryption, which ssh does.

use std::fmt;
use std::str::FromStr;

use super::wire::Nonce;

/// 32 random bytes. Its text is 64 hex digits, for a file that only its owner can read, never for an argument or variable.
#[derive(Clone)]
pub struct Secret([u8; 32]);

/// Which end proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The program beside the clips.
    Far,
    /// The companion on the laptop.
    Near,
}

impl Secret {
    /// A new one, from the operating system's generator.
    pub fn random() -> Secret {
        Secret(rand::random())
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// What `end` answers to the nonces of the greeting and of the hello.
    pub fn prove(&self, end: End, greeting: &Nonce, hello: &Nonce) -> [u8; 32] {
        *self.proof(end, greeting, hello).as_bytes()
    }

    /// Whether that is the proof; takes equally long for every wrong one.
    pub fn is_proof(&self, proof: [u8; 32], end: End, greeting: &Nonce, hello: &Nonce) -> bool {
        self.proof(end, greeting, hello) == blake3::Hash::from_bytes(proof)
    }

    fn proof(&self, end: End, greeting: &Nonce, hello: &Nonce) -> blake3::Hash {
        let end: &[u8] = match end {
            End::Far => b"emolab far end ",
            End::Near => b"emolab near end",
        };
        blake3::Hasher::new_keyed(&self.0).update(end).update(greeting).update(hello).finalize()
    }
}

/// A nonce from the operating system's generator.
pub(super) fn nonce() -> Nonce {
    rand::random()
}

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Secret, &'static str> {
        let hash = blake3::Hash::from_hex(text.trim()).map_err(|_| "the secret is not 64 hex digits")?;
        Ok(Secret(*hash.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_secret_its_end_and_its_nonces_alone() {
        let (secret, one, two) = (Secret::random(), nonce(), nonce());
        let again: Secret = secret.hex().parse().unwrap();
        let proof = again.prove(End::Far, &one, &two);
        assert!(secret.is_proof(proof, End::Far, &one, &two));
        assert!(!secret.is_proof(proof, End::Near, &one, &two));
        assert!(!secret.is_proof(proof, End::Far, &two, &one));
        assert!(!Secret::random().is_proof(proof, End::Far, &one, &two));
        assert!("12".parse::<Secret>().is_err());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
