//! What goes out without an approval: alerts and digests to the team, codes to who asked for one.

use hudun_core::{Finding, Incident, Timestamp};

use crate::error::InformError;
use crate::informer::Informer;
use crate::letter::{MailLetter, PostedLetter, alert_letters, digest_letters};
use crate::message::Channel;
use crate::postman::CODES;
use crate::seal::{SealError, sealed};
use crate::sms::SmsLetter;

impl Informer {
    /// Puts the alert of a finding into the outbox for every configured target, due before everything else. Returns how many are new.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn alert(&self, incident: &Incident, finding: &Finding) -> Result<u64, InformError> {
        let mut new = 0;
        for (key, channel, body) in alert_letters(incident, finding, &self.settings.alerts)? {
            let body = sealed(self.settings.seal.as_ref(), &key, body)?;
            // Due since ever: it stands behind no notice, however large.
            let posted = self.outbox.post(&key, channel, &body, 0).await?;
            new += u64::from(posted);
        }
        Ok(new)
    }

    /// Posts a digest to everybody who is alerted by mail. The same name goes out once. Returns how many letters are new.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn digest(
        &self,
        name: &str,
        subject: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<u64, InformError> {
        let letters = digest_letters(name, subject, text, &self.settings.alerts)?;
        let letters = letters
            .into_iter()
            .map(|(key, channel, body)| {
                let body = sealed(self.settings.seal.as_ref(), &key, body)?;
                Ok((key, channel, body))
            })
            .collect::<Result<Vec<PostedLetter>, SealError>>()?;
        Ok(self.outbox.post_all(&letters, now.as_millis()).await?)
    }

    /// Puts a code for an address into the outbox, due at once; it does not go out from `until` on. `name` tells codes
    /// apart and must not come from the address.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn post_code(
        &self,
        name: &str,
        letter: &MailLetter,
        now: Timestamp,
    ) -> Result<(), InformError> {
        self.post_code_by(name, Channel::Email, serde_json::to_string(letter)?, now)
            .await
    }

    /// As [`Self::post_code`], by text message.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn post_code_message(
        &self,
        name: &str,
        letter: &SmsLetter,
        now: Timestamp,
    ) -> Result<(), InformError> {
        self.post_code_by(name, Channel::Sms, serde_json::to_string(letter)?, now)
            .await
    }

    async fn post_code_by(
        &self,
        name: &str,
        channel: Channel,
        body: String,
        now: Timestamp,
    ) -> Result<(), InformError> {
        let key = format!("{CODES}{name}");
        let body = sealed(self.settings.seal.as_ref(), &key, body)?;
        self.outbox
            .post(&key, channel.name(), &body, now.as_millis())
            .await?;
        self.codes.notify_one();
        Ok(())
    }

    /// Waits until a code lies in the outbox.
    pub async fn code_posted(&self) {
        self.codes.notified().await;
    }
}
