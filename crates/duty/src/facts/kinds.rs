//! Kinds of personal data, and the class that each law puts them in.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// ENISA's four data categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnisaCategory {
    /// Contact and biographical data.
    Simple,
    /// Habits, location, traffic.
    Behavioural,
    /// Income, transactions, cards.
    Financial,
    /// Health, politics, sex life and the like.
    Sensitive,
}

/// The three classes of the criminal-law counters (法释〔2017〕10号, 法释〔2019〕15号).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrimeClass {
    /// Movement, communication content, credit, property: 50 / 500 records.
    Strict,
    /// Lodging, communication records, health, transactions: 500 / 5 000 records.
    Important,
    /// Everything else: 5 000 / 50 000 records.
    Other,
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, $zh:literal, $en:literal, $cat:ident, $dpc:literal, $ei:literal, $sensitive:literal, $crime:ident; )*) => {
        /// A kind of personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum DataKind {
            $( $(#[$doc])* #[serde(rename = $id)] $name, )*
        }

        impl DataKind {
            /// Every kind, in the order of the book.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// The stable identifier.
            pub fn id(self) -> &'static str {
                match self { $( Self::$name => $id, )* }
            }

            /// How notices call it.
            pub fn label(self) -> Text {
                match self { $( Self::$name => Text::new($zh, $en), )* }
            }

            /// The ENISA category.
            pub fn enisa(self) -> EnisaCategory {
                match self { $( Self::$name => EnisaCategory::$cat, )* }
            }

            /// The data processing context (1–4) that this kind gives in a China SCRM.
            pub fn dpc(self) -> u8 {
                match self { $( Self::$name => $dpc, )* }
            }

            /// Ease of identification by this kind alone, in quarters (1–4).
            pub fn ei_quarters(self) -> u8 {
                match self { $( Self::$name => $ei, )* }
            }

            /// Sensitive in the sense of PIPL 28.
            pub fn is_sensitive(self) -> bool {
                match self { $( Self::$name => $sensitive, )* }
            }

            /// The class of the criminal-law counters.
            pub fn crime(self) -> CrimeClass {
                match self { $( Self::$name => CrimeClass::$crime, )* }
            }
        }
    };
}

