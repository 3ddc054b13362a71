//! What orders hold and what people write in chats.

use super::{dice::Dice, people::Person};

/// Name and price in fen.
type Product = (&'static str, i64);

/// Items as JSON, and the amount in fen.
pub(super) fn basket(dice: &mut Dice) -> (String, i64) {
    let mut amount = 0;
    let mut items = String::from("[");
    for at in 0..dice.between(1, 3) {
        let (name, price) = *dice.pick(&PRODUCTS);
        let quantity = dice.between(1, 3);
        amount += price * quantity;
        let comma = if at > 0 { "," } else { "" };
        items.push_str(&format!(
            r#"{comma}{{"name":"{name}","price":{price},"quantity":{quantity}}}"#
        ));
    }
    items.push(']');
    (items, amount)
}

/// One message. Some name the customer's mobile or address, some an order number that is no personal data.
pub(super) fn message(dice: &mut Dice, person: &Person, incoming: bool) -> String {
    let order = order_number(dice, 1_700_000_000_000);
    match (incoming, dice.below(20)) {
        (true, 0) => format!("我换手机号了，以后打 {}", person.mobile),
        (true, 1) => format!("地址改一下：{}，收件人{}", person.address, person.name),
        (true, 2 | 3) => format!("订单 {order} 什么时候发货？"),
        (false, 0) => format!(
            "{}您好，您的包裹会寄到{}，请留意电话 {}",
            person.name, person.address, person.mobile
        ),
        (false, 1 | 2) => format!(
            "查到了，订单 {order} 今天下午出库，流水 {}",
            snowflake(dice)
        ),
        (true, _) => (*dice.pick(&ASKED)).to_owned(),
        (false, _) => (*dice.pick(&ANSWERED)).to_owned(),
    }
}

/// 18 digits that begin with a date, as shops make them: looks like a resident id and is none.
pub(super) fn order_number(dice: &mut Dice, at: i64) -> String {
    let day = at / 86_400_000;
    let (year, month, date) = civil(day);
    format!(
        "{year:04}{month:02}{date:02}{:010}",
        dice.below(10_000_000_000)
    )
}

/// A 63-bit id of 19 digits.
pub(super) fn snowflake(dice: &mut Dice) -> i64 {
    1_700_000_000_000_000_000 + dice.between(0, 99_999_999_999_999_999)
}

/// Days since 1970 to a date (Howard Hinnant's algorithm).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (
        yoe + era * 400 + i64::from(month <= 2),
        month,
        doy - (153 * mp + 2) / 5 + 1,
    )
}

const PRODUCTS: [Product; 14] = [
    ("山茶花润肤乳 200ml", 12_800),
    ("氨基酸洁面乳", 6_900),
    ("有机大米 5kg", 8_990),
    ("冷榨亚麻籽油", 7_600),
    ("纯棉四件套", 39_900),
    ("保温杯 500ml", 9_900),
    ("云雾绿茶 250g", 16_800),
    ("每日坚果 30 包", 10_900),
    ("防晒喷雾", 8_800),
    ("柚子味唇膏", 4_900),
    ("烟酰胺精华", 19_900),
    ("羊毛围巾", 25_900),
    ("竹纤维毛巾三条装", 5_900),
    ("扫地机滤网", 3_900),
];
const ASKED: [&str; 12] = [
    "在吗？想问一下活动到几号",
    "这款敏感肌能用吗",
    "好的谢谢",
    "能不能再便宜一点",
    "收到了，包装很好",
    "有没有小样",
    "我想退货，流程怎么走",
    "会员积分怎么换",
    "下次直播是几点",
    "帮我留两瓶",
    "颜色和图片不太一样",
    "发票开好了吗",
];
const ANSWERED: [&str; 12] = [
    "在的，活动到本月底",
    "可以的，建议先在手腕试一下",
    "不客气，有事随时找我",
    "这已经是会员价了，送您一份小样",
    "谢谢支持，欢迎常来",
    "已经给您备注了",
    "七天内都可以退，我把地址发您",
    "积分在小程序里兑换",
    "明晚八点，记得来",
    "好的，给您留着",
    "不同屏幕会有一点色差，介意可以退",
    "发票已经发到您邮箱",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_length_that_misleads() {
        let mut dice = Dice::of(1, 9, 9);
        assert_eq!(civil(19_675), (2023, 11, 14));
        let number = order_number(&mut dice, 1_700_000_000_000);
        assert_eq!((number.len(), &number[..8]), (18, "20231114"));
        assert_eq!(snowflake(&mut dice).to_string().len(), 19);
    }
}
