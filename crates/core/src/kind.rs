//! Kinds of personal data and how much each of them weighs.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One kind of personal data. The discriminant is the bit in a [`KindSet`] and is stored: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum DataKind {
    /// A person's name.
    Name = 0,
    /// Mobile or fixed telephone number.
    Mobile = 1,
    /// E-mail address.
    Email = 2,
    /// Postal or home address.
    Address = 3,
    /// Resident identity number (GB 11643).
    ResidentId = 4,
    /// Passport or travel permit number.
    Passport = 5,
    /// Bank card number (ISO/IEC 7812).
    BankCard = 6,
    /// Vehicle plate.
    Plate = 7,
    /// WeChat id (not openid).
    WechatId = 8,
    /// WeChat openid.
    OpenId = 9,
    /// WeChat unionid.
    UnionId = 10,
    /// WeCom `external_userid`.
    ExternalUserId = 11,
    /// QQ number.
    Qq = 12,
    /// Date of birth.
    Birthday = 13,
    /// Gender.
    Gender = 14,
    /// Network address of a person's device.
    Ip = 15,
    /// Purchases: orders, amounts, goods.
    Transaction = 16,
    /// Content of conversations (会话存档).
    Conversation = 17,
    /// Location or track.
    Location = 18,
    /// Tags, stage, remarks: what staff or models conclude about a person.
    Profile = 19,
    /// Employer or position.
    Employment = 20,
    /// Unified social credit code; an organisation, personal only for sole traders.
    Uscc = 21,
    /// Password, one-time code or another secret of the person.
    Credential = 22,
}

/// How the law weighs a kind (PIPL art. 28 and GB/T 35273 annexes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Names an account but no person without another data set.
    Pseudonymous,
    /// Ordinary personal data.
    Ordinary,
    /// Sensitive personal data (PIPL art. 28).
    Sensitive,
}

/// The classes that the criminal-law counters use (法释〔2017〕10号 art. 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordClass {
    /// Track, communication content, credit, property: 50 records.
    Communication,
    /// Lodging, communication records, health, transactions: 500 records.
    Transaction,
    /// Everything else: 5,000 records.
    Other,
}

impl DataKind {
    /// Every kind, in bit order.
    pub const ALL: [Self; 23] = [
        Self::Name,
        Self::Mobile,
        Self::Email,
        Self::Address,
        Self::ResidentId,
        Self::Passport,
        Self::BankCard,
        Self::Plate,
        Self::WechatId,
        Self::OpenId,
        Self::UnionId,
        Self::ExternalUserId,
        Self::Qq,
        Self::Birthday,
        Self::Gender,
        Self::Ip,
        Self::Transaction,
        Self::Conversation,
        Self::Location,
        Self::Profile,
        Self::Employment,
        Self::Uscc,
        Self::Credential,
    ];