kinds! {
    /// Full name.
    Name = "name", "姓名", "name", Simple, 1, 1, false, Other;
    /// Sex or gender.
    Gender = "gender", "性别", "gender", Simple, 1, 1, false, Other;
    /// Date of birth.
    Birthday = "birthday", "出生日期", "date of birth", Simple, 1, 1, false, Other;
    /// Mobile number, real-name registered in China.
    Mobile = "mobile", "手机号码", "mobile number", Simple, 1, 3, false, Other;
    /// E-mail address.
    Email = "email", "电子邮箱", "e-mail address", Simple, 1, 3, false, Other;
    /// Postal or street address.
    Address = "address", "地址", "postal address", Simple, 1, 2, false, Other;
    /// Chinese resident identity number.
    ResidentId = "resident_id", "居民身份证号码", "resident identity number", Simple, 3, 3, true, Other;
    /// Identity number of another country.
    NationalId = "national_id", "境外身份或社会保障号码", "national identity or social security number", Simple, 3, 3, true, Other;
    /// Passport or travel permit number.
    Passport = "passport", "护照或通行证号码", "passport or permit number", Simple, 3, 1, true, Other;
    /// Employer and position.
    Employer = "employer", "单位与职务", "employer and position", Simple, 1, 1, false, Other;
    /// Curriculum vitae: education and career.
    Cv = "cv", "个人简历", "curriculum vitae", Simple, 2, 2, false, Other;
    /// Family members.
    Family = "family", "家庭成员信息", "family members", Simple, 1, 1, false, Other;
    /// Photograph or avatar.
    Avatar = "avatar", "头像或照片", "picture or avatar", Simple, 1, 1, false, Other;
    /// Vehicle plate.
    Plate = "plate", "车牌号码", "vehicle plate", Simple, 1, 1, false, Other;
    /// WeChat number.
    WechatId = "wechat_id", "微信号", "WeChat ID", Simple, 1, 2, false, Other;
    /// WeChat nickname.
    WechatNickname = "wechat_nickname", "微信昵称", "WeChat nickname", Simple, 1, 1, false, Other;
    /// WeCom external user id.
    ExternalUserid = "external_userid", "企业微信外部联系人标识", "WeCom external user id", Simple, 1, 1, false, Other;
    /// WeChat openid.
    Openid = "openid", "微信 openid", "WeChat openid", Simple, 1, 1, false, Other;
    /// WeChat unionid.
    Unionid = "unionid", "微信 unionid", "WeChat unionid", Simple, 1, 1, false, Other;
    /// QQ number.
    Qq = "qq", "QQ 号", "QQ number", Simple, 1, 2, false, Other;
    /// User name or customer number.
    AccountName = "account_name", "账号或客户编号", "user name or customer number", Simple, 1, 1, false, Other;
    /// Password in clear or recoverable.
    Password = "password", "账号密码", "password", Simple, 2, 1, true, Other;
    /// Salted password hash.
    PasswordHash = "password_hash", "密码散列值", "password hash", Simple, 1, 1, false, Other;
    /// IP address or device identifier.
    Device = "device", "IP 地址或设备标识", "IP address or device identifier", Simple, 1, 1, false, Other;
    /// Purchase intent, lead stage.
    PurchaseIntent = "purchase_intent", "购买意向", "purchase intent", Behavioural, 2, 1, false, Other;
    /// Preferences and tags.
    Preference = "preference", "偏好与标签", "preferences and tags", Behavioural, 2, 1, false, Other;
    /// Follow-up notes of sales staff, free text.
    FollowUp = "follow_up", "跟进记录", "follow-up notes", Behavioural, 2, 1, false, Other;
    /// Service tickets.
    Ticket = "ticket", "客服工单", "service tickets", Behavioural, 2, 1, false, Other;
    /// Chat archive (会话存档): communication content.
    Chat = "chat", "聊天内容（会话存档）", "chat content (archive)", Behavioural, 3, 1, true, Strict;
    /// Who called or wrote to whom and when.
    CallRecord = "call_record", "通信记录", "communication records", Behavioural, 2, 1, false, Important;
    /// Movement and location history.
    Location = "location", "行踪轨迹", "movement and location history", Behavioural, 3, 1, true, Strict;
    /// Lodging records.
    Lodging = "lodging", "住宿信息", "lodging records", Behavioural, 2, 1, false, Important;
    /// Orders and transactions.
    Order = "order", "订单与交易记录", "orders and transactions", Financial, 2, 1, false, Important;
    /// Invoices.
    Invoice = "invoice", "发票信息", "invoices", Financial, 3, 1, false, Important;
    /// Bank card number.
    BankCard = "bank_card", "银行卡号", "bank card number", Financial, 3, 1, true, Strict;
    /// Full card data that enables payment.
    FullCard = "full_card", "银行卡完整信息（含有效期、安全码）", "full card data including security code", Financial, 4, 1, true, Strict;
    /// Bank account and balance.
    BankAccount = "bank_account", "银行账户信息", "bank account data", Financial, 3, 1, true, Strict;
    /// Salary and income.
    Income = "income", "工资与收入", "salary and income", Financial, 3, 1, true, Strict;
    /// Credit information.
    Credit = "credit", "征信信息", "credit information", Financial, 3, 1, true, Strict;
    /// Insurance class or contract.
    Insurance = "insurance", "保险信息", "insurance data", Financial, 2, 1, false, Other;
    /// Health and medical data.
    Health = "health", "医疗健康信息", "health data", Sensitive, 4, 1, true, Important;
    /// Biometric data.
    Biometric = "biometric", "生物识别信息", "biometric data", Sensitive, 4, 4, true, Other;
    /// Religious belief.
    Religion = "religion", "宗教信仰", "religious belief", Sensitive, 4, 1, true, Other;
    /// Political opinion or union membership.
    Politics = "politics", "政治观点或工会身份", "political opinion or union membership", Sensitive, 4, 1, true, Other;
    /// Sex life or orientation.
    SexLife = "sex_life", "性生活或性取向", "sex life or orientation", Sensitive, 4, 1, true, Other;
    /// Specific identity in the sense of PIPL 28.
    SpecificIdentity = "specific_identity", "特定身份", "specific identity", Sensitive, 4, 1, true, Other;
}

impl DataKind {
    /// Finds a kind by its identifier.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.id() == id)
    }
}
