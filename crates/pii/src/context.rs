//! Values that only their surroundings give away: names, passports, plates, WeChat and QQ numbers, addresses.

use hudun_core::DataKind;

use crate::detect::{Hit, is_word};

/// Words after which a value of the kind stands, and what the value looks like.
const WORDS: &[(&str, DataKind)] = &[
    ("姓名", DataKind::Name),
    ("联系人", DataKind::Name),
    ("客户名", DataKind::Name),
    ("收件人", DataKind::Name),
    ("收货人", DataKind::Name),
    ("微信号", DataKind::WechatId),
    ("微信", DataKind::WechatId),
    ("护照", DataKind::Passport),
    ("通行证", DataKind::Passport),
    ("车牌", DataKind::Plate),
];

/// Looks at a Chinese character; returns where to go on.
pub(crate) fn look(text: &[u8], at: usize, found: &mut dyn FnMut(Hit<'_>)) -> usize {
    let next = at + 1;
    let Some(first) = text.get(at..at + 3) else {
        return next;
    };
    if !first[1..].iter().all(|byte| matches!(byte, 0x80..=0xBF)) {
        return next;
    }
    if !FIRST.has(first) {
        // The rest of the character can't start anything.
        return at + 3;
    }
    let rest = &text[at..];
    for (word, kind) in WORDS {
        if rest.starts_with(word.as_bytes()) {
            let from = separator(text, at + word.len());
            let len = match kind {
                DataKind::Name => name(&text[from..]),
                DataKind::Plate => plate(&text[from..]),
                DataKind::Passport => passport(&text[from..]),
                _ => wechat_id(&text[from..]),
            };
            if let Some(len) = len {
                found(Hit {
                    kind: *kind,
                    start: from,
                    end: from + len,
                    normal: &text[from..from + len],
                });
                return from + len;
            }
            return at + word.len();
        }
    }
    if let Some(len) = address(rest) {
        found(Hit {
            kind: DataKind::Address,
            start: at,
            end: at + len,
            normal: &rest[..len],
        });
        // Numbers inside the address are looked at too.
    }
    at + 3
}

/// `QQ：12345`, `qq号 12345`, `wechat: abc_123`.
pub(crate) fn look_ascii(text: &[u8], at: usize, found: &mut dyn FnMut(Hit<'_>)) -> Option<usize> {
    let rest = &text[at..];
    let starts = |word: &[u8]| {
        rest.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let (from, kind) = if starts(b"qq") {
        (separator(text, at + 2), DataKind::Qq)
    } else if starts(b"wechat") {
        (separator(text, at + 6), DataKind::WechatId)
    } else {
        return None;
    };
    let len = match kind {
        DataKind::Qq => {
            let len = text[from..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            ((5..=11).contains(&len) && text[from] != b'0' && from > at + 2).then_some(len)?
        }
        _ => wechat_id(&text[from..])?,
    };
    found(Hit {
        kind,
        start: from,
        end: from + len,
        normal: &text[from..from + len],
    });
    Some(from + len)
}

/// Whether a word for a card stands shortly before `at`.
pub(crate) fn card_before(text: &[u8], at: usize) -> bool {
    let near = &text[at.saturating_sub(24)..at];
    ["卡", "账号", "帐号", "card", "Card", "bank", "Bank"]
        .iter()
        .any(|word| memchr::memmem::find(near, word.as_bytes()).is_some())
}

/// Steps over what stands between a context word and its value: `号码`, `：`, `是`, blanks, quotes.
fn separator(text: &[u8], mut at: usize) -> usize {
    const BETWEEN: &[&str] = &[
        "号码", "号", "称", "：", ":", "是", "为", " ", "\u{3000}", "=", "\"", "“",
    ];
    for _ in 0..6 {
        match BETWEEN
            .iter()
            .find(|word| text[at..].starts_with(word.as_bytes()))
        {
            Some(word) => at += word.len(),
            None => break,
        }
    }
    at
}

fn chars(text: &[u8], most: usize) -> &str {
    let text = &text[..text.len().min(most)];
    match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// A Chinese name: a known family name and one to three characters more.
fn name(text: &[u8]) -> Option<usize> {
    let text = chars(text, 32);
    let run: Vec<char> = text.chars().take_while(|c| is_han(*c)).take(7).collect();
    if run.len() < 2 {
        return None;
    }
    let double = DOUBLE_SURNAMES
        .iter()
        .any(|surname| text.starts_with(surname));
    if !double && !SURNAMES.contains(run[0]) {
        return None;
    }
    let most = if double { 4 } else { 3 };
    // A word such as 电话 right after the name is not part of it.
    let stop = [
        "电话", "手机", "先生", "女士", "身份", "住址", "地址", "微信", "性别", "的",
    ]
    .iter()
    .filter_map(|word| text.find(word))
    .min()
    .unwrap_or(text.len());
    let len: usize = run.iter().take(most).map(|c| c.len_utf8()).sum();
    let len = len.min(stop);
    (len >= 6).then_some(len)
}

/// Whether a text as a whole reads like a Chinese name.
pub(crate) fn is_han_name(text: &str) -> bool {
    name(text.as_bytes()) == Some(text.len())
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}')
}

fn wechat_id(text: &[u8]) -> Option<usize> {
    let len = text.iter().take(21).take_while(|b| is_word(**b)).count();
    let phone = len == 11 && crate::validate::is_mobile(&text[..11]);
    ((6..=20).contains(&len) && text[0].is_ascii_alphabetic() && !phone).then_some(len)
}

/// `E12345678`, `EA1234567`, `G12345678`; permits `C…`, `H…`, `M…`.
pub(crate) fn passport(text: &[u8]) -> Option<usize> {
    let len = text
        .iter()
        .take(12)
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let digits = text[..len].iter().filter(|b| b.is_ascii_digit()).count();
    let good = match text.first()? {
        b'E' | b'G' | b'D' | b'S' | b'P' => len == 9 && digits >= 7,
        b'C' => matches!(len, 9) && digits >= 7,
        b'H' | b'M' => matches!(len, 9..=11) && digits == len - 1,
        _ => false,
    };
    good.then_some(len)
}

/// `京A12345`, `沪AD12345`.
pub(crate) fn plate(text: &[u8]) -> Option<usize> {
    const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
    let text = chars(text, 16);
    let first = text.chars().next().filter(|c| PROVINCES.contains(*c))?;
    let rest = &text.as_bytes()[first.len_utf8()..];
    let len = rest
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let special = ["挂", "学", "警", "港", "澳"]
        .iter()
        .any(|end| rest[len..].starts_with(end.as_bytes()));
    let good = rest.first().is_some_and(u8::is_ascii_uppercase)
        && (matches!(len, 6 | 7) || len == 5 && special);
    good.then_some(first.len_utf8() + len + if len == 5 { 3 } else { 0 })
}

/// An address starts with a province or a well-known city and goes down at least to a street or a house number.
fn address(text: &[u8]) -> Option<usize> {
    let text = chars(text, 200);
    if !PLACES.iter().any(|place| text.starts_with(place)) {
        return None;
    }
    let mut levels = 0;
    let mut end = 0;
    let mut number = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if !(is_han(c)
            || c.is_ascii_alphanumeric()
            || matches!(c, '-' | '#' | '（' | '）' | '(' | ')' | ' '))
        {
            break;
        }
        match c {
            '省' | '市' | '区' | '县' | '州' | '镇' | '乡' if at > 3 => levels += 1,
            '路' | '街' | '道' | '巷' | '村' | '弄' | '园' | '厦' => {
                levels += 1;
                end = at + c.len_utf8();
            }
            '号' | '室' | '栋' | '幢' | '楼' | '层' | '座' | '元'
                if before.is_ascii_digit() || before == '单' =>
            {
                number = true;
                end = at + c.len_utf8();
            }
            _ => {}
        }
        before = c;
    }
    (end > 0 && (number && levels >= 1 || levels >= 3)).then_some(end)
}

const PLACES: &[&str] = &[
    "北京",
    "上海",
    "天津",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "黑龙江",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "海南",
    "四川",
    "贵州",
    "云南",
    "陕西",
    "甘肃",
    "青海",
    "台湾",
    "内蒙古",
    "广西",
    "西藏",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
    "广州",
    "深圳",
    "杭州",
    "南京",
    "苏州",
    "成都",
    "武汉",
    "西安",
    "郑州",
    "长沙",
    "青岛",
    "济南",
    "大连",
    "沈阳",
    "厦门",
    "福州",
    "合肥",
    "宁波",
    "无锡",
    "佛山",
    "东莞",
    "昆明",
];

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝";
const DOUBLE_SURNAMES: &[&str] = &[
    "欧阳", "上官", "司马", "诸葛", "司徒", "慕容", "皇甫", "尉迟", "令狐", "东方", "夏侯", "公孙",
    "端木", "独孤", "南宫", "轩辕",
];

/// The characters that a context word or a place may start with, as a bitmap over the basic plane.
struct Bitmap([u64; 1024]);

impl Bitmap {
    fn has(&self, bytes: &[u8]) -> bool {
        let point = (bytes[0] as usize & 0xF) << 12
            | (bytes[1] as usize & 0x3F) << 6
            | bytes[2] as usize & 0x3F;
        self.0[point >> 6] >> (point & 63) & 1 == 1
    }
}

static FIRST: Bitmap = {
    let mut bits = [0; 1024];
    let mut at = 0;
    while at < WORDS.len() {
        bits = with_first(bits, WORDS[at].0);
        at += 1;
    }
    let mut at = 0;
    while at < PLACES.len() {
        bits = with_first(bits, PLACES[at]);
        at += 1;
    }
    Bitmap(bits)
};

const fn with_first(mut bits: [u64; 1024], word: &str) -> [u64; 1024] {
    let bytes = word.as_bytes();
    let point = (bytes[0] as usize & 0xF) << 12
        | (bytes[1] as usize & 0x3F) << 6
        | bytes[2] as usize & 0x3F;
    bits[point >> 6] |= 1 << (point & 63);
    bits
}