    /// The stable name used in profiles, the lake and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Mobile => "mobile",
            Self::Email => "email",
            Self::Address => "address",
            Self::ResidentId => "resident-id",
            Self::Passport => "passport",
            Self::BankCard => "bank-card",
            Self::Plate => "plate",
            Self::WechatId => "wechat-id",
            Self::OpenId => "openid",
            Self::UnionId => "unionid",
            Self::ExternalUserId => "external-userid",
            Self::Qq => "qq",
            Self::Birthday => "birthday",
            Self::Gender => "gender",
            Self::Ip => "ip",
            Self::Transaction => "transaction",
            Self::Conversation => "conversation",
            Self::Location => "location",
            Self::Profile => "profile",
            Self::Employment => "employment",
            Self::Uscc => "uscc",
            Self::Credential => "credential",
        }
    }

    /// What a person reads, in Chinese.
    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::Name => "姓名",
            Self::Mobile => "手机号码",
            Self::Email => "电子邮箱",
            Self::Address => "地址",
            Self::ResidentId => "身份证号码",
            Self::Passport => "护照或通行证号码",
            Self::BankCard => "银行卡号",
            Self::Plate => "车牌号",
            Self::WechatId => "微信号",
            Self::OpenId => "微信 openid",
            Self::UnionId => "微信 unionid",
            Self::ExternalUserId => "企业微信外部联系人 ID",
            Self::Qq => "QQ 号",
            Self::Birthday => "出生日期",
            Self::Gender => "性别",
            Self::Ip => "IP 地址",
            Self::Transaction => "交易记录",
            Self::Conversation => "聊天内容",
            Self::Location => "位置",
            Self::Profile => "标签与备注",
            Self::Employment => "单位与职务",
            Self::Uscc => "统一社会信用代码",
            Self::Credential => "密码或验证码",
        }
    }

    /// What a person reads, in English.
    pub const fn label_en(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Mobile => "mobile number",
            Self::Email => "e-mail address",
            Self::Address => "address",
            Self::ResidentId => "resident ID number",
            Self::Passport => "passport or permit number",
            Self::BankCard => "bank card number",
            Self::Plate => "vehicle plate",
            Self::WechatId => "WeChat ID",
            Self::OpenId => "WeChat openid",
            Self::UnionId => "WeChat unionid",
            Self::ExternalUserId => "WeCom external user ID",
            Self::Qq => "QQ number",
            Self::Birthday => "date of birth",
            Self::Gender => "gender",
            Self::Ip => "IP address",
            Self::Transaction => "purchases",
            Self::Conversation => "chat content",
            Self::Location => "location",
            Self::Profile => "tags and remarks",
            Self::Employment => "employer and position",
            Self::Uscc => "unified social credit code",
            Self::Credential => "password or one-time code",
        }
    }

    /// How the law weighs this kind.
    pub const fn sensitivity(self) -> Sensitivity {
        match self {
            Self::ResidentId
            | Self::Passport
            | Self::BankCard
            | Self::Location
            | Self::Credential => Sensitivity::Sensitive,
            Self::OpenId | Self::UnionId | Self::ExternalUserId => Sensitivity::Pseudonymous,
            _ => Sensitivity::Ordinary,
        }
    }

    /// The class in which the criminal-law counters count a record of this kind.
    pub const fn record_class(self) -> RecordClass {
        match self {
            Self::Conversation | Self::Location | Self::BankCard => RecordClass::Communication,
            Self::Transaction => RecordClass::Transaction,
            _ => RecordClass::Other,
        }
    }
}

impl FromStr for DataKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl Serialize for DataKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DataKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A name that is no [`DataKind`].
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown kind of personal data {0:?}; known: name, mobile, email, address, resident-id, … (see the reference)"
)]
pub struct UnknownKind(String);

/// A set of kinds, one bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct KindSet(u32);

impl KindSet {
    /// No kind at all.
    pub const EMPTY: Self = Self(0);

    /// The set of exactly these kinds.
    pub fn of(kinds: &[DataKind]) -> Self {
        kinds.iter().fold(Self::EMPTY, |set, &kind| set.with(kind))
    }

    /// The set with these bits; bits that name no kind are dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << DataKind::ALL.len() as u32) - 1))
    }

    /// One bit per kind, as stored in the lake.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// This set and one kind more.
    #[must_use]
    pub const fn with(self, kind: DataKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// All kinds of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Adds one kind.
    pub const fn insert(&mut self, kind: DataKind) {
        *self = self.with(kind);
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, kind: DataKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds of the set, in bit order.
    pub fn iter(self) -> impl Iterator<Item = DataKind> {
        DataKind::ALL
            .into_iter()
            .filter(move |&kind| self.contains(kind))
    }

    /// The gravest sensitivity in the set.
    pub fn sensitivity(self) -> Option<Sensitivity> {
        self.iter().map(DataKind::sensitivity).max()
    }
}

impl FromIterator<DataKind> for KindSet {
    fn from_iter<I: IntoIterator<Item = DataKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Display for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, kind) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(kind.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KindSet({self})")
    }
}

impl Serialize for KindSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for KindSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<DataKind>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_keeps_its_bit_and_name() {
        for (bit, kind) in DataKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, bit, "{kind:?} stands at its own bit");
            assert_eq!(kind.name().parse::<DataKind>().unwrap(), kind);
        }
    }

    #[test]
    fn bits_that_name_no_kind_are_dropped() {
        assert_eq!(
            KindSet::from_bits(u32::MAX).iter().count(),
            DataKind::ALL.len()
        );
    }
}
