//! Three fictional retail brands and the forty people who work there.

use super::dice::Dice;
use crate::policy::Role;

/// A fictional firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoTenant {
    /// Number in the database.
    pub id: i64,
    /// The part after `@` in accounts.
    pub key: &'static str,
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Name in English.
    pub name_en: &'static str,
}

/// Someone who can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffCredential {
    /// The tenant's key.
    pub tenant: String,
    /// `name@tenant`
    pub account: String,
    /// The password.
    pub password: String,
    /// The role.
    pub role: Role,
    /// The person's name.
    pub display_name: String,
}

/// The three firms.
#[must_use]
pub const fn demo_tenants() -> [DemoTenant; 3] {
    TENANTS
}

/// All forty, firm by firm, with the passwords that this seed gives them.
#[must_use]
pub fn demo_staff(seed: u64) -> Vec<StaffCredential> {
    members()
        .into_iter()
        .map(|member| {
            let mut dice = Dice::of(seed, KIND, member.id.unsigned_abs());
            let mut part = || dice.text(b"abcdefghjkmnpqrstuvwxyz23456789", 5);
            StaffCredential {
                tenant: member.tenant.key.into(),
                account: format!("{}@{}", member.name, member.tenant.key),
                password: format!("{}-{}-{}", part(), part(), part()),
                role: member.role,
                display_name: member.display_name.into(),
            }
        })
        .collect()
}

/// A row of the staff table in the making.
pub(super) struct Member {
    pub(super) id: i64,
    pub(super) tenant: DemoTenant,
    pub(super) department: i64,
    pub(super) role: Role,
    pub(super) name: &'static str,
    pub(super) display_name: &'static str,
}

/// The forty in the order of [`demo_staff`]; ids count from 1.
pub(super) fn members() -> Vec<Member> {
    let mut names = NAMES.iter();
    let mut members = Vec::with_capacity(NAMES.len());
    for (tenant, sales) in TENANTS.into_iter().zip(SALES) {
        let roles = std::iter::repeat_n(Role::Sales, sales).chain(OTHERS);
        for (at, (role, (name, display_name))) in roles.zip(names.by_ref()).enumerate() {
            // Two departments: sales and managers alternate between them.
            let department = tenant.id * 10 + 1 + (at as i64 % 2);
            let id = members.len() as i64 + 1;
            members.push(Member {
                id,
                tenant,
                department,
                role,
                name,
                display_name,
            });
        }
    }
    members
}

const KIND: u64 = 2;
const TENANTS: [DemoTenant; 3] = [
    DemoTenant {
        id: 1,
        key: "yunxi",
        name_zh: "云栖优选",
        name_en: "Yunxi Select",
    },
    DemoTenant {
        id: 2,
        key: "shanhe",
        name_zh: "山禾生活",
        name_en: "Shanhe Living",
    },
    DemoTenant {
        id: 3,
        key: "qingyou",
        name_zh: "青柚美妆",
        name_en: "Qingyou Beauty",
    },
];
/// How many sales each firm has.
const SALES: [usize; 3] = [8, 6, 5];
/// Each firm's other staff.
const OTHERS: [Role; 7] = [
    Role::Manager,
    Role::Manager,
    Role::Service,
    Role::Service,
    Role::Marketing,
    Role::Compliance,
    Role::Admin,
];
const NAMES: [(&str, &str); 40] = [
    ("li.na", "李娜"),
    ("wang.lei", "王磊"),
    ("zhang.min", "张敏"),
    ("liu.yang", "刘洋"),
    ("chen.jing", "陈静"),
    ("yang.fan", "杨帆"),
    ("zhao.ting", "赵婷"),
    ("huang.bo", "黄波"),
    ("zhou.hui", "周慧"),
    ("wu.jun", "吴军"),
    ("xu.ying", "徐颖"),
    ("sun.tao", "孙涛"),
    ("ma.lin", "马琳"),
    ("zhu.qiang", "朱强"),
    ("hu.yue", "胡悦"),
    ("guo.peng", "郭鹏"),
    ("he.jia", "何佳"),
    ("gao.yuan", "高远"),
    ("lin.xue", "林雪"),
    ("luo.kai", "罗凯"),
    ("zheng.yi", "郑怡"),
    ("liang.chao", "梁超"),
    ("xie.fang", "谢芳"),
    ("song.wei", "宋伟"),
    ("tang.yu", "唐雨"),
    ("xu.hao", "许浩"),
    ("han.mei", "韩梅"),
    ("feng.gang", "冯刚"),
    ("deng.qian", "邓倩"),
    ("cao.rui", "曹睿"),
    ("peng.lan", "彭兰"),
    ("zeng.ping", "曾平"),
    ("xiao.ya", "肖雅"),
    ("tian.ze", "田泽"),
    ("dong.xin", "董欣"),
    ("yuan.hang", "袁航"),
    ("pan.lu", "潘璐"),
    ("yu.ming", "于明"),
    ("jiang.wen", "蒋雯"),
    ("cai.jie", "蔡杰"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_people_with_every_role_in_every_firm() {
        let staff = demo_staff(3);
        assert_eq!(staff.len(), 40);
        assert_eq!(staff, demo_staff(3));
        for tenant in demo_tenants() {
            for role in Role::ALL
                .into_iter()
                .filter(|role| *role != Role::Integration)
            {
                assert!(
                    staff
                        .iter()
                        .any(|s| s.tenant == tenant.key && s.role == role),
                    "{} {role:?}",
                    tenant.key
                );
            }
        }
        let passwords: std::collections::HashSet<_> = staff.iter().map(|s| &s.password).collect();
        assert_eq!(passwords.len(), 40);
    }
}
