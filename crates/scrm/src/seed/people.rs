//! One synthetic person, as a function of seed and id.

use super::dice::{ALNUM, Dice};

/// A synthetic customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// 王小明
    pub name: String,
    /// `female` or `male`.
    pub gender: &'static str,
    /// Eleven digits in a segment that carriers use; no two ids of one seed share a number.
    pub mobile: String,
    /// At `example.invalid` or below.
    pub email: Option<String>,
    /// `1990-05-17`
    pub birthday: String,
    /// Province, city, district, road, house.
    pub address: String,
    /// 18 characters with valid region, date and check digit; only a minority has one.
    pub resident_id: Option<String>,
    /// `wm` and 30 characters.
    pub external_userid: String,
    /// `o` and 27 characters.
    pub unionid: String,
    /// What staff wrote down.
    pub remark: Option<String>,
    /// Tags that hold for the person.
    pub tags: Vec<&'static str>,
    /// Where in the sales process.
    pub stage: &'static str,
}

impl Person {
    /// The person of that id.
    #[must_use]
    pub fn synthetic(seed: u64, id: i64) -> Self {
        let number = u64::try_from(id).unwrap_or_default();
        let mut dice = Dice::of(seed, KIND, number);
        let female = dice.percent(62);
        let surname = *dice.pick(&SURNAMES);
        let given = if female { &FEMALE } else { &MALE };
        let mut name = format!("{surname}{}", dice.pick(given));
        if dice.percent(70) {
            name.push_str(dice.word(given));
        }
        let (region, place) = *dice.pick(&PLACES);
        let birthday = (
            dice.between(1962, 2006),
            dice.between(1, 12),
            dice.between(1, 28),
        );
        let has_resident_id = dice.percent(12);
        let serial = dice.between(0, 499) * 2 + i64::from(!female);
        let mail = dice
            .percent(45)
            .then(|| dice.text(b"abcdefghijkmnpqrstuvwxyz", 6));
        let tags = [*dice.pick(&VALUE_TAGS), *dice.pick(&TASTE_TAGS)];
        Self {
            gender: if female { "female" } else { "male" },
            mobile: mobile(&mut dice, seed, number),
            email: mail.map(|user| format!("{user}{}@{}", number % 1000, dice.pick(&MAIL))),
            birthday: format!("{}-{:02}-{:02}", birthday.0, birthday.1, birthday.2),
            address: address(&mut dice, place),
            resident_id: has_resident_id.then(|| resident_id(region, birthday, serial)),
            external_userid: format!("wm{}", dice.text(ALNUM, 30)),
            unionid: format!("o{}", dice.text(ALNUM, 27)),
            remark: dice.percent(30).then(|| (*dice.pick(&REMARKS)).to_owned()),
            tags: if dice.percent(55) {
                tags.to_vec()
            } else {
                tags[..1].to_vec()
            },
            stage: *dice.pick(&STAGES),
            name,
        }
    }
}

/// A multiplication by an odd number modulo 10^8 that is prime to 10 never maps two ids to the same digits.
fn mobile(dice: &mut Dice, seed: u64, number: u64) -> String {
    let digits = number
        .wrapping_mul(48_271_937)
        .wrapping_add(seed % 100_000_000)
        % 100_000_000;
    format!("{}{digits:08}", dice.pick(&SEGMENTS))
}

fn address(dice: &mut Dice, place: &str) -> String {
    let road = dice.pick(&ROADS);
    let estate = dice.pick(&ESTATES);
    let (house, building, room) = (
        dice.between(1, 399),
        dice.between(1, 28),
        dice.between(1, 32),
    );
    format!(
        "{place}{road}{house}号{estate}{building}栋{room}{:02}室",
        dice.between(1, 4)
    )
}

/// GB 11643: region, date of birth, serial (odd for men), check character by ISO 7064 MOD 11-2.
fn resident_id(region: u32, (year, month, day): (i64, i64, i64), serial: i64) -> String {
    let body = format!("{region:06}{year:04}{month:02}{day:02}{serial:03}");
    let check = check_character(&body);
    format!("{body}{check}")
}

fn check_character(body: &str) -> char {
    let sum: u32 = body
        .bytes()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    char::from(b"10X98765432"[(sum % 11) as usize])
}

const KIND: u64 = 1;
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const SEGMENTS: [&str; 32] = [
    "134", "135", "136", "137", "138", "139", "147", "150", "151", "152", "157", "158", "159",
    "178", "182", "183", "187", "188", "198", "130", "131", "132", "155", "156", "176", "185",
    "186", "133", "153", "177", "180", "189",
];
const MAIL: [&str; 3] = [
    "example.invalid",
    "mail.example.invalid",
    "post.example.invalid",
];
const STAGES: [&str; 5] = ["新客", "意向", "成交", "复购", "沉睡"];
const VALUE_TAGS: [&str; 5] = ["高价值", "普通会员", "银卡", "金卡", "黑金"];
const TASTE_TAGS: [&str; 8] = [
    "爱拼单",
    "宝妈",
    "敏感肌",
    "送礼",
    "价格敏感",
    "直播来的",
    "门店来的",
    "老客推荐",
];
const REMARKS: [&str; 8] = [
    "喜欢晚上八点以后联系",
    "送货前先打电话",
    "对香味敏感，推荐无香款",
    "给父母买得多",
    "上次退过一次货，已经处理好",
    "活动提前一天提醒",
    "不要打电话，只发消息",
    "公司采购也找过她，开专票",
];
const SURNAMES: [&str; 64] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭",
    "何", "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾",
    "肖", "田", "董", "袁", "潘", "于", "蒋", "蔡", "余", "杜", "叶", "程", "苏", "魏", "吕", "丁",
    "任", "沈", "姚", "卢", "姜", "崔", "钟", "谭", "陆", "汪", "范", "金", "石", "欧阳", "上官",
    "司马",
];
const FEMALE: [&str; 40] = [
    "静", "丽", "敏", "娟", "艳", "芳", "娜", "秀", "霞", "燕", "玲", "桂", "红", "梅", "慧", "雪",
    "莹", "婷", "颖", "琳", "佳", "欣", "怡", "雨", "晨", "思", "梦", "若", "诗", "语", "可", "悦",
    "瑶", "璐", "宁", "洁", "倩", "珊", "蕾", "薇",
];
const MALE: [&str; 40] = [
    "伟", "强", "磊", "军", "勇", "杰", "涛", "明", "超", "刚", "平", "辉", "鹏", "华", "飞", "波",
    "斌", "宇", "浩", "凯", "健", "俊", "帆", "旭", "宁", "龙", "林", "志", "文", "博", "泽", "轩",
    "睿", "晨", "阳", "航", "峰", "楠", "成", "康",
];
/// GB/T 2260 code and name of a district.
const PLACES: [(u32, &str); 30] = [
    (110_105, "北京市朝阳区"),
    (110_108, "北京市海淀区"),
    (120_101, "天津市和平区"),
    (210_102, "辽宁省沈阳市和平区"),
    (210_202, "辽宁省大连市中山区"),
    (310_104, "上海市徐汇区"),
    (310_115, "上海市浦东新区"),
    (320_106, "江苏省南京市鼓楼区"),
    (320_508, "江苏省苏州市姑苏区"),
    (330_106, "浙江省杭州市西湖区"),
    (330_108, "浙江省杭州市滨江区"),
    (340_104, "安徽省合肥市蜀山区"),
    (350_102, "福建省福州市鼓楼区"),
    (350_203, "福建省厦门市思明区"),
    (370_102, "山东省济南市历下区"),
    (370_202, "山东省青岛市市南区"),
    (410_105, "河南省郑州市金水区"),
    (420_106, "湖北省武汉市武昌区"),
    (420_111, "湖北省武汉市洪山区"),
    (430_102, "湖南省长沙市芙蓉区"),
    (430_104, "湖南省长沙市岳麓区"),
    (440_106, "广东省广州市天河区"),
    (440_305, "广东省深圳市南山区"),
    (500_103, "重庆市渝中区"),
    (500_112, "重庆市渝北区"),
    (510_104, "四川省成都市锦江区"),
    (510_107, "四川省成都市武侯区"),
    (530_102, "云南省昆明市五华区"),
    (610_104, "陕西省西安市莲湖区"),
    (610_113, "陕西省西安市雁塔区"),
];
const ROADS: [&str; 16] = [
    "人民路",
    "解放路",
    "中山路",
    "建设路",
    "和平路",
    "新华路",
    "文化路",
    "学府路",
    "滨河路",
    "长江路",
    "青年路",
    "科技路",
    "东风路",
    "花园路",
    "迎宾大道",
    "幸福街",
];
const ESTATES: [&str; 12] = [
    "阳光花园",
    "翠湖苑",
    "锦绣家园",
    "星河湾",
    "梧桐里",
    "书香门第",
    "金色港湾",
    "云水居",
    "橡树庄园",
    "和谐小区",
    "万象城",
    "丽景轩",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn persons_are_plausible_and_repeatable() {
        let mut mobiles = HashSet::new();
        let mut with_id = 0;
        for id in 100_001..105_001 {
            let person = Person::synthetic(7, id);
            assert_eq!(person, Person::synthetic(7, id));
            assert_eq!(person.mobile.len(), 11);
            assert!(mobiles.insert(person.mobile[3..].to_owned()));
            assert_eq!(person.external_userid.len(), 32);
            assert_eq!(person.unionid.len(), 28);
            if let Some(resident) = person.resident_id {
                with_id += 1;
                assert_eq!(resident.len(), 18);
                assert!(resident.ends_with(check_character(&resident[..17])));
                assert_eq!(resident[6..14], person.birthday.replace('-', ""));
            }
        }
        assert!((400..900).contains(&with_id), "{with_id}");
        assert_ne!(Person::synthetic(7, 100_001), Person::synthetic(8, 100_001));
    }

    #[test]
    fn the_check_character_is_that_of_the_standard() {
        assert_eq!(check_character("11010519491231002"), 'X');
        assert_eq!(check_character("44052418800101001"), '4');
    }
}
